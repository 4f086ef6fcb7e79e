"""Lines that are cut before COMMIT, at it and in mid-run, and what is known afterwards."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.foils.postgres.foil import (
    BUYERS,
    buy,
    fire,
    fresh_key,
    key_of,
    opened,
    order_in,
    plan,
    sales_counted_elsewhere,
    writers,
)
from tests.patience import until
from tests.wire import Cut, CuttingProxy

from worldseat.domain import ids
from worldseat.domain.run import Outcome
from worldseat.domain.seats import Code, SeatStatus
from worldseat.embedded import EmbeddedPostgres
from worldseat.ports.store import (
    CommitUnknown,
    NotCommitted,
    Writer,
)
from worldseat.services.attempt import Answer
from worldseat.stores.postgres import ReadCommittedStore, connections
from worldseat.stores.postgres.store import PostgresStore

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow


@pytest_asyncio.fixture
async def proxy(database: EmbeddedPostgres) -> AsyncIterator[CuttingProxy]:
    """The way to the server, which a test can cut."""
    async with CuttingProxy(database.url) as running:
        yield running


@pytest_asyncio.fixture
async def cuttable(proxy: CuttingProxy) -> AsyncIterator[PostgresStore]:
    """A foil behind it."""
    async with opened(ReadCommittedStore, proxy.url) as store:
        yield store


async def test_a_line_cut_before_commit_has_committed_nothing(
    cuttable: PostgresStore, proxy: CuttingProxy
) -> None:
    run = plan()
    order = order_in(run, "fan_a")

    async def cut_short(writer: Writer) -> None:
        async with writer.transaction() as tx:
            await tx.write_seat(order)
            await tx.append_sale(order, replaces=ids.ROOT)
            await proxy.away()

    async with writers(cuttable, run, 1) as (writer,):
        with pytest.raises(NotCommitted):
            await cut_short(writer)
    await proxy.restore()
    tally = await cuttable.tally(run.run_id, key_of(run))
    assert (tally.holders, tally.seat.status) == (0, SeatStatus.OPEN)


@pytest.mark.parametrize(("cut", "holders"), [(Cut.NOT_APPLIED, 0), (Cut.APPLIED, 1)])
async def test_a_line_cut_at_commit_leaves_it_unknown(
    cuttable: PostgresStore, proxy: CuttingProxy, cut: Cut, holders: int
) -> None:
    run = plan()
    order = order_in(run, "fan_a")
    proxy.plan(order.op_id, cut)
    async with writers(cuttable, run, 1) as (writer,):
        connection: Any = writer._connection  # type: ignore[attr-defined]
        with pytest.raises(CommitUnknown):
            await buy(writer, order)
        assert connection.is_closed()
    assert proxy.cuts_made == [cut]
    assert (await cuttable.tally(run.run_id, key_of(run))).holders == holders


async def test_a_commit_that_is_not_answered_in_time_is_unknown_and_its_connection_ends(
    proxy: CuttingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "COMMAND_TIMEOUT_S", 0.2)
    run = plan()
    order = order_in(run, "fan_a")
    proxy.plan(order.op_id, Cut.SLOW)
    async with opened(ReadCommittedStore, proxy.url) as store:
        async with writers(store, run, 1) as (writer,):
            connection: Any = writer._connection  # type: ignore[attr-defined]
            with pytest.raises(CommitUnknown):
                await buy(writer, order)
            # Whoever bought on it next would meet the answer to this COMMIT.
            assert connection.is_closed()
        proxy.let_through.set()

        async def landed() -> bool:
            return (await store.tally(run.run_id, key_of(run))).holders == 1

        await until(landed)


async def test_an_unknown_answer_of_a_run_stays_unknown_and_the_sale_is_counted(
    cuttable: PostgresStore, proxy: CuttingProxy, database: EmbeddedPostgres
) -> None:
    run = plan(Code.NAIVE)
    lost = run.buyer(7).op_id
    proxy.plan(lost, Cut.APPLIED)
    fired = await fire(cuttable, run)
    assert proxy.cuts_made == [Cut.APPLIED]
    unknown = [each for each in fired.operations if each.outcome is Outcome.INFO]
    assert [(each.op_id, each.reason) for each in unknown] == [(lost, Answer.UNKNOWN.value)]
    told = sum(each.outcome is Outcome.OK for each in fired.operations)
    tally = await cuttable.tally(run.run_id, key_of(run))
    assert tally.holders == told + 1
    assert tally.holders == await sales_counted_elsewhere(database.url, cuttable, run.run_id)


async def test_a_database_that_goes_away_in_mid_burst_keeps_nobody_waiting(
    cuttable: PostgresStore, proxy: CuttingProxy
) -> None:
    run = plan(Code.NAIVE)

    first = run.buyer(0).op_id

    async def restart() -> None:
        # All press at once, so when the first one writes all of them hold a connection.
        await until(
            lambda: any(line.mark == first.encode() for line in proxy._lines),
            within_s=5,
            every_s=0,
        )
        await proxy.away()
        await proxy.restore()

    proxy.plan(first)
    restarting = asyncio.create_task(restart())
    fired = await asyncio.wait_for(fire(cuttable, run), 15)
    await restarting
    assert len(fired.operations) == BUYERS
    assert max(each.attempts for each in fired.operations) > 1
    outcomes = Counter(each.outcome for each in fired.operations)
    counted = (await cuttable.tally(run.run_id, key_of(run))).holders
    assert outcomes[Outcome.OK] <= counted <= outcomes[Outcome.OK] + outcomes[Outcome.INFO]
    assert counted >= 1


async def test_without_a_database_nobody_fires(
    cuttable: PostgresStore, proxy: CuttingProxy
) -> None:
    await proxy.away()
    with pytest.raises(NotCommitted):
        await fire(cuttable, plan())
    with pytest.raises(NotCommitted):
        await cuttable.seat(fresh_key())
    await proxy.restore()
    run = plan(Code.CONDITIONAL, buyers=2)
    await fire(cuttable, run)
    assert (await cuttable.tally(run.run_id, key_of(run))).holders == 1
