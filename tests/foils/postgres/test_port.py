"""The port on PostgreSQL: what each call does, what is committed, and what is counted."""

import inspect
from typing import Any

import pytest
from tests.foils.postgres.foil import (
    REGION,
    buy,
    elsewhere,
    fire,
    fresh_key,
    key_of,
    order_in,
    plan,
    writers,
)

from worldseat.domain import ids
from worldseat.domain.seats import Code, Kind, Mode, SeatStatus
from worldseat.embedded import EmbeddedPostgres
from worldseat.ports.store import Conflict, StoreRefused, Writer
from worldseat.stores.postgres.connections import FoilConnection
from worldseat.stores.postgres.store import PostgresStore


async def test_a_seat_that_nobody_touched_is_open_at_the_root(foil: PostgresStore) -> None:
    seat = await foil.seat(fresh_key())
    assert (seat.status, seat.fan_id, seat.op_id) == (SeatStatus.OPEN, None, ids.ROOT)
    assert not await foil.sold_in_run(seat)


async def test_a_run_finds_the_seats_row_made_and_its_own_mark(
    foil: PostgresStore, database: EmbeddedPostgres
) -> None:
    run = plan()
    async with foil.bench(run, REGION, 1):
        async with elsewhere(database.url, foil.own) as connection:
            rows = await connection.fetch(
                "SELECT * FROM seats_naive WHERE seat_index = $1", run.seat_index
            )
            marks = await connection.fetch("SELECT * FROM runs_begun WHERE run_id = $1", run.run_id)
        assert [(row["status"], row["op_id"], row["run_id"]) for row in rows] == [
            ("open", ids.ROOT, None)
        ]
        assert len(marks) == 1
    assert (await foil.tally(run.run_id, key_of(run))).holders == 0


async def test_a_write_overwrites_whatever_was_there(foil: PostgresStore) -> None:
    run = plan()
    async with writers(foil, run, 1) as (writer,):
        for fan in ("fan_a", "fan_b"):
            async with writer.transaction() as tx:
                await tx.write_seat(order_in(run, fan))
    assert (await foil.seat(key_of(run))).fan_id == "fan_b"


async def test_a_conditional_write_needs_an_open_seat_and_the_very_transition(
    foil: PostgresStore,
) -> None:
    run = plan()
    order, other = order_in(run, "fan_a"), order_in(run, "fan_b")
    async with writers(foil, run, 1) as (writer,), writer.transaction() as tx:
        assert not await tx.write_seat_if(order, unchanged_since="op_other_0")
        assert await tx.write_seat_if(order, unchanged_since=ids.ROOT)
        assert not await tx.write_seat_if(other, unchanged_since=ids.ROOT)
        assert not await tx.write_seat_if(other, unchanged_since=order.op_id)
    assert (await foil.seat(key_of(run))).op_id == order.op_id


async def test_a_seat_without_a_row_cannot_be_written_silently(foil: PostgresStore) -> None:
    run, elsewhere_key = plan(), fresh_key()
    async with writers(foil, run, 1) as (writer,):
        with pytest.raises(StoreRefused, match="has no row"):
            async with writer.transaction() as tx:
                await tx.write_seat(order_in(run, "fan_a", key=elsewhere_key))
        async with writer.transaction() as tx:
            order = order_in(run, "fan_a", key=elsewhere_key)
            assert not await tx.write_seat_if(order, unchanged_since=ids.ROOT)


async def test_all_of_a_transaction_is_committed_or_nothing(foil: PostgresStore) -> None:
    run = plan()
    order = order_in(run, "fan_half")

    async def half(writer: Writer) -> None:
        async with writer.transaction() as tx:
            await tx.write_seat(order)
            await tx.append_sale(order, replaces=ids.ROOT)
            raise ZeroDivisionError

    async with writers(foil, run, 1) as (writer,):
        with pytest.raises(ZeroDivisionError):
            await half(writer)
        tally = await foil.tally(run.run_id, key_of(run))
        assert (tally.holders, tally.seat.status) == (0, SeatStatus.OPEN)
        # The connection is as good as before.
        async with writer.transaction() as tx:
            await tx.append_sale(order, replaces=ids.ROOT)
    assert (await foil.tally(run.run_id, key_of(run))).holders == 1


async def test_others_see_nothing_before_the_commit(foil: PostgresStore) -> None:
    run = plan()
    async with writers(foil, run, 1) as (writer,):
        async with writer.transaction() as tx:
            await tx.write_seat(order_in(run, "fan_a"))
            assert (await foil.seat(key_of(run))).status is SeatStatus.OPEN
        assert (await foil.seat(key_of(run))).status is SeatStatus.SOLD


async def test_a_ledger_row_carries_all_that_the_order_says(foil: PostgresStore) -> None:
    run = plan(Code.CONDITIONAL)
    order = order_in(run, "fan_a")
    async with writers(foil, run, 1) as (writer,), writer.transaction() as tx:
        await tx.append_sale(order, replaces="op_before_0")
    (row,) = (await foil.tally(run.run_id, key_of(run))).sales
    assert (row.op_id, row.claim_id, row.key) == (order.op_id, order.claim_id, order.key)
    assert (row.kind, row.mode, row.code) == (Kind.SELL, Mode.REHEARSAL, Code.CONDITIONAL)
    assert (row.fan_id, row.prev_op_id) == ("fan_a", "op_before_0")
    assert (row.guard_op_id, row.request_hash) == (None, order.request_hash)
    assert (row.run_id, row.region) == (run.run_id, REGION)
    assert row.recorded_at.endswith("Z")


async def test_a_lane_numbers_what_it_commits_without_a_gap(foil: PostgresStore) -> None:
    run = plan()
    async with writers(foil, run, 1) as (writer,):
        for fan in ("a", "b", "rolled back", "c"):
            try:
                async with writer.transaction() as tx:
                    await tx.append_sale(order_in(run, fan), replaces=ids.ROOT)
                    if fan == "rolled back":
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue
    sales = (await foil.tally(run.run_id, key_of(run))).sales
    assert len({row.lane for row in sales}) == 1
    seqs = sorted(row.lane_seq for row in sales)
    assert seqs == list(range(seqs[0], seqs[0] + 3))


async def test_the_ledger_and_the_seat_are_counted_in_one_moment(
    foil: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan()
    fetch = FoilConnection.fetch

    async def fetch_and_let_one_more_buy(connection: Any, query: str, *args: Any) -> Any:
        found = await fetch(connection, query, *args)
        await buy(writer, order_in(run, "fan_late"))
        return found

    async with writers(foil, run, 1) as (writer,):
        await buy(writer, order_in(run, "fan_early"))
        monkeypatch.setattr(FoilConnection, "fetch", fetch_and_let_one_more_buy)
        tally = await foil.tally(run.run_id, key_of(run))
        assert [row.fan_id for row in tally.sales] == ["fan_early"]
        assert tally.seat.fan_id == "fan_early"
        monkeypatch.undo()
        assert (await foil.tally(run.run_id, key_of(run))).seat.fan_id == "fan_late"


async def test_other_runs_and_other_seats_are_not_counted(foil: PostgresStore) -> None:
    one, other = plan(Code.CONDITIONAL, buyers=4), plan(Code.CONDITIONAL, buyers=4)
    await fire(foil, one)
    await fire(foil, other)
    assert (await foil.tally(one.run_id, key_of(other))).holders == 0
    assert (await foil.tally(one.run_id, key_of(one))).holders == 1


async def test_a_reopened_seat_is_open_and_the_release_is_recorded(
    foil: PostgresStore, database: EmbeddedPostgres
) -> None:
    first = plan(Code.CONDITIONAL)
    await fire(foil, first)
    sold = (await foil.tally(first.run_id, key_of(first))).seat
    assert await foil.sold_in_run(sold)
    again = plan(Code.CONDITIONAL, key=sold.key)
    await foil.reopen(sold, run_id=again.run_id)
    open_again = await foil.seat(sold.key)
    assert (open_again.status, open_again.fan_id) == (SeatStatus.OPEN, None)
    assert open_again.op_id == ids.release_id(again.run_id, sold.key.seat_index, sold.op_id)
    await fire(foil, again)
    tally = await foil.tally(again.run_id, sold.key)
    assert [row.prev_op_id for row in tally.sales] == [open_again.op_id]
    async with elsewhere(database.url, foil.own) as connection:
        rows = await connection.fetch(
            "SELECT kind, fan_id, prev_op_id, code FROM sales_naive WHERE run_id = $1"
            " ORDER BY recorded_at",
            again.run_id,
        )
    assert tuple(rows[0]) == ("release", sold.fan_id, sold.op_id, None)
    assert [row["kind"] for row in rows] == ["release", "sell"]
    with pytest.raises(Conflict):
        await foil.reopen(sold, run_id="run_late")


async def test_an_owner_who_is_in_no_ledger_is_left_alone(
    foil: PostgresStore, database: EmbeddedPostgres
) -> None:
    run = plan(Code.CONDITIONAL, buyers=2)
    await fire(foil, run)
    sold = await foil.seat(key_of(run))
    async with elsewhere(database.url, foil.own) as connection:
        await connection.execute("DELETE FROM sales_naive WHERE run_id = $1", run.run_id)
    assert not await foil.sold_in_run(sold)


async def test_the_floor_lists_touched_seats_by_index(foil: PostgresStore) -> None:
    runs = [plan(Code.CONDITIONAL, buyers=2) for _ in range(3)]
    for run in reversed(runs):
        await fire(foil, run)
    floor = await foil.floor(runs[0].event_id, runs[0].round_id)
    indexes = [seat.key.seat_index for seat in floor]
    assert {run.seat_index for run in runs} <= set(indexes)
    assert indexes == sorted(indexes)
    assert list(await foil.floor(runs[0].event_id, "rehearsal-9")) == []


def test_the_proof_panel_can_show_what_the_codes_call(foil: PostgresStore) -> None:
    said = [each for each in foil.adapter_source if isinstance(each, str)]
    called = [each for each in foil.adapter_source if not isinstance(each, str)]
    names = ["read_seat", "write_seat", "write_seat_if", "append_sale", "append"]
    assert [each.__name__ for each in called] == names  # type: ignore[attr-defined]
    assert all(inspect.getsource(each) for each in called)  # type: ignore[arg-type]
    assert [each.split(maxsplit=1)[0] for each in said] == [
        "BEGIN",
        "SELECT",
        "UPDATE",
        "UPDATE",
        "INSERT",
    ]
    assert not any("FOR UPDATE" in each or "LOCK" in each for each in said)
