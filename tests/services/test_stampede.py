"""Break it: one seat, many buyers, both codes; every count is made again by plain SQL."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import asyncpg
import pytest
from tests.cluster_line import ClusterLine
from tests.patience import until
from tests.wire import Cut

from worldseat.domain import history
from worldseat.domain.errors import (
    BadRequest,
    NotHere,
    Unavailable,
    UnknownEvent,
    UnknownRun,
    UnknownSeat,
    UnknownStore,
)
from worldseat.domain.event import Event, Money
from worldseat.domain.run import Arrival, Cell, Operation, Outcome, Plan, Result, Run, RunStatus
from worldseat.domain.seats import Code, Mode, Seat, SeatKey
from worldseat.domain.venue import Chart, Row, Section
from worldseat.ports.store import Bench, NotCommitted
from worldseat.services import barrier
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS
from worldseat.stores.dsql import DsqlStore
from worldseat.stores.dsql.purchase import DsqlTransaction
from worldseat.stores.dsql.regions import BENCH_LANES

MakeEvent = Callable[[Mode], Awaitable[Event]]

SPREAD = Arrival(spread_ms=100)
BURST = Arrival()


async def fire(
    services: Services,
    event: Event,
    seat: str | None = "A1",
    *,
    buyers: int = 60,
    code: Code = Code.NAIVE,
    arrival: Arrival = BURST,
    seed: int | None = None,
    store: str = "dsql",
) -> Run:
    """Start a stampede; return it as it begins."""
    return await services.stampedes.start(
        event_id=event.event_id,
        cell=Cell(store=store, code=code, arrival=arrival, buyers=buyers),
        seat=seat,
        seed=seed,
    )


async def fired(services: Services, event: Event, seat: str | None = "A1", **asked: object) -> Run:
    """Run a stampede to its end."""
    begun = await fire(services, event, seat, **asked)  # type: ignore[arg-type]
    return await services.stampedes.wait(begun.plan.run_id)


def result_of(run: Run) -> Result:
    assert run.result is not None
    return run.result


@dataclass(frozen=True)
class Counted:
    """What plain SQL counts of a run."""

    sales: int
    regions: dict[str, int]
    voids: int
    owner: str | None
    status: str


async def counted(sql: asyncpg.Connection, run: Run) -> Counted:
    plan = run.plan
    rows = await sql.fetch(
        "SELECT kind, region, count(*) FROM op_log WHERE run_id = $1 AND seat_index = $2"
        " AND kind <> 'release' GROUP BY 1, 2",
        plan.run_id,
        plan.seat_index,
    )
    sold = {row["region"]: row["count"] for row in rows if row["kind"] == "sell"}
    seat = await sql.fetchrow(
        "SELECT fan_id, op_id FROM seat WHERE event_id = $1 AND round_id = $2 AND seat_index = $3",
        plan.event_id,
        plan.round_id,
        plan.seat_index,
    )
    assert seat is not None
    status = await sql.fetchval("SELECT status FROM run WHERE run_id = $1", plan.run_id)
    return Counted(
        sales=sum(sold.values()),
        regions=sold,
        voids=sum(row["count"] for row in rows if row["kind"] == "void"),
        owner=seat["op_id"] if seat["fan_id"] else None,
        status=status,
    )


async def lease(sql: asyncpg.Connection) -> str | None:
    found = await sql.fetchval("SELECT holder FROM lease WHERE expires_at > clock_timestamp()")
    return None if found is None else str(found)


def check_sums(run: Run, result: Result) -> None:
    """Hold the fields of a result against each other."""
    plan = run.plan
    assert result.confirmed + result.refused + result.errors + result.unknown == plan.buyers
    assert result.operations == plan.buyers + 1
    assert result.retries_max <= result.retries_total
    assert result.conflicts >= result.retries_total
    assert sum(each.buyers for each in result.regions) == plan.buyers
    for name in ("confirmed", "refused", "errors", "unknown", "conflicts"):
        assert sum(getattr(each, name) for each in result.regions) == getattr(result, name), name


# what the product must show


@pytest.mark.parametrize("arrival", [BURST, SPREAD], ids=["burst", "spread"])
@pytest.mark.parametrize("code", [Code.NAIVE, Code.CONDITIONAL])
async def test_sixty_buyers_at_one_seat(
    services: Services, event: Event, sql: asyncpg.Connection, code: Code, arrival: Arrival
) -> None:
    for _ in range(3):
        run = await fired(services, event, code=code, arrival=arrival)
        result = result_of(run)
        truth = await counted(sql, run)
        assert truth == Counted(
            sales=1,
            regions={each.region: 1 for each in result.regions if each.confirmed},
            voids=0,
            owner=result.seat_owner_op_id,
            status="done",
        )
        assert (result.confirmed, result.oversold) == (truth.sales, truth.sales - 1)
        sources = (result.app_believed, result.log_committed, result.seat_table_shows)
        assert sources == (1, 1, 1)
        assert (result.refused, result.errors, result.unknown) == (59, 0, 0)
        assert [(each.region, each.buyers) for each in result.regions] == [
            (region, 30) for region in REGIONS
        ]
        assert result.violations == []
        assert result.verdict == "Seat A1 was sold once. No violation found in 61 operations."
        check_sums(run, result)
        if arrival == BURST:
            assert result.in_flight_max >= 55
            assert result.conflicts >= 20
        else:
            assert result.duration_ms >= 100


async def test_a_thousand_buyers(services: Services, event: Event, sql: asyncpg.Connection) -> None:
    run = await fired(services, event, buyers=1_000)
    result = result_of(run)
    assert (await counted(sql, run)).sales == result.confirmed == 1
    assert result.oversold == 0
    assert result.in_flight_max == 64
    assert (result.refused, result.errors, result.unknown) == (999, 0, 0)
    check_sums(run, result)
    loaded = history.load(await services.store.history(run.plan.run_id))
    assert len(loaded) == 1_001


async def test_the_seat_is_reopened_by_a_recorded_release(
    services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    runs = [await fired(services, event, buyers=6, code=code) for code in Code]
    rows = await sql.fetch(
        "SELECT op_id, kind, run_id, fan_id, prev_op_id, guard_op_id FROM op_log"
        " WHERE event_id = $1",
        event.event_id,
    )
    by_prev = {row["prev_op_id"]: row for row in rows}
    first = by_prev["root"]
    release = by_prev[first["op_id"]]
    second = by_prev[release["op_id"]]
    assert len(rows) == 3
    assert (first["kind"], first["run_id"]) == ("sell", runs[0].plan.run_id)
    assert (release["kind"], release["run_id"]) == ("release", runs[1].plan.run_id)
    assert (release["fan_id"], release["guard_op_id"]) == (first["fan_id"], first["op_id"])
    assert (second["kind"], second["run_id"]) == ("sell", runs[1].plan.run_id)
    assert [result_of(run).confirmed for run in runs] == [1, 1]


async def test_without_a_seat_the_first_open_one_is_the_target(
    services: Services, event: Event, fan: str
) -> None:
    await services.shop.buy(fan_id=fan, key="k", event_id=event.event_id, seats=["A1"])
    assert [(await fired(services, event, None, buyers=2)).seat for _ in range(2)] == ["A2", "A3"]


# what it refuses


async def test_a_fans_seat_is_left_alone(
    services: Services, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    await services.shop.buy(fan_id=fan, key="k", event_id=event.event_id, seats=["A1"])
    with pytest.raises(NotHere) as refused:
        await fire(services, event, "A1")
    assert refused.value.code == "seat-of-a-fan"
    assert await sql.fetchval("SELECT count(*) FROM run WHERE event_id = $1", event.event_id) == 0
    assert await lease(sql) is None
    assert [each.status for each in await services.shop.tickets(fan)] == ["valid"]
    assert result_of(await fired(services, event, "A2", buyers=2)).confirmed == 1


async def test_a_live_event_is_left_alone(
    services: Services, make_event: MakeEvent, sql: asyncpg.Connection
) -> None:
    live = await make_event(Mode.LIVE)
    with pytest.raises(NotHere) as refused:
        await fire(services, live)
    assert refused.value.code == "live-round"
    assert await sql.fetchval("SELECT count(*) FROM run WHERE event_id = $1", live.event_id) == 0
    assert await lease(sql) is None


async def test_a_full_house_has_no_target(services: Services, fan: str) -> None:
    event = await services.onsale.create(
        chart=Chart(name="TINY", sections=(Section(name="Floor", rows=(Row(name="A", seats=1),)),)),
        title="A TINY TEST",
        price=Money(minor=1, currency="USD"),
        mode=Mode.REHEARSAL,
    )
    await services.shop.buy(fan_id=fan, key="k", event_id=event.event_id, seats=["A1"])
    with pytest.raises(NotHere) as refused:
        await fire(services, event, None)
    assert refused.value.code == "no-open-seat"


async def test_what_cannot_be_asked_is_refused_and_leaves_nothing(
    services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    for buyers in (0, 1, 1_001, 10**9):
        with pytest.raises(BadRequest):
            await fire(services, event, buyers=buyers)
    with pytest.raises(UnknownSeat):
        await fire(services, event, "Z99")
    with pytest.raises(UnknownStore):
        await fire(services, event, store="nowhere")
    with pytest.raises(UnknownEvent):
        await fire(services, replace(event, event_id="evt_none"))
    with pytest.raises(UnknownRun):
        await services.stampedes.run("run_none")
    assert await sql.fetchval("SELECT count(*) FROM run WHERE event_id = $1", event.event_id) == 0
    assert await lease(sql) is None


async def test_one_stampede_at_a_time_whatever_process_fires_it(
    services: Services, elsewhere: Services, event: Event, sql: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(
        *(fire(each, event, buyers=10, arrival=SPREAD) for each in (services, elsewhere) * 3),
        return_exceptions=True,
    )
    started = [answer for answer in answers if isinstance(answer, Run)]
    refused = [answer for answer in answers if isinstance(answer, NotHere)]
    assert (len(started), len(refused)) == (1, 5)
    assert {error.code for error in refused} == {"stampede-running"}
    run_id = started[0].plan.run_id
    assert await lease(sql) == run_id
    await asyncio.gather(services.stampedes.wait(run_id), elsewhere.stampedes.wait(run_id))
    await until(partial(_is_over, sql, started[0]))
    assert await sql.fetchval("SELECT count(*) FROM run WHERE event_id = $1", event.event_id) == 1


async def test_whoever_sees_a_run_done_can_fire_the_next(
    services: Services, elsewhere: Services, event: Event, sql: asyncpg.Connection
) -> None:
    for number in range(20):
        run = await fire((services, elsewhere)[number % 2], event, buyers=2)
        await until(partial(_is_over, sql, run), every_s=0)
        assert await lease(sql) is None


async def _is_over(sql: asyncpg.Connection, run: Run) -> bool:
    return (await counted(sql, run)).status != "running"


# what is kept


async def test_a_run_can_be_derived_again_from_its_row(
    services: Services, elsewhere: Services, event: Event
) -> None:
    begun = await fire(services, event, buyers=20, seed=7)
    assert (begun.status, begun.result, begun.seat) == (RunStatus.RUNNING, None, "A1")
    run = await services.stampedes.wait(begun.plan.run_id)
    assert run.plan == begun.plan
    stored = (await elsewhere.stampedes.run(run.plan.run_id))[0]
    assert stored == run
    assert stored.plan.seed == 7
    operations = history.load(await elsewhere.stampedes.history(run.plan.run_id))
    planned = [(each.op_id, each.fan_id, each.region) for each in stored.plan.everyone()]
    assert [(each.op_id, each.fan_id, each.region) for each in operations[:-1]] == planned
    assert len({op_id for op_id, _, _ in planned}) == 20
    other_seed = replace(stored.plan, seed=8).everyone()
    assert not {each.op_id for each in other_seed} & {op_id for op_id, _, _ in planned}
    listed = await services.stampedes.runs(event.event_id)
    assert listed == [run]


async def test_the_history_is_what_was_recorded(
    services: Services, event: Event, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[Operation] = []
    dump = history.dump

    def spy(operations: list[Operation]) -> bytes:
        recorded.extend(operations)
        return dump(operations)

    monkeypatch.setattr(history, "dump", spy)
    run = await fired(services, event, buyers=60)
    stored = await services.store.history(run.plan.run_id)
    assert history.load(stored) == recorded
    assert stored == dump(recorded)
    pieces = await sql.fetch(
        "SELECT octet_length(body) AS size FROM run_history WHERE run_id = $1", run.plan.run_id
    )
    assert len(pieces) == 1
    assert 0 < pieces[0]["size"] < len(stored)
    *sales, read = recorded
    result = result_of(run)
    assert sum(each.outcome is Outcome.OK for each in sales) == result.app_believed
    assert sum(each.conflicts for each in sales) == result.conflicts
    assert max(each.attempts for each in sales) == result.retries_max + 1
    assert (read.kind, read.observed_op_id) == ("read", result.seat_owner_op_id)
    assert all(each.t_invoke_ns == sales[0].t_invoke_ns for each in sales)
    assert all((each.t_return_ns or 0) > each.t_invoke_ns for each in sales)


async def test_a_large_history_is_stored_in_pieces_and_only_once(
    services: Services, event: Event, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worldseat.stores.dsql.runs.PIECE_BYTES", 500)
    run = await fired(services, event, buyers=60)
    pieces = await sql.fetch(
        "SELECT piece, octet_length(body) FROM run_history WHERE run_id = $1 ORDER BY 1",
        run.plan.run_id,
    )
    assert [piece for piece, _ in pieces] == list(range(len(pieces)))
    assert len(pieces) > 2
    assert {size for _, size in pieces[:-1]} == {500}
    stored = await services.store.history(run.plan.run_id)
    assert len(history.load(stored)) == 61
    other = replace(result_of(run), verdict="another")
    longer = random.Random(1).randbytes(5_000)
    await services.store.finish_run(
        run.plan.run_id, RunStatus.INTERRUPTED, other, longer, holder="nobody"
    )
    assert pieces == await sql.fetch(
        "SELECT piece, octet_length(body) FROM run_history WHERE run_id = $1 ORDER BY 1",
        run.plan.run_id,
    )
    assert (await services.stampedes.run(run.plan.run_id))[0] == run
    assert await services.store.history(run.plan.run_id) == stored


async def test_progress_is_told_while_it_runs(services: Services, event: Event) -> None:
    # So long that a machine which does something else for a moment misses no more than a few.
    begun = await fire(services, event, buyers=10, arrival=Arrival(spread_ms=1_500))
    seen: list[int] = []
    while (asked := await services.stampedes.run(begun.plan.run_id))[1] is not None:
        assert asked[1].buyers == 10
        seen.append(asked[1].answered)
        await asyncio.sleep(0.02)
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert asked[0].status is RunStatus.DONE


# when things break


@pytest.mark.parametrize("cut", [Cut.APPLIED, Cut.NOT_APPLIED])
async def test_a_lost_answer_in_a_stampede_is_resolved(
    cuttable: Services, proxy: ClusterLine, event: Event, sql: asyncpg.Connection, cut: Cut
) -> None:
    proxy.plan("INSERT INTO op_log", cut)
    run = await fired(cuttable, event, code=Code.CONDITIONAL)
    result, truth = result_of(run), await counted(sql, run)
    assert proxy.cuts_made == [cut]
    assert (truth.sales, result.confirmed, result.oversold) == (1, 1, 0)
    assert (result.app_believed, result.unknown) == (1, 0)
    reasons = {each.reason for each in history.load(await cuttable.store.history(run.plan.run_id))}
    if cut is Cut.APPLIED:
        assert (truth.voids, result.errors) == (0, 0)
        assert "resolved-sold" in reasons
    else:
        assert (truth.voids, result.errors) == (1, 1)
        assert "resolved-void" in reasons
    assert result.violations == []
    check_sums(run, result)


async def test_the_end_of_a_run_is_stored_once_although_its_answer_was_lost(
    cuttable: Services, proxy: ClusterLine, event: Event, sql: asyncpg.Connection
) -> None:
    for cut in (Cut.APPLIED, Cut.NOT_APPLIED):
        proxy.plan("was sold once", cut)
        run = await fired(cuttable, event, buyers=4)
        assert cut in proxy.cuts_made
        assert run.status is RunStatus.DONE
        assert len(history.load(await cuttable.store.history(run.plan.run_id))) == 5
    assert await lease(sql) is None


@asynccontextmanager
async def _no_bench(
    _self: DsqlStore, _plan: Plan, _region: str, _size: int
) -> AsyncIterator[Bench]:
    raise NotCommitted("53300 too many connections")
    yield


async def test_a_stampede_without_connections_is_no_result(
    services: Services, event: Event, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DsqlStore, "bench", _no_bench)
    run = await fired(services, event)
    result = result_of(run)
    assert run.status is RunStatus.INTERRUPTED
    assert (result.confirmed, result.oversold, result.errors) == (0, None, 60)
    assert result.verdict == "No result: nobody was confirmed in 61 operations."
    assert await lease(sql) is None


@pytest.mark.slow
async def test_a_line_up_that_never_is_complete_is_called_off(
    services: Services, event: Event, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(barrier, "READY_DEADLINE_S", 0.3)
    monkeypatch.setattr(barrier.Gate, "arrive", lambda _gate: None)
    run = await fired(services, event)
    assert run.status is RunStatus.INTERRUPTED
    assert result_of(run).oversold is None
    assert (await counted(sql, run)).sales == 0
    assert await lease(sql) is None
    monkeypatch.undo()
    assert isinstance(services.store, DsqlStore)
    for region in REGIONS:
        await asyncio.wait_for(services.store._regions.benches[region].warm(BENCH_LANES), 30)
    assert result_of(await fired(services, event)).in_flight_max >= 55


async def test_a_database_that_is_away_starts_nothing(
    cuttable: Services, proxy: ClusterLine, event: Event, sql: asyncpg.Connection
) -> None:
    await proxy.away()
    with pytest.raises(Unavailable):
        await fire(cuttable, event)
    with pytest.raises(Unavailable):
        await cuttable.stampedes.runs()
    await proxy.restore()
    assert await sql.fetchval("SELECT count(*) FROM run WHERE event_id = $1", event.event_id) == 0
    assert result_of(await fired(cuttable, event, buyers=2)).confirmed == 1


async def test_a_run_outlives_a_database_that_goes_away_in_the_middle(
    cuttable: Services,
    proxy: ClusterLine,
    event: Event,
    sql: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worldseat.services.settling.SETTLE_PAUSE_S", 0.1)
    begun = await fire(cuttable, event, buyers=60, arrival=Arrival(spread_ms=600))

    async def is_fired() -> bool:
        _, progress = await cuttable.stampedes.run(begun.plan.run_id)
        return progress is not None and progress.answered > 0

    await until(is_fired)
    await proxy.away()
    await asyncio.sleep(0.2)
    await proxy.restore()
    run = await cuttable.stampedes.wait(begun.plan.run_id)
    result, truth = result_of(run), await counted(sql, run)
    assert run.status is RunStatus.DONE
    assert (truth.sales, result.confirmed, result.oversold) == (1, 1, 0)
    assert result.violations == []
    assert result.unknown == 0
    assert await lease(sql) is None


async def test_a_burst_that_loses_all_its_lines_at_once_keeps_nobody_waiting(
    cuttable: Services, proxy: ClusterLine, event: Event, sql: asyncpg.Connection
) -> None:
    """Each buyer holds a place and wants another: who lost a line must give the place back."""
    began = asyncio.Event()

    async def break_all() -> None:
        await began.wait()
        await proxy.away()
        await proxy.restore()

    whole = DsqlTransaction.read_seat
    breaking = asyncio.create_task(break_all())

    async def read_and_tell(self: DsqlTransaction, key: SeatKey) -> Seat:
        found = await whole(self, key)
        if not breaking.done():
            began.set()
            await breaking
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(DsqlTransaction, "read_seat", read_and_tell)
        run = await asyncio.wait_for(fired(cuttable, event, buyers=20), 15)
    result, truth = result_of(run), await counted(sql, run)
    assert run.status is RunStatus.DONE
    assert (truth.sales, result.confirmed, result.oversold) == (1, 1, 0)
    assert result.retries_total >= 19
