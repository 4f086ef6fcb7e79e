"""One pair, whatever is lost, late, killed or done twice."""

import asyncio
from typing import Any

import pytest
from tests.stores.clusters.played import (
    ACCOUNT,
    FIRST,
    MADE,
    NAME,
    REMOVED,
    SECOND,
    UNDISTURBED,
    Killed,
    Played,
    Told,
)

from worldseat.ports.clusters import ClustersRefused, ClusterStep
from worldseat.stores.dsql.clusters import plan, under_way
from worldseat.stores.dsql.clusters.client_token import token_for
from worldseat.stores.dsql.clusters.patience import Patience


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


async def test_whom_this_command_has_told_its_peer_it_does_not_tell_again(
    aws: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS takes long to begin: that is no reason to disturb it."""
    pauses = 0

    def back(step: ClusterStep) -> None:
        if step.text.endswith("is CREATING") and not pauses:
            for each in aws.paper.clusters.values():
                each.status = "PENDING_SETUP"

    async def pause(_: Patience) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 10:
            for each in aws.paper.clusters.values():
                each.status = "CREATING"

    monkeypatch.setattr(Patience, "pause", pause)
    monkeypatch.setattr(plan, "STUCK_LOOKS", 2)
    aws.paper._looks = 1
    await aws.clusters().create(back)
    assert pauses > 10
    assert aws.changes() == MADE


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


async def test_an_answer_about_a_cluster_that_is_on_its_way_out_is_an_old_one(
    aws: Played, told: Told
) -> None:
    await aws.clusters().create(told)
    for each in aws.paper.clusters.values():
        each.status, each.looks = "DELETING", 1_000_000
    aws.paper.unlisted = old = set(aws.paper.clusters)
    pair = await aws.clusters().create(told)
    assert not old & {each.identifier for each in pair.clusters}
    assert pair.problems == []


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
