"""Rounds: filled in bounded pieces, taken up where they were left, switched by one of many."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest
from tests.cluster_line import ClusterLine

from worldseat.domain.errors import NotHere, Unavailable, UnknownEvent
from worldseat.domain.event import Event, Money
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code, Mode
from worldseat.domain.venue import Chart, Row, Section
from worldseat.services.wiring import Services
from worldseat.stores.dsql.catalog import FILL_ROWS

MakeEvent = Callable[[Mode], Awaitable[Event]]


async def round_sizes(sql: asyncpg.Connection, event: Event) -> dict[str, int]:
    """Return how many seats each round of an event has, by plain SQL."""
    found = await sql.fetch(
        "SELECT round_id, count(*) FROM seat WHERE event_id = $1 GROUP BY 1", event.event_id
    )
    return {round_id: count for round_id, count in found}  # noqa: C416 - records, not pairs


async def shown(sql: asyncpg.Connection, event: Event) -> str:
    found = await sql.fetchval(
        "SELECT current_round_id FROM event WHERE event_id = $1", event.event_id
    )
    return str(found)


async def half_fill(sql: asyncpg.Connection, event: Event, round_id: str, seats: int) -> None:
    """Leave a round as a process leaves it that is killed in the middle of filling it."""
    await sql.execute(
        "INSERT INTO sale_round (event_id, round_id, round_number, mode, seat_count)"
        " VALUES ($1, $2, $3, $4, $5)",
        event.event_id,
        round_id,
        int(round_id.rpartition("-")[2]),
        event.mode.value,
        event.chart.seat_count,
    )
    await sql.execute(
        "INSERT INTO seat (event_id, round_id, seat_index, status, op_id)"
        " SELECT $1, $2, place, 'open', 'root' FROM generate_series(0, $3::integer - 1) AS place",
        event.event_id,
        round_id,
        seats,
    )


async def test_a_reset_opens_a_round_and_leaves_the_old_one_as_it_was(
    services: Services, event: Event, sql: asyncpg.Connection, fan: str
) -> None:
    await services.shop.buy(fan_id=fan, key="k", event_id=event.event_id, seats=["A1"])
    before = await sql.fetch(
        "SELECT seat.*, xmin::text FROM seat WHERE event_id = $1 ORDER BY seat_index",
        event.event_id,
    )
    assert await services.onsale.reset(event.event_id) == "rehearsal-2"
    assert await round_sizes(sql, event) == {"rehearsal-1": 96, "rehearsal-2": 96}
    assert before == await sql.fetch(
        "SELECT seat.*, xmin::text FROM seat WHERE event_id = $1 AND round_id = 'rehearsal-1'"
        " ORDER BY seat_index",
        event.event_id,
    )
    names = [each.round_id for each in await services.onsale.rounds(event.event_id)]
    assert names == ["rehearsal-1", "rehearsal-2"]
    assert (await services.onsale.event(event.event_id)).current_round_id == "rehearsal-2"


@pytest.mark.parametrize("seats", [0, 1, 95, 96])
async def test_a_half_filled_round_is_filled_up_and_shown(
    services: Services, event: Event, sql: asyncpg.Connection, seats: int
) -> None:
    await half_fill(sql, event, "rehearsal-2", seats)
    assert await shown(sql, event) == "rehearsal-1"
    assert await services.onsale.reset(event.event_id) == "rehearsal-2"
    assert await round_sizes(sql, event) == {"rehearsal-1": 96, "rehearsal-2": 96}
    assert await shown(sql, event) == "rehearsal-2"


async def test_a_half_made_event_is_finished(
    services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    half = replace(event, event_id=f"{event.event_id}-half")
    await sql.execute(
        "INSERT INTO event (event_id, title, mode, venue_name, chart, chart_digest, seat_count,"
        " price_minor, currency) SELECT $1, title, mode, venue_name, chart, chart_digest,"
        " seat_count, price_minor, currency FROM event WHERE event_id = $2",
        half.event_id,
        event.event_id,
    )
    await half_fill(sql, half, "rehearsal-1", 40)
    with pytest.raises(UnknownEvent):
        await services.onsale.event(half.event_id)
    made = await services.onsale.create(
        chart=half.chart, title=half.title, price=half.price, mode=half.mode, event_id=half.event_id
    )
    assert made == await services.onsale.event(half.event_id)
    assert await round_sizes(sql, half) == {"rehearsal-1": 96}


async def test_creating_an_event_again_changes_nothing(services: Services, event: Event) -> None:
    await services.onsale.reset(event.event_id)
    again = await services.onsale.create(
        chart=event.chart,
        title="ANOTHER TITLE",
        price=event.price,
        mode=event.mode,
        event_id=event.event_id,
    )
    assert again == replace(event, current_round_id="rehearsal-2")


async def test_many_resets_at_once_open_one_round_each_reset_can_stand_for(
    services: Services, elsewhere: Services, event: Event, sql: asyncpg.Connection
) -> None:
    answers = await asyncio.gather(
        *(each.onsale.reset(event.event_id) for each in (services, elsewhere) * 3),
        return_exceptions=True,
    )
    opened = {answer for answer in answers if isinstance(answer, str)}
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert opened
    assert all(isinstance(error, NotHere) and error.code == "round-changed" for error in refused)
    last = max(opened, key=lambda name: int(name.rpartition("-")[2]))
    assert await shown(sql, event) == last
    sizes = await round_sizes(sql, event)
    assert set(sizes) == {"rehearsal-1", *opened}
    assert set(sizes.values()) == {96}


async def test_a_large_hall_is_filled_in_bounded_transactions(
    services: Services, sql: asyncpg.Connection
) -> None:
    rows = tuple(Row(name=f"R{number}-", seats=100) for number in range(1, 26))
    event = await services.onsale.create(
        chart=Chart(name="LARGE", sections=(Section(name="Floor", rows=rows),)),
        title="A LARGE TEST",
        price=Money(minor=15_000, currency="USD"),
        mode=Mode.REHEARSAL,
    )
    assert await services.onsale.reset(event.event_id) == "rehearsal-2"
    assert await round_sizes(sql, event) == {"rehearsal-1": 2_500, "rehearsal-2": 2_500}
    written = await sql.fetch(
        "SELECT count(*) FROM seat WHERE event_id = $1 GROUP BY round_id, xmin::text",
        event.event_id,
    )
    assert sorted(row["count"] for row in written) == [500, 500, *[FILL_ROWS] * 4]
    holes = await sql.fetchval(
        "SELECT count(DISTINCT seat_index) FROM seat WHERE event_id = $1 AND seat_index < 2500",
        event.event_id,
    )
    assert holes == 2_500


async def test_a_live_floor_cannot_be_reset(
    services: Services, make_event: MakeEvent, sql: asyncpg.Connection
) -> None:
    live = await make_event(Mode.LIVE)
    with pytest.raises(NotHere) as refused:
        await services.onsale.reset(live.event_id)
    assert refused.value.code == "live-round"
    assert await round_sizes(sql, live) == {"live-1": 96}


async def test_no_reset_under_a_stampede(services: Services, event: Event) -> None:
    run = await services.stampedes.start(
        event_id=event.event_id,
        cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(spread_ms=200), buyers=4),
        seat="A1",
    )
    with pytest.raises(NotHere) as refused:
        await services.onsale.reset(event.event_id)
    assert refused.value.code == "stampede-running"
    await services.stampedes.wait(run.plan.run_id)
    assert await services.onsale.reset(event.event_id) == "rehearsal-2"


async def test_events_that_are_not_there_and_databases_that_are_away(
    cuttable: Services, proxy: ClusterLine, event: Event
) -> None:
    with pytest.raises(UnknownEvent):
        await cuttable.onsale.reset("evt_none")
    await proxy.away()
    for asked in (
        cuttable.onsale.events(),
        cuttable.onsale.event(event.event_id),
        cuttable.onsale.rounds(event.event_id),
        cuttable.onsale.reset(event.event_id),
    ):
        with pytest.raises(Unavailable):
            await asked
