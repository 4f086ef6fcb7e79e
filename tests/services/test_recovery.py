"""Stampedes whose process died: every claim is settled by the database, and none lands later."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial, partialmethod
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database
from tests.cluster_line import ClusterLine
from tests.one_store import opened
from tests.patience import until

from worldseat import bootstrap
from worldseat.domain import history
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Outcome, Plan, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.local_dsql.launch import Launch
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Duplicate, NotCommitted
from worldseat.services import recovery as recovery_module
from worldseat.services.codes import naive
from worldseat.services.fence import Fence
from worldseat.services.firing import order_of
from worldseat.services.recovery import Recovery
from worldseat.services.stampede import LEASE
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.system import SystemChance, SystemClock

from .conftest import through

BUYERS = 12
CLOCK, CHANCE = SystemClock(), SystemChance()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own, whose runs no other process's recovery looks at."""
    return tmp_path_factory.mktemp("home")


@pytest_asyncio.fixture(scope="module")
async def alone(home: Path) -> AsyncIterator[Descriptor]:
    """A cluster of its own."""
    launch = Launch(home / "dsql", delays=False)
    yield await launch.start()
    await launch.stop()


@pytest.fixture(scope="module")
def database(alone: Descriptor) -> Database:
    """The PostgreSQL behind it."""
    return Database(url=alone.postgres_url)


@pytest_asyncio.fixture(scope="module")
async def breakable(alone: Descriptor, home: Path) -> AsyncIterator[Descriptor]:
    """Endpoints of the same database that a test may take away."""
    words = ("--postgres-home", str(home / "pg"))
    launch = Launch(home / "breakable", delays=False, words=words)
    yield await launch.start()
    await launch.stop()


@pytest.fixture(scope="module")
def settings(alone: Descriptor, home: Path) -> Settings:
    """Settings that reach it."""
    return Settings(home=home, database_urls={each: alone.url(each) for each in REGIONS})


@pytest_asyncio.fixture(scope="module")
async def services(settings: Settings) -> AsyncIterator[Services]:
    """Services without background work: recovery runs when a test says so."""
    async with bootstrap.services(settings, work=False) as running:
        yield running


def recovery_of(store: OnSaleStore, **other: object) -> Recovery:
    fence = Fence(store, REGIONS, clock=CLOCK, chance=CHANCE)
    holder = CHANCE.new_id("recovery")
    return Recovery(store, {}, fence, clock=CLOCK, holder=holder, **other)  # type: ignore[arg-type]


def plan_on(event: Event, *, store: str = "dsql", seat_index: int = 0) -> Plan:
    return Plan(
        run_id=CHANCE.new_id("run"),
        event_id=event.event_id,
        round_id=event.current_round_id,
        seat_index=seat_index,
        store=store,
        stand_in="a stand-in",
        code=Code.NAIVE,
        arrival=Arrival(),
        buyers=BUYERS,
        seed=1,
        regions=REGIONS,
        git_commit="test",
    )


async def begun(store: OnSaleStore, event: Event, *, sold_to: int | None = None) -> Plan:
    """Leave a run as a killed process leaves it: its row, and perhaps one committed sale."""
    plan = plan_on(event)
    await store.begin_run(plan, event.chart.label(plan.seat_index))
    if sold_to is not None:
        order = order_of(plan, plan.buyer(sold_to))
        async with store.writer(order.region) as writer, writer.transaction() as tx:
            assert await naive(tx, order)
    return plan


async def committed(sql: asyncpg.Connection, plan: Plan) -> Counter[str]:
    rows = await sql.fetch("SELECT kind, op_id FROM op_log WHERE run_id = $1", plan.run_id)
    planned = {buyer.op_id for buyer in plan.everyone()}
    assert {row["op_id"] for row in rows} <= planned
    return Counter(row["kind"] for row in rows)


async def stored(store: OnSaleStore, plan: Plan) -> Run:
    run = await store.run(plan.run_id)
    assert run is not None
    return run


@pytest.mark.parametrize("sold_to", [None, 0, 7])
async def test_a_run_without_a_process_is_settled_from_its_plan(
    services: Services, event: Event, sql: asyncpg.Connection, sold_to: int | None
) -> None:
    store = services.store
    plan = await begun(store, event, sold_to=sold_to)
    assert await recovery_of(store).settle_all() == 0
    run = await stored(store, plan)
    result = run.result
    assert result is not None
    sold = int(sold_to is not None)
    assert run.status is RunStatus.INTERRUPTED
    assert await committed(sql, plan) == Counter(sell=sold, void=BUYERS - sold)
    assert (result.confirmed, result.unknown, result.app_believed) == (sold, BUYERS, 0)
    assert result.oversold == (0 if sold else None)
    assert result.violations == []
    operations = history.load(await store.history(plan.run_id))
    assert {each.outcome for each in operations} == {Outcome.INFO}
    reasons = Counter(each.reason for each in operations)
    assert reasons == Counter({"interrupted-void": BUYERS - sold, "interrupted-sold": sold})
    assert await store.lease_holder(LEASE) is None
    assert (await services.witness.judge(event.event_id)).clean


async def test_nothing_of_a_settled_run_can_be_committed_later(
    services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    store = services.store
    plan = await begun(store, event)
    await recovery_of(store).settle_all()
    before = await committed(sql, plan)
    for buyer in plan.everyone():
        order = order_of(plan, buyer)
        with pytest.raises(Duplicate):
            async with store.writer(order.region) as writer, writer.transaction() as tx:
                await naive(tx, order)
    assert await committed(sql, plan) == before


async def test_a_run_is_left_to_the_living_process_that_holds_its_lease(
    services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    store = services.store
    plan = await begun(store, event)
    assert await store.take_lease(LEASE, plan.run_id, ttl_s=0.3)
    recovery = recovery_of(store)
    assert await recovery.settle_all() == 1
    assert (await stored(store, plan)).status is RunStatus.RUNNING
    assert await committed(sql, plan) == Counter()
    await asyncio.sleep(0.35)
    assert await recovery.settle_all() == 0
    assert (await stored(store, plan)).status is RunStatus.INTERRUPTED


async def test_a_run_of_ones_own_is_not_taken_for_a_dead_one(
    services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    store = services.store
    plan = await begun(store, event)
    own = recovery_of(store, fires=lambda run_id: run_id == plan.run_id)
    assert await own.settle_all() == 1
    assert (await stored(store, plan)).status is RunStatus.RUNNING
    assert await committed(sql, plan) == Counter()
    assert await recovery_of(store).settle_all() == 0


async def test_a_run_that_finishes_while_recovery_looks_is_left_as_it_is(
    services: Services, event: Event, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    begins = await services.stampedes.start(
        event_id=event.event_id,
        cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(), buyers=BUYERS),
        seat="A1",
    )
    done = await services.stampedes.wait(begins.plan.run_id)
    leases = 0
    take = services.store.take_lease

    async def counted(*args: object, **words: object) -> bool:
        nonlocal leases
        leases += 1
        return await take(*args, **words)  # type: ignore[arg-type]

    async def as_it_was() -> list[Run]:
        return [begins]

    monkeypatch.setattr(services.store, "unfinished_runs", as_it_was)
    monkeypatch.setattr(services.store, "take_lease", counted)
    assert await recovery_of(services.store).settle_all() == 0
    assert await committed(sql, done.plan) == Counter(sell=1, release=0)
    assert await stored(services.store, done.plan) == done
    # It did not stand in the way of the next stampede either.
    assert leases == 0


async def test_several_processes_settle_one_run_once(
    services: Services, elsewhere: Services, event: Event, sql: asyncpg.Connection
) -> None:
    plan = await begun(services.store, event, sold_to=3)
    both = [recovery_of(each.store) for each in (services, elsewhere, services)]
    await asyncio.gather(*(each.settle_all() for each in both))
    run = await stored(services.store, plan)
    assert run.status is RunStatus.INTERRUPTED
    assert await committed(sql, plan) == Counter(sell=1, void=BUYERS - 1)
    assert len(history.load(await services.store.history(plan.run_id))) == BUYERS


async def test_a_claim_that_cannot_be_fenced_leaves_the_run_unsettled(
    cuttable: Services,
    proxy: ClusterLine,
    services: Services,
    event: Event,
    sql: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Fence, "resolve", partialmethod(Fence.resolve, deadline_s=0.2))
    plan = await begun(services.store, event)
    fence_void = cuttable.store.void
    calls = 0

    async def then_the_database_goes_away(*args: object, **words: object) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise NotCommitted("away")
        await fence_void(*args, **words)  # type: ignore[arg-type]

    monkeypatch.setattr(cuttable.store, "void", then_the_database_goes_away)
    with pytest.raises(NotCommitted, match="cannot be fenced yet"):
        await recovery_of(cuttable.store).settle_all()
    assert (await stored(services.store, plan)).status is RunStatus.RUNNING
    assert (await committed(sql, plan))["void"] == 3
    monkeypatch.undo()
    assert await recovery_of(services.store).settle_all() == 0
    assert await committed(sql, plan) == Counter(void=BUYERS)


async def test_recovery_waits_for_a_database_that_is_away_and_looks_again_later(
    proxy: ClusterLine,
    settings: Settings,
    services: Services,
    event: Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery_module, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(recovery_module, "IDLE_LOOK_S", 0.05)
    async with through(proxy, settings) as cuttable:
        watching = asyncio.create_task(recovery_of(cuttable.store).watch())
        try:
            await proxy.away()
            plan = await begun(services.store, event)
            await asyncio.sleep(0.2)
            assert (await stored(services.store, plan)).status is RunStatus.RUNNING
            await proxy.restore()
            await until(partial(_is_settled, services.store, plan))
            # It goes on looking: the next process may die at any time. Whoever sees a run settled
            # can fire the next.
            for _ in range(5):
                plan = await begun(services.store, event)
                await until(partial(_is_settled, services.store, plan), every_s=0)
                assert await services.store.lease_holder(LEASE) is None
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _is_settled(store: OnSaleStore, plan: Plan) -> bool:
    return (await stored(store, plan)).status is RunStatus.INTERRUPTED


async def test_a_foils_unknown_claims_stay_unknown(
    services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    plan = plan_on(event, store="a-foil")
    await services.store.begin_run(plan, "A1")
    assert await recovery_of(services.store).settle_all() == 0
    operations = history.load(await services.store.history(plan.run_id))
    assert {(each.outcome, each.reason) for each in operations} == {(Outcome.INFO, "unknown")}
    assert await committed(sql, plan) == Counter()


async def test_a_process_that_stops_gives_its_lease_back_and_its_run_is_settled(
    services: Services, settings: Settings, event: Event, sql: asyncpg.Connection
) -> None:
    async with bootstrap.services(settings, work=False) as stopping:
        begins = await stopping.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(spread_ms=30_000), buyers=40),
            seat="A1",
        )
        plan = begins.plan

        async def somebody_has_it() -> bool:
            return (await committed(sql, plan))["sell"] == 1

        await until(somebody_has_it)
    assert await services.store.lease_holder(LEASE) is None
    assert (await stored(services.store, plan)).status is RunStatus.RUNNING
    assert await recovery_of(services.store).settle_all() == 0
    run = await stored(services.store, plan)
    assert run.status is RunStatus.INTERRUPTED
    assert run.result is not None
    assert (run.result.confirmed, run.result.oversold) == (1, 0)
    assert await committed(sql, plan) == Counter(sell=1, void=39)


async def test_a_live_process_does_not_overwrite_what_recovery_has_settled(
    services: Services, event: Event
) -> None:
    store = services.store
    begins = await services.stampedes.start(
        event_id=event.event_id,
        cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(spread_ms=400), buyers=10),
        seat="A1",
    )
    run_id = begins.plan.run_id
    # As if it had stood still for longer than its lease lives.
    await store.give_lease(LEASE, run_id)
    assert await recovery_of(store).settle_all() == 0
    settled = await stored(store, begins.plan)
    record = await store.history(run_id)
    assert await services.stampedes.wait(run_id) == settled
    assert settled.status is RunStatus.INTERRUPTED
    assert await store.history(run_id) == record
    assert await store.lease_holder(LEASE) is None


async def test_an_unsettled_run_of_a_killed_process_is_found_by_the_next(
    settings: Settings, services: Services, event: Event
) -> None:
    """The store alone, as the next process opens it: what was left is still there."""
    plan = await begun(services.store, event, sold_to=1)
    async with opened(settings.database_urls) as following:
        assert [run.plan for run in await following.unfinished_runs()] == [plan]
        assert await recovery_of(following).settle_all() == 0
        assert await following.unfinished_runs() == []
