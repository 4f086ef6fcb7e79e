"""The command about clusters, from every state, through every failure, cut off at every call."""

import asyncio
from typing import Any

import pytest
from tests.stores.clusters.played import ACCOUNT, FIRST, NAME, SECOND, Killed, Played, Told

from worldseat.ports.clusters import ClustersRefused, ClusterStep
from worldseat.settings import WITNESS_REGION
from worldseat.stores.dsql.clusters import under_way
from worldseat.stores.dsql.clusters.client_token import token_for

MADE = [f"CreateCluster {FIRST}", f"CreateCluster {SECOND}", f"UpdateCluster {FIRST}"]

REMOVED = [
    *[f"UpdateCluster {FIRST}", f"UpdateCluster {SECOND}"],
    *[f"DeleteCluster {FIRST}", f"DeleteCluster {SECOND}"],
]
UNDISTURBED = [
    f"GetCallerIdentity {FIRST}",
    f"ListClusters {FIRST}",
    f"ListClusters {SECOND}",
    f"CreateCluster {FIRST}",
    *[f"GetCluster {FIRST}"] * 2,
    f"CreateCluster {SECOND}",
    f"GetCluster {SECOND}",
    *[f"GetCluster {FIRST}", f"GetCluster {SECOND}"],
    f"UpdateCluster {FIRST}",
    *[f"GetCluster {FIRST}", f"GetCluster {SECOND}"] * 2,
]


async def test_a_pair_is_made_shown_and_removed(aws: Played, told: Told) -> None:
    aws.paper._looks = 2
    pair = await aws.clusters().create(told)
    assert aws.changes() == MADE
    assert aws.sent[: len(UNDISTURBED)] == UNDISTURBED
    assert aws.is_one_ready_pair()
    assert pair.problems == []
    assert (pair.name, pair.account) == (NAME, ACCOUNT)
    assert pair.where == f"AWS, account {ACCOUNT}, {FIRST} and {SECOND}, witness {WITNESS_REGION}"
    first, second = pair.clusters
    assert pair.urls == {
        FIRST: f"postgresql://admin@{first.identifier}.dsql.{FIRST}.on.aws:5432/postgres",
        SECOND: f"postgresql://admin@{second.identifier}.dsql.{SECOND}.on.aws:5432/postgres",
    }
    for seen in (f"is {status}" for status in ("PENDING_SETUP", "CREATING", "ACTIVE")):
        assert any(each.startswith(FIRST) and each.endswith(seen) for each in told)
    made = aws.paper.clusters[first.identifier]
    assert made.tags == {"worldseat": NAME, "Name": NAME}
    # The second time nothing is left to do, on the way there and on the way back.
    assert await aws.clusters().status() == await aws.clusters().create(told) == pair
    assert aws.changes() == MADE
    await aws.clusters().delete(told)
    assert aws.changes()[len(MADE) :] == REMOVED
    assert f"{FIRST} {first.identifier} is PENDING_DELETE" in told
    assert f"{SECOND} {second.identifier} is gone" in told
    assert aws.paper.clusters == {}
    done = len(aws.changes())
    await aws.clusters().delete(told)
    assert len(aws.changes()) == done
    assert (await aws.clusters().status()).problems == [
        f"there is no cluster in {FIRST}",
        f"there is no cluster in {SECOND}",
    ]


@pytest.mark.slow
async def test_other_clusters_and_other_names_are_left_alone(aws: Played, told: Told) -> None:
    aws.paper._page = 2
    for number in range(5):
        aws.add(FIRST, tags={"worldseat": f"other{number}"})
        aws.add(SECOND, tags={})
    before = set(aws.paper.clusters)
    pair = await aws.clusters().create(told)
    assert {each.identifier for each in pair.clusters} == set(aws.paper.clusters) - before
    await aws.clusters().delete(told)
    assert set(aws.paper.clusters) == before


async def test_what_is_there_is_completed(aws: Played, told: Told) -> None:
    """Made by hand, in the other order, and without protection."""
    there = aws.add(SECOND, status="PENDING_SETUP", protected=False)
    await aws.clusters().create(told)
    assert aws.changes() == [
        f"CreateCluster {FIRST}",
        f"UpdateCluster {SECOND}",
        f"UpdateCluster {SECOND}",
    ]
    assert there.protected
    assert sorted(each.region for each in aws.paper.clusters.values()) == [FIRST, SECOND]


async def test_two_that_wait_for_each_other_although_both_were_told_are_told_again(
    aws: Played, told: Told
) -> None:
    """PENDING_SETUP is a state that AWS never leaves by itself."""
    aws.pair(status="PENDING_SETUP")
    await aws.clusters().create(told)
    assert aws.changes() == [f"UpdateCluster {FIRST}"]
    assert aws.is_one_ready_pair()


async def test_an_idle_pair_is_ready(aws: Played, told: Told) -> None:
    first, second = aws.pair(status="IDLE")
    second.status = "INACTIVE"
    assert (await aws.clusters().create(told)).problems == []
    assert (first.status, aws.changes()) == ("IDLE", [])


async def test_a_deletion_that_was_broken_off_is_waited_for_before_a_new_pair_is_made(
    aws: Played, told: Told
) -> None:
    first, _ = aws.pair(status="DELETING")
    first.status = "PENDING_DELETE"
    await aws.clusters().create(told)
    assert aws.is_one_ready_pair()
    assert aws.changes() == MADE


async def calls_of(change: str) -> int:
    """Say how many calls a change sends that is not disturbed."""
    aws = Played()
    if change == "delete":
        aws.pair()
    await getattr(aws.clusters(), change)(Told())
    return len(aws.sent)


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
async def test_a_command_that_is_killed_at_any_call_goes_on_and_makes_one_pair(
    told: Told,
    late: bool,  # noqa: FBT001 - pytest gives it by name.
) -> None:
    for call in range(1, 1 + await calls_of("create")):
        aws = Played()
        aws.kill_at(call, late=late)
        with pytest.raises(Killed):
            await aws.clusters().create(told)
        pair = await aws.clusters().create(told)
        assert aws.is_one_ready_pair(), call
        assert len(pair.clusters) == 2


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
async def test_a_deletion_that_is_killed_at_any_call_goes_on_and_leaves_nothing(
    told: Told,
    late: bool,  # noqa: FBT001 - pytest gives it by name.
) -> None:
    for call in range(1, 1 + await calls_of("delete")):
        aws = Played()
        aws.pair()
        aws.kill_at(call, late=late)
        with pytest.raises(Killed):
            await aws.clusters().delete(told)
        await aws.clusters().delete(told)
        assert aws.paper.clusters == {}, call


@pytest.mark.parametrize("change", MADE)
async def test_a_command_that_is_killed_before_it_hears_of_a_change_goes_on(
    aws: Played, told: Told, change: str
) -> None:
    aws.kill_at(1 + UNDISTURBED.index(change), late=True)
    with pytest.raises(Killed):
        await aws.clusters().create(told)
    await aws.clusters().create(told)
    assert aws.is_one_ready_pair()
    assert len(aws.changes()) == len(MADE)


async def test_a_lost_answer_is_no_second_cluster(aws: Played, told: Told, no_pause: None) -> None:
    """The driver asks again under the same token, and so does the next process."""
    for operation in ("CreateCluster", "UpdateCluster", "DeleteCluster"):
        aws.lose(operation)
    await aws.clusters().create(told)
    assert aws.is_one_ready_pair()
    assert aws.changes().count(f"CreateCluster {FIRST}") == 2
    await aws.clusters().delete(told)
    assert aws.paper.clusters == {}


async def test_two_commands_at_once_make_one_pair(aws: Played, told: Told) -> None:
    """They ask under the same tokens. One may be told that AWS is at work on the other's change."""
    ends = await asyncio.gather(
        *(aws.clusters().create(told) for _ in range(3)), return_exceptions=True
    )
    assert aws.is_one_ready_pair()
    assert len(aws.paper.clusters) == 2
    refused = [each for each in ends if isinstance(each, BaseException)]
    assert all("AWS is at work on another change" in str(each) for each in refused)
    assert len(refused) < len(ends)


async def test_what_somebody_else_made_meanwhile_is_found(aws: Played, told: Told) -> None:
    """While this command waits for the first cluster, another one peers it with a second."""
    first, second = aws.pair()
    first.status, first.looks, peers = "CREATING", 1, first.peers
    aws.paper.unlisted = {second.identifier}
    first.peers = []

    def meanwhile(step: ClusterStep) -> None:
        if step.text.endswith("is CREATING"):
            aws.paper.unlisted = set()
            first.peers = peers

    pair = await aws.clusters().create(meanwhile)
    assert (pair.problems, aws.changes()) == ([], [])


async def test_an_answer_that_never_comes_is_told_as_what_it_is(
    aws: Played, told: Told, no_pause: None
) -> None:
    aws.lose("CreateCluster", times=5)
    with pytest.raises(ClustersRefused, match="It may have done it all the same") as refused:
        await aws.clusters().create(told)
    assert f"perhaps a new one in {FIRST}" in refused.value.next_step
    # AWS does not list it yet, so only the token can tell the next process.
    aws.paper.unlisted = set(aws.paper.clusters)
    await aws.clusters().create(told)
    assert aws.is_one_ready_pair()


async def test_what_aws_shows_late_is_waited_for_and_asked_for_once(
    aws: Played, told: Told
) -> None:
    aws.lag = 3
    pair = await aws.clusters().create(told)
    assert pair.problems == []
    assert aws.changes() == MADE
    await aws.clusters().delete(told)
    assert aws.paper.clusters == {}
    assert aws.changes()[len(MADE) :] == REMOVED


@pytest.mark.slow
async def test_a_pair_is_made_anew_although_aws_answers_with_the_one_that_was_deleted(
    aws: Played, told: Told
) -> None:
    """It keeps the tokens of clusters that are gone; so the next token is taken."""
    for _ in range(3):
        await aws.clusters().create(told)
        assert aws.is_one_ready_pair()
        await aws.clusters().delete(told)
        for token, answer in aws.paper._answers.items():
            aws.paper._answers[token] = {**answer, "creationTime": 1_700_000_000}
    assert len(aws.paper._ever) == 6


@pytest.mark.slow
async def test_a_name_that_was_used_up_is_told(
    aws: Played, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_way, "GENERATIONS_MAX", 1)
    await aws.clusters().create(told)
    await aws.clusters().delete(told)
    monkeypatch.setattr(under_way, "_is_fresh", lambda _: False)
    with pytest.raises(ClustersRefused, match="remembers 1 clusters of the name worldseat"):
        await aws.clusters().create(told)


async def test_a_cluster_that_aws_does_not_show_is_named_and_not_made_twice(
    aws: Played, told: Told
) -> None:
    aws.refuse("GetCluster", "ResourceNotFoundException", status=404, times=50)
    with pytest.raises(ClustersRefused, match=r"has made .* does not show it") as told_:
        await aws.clusters().create(told)
    (made,) = aws.paper.clusters.values()
    assert made.identifier in str(told_.value)
    assert f"{FIRST} {made.identifier} PENDING_SETUP" in told_.value.next_step


def test_the_token_tells_requests_apart() -> None:
    words: dict[str, Any] = {"account": ACCOUNT, "name": NAME, "region": FIRST}
    words |= {"peer": None, "generation": 0}
    others = {"account": "1", "name": "x", "region": SECOND, "peer": "arn", "generation": 1}
    tokens = {token_for(**{**words, name: other}) for name, other in others.items()}
    assert len(tokens | {token_for(**words)}) == 1 + len(others)
    assert token_for(**words) == token_for(**words)
    assert max(map(len, tokens)) <= 128
