"""One purchase's transaction: what it promises, and what is known when it breaks off."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from tests.behind import Database
from tests.cluster_line import ClusterLine
from tests.one_store import opened, opened_as, order_for
from tests.patience import until
from tests.wire import Cut

from worldseat.domain.event import Event
from worldseat.domain.seats import Kind, Order, SeatStatus
from worldseat.ports.store import (
    CommitUnknown,
    Conflict,
    Duplicate,
    NotCommitted,
    StoreError,
    StoreRefused,
)
from worldseat.services.codes import conditional, naive
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS
from worldseat.stores.dsql import DsqlStore, failures
from worldseat.stores.dsql import store as store_module
from worldseat.stores.dsql.purchase import DsqlTransaction, DsqlWriter
from worldseat.stores.dsql.regions import BENCH_LANES, FAN_LANES

EAST_1, EAST_2 = REGIONS


async def sell(store: DsqlStore, order: Order, region: str = EAST_1) -> bool:
    """Buy with the careful code, once."""
    async with store.writer(region) as writer, writer.transaction() as tx:
        return await conditional(tx, order)


@asynccontextmanager
async def transaction(store: DsqlStore, region: str = EAST_1) -> AsyncIterator[DsqlTransaction]:
    """Open a transaction of the adapter itself."""
    async with (
        store._regions.fans[region].lane() as connection,
        DsqlWriter(connection, region, store.begin).transaction() as tx,
    ):
        yield tx


async def kinds(sql: asyncpg.Connection, order: Order) -> list[str]:
    """Return the kinds of the rows under an order's op_id."""
    rows = await sql.fetch("SELECT kind FROM op_log WHERE op_id = $1", order.op_id)
    return [row["kind"] for row in rows]


async def lanes(sql: asyncpg.Connection, process: str) -> dict[str, tuple[int | None, list[int]]]:
    """Return each lane of a process: its noted end, and the numbers of its rows in order."""
    rows = await sql.fetch(
        """
        SELECT lane.lane, closed_seq, array_remove(array_agg(lane_seq ORDER BY lane_seq), NULL)
        FROM lane LEFT JOIN op_log USING (lane)
        WHERE process = $1 GROUP BY lane.lane, closed_seq
        """,
        process,
    )
    return {lane: (end, numbers) for lane, end, numbers in rows}


# isolation


async def test_transactions_are_repeatable_read_whatever_the_session_says(
    database: Database, services: Services
) -> None:
    url = f"{database.url}&default_transaction_isolation=read%20committed"
    async with opened(url) as store, transaction(store) as tx:
        shown = await tx._connection.fetchval("SHOW transaction_isolation")
        default = await tx._connection.fetchval("SHOW default_transaction_isolation")
    assert (shown, default) == ("repeatable read", "read committed")


async def test_a_store_at_another_isolation_refuses_to_start(
    database: Database, services: Services
) -> None:
    class Lowered(DsqlStore):
        begin = "BEGIN ISOLATION LEVEL READ COMMITTED"

    with pytest.raises(StoreRefused, match="run at read committed"):
        async with opened_as(Lowered, database.url):
            pass


@pytest.mark.parametrize("wrong", REGIONS)
async def test_one_region_at_another_isolation_is_enough_to_refuse(
    database: Database, services: Services, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    class Uneven(DsqlWriter):
        def __init__(self, connection: Any, region: str, begin: str) -> None:
            super().__init__(connection, region, "BEGIN" if region == wrong else begin)

    monkeypatch.setattr(store_module, "DsqlWriter", Uneven)
    with pytest.raises(StoreRefused, match=wrong):
        async with opened(f"{database.url}&default_transaction_isolation=read%20committed"):
            pass


async def test_the_second_of_two_writers_conflicts_at_its_commit(
    store: DsqlStore, event: Event, sql: asyncpg.Connection
) -> None:
    first, late = order_for(event, "A1", fan="fan_a"), order_for(event, "A1", fan="fan_b")

    async def read_before_and_write_after() -> None:
        async with transaction(store, EAST_2) as tx:
            assert (await tx.read_seat(late.key)).status is SeatStatus.OPEN
            assert await sell(store, first)
            assert (await tx.read_seat(late.key)).status is SeatStatus.OPEN
            await tx.write_seat(late)
            await tx.append_sale(late, replaces="root")

    with pytest.raises(Conflict, match="40001"):
        await read_before_and_write_after()
    assert await kinds(sql, first) == ["sell"]
    assert await kinds(sql, late) == []


async def test_of_two_transactions_that_cross_one_commits(store: DsqlStore, event: Event) -> None:
    a, b = order_for(event, "A1", fan="fan_a"), order_for(event, "A2", fan="fan_b")
    both_hold_one = asyncio.Barrier(2)

    async def cross(mine: Order, other: Order, region: str) -> str:
        try:
            async with transaction(store, region) as tx:
                await tx.write_seat(mine)
                await both_hold_one.wait()
                await tx.write_seat(other)
                await tx.append_sale(mine, replaces="root")
        except Conflict as error:
            return str(error)[:5]
        return "sold"

    ends = await asyncio.gather(cross(a, b, EAST_1), cross(b, a, EAST_2))
    assert sorted(ends) == ["40001", "sold"]


# keys


async def test_an_op_id_is_used_once(store: DsqlStore, event: Event) -> None:
    order = order_for(event, "A1")
    assert await sell(store, order)
    with pytest.raises(Duplicate) as refused:
        async with transaction(store) as tx:
            await tx.append_void(order)
    assert refused.value.constraint == "op_log_pkey"


async def test_a_fork_is_refused_whatever_the_code_does(
    store: DsqlStore, event: Event, sql: asyncpg.Connection
) -> None:
    assert await sell(store, order_for(event, "A1", fan="fan_a"))
    blind = order_for(event, "A1", fan="fan_b")

    async def sell_blindly() -> None:
        async with transaction(store) as tx:
            await tx.write_seat(blind)
            await tx.append_sale(blind, replaces="root")

    with pytest.raises(Duplicate) as refused:
        await sell_blindly()
    assert refused.value.constraint == "op_log_guard"
    assert (await store.seat(blind.key)).fan_id == "fan_a"
    assert await kinds(sql, blind) == []


async def test_a_doubled_lane_number_is_refused_by_name(store: DsqlStore, event: Event) -> None:
    async with store._regions.fans[EAST_1].lane() as connection:
        writer = DsqlWriter(connection, EAST_1, store.begin)
        async with writer.transaction() as tx:
            await conditional(tx, order_for(event, "A1"))
        connection.lane.seq -= 1
        with pytest.raises(Duplicate) as refused:
            async with writer.transaction() as tx:
                await conditional(tx, order_for(event, "A2", key="other"))
        connection.lane.seq += 1
    assert refused.value.constraint == "op_log_lane"


async def test_the_guard_follows_from_who_buys(
    store: DsqlStore, event: Event, sql: asyncpg.Connection
) -> None:
    fans, buyers = order_for(event, "A1"), order_for(event, "A2", key="other", run_id="run_1")
    for order, code in ((fans, naive), (buyers, naive)):
        async with store.writer(EAST_1) as writer, writer.transaction() as tx:
            assert await code(tx, order)
    rows = await sql.fetch(
        "SELECT op_id, prev_op_id, guard_op_id FROM op_log WHERE event_id = $1", event.event_id
    )
    assert {tuple(row) for row in rows} == {
        (fans.op_id, "root", "root"),
        (buyers.op_id, "root", None),
    }


async def test_a_row_that_breaks_a_rule_is_refused_for_good(store: DsqlStore, event: Event) -> None:
    with pytest.raises(StoreRefused, match="op_log_void_is_outside"):
        async with transaction(store) as tx:
            await tx.append(order_for(event, "A1"), kind=Kind.VOID, prev="root", guard=None)
    elsewhere = replace(order_for(event, "A1").key, round_id="rehearsal-9")
    with pytest.raises(StoreRefused, match="no seat row"):
        async with transaction(store) as tx:
            await tx.read_seat(elsewhere)


# broken connections


@pytest.mark.parametrize("moment", ["before the row", "after the row"])
async def test_a_connection_killed_before_commit_committed_nothing(
    store: DsqlStore, event: Event, sql: asyncpg.Connection, moment: str
) -> None:
    order = order_for(event, "A1")

    async def buy_on_a_killed_connection() -> None:
        async with transaction(store) as tx:
            if moment == "after the row":
                assert await conditional(tx, order)
            killed = await tx._connection.fetchval("SELECT pg_backend_pid()")
            assert await sql.fetchval("SELECT pg_terminate_backend($1)", killed)
            await until(tx._connection.is_closed)
            if moment == "before the row":
                await conditional(tx, order)

    with pytest.raises(NotCommitted):
        await buy_on_a_killed_connection()
    assert await kinds(sql, order) == []
    assert (await store.seat(order.key)).status is SeatStatus.OPEN
    assert await sell(store, order)


@pytest.mark.parametrize(("cut", "row"), [(Cut.APPLIED, ["sell"]), (Cut.NOT_APPLIED, [])])
async def test_a_line_cut_at_commit_leaves_the_outcome_unknown_and_retires_the_lane(
    proxy: ClusterLine,
    event: Event,
    sql: asyncpg.Connection,
    process: str,
    cut: Cut,
    row: list[str],
) -> None:
    before, order, after = (order_for(event, f"A{n}", key=str(n)) for n in (1, 2, 3))
    async with opened(proxy.urls, process=process) as store:
        async with store._regions.fans[EAST_1].lane() as connection:
            writer = DsqlWriter(connection, EAST_1, store.begin)
            async with writer.transaction() as tx:
                await conditional(tx, before)
            proxy.plan(order.op_id, cut)
            with pytest.raises(CommitUnknown):
                async with writer.transaction() as tx:
                    await conditional(tx, order)
            in_doubt = connection.lane
        assert proxy.cuts_made == [cut]
        assert await kinds(sql, order) == row
        # Its next connection is another lane, and notes the ends of earlier ones.
        assert await sell(store, after)
    found = await lanes(sql, process)
    assert found.pop(in_doubt.lane) == (None, [1, 2] if row else [1])
    assert sorted(numbers for _, numbers in found.values()) == [[], [1]]
    assert all(end == len(numbers) for end, numbers in found.values())


async def test_a_claim_cancelled_at_commit_retires_its_lane(
    proxy: ClusterLine, event: Event, sql: asyncpg.Connection, process: str
) -> None:
    order = order_for(event, "A1")
    async with opened(proxy.urls, process=process) as store:
        proxy.plan(order.op_id, Cut.SLOW)
        selling = asyncio.create_task(sell(store, order))
        await proxy.held.wait()
        selling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await selling
        assert await kinds(sql, order) == []
        proxy.let_through.set()

        async def landed() -> bool:
            return await kinds(sql, order) == ["sell"]

        await until(landed)
        assert await sell(store, order_for(event, "A2", key="next"))
    late = await sql.fetchval("SELECT lane FROM op_log WHERE op_id = $1", order.op_id)
    found = await lanes(sql, process)
    assert found.pop(late) == (None, [1])
    assert all(end == len(numbers) for end, numbers in found.values())


async def test_no_connection_at_all_is_a_definite_no(
    database: Database, services: Services, proxy: ClusterLine, event: Event
) -> None:
    missing = database.url.replace("/postgres?", "/no_such_database?")
    with pytest.raises(NotCommitted, match="3D000"):
        async with opened(missing):
            pass
    async with opened(proxy.urls) as store:
        await proxy.away()
        with pytest.raises(NotCommitted):
            await sell(store, order_for(event, "A1"))
        assert set(await store.health()) == set(REGIONS)
        assert "ok" not in (await store.health()).values()
        await proxy.restore()
        assert await sell(store, order_for(event, "A1"))


async def test_broken_connections_do_not_use_up_the_pools(
    proxy: ClusterLine, event: Event, sql: asyncpg.Connection
) -> None:
    async with opened(proxy.urls) as store:
        for number in range(FAN_LANES + 2):
            order = order_for(event, "A1", key=str(number))
            proxy.plan(order.op_id, Cut.NOT_APPLIED)
            with pytest.raises(CommitUnknown):
                await sell(store, order)
        held = [store._regions.fans[EAST_1].lane() for _ in range(FAN_LANES)]
        async with asyncio.timeout(5):
            for each in held:
                await each.__aenter__()
        for each in held:
            await each.__aexit__(None, None, None)


async def test_a_bench_that_cannot_be_opened_leaves_its_pool_whole(
    proxy: ClusterLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(proxy.urls) as store:
        bench = store._regions.benches[EAST_1]
        register, opened_so_far = bench._register, 0

        async def sometimes(connection: Any) -> None:
            nonlocal opened_so_far
            opened_so_far += 1
            if opened_so_far == BENCH_LANES // 2:
                raise ConnectionResetError
            await register(connection)

        monkeypatch.setattr(bench._pool, "_init", sometimes)
        with pytest.raises(NotCommitted):
            await bench.warm(BENCH_LANES)
        async with asyncio.timeout(5):
            await bench.warm(BENCH_LANES)
        assert opened_so_far > BENCH_LANES // 2


# lanes


async def test_lanes_count_from_one_without_gaps_over_all_that_can_happen(
    proxy: ClusterLine, event: Event, sql: asyncpg.Connection, process: str
) -> None:
    chance = random.Random(20_261)
    async with opened(proxy.urls, process=process) as store:

        async def busy(number: int) -> None:
            for step in range(12):
                seat = f"{chance.choice('ABCD')}{chance.randint(1, 12)}"
                order = order_for(event, seat, fan=f"fan_{number}", key=f"{number} {step}")
                cuts = chance.choice([(), (), (), (Cut.APPLIED,), (Cut.NOT_APPLIED,)])
                proxy.plan(order.op_id, *cuts)
                try:
                    await _one_of_many(store, order, chance)
                except (StoreError, _GaveUp):
                    continue

        await asyncio.gather(*(busy(number) for number in range(8)))
    found = await lanes(sql, process)
    committed = sum(len(numbers) for _, numbers in found.values())
    assert committed > 20
    assert len(found) > 4
    for end, numbers in found.values():
        assert numbers == list(range(1, len(numbers) + 1))
        assert end in {None, len(numbers)}
    assert len(proxy.cuts_made) > 5
    unended = [end for end, _ in found.values() if end is None]
    assert len(unended) == len(proxy.cuts_made)


class _GaveUp(Exception):
    """The code stopped in the middle of its transaction."""


async def _one_of_many(store: DsqlStore, order: Order, chance: random.Random) -> None:
    async with store.writer(chance.choice(REGIONS)) as writer, writer.transaction() as tx:
        sold = await conditional(tx, order)
        if sold and chance.random() < 0.2:
            raise _GaveUp
        if sold and chance.random() < 0.2:
            await tx.append_sale(order, replaces="root")


async def test_a_lane_in_use_at_the_end_gets_no_end(
    database: Database, event: Event, sql: asyncpg.Connection, process: str
) -> None:
    order = order_for(event, "A1")
    async with opened(database.url, process=process) as store:
        in_use = ""

        async def buy_while_the_store_closes() -> None:
            nonlocal in_use
            async with transaction(store) as tx:
                in_use = tx._connection.lane.lane
                await conditional(tx, order)
                await store.close()

        with pytest.raises(StoreError):
            await buy_while_the_store_closes()
    found = await lanes(sql, process)
    assert found.pop(in_use)[0] is None
    assert [end for end, _ in found.values()] == [0] * len(found)
    with pytest.raises(NotCommitted, match="closed"):
        await sell(store, order)


# what an error means


def _server_said(sqlstate: str) -> asyncpg.PostgresError:
    class Said(asyncpg.PostgresError):
        pass

    Said.sqlstate = sqlstate
    return Said("told")


MEANINGS = [
    ("40001", Conflict, Conflict),
    ("40P01", Conflict, Conflict),
    ("23505", Duplicate, Duplicate),
    ("23514", StoreRefused, StoreRefused),
    ("54000", StoreRefused, StoreRefused),
    ("0A000", StoreRefused, StoreRefused),
    # The endpoint takes no commits: definite, and another one may take them.
    ("25006", NotCommitted, NotCommitted),
    ("40003", StoreRefused, CommitUnknown),
    ("", StoreRefused, CommitUnknown),
    ("08006", NotCommitted, CommitUnknown),
    ("53300", NotCommitted, CommitUnknown),
    ("53400", NotCommitted, CommitUnknown),
    ("57P01", NotCommitted, CommitUnknown),
    ("57014", NotCommitted, CommitUnknown),
    ("58030", NotCommitted, CommitUnknown),
    ("XX000", NotCommitted, CommitUnknown),
]


@pytest.mark.parametrize(
    ("sqlstate", "before", "at_commit"), MEANINGS, ids=[state or "none" for state, *_ in MEANINGS]
)
def test_only_a_definite_abort_is_one(
    sqlstate: str, before: type[StoreError], at_commit: type[StoreError]
) -> None:
    error = _server_said(sqlstate)
    assert type(failures.before_commit(error)) is before
    assert type(failures.at_commit(error)) is at_commit


@pytest.mark.parametrize(
    ("sqlstate", "helps"),
    [("54000", "3,000 rows"), ("53300", "quota"), ("53400", "waiting"), ("0A000", "another way")],
)
def test_limits_of_the_service_are_told_with_what_helps(sqlstate: str, helps: str) -> None:
    error = _server_said(sqlstate)
    assert str(failures.before_commit(error)).startswith(f"{sqlstate} told (")
    assert helps in str(failures.before_commit(error))


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("closed"),
        asyncpg.ConnectionDoesNotExistError("lost"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_a_lost_connection_is_definite_only_before_commit(error: BaseException) -> None:
    assert type(failures.before_commit(error)) is NotCommitted
    assert type(failures.at_commit(error)) is CommitUnknown


@pytest.mark.parametrize("error", [asyncio.CancelledError(), KeyboardInterrupt(), ValueError()])
def test_what_no_driver_raises_is_not_translated(error: BaseException) -> None:
    assert failures.before_commit(error) is None
    assert failures.at_commit(error) is None
