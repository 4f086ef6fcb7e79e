"""What is there and can never become the pair: it is named, and nothing is changed."""

from collections.abc import Callable

import pytest
from tests.stores.clusters.played import FIRST, NAME, SECOND, Played, Told, some_slow

from worldseat.ports.clusters import ClustersRefused
from worldseat.settings import WITNESS_REGION

Prepared = Callable[[Played], object]


def _one_region(aws: Played) -> None:
    aws.add(FIRST, witness=None)


def _second_pair(aws: Played) -> None:
    aws.pair()
    aws.pair()


def _stranger(aws: Played) -> None:
    first, _ = aws.pair()
    first.peers = [aws.add(SECOND, tags={}).arn]


def _half_deleted(aws: Played) -> None:
    first, _ = aws.pair()
    first.status = "PENDING_DELETE"


def _failed(aws: Played) -> None:
    aws.pair()[1].status = "FAILED"


def _unknown(aws: Played) -> None:
    aws.pair()[0].status = "FROZEN"


def _other_witness(aws: Played) -> None:
    aws.pair(witness="eu-west-1")


def _peer_gone(aws: Played) -> None:
    _, second = aws.pair()
    del aws.paper.clusters[second.identifier]


UNUSABLE: list[tuple[Prepared, str]] = [
    (_second_pair, f"There are 2 clusters of the name {NAME} in {FIRST}"),
    (_stranger, "is not the other cluster of this name"),
    (_one_region, "a cluster of one Region only"),
    (_half_deleted, "which is not the other cluster|its deletion has begun"),
    (_failed, "it is FAILED"),
    (_unknown, "it is FROZEN, which this WorldSeat does not know"),
    (_other_witness, f"its witness in eu-west-1, not {WITNESS_REGION}"),
    (_peer_gone, "which is gone"),
]


@pytest.mark.parametrize(("prepared", "said"), some_slow(UNUSABLE, 2))
async def test_what_cannot_become_the_pair_is_named_and_nothing_is_changed(
    aws: Played, told: Told, prepared: Prepared, said: str
) -> None:
    prepared(aws)
    with pytest.raises(ClustersRefused, match=said) as refused:
        await aws.clusters().create(told)
    assert aws.changes() == []
    for each in aws.paper.clusters.values():
        assert each.identifier in refused.value.next_step or not each.tags
    assert "--name" in refused.value.next_step
    assert "To go on" not in refused.value.next_step
    assert (await aws.clusters().status()).problems


async def test_a_peer_of_somebody_else_is_not_deleted(aws: Played, told: Told) -> None:
    _stranger(aws)
    with pytest.raises(ClustersRefused, match="does not have the tag worldseat=worldseat"):
        await aws.clusters().delete(told)
    assert aws.changes() == []


async def test_all_of_one_name_go_also_a_second_pair_and_a_failed_one(
    aws: Played, told: Told
) -> None:
    _second_pair(aws)
    aws.add(FIRST, status="FAILED")
    await aws.clusters().delete(told)
    assert aws.paper.clusters == {}
