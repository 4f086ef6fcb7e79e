"""60 buyers at once: naive code oversells everywhere, careful code has one winner per Region."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.foils.dynamodb.foil import BUYERS, fire, key_of, plan, sales_counted_elsewhere, scanned

from worldseat.domain.run import Outcome, Plan
from worldseat.domain.seats import Code, SeatStatus
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb.store import DynamoStore

RUNS = 20


async def holders(
    foil: DynamoStore, code: Code, regions: tuple[str, ...], runs: int = 1
) -> list[int]:
    """Fire some runs; check each count against another program's, and return them."""
    found = []
    for _ in range(runs):
        run = plan(code, regions)
        fired = await fire(foil, run)
        tally = await foil.tally(run.run_id, key_of(run))
        told = sum(each.outcome is Outcome.OK for each in fired.operations)
        assert tally.holders == len(tally.sales) == told
        assert tally.holders == sales_counted_elsewhere(foil, run.run_id)
        assert fired.in_flight_max == BUYERS
        assert tally.lag_ms_p50 is not None
        # The seat table shows one owner, whatever the ledger says: that is the gap.
        assert tally.seat.status is SeatStatus.SOLD
        assert tally.seat.op_id in {row.op_id for row in tally.sales}
        if code is Code.CONDITIONAL:
            assert sorted(row.region for row in tally.sales) == sorted(regions)
        found.append(tally.holders)
    return found


async def test_naive_code_oversells_in_two_regions(foil: DynamoStore) -> None:
    assert all(count > 1 for count in await holders(foil, Code.NAIVE, REGIONS))


async def test_naive_code_oversells_in_one_region_too(foil: DynamoStore) -> None:
    assert all(count > 1 for count in await holders(foil, Code.NAIVE, REGIONS[:1]))


async def test_conditional_code_has_one_holder_in_each_of_two_regions(foil: DynamoStore) -> None:
    assert await holders(foil, Code.CONDITIONAL, REGIONS) == [2]


async def test_conditional_code_sells_once_in_one_region(foil: DynamoStore) -> None:
    assert await holders(foil, Code.CONDITIONAL, REGIONS[:1]) == [1]


def items_of(found: Sequence[Mapping[str, Any]], run: Plan) -> list[Mapping[str, Any]]:
    """The items of the run's floor."""
    floor = f"{run.event_id}/{run.round_id}"
    return [item for item in found if item["floor"]["S"] == floor]


@pytest.mark.slow
async def test_naive_code_oversells_in_every_one_of_many_runs(foil: DynamoStore) -> None:
    assert all(count > 1 for count in await holders(foil, Code.NAIVE, REGIONS, RUNS))


@pytest.mark.slow
async def test_conditional_code_has_two_holders_in_every_one_of_many_runs(
    foil: DynamoStore,
) -> None:
    assert await holders(foil, Code.CONDITIONAL, REGIONS, RUNS) == [2] * RUNS


@pytest.mark.parametrize("lag_ms", [0, 100, 1_000])
async def test_both_regions_are_equal_after_naive_bursts(foil: DynamoStore, lag_ms: int) -> None:
    run = plan(Code.NAIVE, lag_ms=lag_ms)
    await fire(foil, run)
    tally = await foil.tally(run.run_id, key_of(run))
    assert tally.lag_ms_p50 is not None
    assert tally.lag_ms_p50 >= lag_ms
    first, second = (
        sorted(items_of(found, run), key=lambda item: int(item["seat_index"]["N"]))
        for found in scanned(foil, "seats_naive").values()
    )
    assert first == second
    assert run.seat_index in {int(item["seat_index"]["N"]) for item in first}
    assert all("aws:rep:updatetime" in item for item in first)


@pytest.mark.slow
@pytest.mark.parametrize("lag_ms", [0, 100])
async def test_spread_arrivals_converge_too(foil: DynamoStore, lag_ms: int) -> None:
    for code in Code:
        for spread_ms in (50, 300):
            run = plan(code, spread_ms=spread_ms, lag_ms=lag_ms)
            await fire(foil, run)
            tally = await foil.tally(run.run_id, key_of(run))
            assert tally.holders == sales_counted_elsewhere(foil, run.run_id)
            assert tally.holders >= 1
