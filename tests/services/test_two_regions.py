"""Selling through the local cluster's two Regions while one, the witness, or both are lost."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio
from tests.patience import until

from worldseat import bootstrap
from worldseat.domain.errors import ClaimVoided, Unavailable, WorldSeatError
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, RunStatus
from worldseat.domain.seats import Code, Mode
from worldseat.domain.venue_file import read_venue
from worldseat.local_dsql import descriptor
from worldseat.ports.cluster import LocalCluster
from worldseat.services.shop import Bought
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, WITNESS_REGION, Settings
from worldseat.stores.dsql import DsqlStore
from worldseat.venues import venue_text

EAST_1, EAST_2 = REGIONS

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Here:
    """A WorldSeat on a local cluster of its own, and the PostgreSQL behind the cluster."""

    services: Services
    cluster: LocalCluster
    postgres_url: str

    async def make_event(self) -> Event:
        chart, price = read_venue(venue_text("hall-96.json"))
        return await self.services.onsale.create(
            chart=chart, title="A TEST", price=price, mode=Mode.REHEARSAL
        )

    def fan_of(self, region: str) -> str:
        while self.services.shop.region_of(fan := f"fan_{next(_numbers)}") != region:
            pass
        return fan

    async def buy(self, event: Event, seat: str, region: str = EAST_1) -> Bought:
        return await self.services.shop.buy(
            fan_id=self.fan_of(region), key="k", event_id=event.event_id, seats=[seat]
        )

    def serves(self) -> dict[str, str | None]:
        return {each.region: each.served_by for each in self.services.store.region_figures()}

    async def well(self) -> None:
        await self.cluster.order("clear")
        await until(lambda: self.serves() == {EAST_1: EAST_1, EAST_2: EAST_2})

    async def rows(self, event: Event) -> list[tuple[str, str, str]]:
        """Return kind, fan's Region and endpoint of each row, asked for behind the cluster."""
        connection = await asyncpg.connect(self.postgres_url)
        found = await connection.fetch(
            "SELECT kind, o.region, l.region FROM op_log AS o INNER JOIN lane AS l USING (lane) "
            "WHERE event_id = $1 ORDER BY recorded_at",
            event.event_id,
        )
        await connection.close()
        return [tuple(row) for row in found]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Here]:
    settings = Settings(home=tmp_path_factory.mktemp("two"), delays=False)
    async with bootstrap.services(settings, work=False) as running:
        assert running.cluster is not None
        found = descriptor.read(settings.home / "dsql")
        assert found is not None
        yield Here(running, running.cluster, found.postgres_url)


@pytest_asyncio.fixture
async def here(started: Here) -> AsyncIterator[Here]:
    await started.well()
    yield started
    await started.cluster.order("clear")


@pytest_asyncio.fixture
async def event(here: Here) -> Event:
    return await here.make_event()


@pytest.mark.parametrize("order", ["region-down", "cut-off"])
@pytest.mark.parametrize("region", REGIONS)
async def test_sales_go_on_through_the_survivor(
    here: Here, event: Event, order: str, region: str
) -> None:
    (other,) = set(REGIONS) - {region}
    await here.cluster.order(order, region=region)
    began_s = time.monotonic()
    await here.buy(event, "A1", region)
    await here.buy(event, "A2", other)
    assert time.monotonic() - began_s < 2
    assert await here.rows(event) == [("sell", region, other), ("sell", other, other)]
    assert here.serves() == {region: other, other: other}
    await here.cluster.order("clear")
    await until(lambda: here.serves()[region] == region, within_s=3)
    await here.buy(event, "A3", region)
    assert (await here.rows(event))[-1] == ("sell", region, region)


async def test_without_the_witness_both_regions_go_on(here: Here, event: Event) -> None:
    await here.cluster.order("region-down", region=WITNESS_REGION)
    for seat, region in (("A1", EAST_1), ("A2", EAST_2)):
        await here.buy(event, seat, region)
    assert await here.rows(event) == [("sell", EAST_1, EAST_1), ("sell", EAST_2, EAST_2)]


async def test_without_a_quorum_nothing_is_sold_it_is_said_and_the_floor_is_still_shown(
    here: Here, event: Event
) -> None:
    await here.cluster.order("region-down", region=WITNESS_REGION)
    await here.cluster.order("region-down", region=EAST_2)
    began_s = time.monotonic()
    for region in REGIONS:
        with pytest.raises(Unavailable) as told:
            await here.buy(event, "A1", region)
        assert "takes no purchases" in told.value.message
        assert "Nothing was bought" in told.value.next_step
        assert "1 of 3 Regions" in told.value.operator
    assert time.monotonic() - began_s < 4
    assert await here.rows(event) == []
    store = here.services.store
    assert isinstance(store, DsqlStore)
    # Also on new connections, which cannot be registered as lanes now.
    store._regions.fans[EAST_1].cut()
    assert len(await store.floor(event.event_id, event.current_round_id)) == 96
    assert here.serves() == {EAST_1: None, EAST_2: None}
    health = await here.services.store.health()
    assert health[EAST_1].startswith("25006")
    await here.well()
    # On those connections too, which are registered now.
    await here.buy(event, "A1")
    assert len(await here.rows(event)) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("drop-before", "void"), ("drop-after", "sell"), ("unavailable", None), ("storm", "sell")],
)
async def test_one_fault_on_the_way_ends_in_one_answer(
    here: Here, event: Event, fault: str, kind: str | None
) -> None:
    await here.cluster.order(fault, region=EAST_1)
    (answer,) = await asyncio.gather(here.buy(event, "A1"), return_exceptions=True)
    rows = await here.rows(event)
    assert (await here.cluster.status()).done[fault] >= 1
    assert len(rows) == 1
    assert kind in {rows[0][0], None}
    assert isinstance(answer, Bought if rows[0][0] == "sell" else ClaimVoided)


async def test_a_storm_of_conflicts_is_outlasted_and_counted(here: Here, event: Event) -> None:
    before = here.services.store.region_figures()[0]
    await here.cluster.order("storm", region=EAST_1, count=5)
    await here.buy(event, "A1")
    after = here.services.store.region_figures()[0]
    assert after.conflicts - before.conflicts == 5
    assert after.retries - before.retries == 5


@pytest.mark.slow
async def test_a_region_that_answers_nothing_for_a_while_keeps_nobody(
    here: Here, event: Event
) -> None:
    await here.cluster.order("pause", region=EAST_1, ms=0)
    began_s = time.monotonic()
    await here.buy(event, "A1")
    assert time.monotonic() - began_s < 4
    began_s = time.monotonic()
    await here.buy(event, "A2")
    assert time.monotonic() - began_s < 1
    assert [row[2] for row in await here.rows(event)] == [EAST_2, EAST_2]


async def _stampedes(here: Here, event: Event, count: int) -> None:
    """Fire so many stampedes of 60 buyers and see that each is what it must be."""
    fired = 0
    while fired < count:
        code = (Code.NAIVE, Code.CONDITIONAL)[fired % 2]
        cell = Cell(store="dsql", code=code, arrival=Arrival(), buyers=60)
        try:
            begun = await here.services.stampedes.start(event_id=event.event_id, cell=cell)
        except WorldSeatError as refused:
            assert refused.code == "unavailable"  # noqa: PT017 - the rest must go on.
            await asyncio.sleep(0.2)
            continue
        fired += 1
        run = await here.services.stampedes.wait(begun.plan.run_id)
        result = run.result
        assert result is not None
        assert result.violations == []
        assert result.unknown == 0
        assert result.confirmed <= 1
        if run.status is RunStatus.DONE and result.confirmed:
            assert result.oversold == 0


async def _lose_everything_once(here: Here, pause_s: float) -> None:
    for loss in ((EAST_1,), (WITNESS_REGION,), (EAST_1, WITNESS_REGION)):
        await asyncio.sleep(pause_s)
        for region in loss:
            await here.cluster.order("region-down", region=region)
        await asyncio.sleep(pause_s)
        await here.cluster.order("clear")


@pytest.mark.parametrize(
    ("count", "pause_s"),
    [pytest.param(6, 0.3), pytest.param(50, 2.0, marks=pytest.mark.slow)],
)
async def test_stampedes_while_a_region_the_witness_and_both_are_lost(
    here: Here, event: Event, count: int, pause_s: float
) -> None:
    await asyncio.gather(
        _stampedes(here, event, count), _lose_everything_once(here, pause_s=pause_s)
    )
    await here.well()
    report = await here.services.witness.judge(event.event_id)
    assert report.clean, report.verdict
    assert report.operations >= 60
    unfinished = await here.services.store.unfinished_runs()
    assert [run for run in unfinished if run.plan.event_id == event.event_id] == []
