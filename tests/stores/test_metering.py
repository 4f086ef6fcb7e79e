"""What a stampede sent, as it was counted, against what the driver sent and the database holds."""

from collections import Counter
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from tests.one_store import order_for

from worldseat.domain.cost import NOTHING, Footprint, Sent
from worldseat.domain.event import Event
from worldseat.domain.run import Cell, Plan, Run
from worldseat.domain.seats import Code
from worldseat.ports.store import Writer
from worldseat.services.codes import CODES
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS
from worldseat.stores.dsql import DsqlStore
from worldseat.stores.dsql.lanes import LaneConnection
from worldseat.stores.dsql.purchase import _SEAT, BEGIN

BUYERS = 16
PURCHASES = {sql: sql.split(maxsplit=1)[0] for sql in (*_SEAT.values(), BEGIN, "COMMIT")}

BASE_ROWS = """
    SELECT octet_length(concat(op_id, claim_id, event_id, round_id, mode, kind, fan_id, prev_op_id,
        guard_op_id, request_hash, code, run_id, region, lane)) + 4 + 8 + 8
    FROM op_log WHERE run_id = $1 AND kind = 'sell'
"""
SEAT_ROW = """
    SELECT octet_length(concat(event_id, round_id, status, fan_id, op_id)) + 4
    FROM seat WHERE event_id = $1 AND round_id = $2 AND seat_index = $3
"""
INDEXES = """
    SELECT i.indexrelid::regclass::text AS name, i.indisprimary AS is_primary,
        array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_index AS i INNER JOIN pg_attribute AS a ON a.attrelid = i.indexrelid
    WHERE i.indrelid = $1::regclass GROUP BY 1, 2
"""
WIDTHS = {"seat_index": "4", "lane_seq": "8"}


async def index_sizes(sql: asyncpg.Connection, table: str, run_id: str) -> list[int]:
    """Return what the indexes of a table hold for a run's sale, as the catalog says."""
    found = []
    for index in await sql.fetch(INDEXES, table):
        if not index["is_primary"]:
            widths = "+".join(
                WIDTHS.get(name, f"coalesce(octet_length({name}), 0)") for name in index["columns"]
            )
            found.append(
                await sql.fetchval(
                    f"SELECT {widths} + octet_length(op_id) FROM {table}"
                    " WHERE run_id = $1 AND kind = 'sell'",
                    run_id,
                )
            )
    return found


def counting(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is sent on lanes, by the statement's first word."""
    seen: Counter[str] = Counter()
    for verb in ("execute", "fetchrow"):
        real = getattr(LaneConnection, verb)

        async def send(
            self: LaneConnection, query: str, *args: Any, real: Any = real, **words: Any
        ) -> Any:
            if query in PURCHASES:
                seen[PURCHASES[query]] += 1
            return await real(self, query, *args, **words)

        monkeypatch.setattr(LaneConnection, verb, send)
    return seen


async def stampede(services: Services, event: Event, code: Code) -> Run:
    cell = Cell(store="dsql", code=code, buyers=BUYERS)
    begun = await services.stampedes.start(event_id=event.event_id, cell=cell, seat="A1")
    return await services.stampedes.wait(begun.plan.run_id)


def sent_of(run: Run) -> Sent:
    assert run.result is not None
    assert run.result.sent is not None
    return run.result.sent


@pytest.mark.parametrize("code", Code)
async def test_what_is_stored_with_a_run_is_what_was_sent_and_written(
    code: Code,
    services: Services,
    event: Event,
    sql: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = counting(monkeypatch)
    run = await stampede(services, event, code)
    monkeypatch.undo()
    assert run.result is not None
    plan, result, sent = run.plan, run.result, sent_of(run)
    # Every try is one transaction, and ends in one of three ways.
    attempts = BUYERS + result.retries_total
    assert result.errors == result.unknown == 0
    assert sent.total.transactions == seen["BEGIN"] == attempts
    assert sent.committed.transactions == result.confirmed == 1
    assert sent.aborted.transactions == result.conflicts
    assert sent.looked.transactions == attempts - 1 - result.conflicts
    # Statements, as the driver was given them.
    assert sent.total.statements == seen["SELECT"] + seen["UPDATE"] + seen["INSERT"]
    assert seen["INSERT"] == seen["COMMIT"] == sent.committed.transactions + result.conflicts
    # The rows that were written, as the database holds them.
    seat = await sql.fetchval(SEAT_ROW, plan.event_id, plan.round_id, plan.seat_index)
    logged = [row[0] for row in await sql.fetch(BASE_ROWS, plan.run_id)]
    indexed = await index_sizes(sql, "op_log", plan.run_id)
    assert await index_sizes(sql, "seat", plan.run_id) == []
    assert sent.committed.rows_written == 1 + len(logged) + len(indexed)
    assert sent.committed.bytes_written == seat + sum(logged) + sum(indexed)
    assert sent.committed.billed_written == max(
        1_024, sum(max(size, 128) for size in (seat, *logged, *indexed))
    )
    # The seat is read, and read again to be written; two keys must be new: the id's, the lane's.
    keys = await sql.fetchval(
        "SELECT octet_length(op_id) + octet_length(lane) + 8"
        " FROM op_log WHERE run_id = $1 AND kind = 'sell'",
        plan.run_id,
    )
    opened = f"{plan.event_id}{plan.round_id}openroot"
    assert sent.committed.rows_read == 4
    assert sent.committed.bytes_read == len(opened) + 4 + seat + keys
    assert sent.committed.billed_read == 2_048
    # Those who lost wrote as much, for nothing; those who only looked wrote nothing.
    assert sent.aborted.rows_written == 5 * result.conflicts
    assert sent.looked.bytes_written == sent.looked.billed_written == 0
    assert sent.looked.rows_read == sent.looked.statements == seen["SELECT"] - seen["UPDATE"]


async def test_a_run_from_before_this_was_counted_is_still_read(
    services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    run = await stampede(services, event, Code.NAIVE)
    await sql.execute(
        "UPDATE run SET result = (result::jsonb - 'sent')::text WHERE run_id = $1",
        run.plan.run_id,
    )
    found, _ = await services.stampedes.run(run.plan.run_id)
    assert run.result is not None
    assert found.result == replace(run.result, sent=None)


def bench_of(store: DsqlStore, event: Event) -> Any:
    plan = Plan(
        run_id="run_metering",
        event_id=event.event_id,
        round_id=event.current_round_id,
        seat_index=0,
        store=store.name,
        stand_in=store.stand_in,
        code=Code.CONDITIONAL,
        arrival=Cell(store=store.name, code=Code.CONDITIONAL).arrival,
        buyers=2,
        seed=1,
        regions=REGIONS,
        git_commit="test",
    )
    return store.bench(plan, REGIONS[0], 1)


async def test_a_fan_alone_sends_what_a_winner_sends(
    store: DsqlStore, services: Services, event: Event
) -> None:
    """So the cost of a seat of one's own can be told from stampedes; a fan's row is guarded too."""
    run = await stampede(services, event, Code.CONDITIONAL)
    won = sent_of(run).committed
    order = order_for(event, "A2", fan=f"fan_{'a' * 26}")
    async with bench_of(store, event) as bench:
        async with bench.writer() as writer, writer.transaction() as tx:
            assert await CODES[Code.CONDITIONAL](tx, order)
        alone = bench.sent
    assert alone.aborted == alone.looked == NOTHING
    assert shape(alone.committed) == (1, won.statements, won.rows_read + 1, won.rows_written)
    assert abs(alone.committed.bytes_written - won.bytes_written) < 64


def shape(of: Footprint) -> tuple[float, float, float, float]:
    return of.transactions, of.statements, of.rows_read, of.rows_written


async def test_what_failed_is_counted_as_aborted(store: DsqlStore, event: Event) -> None:
    async def break_off(writer: Writer) -> None:
        async with writer.transaction() as tx:
            await tx.read_seat(order_for(event, "A1").key)
            message = "a buyer who broke off"
            raise RuntimeError(message)

    async with bench_of(store, event) as bench:
        async with bench.writer() as writer:
            with pytest.raises(RuntimeError, match="a buyer"):
                await break_off(writer)
        sent = bench.sent
    assert shape(sent.aborted) == (1, 1, 1, 0)
    assert sent.committed == sent.looked == NOTHING
