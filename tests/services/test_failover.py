"""Buying while a Region is away: through the other one, or with a clear answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database
from tests.patience import until
from tests.wire import Cut, CuttingProxy

from worldseat import bootstrap
from worldseat.domain.errors import ClaimVoided, OutcomeUnknown, Unavailable
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, RunStatus
from worldseat.domain.seats import Code, Order
from worldseat.services.fence import Fence, Resolution
from worldseat.services.shop import Bought
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings

EAST_1, EAST_2 = REGIONS

Lines = dict[str, CuttingProxy]


@pytest_asyncio.fixture
async def lines(database: Database, services: Services) -> AsyncIterator[Lines]:
    """The way to each Region."""
    async with CuttingProxy(database.url) as first, CuttingProxy(database.url) as second:
        yield {EAST_1: first, EAST_2: second}


@pytest_asyncio.fixture
async def shop(lines: Lines, settings: Settings) -> AsyncIterator[Services]:
    """Services that reach each Region through a line of its own."""
    urls = {region: line.url for region, line in lines.items()}
    async with bootstrap.services(replace(settings, database_urls=urls), work=False) as running:
        yield running


def fan_of(services: Services, region: str, fresh_fan: Callable[[], str]) -> str:
    """Return a fresh fan whom this Region serves."""
    while services.shop.region_of(fan := fresh_fan()) != region:
        pass
    return fan


async def buy(services: Services, event: Event, seat: str, fan: str, key: str = "k") -> Bought:
    return await services.shop.buy(fan_id=fan, key=key, event_id=event.event_id, seats=[seat])


def state(services: Services, region: str) -> str:
    return {each.region: each.state for each in services.store.region_figures()}[region]


async def committed(sql: asyncpg.Connection, event: Event) -> list[tuple[str, str, str]]:
    """Return each row's kind, its fan's Region and the endpoint it went through."""
    rows = await sql.fetch(
        "SELECT kind, o.region, l.region AS endpoint FROM op_log AS o INNER JOIN lane AS l "
        "USING (lane) WHERE event_id = $1 ORDER BY recorded_at",
        event.event_id,
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("region", REGIONS)
async def test_a_fan_whose_region_just_went_away_buys_through_the_other_at_once(
    shop: Services,
    lines: Lines,
    event: Event,
    sql: asyncpg.Connection,
    fresh_fan: Callable[[], str],
    region: str,
) -> None:
    (other,) = set(REGIONS) - {region}
    fan = fan_of(shop, region, fresh_fan)
    await lines[region].away()
    began_s = time.monotonic()
    bought = await buy(shop, event, "A1", fan)
    assert time.monotonic() - began_s < 2
    assert (bought.replayed, bought.tickets[0].region) == (False, region)
    assert await committed(sql, event) == [("sell", region, other)]
    assert [each.seat for each in await shop.shop.tickets(fan)] == ["A1"]


async def test_sales_go_on_within_two_seconds_of_a_region_that_hangs(
    shop: Services, lines: Lines, event: Event, fresh_fan: Callable[[], str]
) -> None:
    lines[EAST_1].freeze()
    began_s = time.monotonic()
    await until(lambda: state(shop, EAST_1) != "ok")
    await buy(shop, event, "A1", fan_of(shop, EAST_1, fresh_fan))
    assert time.monotonic() - began_s < 2


@pytest.mark.parametrize(("cut", "kind"), [(Cut.APPLIED, "sell"), (Cut.NOT_APPLIED, "void")])
async def test_a_commit_lost_with_its_region_is_resolved_through_the_other(
    shop: Services,
    lines: Lines,
    event: Event,
    sql: asyncpg.Connection,
    fresh_fan: Callable[[], str],
    cut: Cut,
    kind: str,
) -> None:
    fan = fan_of(shop, EAST_1, fresh_fan)
    lines[EAST_1].plan_for(fan, "k", cut)
    buying = asyncio.create_task(buy(shop, event, "A1", fan))
    await until(lambda: bool(lines[EAST_1].cuts_made))
    await lines[EAST_1].away()
    (answer,) = await asyncio.gather(buying, return_exceptions=True)
    assert isinstance(answer, Bought if kind == "sell" else ClaimVoided)
    endpoint = EAST_1 if kind == "sell" else EAST_2
    assert await committed(sql, event) == [(kind, EAST_1, endpoint)]


async def test_with_both_regions_away_a_fan_is_told_that_nothing_was_bought(
    shop: Services, lines: Lines, event: Event, sql: asyncpg.Connection, fan: str
) -> None:
    for line in lines.values():
        await line.away()
    began_s = time.monotonic()
    with pytest.raises(Unavailable) as told:
        await buy(shop, event, "A1", fan)
    assert time.monotonic() - began_s < 3
    assert "Nothing was" in told.value.next_step
    assert "us-east-2" in told.value.operator
    await lines[EAST_2].restore()
    assert await committed(sql, event) == []
    assert (await buy(shop, event, "A1", fan)).replayed is False


@pytest.mark.slow
async def test_with_both_regions_hanging_the_answer_comes_in_bounded_time(
    shop: Services, lines: Lines, event: Event, sql: asyncpg.Connection, fan: str
) -> None:
    for line in lines.values():
        line.freeze()
    began_s = time.monotonic()
    with pytest.raises(Unavailable) as told:
        await buy(shop, event, "A1", fan)
    assert time.monotonic() - began_s < 8
    assert "Nothing was" in told.value.next_step
    for line in lines.values():
        line.thaw()
    assert await committed(sql, event) == []


async def test_a_commit_lost_with_both_regions_is_called_unknown_and_found_later(
    shop: Services,
    lines: Lines,
    event: Event,
    sql: asyncpg.Connection,
    fresh_fan: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve = Fence.resolve

    async def resolve_with_both_away(fence: Fence, order: Order) -> Resolution:
        for line in lines.values():
            await line.away()
        return await resolve(fence, order, deadline_s=0.5)

    monkeypatch.setattr(Fence, "resolve", resolve_with_both_away)
    fan = fan_of(shop, EAST_1, fresh_fan)
    lines[EAST_1].plan_for(fan, "k", Cut.APPLIED)
    with pytest.raises(OutcomeUnknown, match="do not know yet"):
        await buy(shop, event, "A1", fan)
    for line in lines.values():
        await line.restore()
    assert (await buy(shop, event, "A1", fan)).replayed is True
    assert await committed(sql, event) == [("sell", EAST_1, EAST_1)]


# stampedes


@pytest.mark.parametrize("spread_ms", [0, 500])
async def test_a_stampede_outlives_the_loss_of_a_region_in_its_middle(
    shop: Services, lines: Lines, event: Event, sql: asyncpg.Connection, spread_ms: int
) -> None:
    cell = Cell(
        store="dsql", code=Code.CONDITIONAL, arrival=Arrival(spread_ms=spread_ms), buyers=60
    )
    begun = await shop.stampedes.start(event_id=event.event_id, cell=cell, seat="A1")

    async def is_fired() -> bool:
        _, progress = await shop.stampedes.run(begun.plan.run_id)
        return progress is None or progress.answered > 0

    await until(is_fired)
    await lines[EAST_1].away()
    run = await shop.stampedes.wait(begun.plan.run_id)
    assert run.status is RunStatus.DONE
    assert run.result is not None
    assert (run.result.confirmed, run.result.oversold, run.result.unknown) == (1, 0, 0)
    assert run.result.violations == []
    assert run.result.errors == 0
    sold = [row for row in await committed(sql, event) if row[0] == "sell"]
    assert len(sold) == 1


async def test_a_stampede_is_fired_through_the_survivor(
    shop: Services, lines: Lines, event: Event, sql: asyncpg.Connection
) -> None:
    await lines[EAST_1].away()
    await until(lambda: state(shop, EAST_1) != "ok")
    cell = Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(), buyers=60)
    begun = await shop.stampedes.start(event_id=event.event_id, cell=cell, seat="A1")
    run = await shop.stampedes.wait(begun.plan.run_id)
    assert run.status is RunStatus.DONE
    assert run.result is not None
    assert (run.result.confirmed, run.result.oversold, run.result.errors) == (1, 0, 0)
    assert run.result.in_flight_max == 60
    ((_, _, endpoint),) = await committed(sql, event)
    assert endpoint == EAST_2
