"""The port on DynamoDB: what each call does, and that nothing holds them together."""

import inspect

import pytest
from tests.foils.dynamodb.foil import (
    fire,
    fresh_key,
    key_of,
    order_for,
    plan,
    purchase,
    scanned,
)

from worldseat.domain import ids
from worldseat.domain.seats import Code, SeatStatus
from worldseat.ports.store import Conflict
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb.store import DynamoStore


async def test_a_seat_that_nobody_touched_is_open_at_the_root(foil: DynamoStore) -> None:
    seat = await foil.seat(fresh_key())
    assert (seat.status, seat.fan_id, seat.op_id) == (SeatStatus.OPEN, None, ids.ROOT)
    assert not await foil.sold_in_run(seat)


async def test_a_write_overwrites_whatever_was_there(foil: DynamoStore) -> None:
    run = plan(Code.NAIVE)
    key = key_of(run)
    async with purchase(foil, run, REGIONS[0]) as tx:
        for fan in ("fan_a", "fan_b"):
            await tx.write_seat(order_for(key, fan))
    assert (await foil.seat(key)).fan_id == "fan_b"


async def test_a_conditional_write_looks_at_its_own_region_only(foil: DynamoStore) -> None:
    run = plan(Code.CONDITIONAL, lag_ms=500)
    key = key_of(run)
    first, second = (order_for(key, f"fan_{region}", region=region) for region in REGIONS)
    for order, region in ((first, REGIONS[0]), (second, REGIONS[1])):
        async with purchase(foil, run, region) as tx:
            assert await tx.write_seat_if(order, unchanged_since=ids.ROOT)
            assert not await tx.write_seat_if(order, unchanged_since=ids.ROOT)
            assert not await tx.write_seat_if(order, unchanged_since="op_other_0")
            assert await tx.write_seat_if(order, unchanged_since=order.op_id)
    # Each Region wrote the same transition twice: the later of the two must win everywhere.
    assert (await foil.tally(run.run_id, key)).seat.op_id == second.op_id


async def test_a_call_that_was_made_stays_made_when_the_block_fails(foil: DynamoStore) -> None:
    run = plan(Code.NAIVE)
    key = key_of(run)
    order = order_for(key, "fan_half")

    async def half() -> None:
        async with purchase(foil, run, REGIONS[0]) as tx:
            await tx.write_seat(order)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await half()
    assert (await foil.seat(key)).fan_id == "fan_half"


async def test_a_sale_is_counted_once_however_often_and_wherever_it_was_written(
    foil: DynamoStore,
) -> None:
    run = plan(Code.CONDITIONAL)
    key = key_of(run)
    order = order_for(key, "fan_twice", run=run.run_id)
    for region in (*REGIONS, REGIONS[0]):
        async with purchase(foil, run, region) as tx:
            await tx.append_sale(order, replaces=ids.ROOT)
    tally = await foil.tally(run.run_id, key)
    assert (tally.holders, [row.op_id for row in tally.sales]) == (1, [order.op_id])
    row = tally.sales[0]
    assert (row.claim_id, row.fan_id, row.prev_op_id) == (order.claim_id, "fan_twice", ids.ROOT)
    assert (row.guard_op_id, row.code, row.run_id) == (None, Code.CONDITIONAL, run.run_id)
    assert row.recorded_at.endswith("Z")


async def test_other_runs_and_other_seats_are_not_counted(foil: DynamoStore) -> None:
    one, other = plan(Code.CONDITIONAL, buyers=4), plan(Code.CONDITIONAL, buyers=4)
    await fire(foil, one)
    await fire(foil, other)
    assert (await foil.tally(one.run_id, key_of(other))).holders == 0
    assert (await foil.tally(one.run_id, key_of(one))).holders == 2


async def test_a_reopened_seat_is_open_in_every_region_and_the_release_is_recorded(
    foil: DynamoStore,
) -> None:
    first = plan(Code.CONDITIONAL, lag_ms=200, buyers=8)
    await fire(foil, first)
    sold = (await foil.tally(first.run_id, key_of(first))).seat
    assert await foil.sold_in_run(sold)
    again = plan(Code.CONDITIONAL, key=sold.key, buyers=8)
    await foil.reopen(sold, run_id=again.run_id)
    open_again = await foil.seat(sold.key)
    assert (open_again.status, open_again.fan_id) == (SeatStatus.OPEN, None)
    assert open_again.op_id == ids.release_id(again.run_id, sold.key.seat_index, sold.op_id)
    await fire(foil, again)
    assert (await foil.tally(again.run_id, sold.key)).holders == 2
    kinds = [
        item["kind"]["S"]
        for items in scanned(foil, "sales_naive").values()
        for item in items
        if item["run_id"]["S"] == again.run_id
    ]
    assert sorted(kinds) == ["release", "sell", "sell"]
    with pytest.raises(Conflict):
        await foil.reopen(sold, run_id="run_late")


async def test_the_floor_lists_touched_seats_by_index(foil: DynamoStore) -> None:
    run = plan(Code.CONDITIONAL, buyers=2)
    await fire(foil, run)
    floor = await foil.floor(run.event_id, run.round_id)
    indexes = [seat.key.seat_index for seat in floor]
    assert run.seat_index in indexes
    assert indexes == sorted(indexes)
    assert list(await foil.floor(run.event_id, "rehearsal-9")) == []


def test_it_says_what_it_is(foil: DynamoStore) -> None:
    assert (foil.name, foil.role) == ("dynamodb", "foil")
    assert foil.stand_in is not None
    assert foil.stand_in.startswith("ministack ")
    assert "own Streams replicator" in foil.stand_in
    assert (foil.lag_is_chosen, foil.in_headline, foil.tables) == (True, True, None)
    names = [each.__name__ for each in foil.adapter_source]  # type: ignore[attr-defined]
    assert names == ["read_seat", "write_seat", "write_seat_if", "append_sale"]
    assert all(inspect.getsource(each) for each in foil.adapter_source)  # type: ignore[arg-type]


def test_it_names_the_other_mode_and_what_that_would_change(foil: DynamoStore) -> None:
    (strong,) = foil.guarantees.other_modes
    assert "strongly consistent" in strong.title
    assert "one holder in two Regions" in strong.would_change
    assert "oversell all the same" in strong.would_change
    assert "WORLDSEAT_FOIL_DYNAMODB=aws" in foil.guarantees.elsewhere
