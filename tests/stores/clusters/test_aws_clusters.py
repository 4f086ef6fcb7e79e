"""The command about clusters where nothing is in its way: from nothing, and from a half pair."""

import pytest
from tests.stores.clusters.played import (
    ACCOUNT,
    FIRST,
    MADE,
    NAME,
    REMOVED,
    SECOND,
    UNDISTURBED,
    Played,
    Told,
)

from worldseat.settings import WITNESS_REGION


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
