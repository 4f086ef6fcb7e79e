"""Two processes, each standing in its Region: all fans are served there, and get one answer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio
from tests.cluster_line import ClusterLine
from tests.patience import until
from tests.wire import Cut

from worldseat import bootstrap
from worldseat.domain.errors import ClaimVoided, KeyReused, SeatTaken
from worldseat.domain.event import Event
from worldseat.services.shop import Bought
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings

EAST_1, EAST_2 = REGIONS

There = Mapping[str, Services]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def standing(settings: Settings, services: Services) -> AsyncIterator[There]:
    """The services of two processes by the Region where each stands."""
    async with AsyncExitStack() as stack:
        yield {
            region: await stack.enter_async_context(
                bootstrap.services(replace(settings, region=region), work=False)
            )
            for region in REGIONS
        }


async def buy(there: Services, event: Event, seat: str, fan: str, key: str = "k") -> Bought:
    return await there.shop.buy(fan_id=fan, key=key, event_id=event.event_id, seats=[seat])


async def rows(sql: asyncpg.Connection, event: Event) -> list[tuple[str, str, str]]:
    """Return kind, fan's Region and endpoint of each row, oldest first."""
    found = await sql.fetch(
        "SELECT kind, o.region, l.region FROM op_log AS o INNER JOIN lane AS l USING (lane) "
        "WHERE event_id = $1 ORDER BY recorded_at",
        event.event_id,
    )
    return [tuple(row) for row in found]


async def test_all_fans_are_served_where_the_process_stands(
    standing: There, event: Event, fresh_fan: Callable[[], str], sql: asyncpg.Connection
) -> None:
    for region, there in standing.items():
        fans = [fresh_fan() for _ in range(8)]
        assert {there.shop.region_of(fan) for fan in fans} == {region}
        for place, fan in enumerate(fans):
            await buy(there, event, f"{'A' if region == EAST_1 else 'B'}{place + 1}", fan)
    assert await rows(sql, event) == [("sell", EAST_1, EAST_1)] * 8 + [("sell", EAST_2, EAST_2)] * 8


async def test_it_reads_at_home_first(standing: There) -> None:
    for region, there in standing.items():
        assert there.store.region_figures()[0].region == region


async def test_a_retry_in_the_other_region_gets_the_same_answer(
    standing: There, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    first = await buy(standing[EAST_1], event, "A1", fan)
    again = await buy(standing[EAST_2], event, "A1", fan)
    assert again == replace(first, replayed=True)
    assert again.tickets == await standing[EAST_2].shop.tickets(fan)
    with pytest.raises(KeyReused):
        await buy(standing[EAST_2], event, "A2", fan)
    assert await rows(sql, event) == [("sell", EAST_1, EAST_1)]


async def test_one_key_in_both_regions_at_once_is_one_purchase(
    standing: There, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    asked = [buy(standing[region], event, "A1", fan) for region in (EAST_1, EAST_2) * 6]
    answers = await asyncio.gather(*asked)
    assert len({(each.claim_id, each.tickets[0].code) for each in answers}) == 1
    assert sum(not each.replayed for each in answers) == 1
    assert len(await rows(sql, event)) == 1


async def test_a_refusal_in_one_region_is_one_in_the_other(
    standing: There, event: Event, fresh_fan: Callable[[], str]
) -> None:
    await buy(standing[EAST_1], event, "A1", fresh_fan())
    for there in standing.values():
        with pytest.raises(SeatTaken):
            await buy(there, event, "A1", fresh_fan())


@pytest.mark.parametrize("cut", [Cut.APPLIED, Cut.NOT_APPLIED])
async def test_what_was_lost_in_one_region_is_found_in_the_other(
    standing: There,
    settings: Settings,
    proxy: ClusterLine,
    event: Event,
    fan: str,
    sql: asyncpg.Connection,
    cut: Cut,
) -> None:
    """The first process never hears what became of its COMMIT, and its fan has left it."""
    here = replace(settings, database_urls=proxy.urls, region=EAST_1)
    async with bootstrap.services(here, work=False) as lost:
        proxy.plan_for(fan, "k", cut, Cut.HELD_BACK)
        waiting = asyncio.create_task(buy(lost, event, "A1", fan))
        await until(lambda: cut in proxy.cuts_made)
        waiting.cancel()
        await asyncio.wait([waiting])
        proxy.let_through.set()
    if cut is Cut.NOT_APPLIED:
        # Whether its void got out before it was cancelled is for the database to say.
        try:
            assert not (await buy(standing[EAST_2], event, "A1", fan)).replayed
        except ClaimVoided:
            assert await rows(sql, event) == [("void", EAST_1, EAST_2)]
            return
        assert await rows(sql, event) == [("sell", EAST_2, EAST_2)]
    else:
        assert (await buy(standing[EAST_2], event, "A1", fan)).replayed
        assert await rows(sql, event) == [("sell", EAST_1, EAST_1)]


async def test_while_its_region_is_away_the_other_serves_its_fans(
    settings: Settings,
    proxy: ClusterLine,
    event: Event,
    fresh_fan: Callable[[], str],
    sql: asyncpg.Connection,
) -> None:
    here = replace(settings, database_urls=proxy.urls, region=EAST_2)
    async with bootstrap.services(here, work=False) as there:
        proxy.order("region-down", region=EAST_2)
        await buy(there, event, "A1", fresh_fan())
        proxy.order("region-up", region=EAST_2)
        figures = there.store.region_figures
        await until(lambda: all(each.served_by == each.region for each in figures()))
        await buy(there, event, "A2", fresh_fan())
    assert await rows(sql, event) == [("sell", EAST_2, EAST_1), ("sell", EAST_2, EAST_2)]
