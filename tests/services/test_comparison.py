"""Comparisons and the matrix, on the real database and one isolation level below it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from tests.behind import Database
from tests.patience import until

from worldseat.domain.errors import (
    BadRequest,
    NotHere,
    Unavailable,
    UnknownComparison,
    UnknownEvent,
    UnknownStore,
)
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Plan, Reach, Run
from worldseat.domain.seats import Code, Mode, Seat, SeatKey
from worldseat.ports.store import Guarantees, NotCommitted, OtherMode, Store, StoreSetup, Tally
from worldseat.services import comparison as module
from worldseat.services.comparison import Comparison, Comparisons, Stage
from worldseat.services.fence import Fence
from worldseat.services.matrix import LAGS_MS, Line, Matrix, Spot, Table, columns
from worldseat.services.recovery import Recovery
from worldseat.services.stampede import LEASE, Stampedes
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores.dsql.control import ReadCommittedControl
from worldseat.system import SystemChance, SystemClock

MakeEvent = Callable[[Mode], "Event"]
NAIVE = Code.NAIVE


class Foil(ReadCommittedControl):
    """A foil made of the product's adapter: it oversells, and its 'lag' can be chosen."""

    name = "control"
    lag_is_chosen = True
    guarantees = Guarantees(
        isolation="READ COMMITTED",
        replication="none",
        cannot="keep a seat",
        two_writers="lets both commit",
        other_modes=(OtherMode(title="Control, strict", would_change="All of it."),),
    )
    plans: list[Plan]
    away = ""

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        found = await super().tally(run_id, key)
        return replace(found, lag_ms_p50=7.5)

    async def seat(self, key: SeatKey) -> Seat:
        if self.away:
            raise NotCommitted(self.away)
        return await super().seat(key)


class OneRegion(Foil):
    """A foil that takes writes in one Region only."""

    name = "single"
    lag_is_chosen = False
    in_headline = False

    def __init__(self, setup: StoreSetup) -> None:
        super().__init__(setup)
        self.regions = setup.regions[:1]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The parts under test."""

    stampedes: Stampedes
    comparisons: Comparisons
    matrix: Matrix
    foil: Foil
    stores: dict[str, Store]


@pytest_asyncio.fixture
async def bench(services: Services, settings: Settings, database: Database) -> AsyncIterator[Bench]:
    setup = StoreSetup(
        regions=settings.regions,
        urls=database.urls,
        home=settings.home,
        process="test:comparison",
        chance=SystemChance(),
    )
    foils = [Foil(setup), OneRegion(setup)]
    for foil in foils:
        await foil.open()
    stores: dict[str, Store] = {"dsql": services.store, **{foil.name: foil for foil in foils}}
    stampedes = Stampedes(
        services.store,
        stores,
        settings.regions,
        git_commit="test",
        clock=SystemClock(),
        chance=SystemChance(),
    )
    matrix = Matrix(services.store, stores)
    comparisons = Comparisons(stampedes, matrix, chance=SystemChance())
    yield Bench(
        stampedes=stampedes, comparisons=comparisons, matrix=matrix, foil=foils[0], stores=stores
    )
    await comparisons.close()
    await stampedes.close()
    for foil in foils:
        await foil.close()


def cells(buyers: int, *stores: str) -> list[Cell]:
    return [Cell(store=store, code=NAIVE, buyers=buyers) for store in stores]


async def over(bench: Bench, made: Comparison) -> list[Run]:
    found = await bench.comparisons.wait(made.comparison_id)
    return [(await bench.stampedes.run(run_id))[0] for run_id in found.run_ids]


def line_of(table: Table, store: str, lag_ms: int | None = None) -> Line:
    [line] = [
        each
        for each in table.lines
        if (each.store, each.lag_ms, each.installed) == (store, lag_ms, True)
    ]
    return line


def spot_of(line: Line, code: Code, reach: Reach) -> Spot:
    return line.spots[columns().index((code, Arrival(), reach))]


async def test_cells_take_turns_at_one_seat_with_one_seed(bench: Bench, event: Event) -> None:
    made = await bench.comparisons.start(
        event_id=event.event_id, cells=cells(40, "dsql", "control"), runs=3, seed=2**31 - 2
    )
    assert (made.planned, made.done, made.stage) == (6, 0, Stage.RUNNING)
    runs = await over(bench, made)
    assert [run.plan.store for run in runs] == ["dsql", "control"] * 3
    assert [run.plan.seed for run in runs] == [2**31 - 2] * 2 + [2**31 - 1] * 2 + [0, 0]
    assert {run.seat for run in runs} == {"A1"}
    oversold = [run.result.oversold for run in runs if run.result]
    assert oversold[::2] == [0, 0, 0]
    assert all(count for count in oversold[1::2])
    found = bench.comparisons.look(made.comparison_id)
    assert (found.done, found.stage, found.now, found.problems) == (6, Stage.DONE, None, [])


async def test_one_region_is_one_region_and_the_lag_is_written_down(
    bench: Bench, event: Event
) -> None:
    asked = [
        Cell(store="control", code=NAIVE, buyers=6, reach=Reach.ONE, lag_ms=100),
        Cell(store="control", code=NAIVE, buyers=6),
        Cell(store="single", code=NAIVE, buyers=6),
    ]
    made = await bench.comparisons.start(event_id=event.event_id, cells=asked)
    one, both, single = await over(bench, made)
    assert (one.plan.regions, one.plan.lag_ms) == (("us-east-1",), 100)
    assert (both.plan.regions, both.plan.lag_ms) == (("us-east-1", "us-east-2"), 0)
    assert (single.plan.regions, single.plan.lag_ms) == (("us-east-1",), None)
    assert one.result is not None
    assert [(each.region, each.buyers) for each in one.result.regions] == [("us-east-1", 6)]
    assert one.result.lag_ms_p50 == 7.5


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (Cell(store="single", code=NAIVE, reach=Reach.BOTH), "one Region only"),
        (Cell(store="dsql", code=NAIVE, lag_ms=0), "no replication whose lag"),
        (Cell(store="control", code=NAIVE, lag_ms=60_001), "0 to 60,000 ms"),
        (Cell(store="dsql", code=NAIVE, buyers=1), "2 to 1,000 buyers"),
        (Cell(store="nothing", code=NAIVE), "No store named 'nothing'"),
    ],
)
async def test_what_cannot_be_fired_is_refused_before_anything_is(
    bench: Bench, event: Event, cell: Cell, said: str
) -> None:
    good = Cell(store="dsql", code=NAIVE, buyers=4)
    with pytest.raises((BadRequest, UnknownStore), match=said):
        await bench.comparisons.start(event_id=event.event_id, cells=[good, cell])
    assert await bench.stampedes.runs(event.event_id) == []
    assert bench.comparisons.newest() is None


async def test_bounds(bench: Bench, event: Event, make_event: MakeEvent) -> None:
    one = cells(4, "dsql")
    for many in ([], one * (module.CELLS_MAX + 1)):
        with pytest.raises(BadRequest, match="1 to 100 cells"):
            await bench.comparisons.start(event_id=event.event_id, cells=many)
    with pytest.raises(BadRequest, match="1,001 runs"):
        await bench.comparisons.start(event_id=event.event_id, cells=one, runs=1_001)
    with pytest.raises(UnknownEvent):
        await bench.comparisons.start(event_id="evt_nowhere", cells=one)
    with pytest.raises(UnknownComparison):
        bench.comparisons.look("cmp_nothing")


async def test_topping_up_fires_only_what_is_missing(bench: Bench, event: Event) -> None:
    # A size of its own: the matrix counts the runs of all events.
    two = cells(11, "dsql", "control")
    await over(bench, await bench.comparisons.start(event_id=event.event_id, cells=two[:1], runs=2))
    made = await bench.comparisons.start(
        event_id=event.event_id, cells=two, runs=3, top_up=True, seed=5
    )
    runs = await over(bench, made)
    assert made.planned == 4
    assert [(run.plan.store, run.plan.seed) for run in runs] == [
        *(("control", 5), ("control", 6)),
        *(("dsql", 7), ("control", 7)),
    ]
    again = await bench.comparisons.start(event_id=event.event_id, cells=two, runs=3, top_up=True)
    assert await over(bench, again) == []
    assert (again.planned, again.stage) == (0, Stage.DONE)


async def test_one_comparison_at_a_time_and_it_can_be_stopped(bench: Bench, event: Event) -> None:
    slow = [Cell(store="dsql", code=NAIVE, buyers=4, arrival=Arrival(spread_ms=200))]
    made = await bench.comparisons.start(event_id=event.event_id, cells=slow, runs=500)
    with pytest.raises(NotHere) as refused:
        await bench.comparisons.start(event_id=event.event_id, cells=slow)
    assert refused.value.code == "comparison-running"
    await until(lambda: made.done > 0)
    assert bench.comparisons.stop(made.comparison_id).stage is Stage.STOPPED
    runs = await over(bench, made)
    assert 1 <= len(runs) == made.done < 10
    # The one under way was finished and counted.
    assert all(run.result is not None and run.result.confirmed == 1 for run in runs)
    assert bench.comparisons.stop(made.comparison_id).stage is Stage.STOPPED
    next_one = await bench.comparisons.start(event_id=event.event_id, cells=slow)
    assert len(await over(bench, next_one)) == 1


async def test_a_foil_that_is_away_is_named_and_the_others_go_on(
    bench: Bench, event: Event
) -> None:
    bench.foil.away = "the emulator is gone"
    made = await bench.comparisons.start(
        event_id=event.event_id, cells=cells(6, "control", "dsql"), runs=3
    )
    runs = await over(bench, made)
    assert [run.plan.store for run in runs] == ["dsql"] * 3
    [problem] = made.problems
    assert "READ COMMITTED control cannot be reached, so nobody has fired." in problem
    assert (made.stage, made.done, made.planned) == (Stage.DONE, 3, 6)


async def test_it_waits_for_somebody_elses_stampede(
    bench: Bench, event: Event, services: Services
) -> None:
    assert await services.store.take_lease(LEASE, "somebody", ttl_s=30)
    made = await bench.comparisons.start(event_id=event.event_id, cells=cells(4, "dsql"))
    await asyncio.sleep(0.3)
    assert made.run_ids == []
    await services.store.give_lease(LEASE, "somebody")
    assert len(await over(bench, made)) == 1


async def test_it_does_not_wait_for_ever(
    bench: Bench, event: Event, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TURN_WAIT_S", 0.1)
    assert await services.store.take_lease(LEASE, "somebody", ttl_s=30)
    made = await bench.comparisons.start(event_id=event.event_id, cells=cells(4, "dsql"), runs=2)
    assert await over(bench, made) == []
    await services.store.give_lease(LEASE, "somebody")
    assert made.problems == ["dsql, naive, burst, two Regions: Another stampede is running."]


async def test_a_fan_who_buys_the_seat_in_between_keeps_it(
    bench: Bench, event: Event, services: Services
) -> None:
    """The seat that the first run chose is left alone; a seat that was asked for is not changed."""
    made = Comparison(comparison_id="cmp_t", event_id=event.event_id, seed=1, planned=1)
    cell = bench.stampedes._planner.complete(Cell(store="dsql", code=NAIVE, buyers=4))
    await services.shop.buy(fan_id="fan_x", key="k", event_id=event.event_id, seats=["A1"])
    at = await bench.comparisons._fire(made, cell, 0, seat=None, before="A1")
    assert at == "A2"
    with pytest.raises(NotHere) as refused:
        await bench.comparisons._fire(made, cell, 0, seat="A1", before="A2")
    assert refused.value.code == "seat-of-a-fan"


async def test_closing_gives_up(bench: Bench, event: Event, services: Services) -> None:
    slow = [Cell(store="dsql", code=NAIVE, buyers=4, arrival=Arrival(spread_ms=5_000))]
    made = await bench.comparisons.start(event_id=event.event_id, cells=slow, runs=9)
    await until(lambda: bool(made.run_ids))
    await bench.comparisons.close()
    assert made.stage is Stage.STOPPED
    # What was under way is settled now, and not while the next test fires.
    await bench.stampedes.close()
    clock, chance = SystemClock(), SystemChance()
    fence = Fence(services.store, ("us-east-1", "us-east-2"), clock=clock, chance=chance)
    recovery = Recovery(services.store, bench.stores, fence, clock=clock, holder="recovery-test")

    async def all_settled() -> bool:
        return await recovery.settle_all() == 0

    await until(all_settled)


# the matrix


async def test_the_matrix_counts_like_with_like_only(bench: Bench, event: Event) -> None:
    buyers = 23
    asked = [
        *cells(buyers, "dsql", "control"),
        Cell(store="control", code=NAIVE, buyers=buyers, lag_ms=100),
        Cell(store="control", code=NAIVE, buyers=buyers, reach=Reach.ONE),
        Cell(store="control", code=Code.CONDITIONAL, buyers=buyers),
        Cell(store="single", code=NAIVE, buyers=buyers),
    ]
    made = await bench.comparisons.start(event_id=event.event_id, cells=asked, runs=2)
    runs = await over(bench, made)
    table = await bench.matrix.table(buyers=buyers)
    assert table.runs == 12
    product = spot_of(line_of(table, "dsql"), NAIVE, Reach.BOTH).measured
    assert product is not None
    assert (product.runs, product.above_zero, product.oversold.high) == (2, 0, 0)
    assert product.lag_ms_p50 is None
    both = spot_of(line_of(table, "control", 0), NAIVE, Reach.BOTH).measured
    assert both is not None
    counts = _oversold(runs, cell=bench.stampedes._planner.complete(asked[1]))
    assert (both.oversold.low, both.oversold.high) == (min(counts), max(counts))
    assert both.oversold.median == sum(counts) / 2
    assert (both.runs, both.above_zero) == (2, 2)
    assert both.holders.high == both.oversold.high + 1
    assert both.lag_ms_p50 is not None
    assert both.lag_ms_p50.median == 7.5
    mine = [run.plan.run_id for run in runs if run.plan.cell == spot_cell(table, "control", 0)]
    assert list(both.run_ids) == mine[::-1]
    careful = spot_of(line_of(table, "control", 0), Code.CONDITIONAL, Reach.BOTH).measured
    assert careful is not None
    assert careful.oversold.high == 0
    lagging = spot_of(line_of(table, "control", 100), NAIVE, Reach.BOTH).measured
    assert lagging is not None
    assert lagging.runs == 2
    assert spot_of(line_of(table, "control", 1_000), NAIVE, Reach.BOTH).measured is None


def spot_cell(table: Table, store: str, lag_ms: int) -> Cell:
    return spot_of(line_of(table, store, lag_ms), NAIVE, Reach.BOTH).cell


def _oversold(runs: Sequence[Run], cell: Cell) -> list[int]:
    return [
        run.result.oversold
        for run in runs
        if run.plan.cell == cell and run.result and run.result.oversold is not None
    ]


async def test_a_place_nobody_measured_says_so_and_one_that_cannot_be_says_why(
    bench: Bench,
) -> None:
    table = await bench.matrix.table(buyers=991)
    assert table.runs == 0
    assert all(spot.measured is None for line in table.lines for spot in line.spots)
    single = line_of(table, "single")
    assert spot_of(single, NAIVE, Reach.BOTH).cannot == "takes writes in one Region only"
    assert spot_of(single, NAIVE, Reach.ONE).cannot == ""
    [strict, *_] = [line for line in table.lines if line.title == "Control, strict"]
    assert (strict.installed, strict.note, strict.stand_in) == (False, "All of it.", None)
    assert [line.lag_ms for line in table.lines if line.store == "control" and line.installed] == [
        *LAGS_MS
    ]


async def test_another_stand_in_has_a_line_of_its_own(bench: Bench, event: Event) -> None:
    buyers = 29
    await over(
        bench, await bench.comparisons.start(event_id=event.event_id, cells=cells(buyers, "dsql"))
    )
    [played, *_] = (await bench.matrix.table(buyers=buyers)).lines
    assert played.stand_in is not None
    product = bench.stores["dsql"]
    there, product.stand_in = product.stand_in, "a local cluster 1.0"
    try:
        table = await bench.matrix.table(buyers=buyers)
    finally:
        product.stand_in = there
    assert all(spot.measured is None for spot in line_of(table, "dsql").spots)
    [older] = [line for line in table.lines if line.stand_in == there and line.store == "dsql"]
    assert not older.installed
    found = spot_of(older, NAIVE, Reach.BOTH).measured
    assert found is not None
    assert found.runs == 1


async def test_every_place_of_the_matrix_can_be_fired_or_says_why_not(bench: Bench) -> None:
    table = await bench.matrix.table()
    fired = {"dsql": 8, "control": 8, "single": 4}
    for line in table.lines:
        if line.installed:
            cells = [spot.cell for spot in line.spots if not spot.cannot]
            assert len(cells) == fired[line.store]
            assert all(bench.stampedes._planner.complete(cell) == cell for cell in cells)
    lines = [line.store for line in table.lines if line.installed]
    assert sorted(lines) == ["control"] * len(LAGS_MS) + ["dsql", "single"]


async def test_a_database_that_is_away_is_said_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object, **_more: object) -> None:
        raise NotCommitted("gone")

    monkeypatch.setattr(bench.stores["dsql"], "runs", away)
    with pytest.raises(Unavailable, match="cannot be read"):
        await bench.matrix.table()
