"""Two Regions of one database, each behind a line of its own: one goes away, and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database
from tests.one_store import order_for, setup_at
from tests.patience import until
from tests.wire import Cut, CuttingProxy

from worldseat.domain.event import Event
from worldseat.domain.seats import Order, SeatStatus
from worldseat.ports.onsale import RegionFigures
from worldseat.ports.store import CommitUnknown, Conflict, Duplicate, NotCommitted, StoreError
from worldseat.services.codes import conditional
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS
from worldseat.stores.dsql import DsqlStore, lanes, watch
from worldseat.stores.dsql.regions import FAN_LANES, WARM_LANES

EAST_1, EAST_2 = REGIONS


@dataclass(frozen=True)
class Pair:
    """A store, and the line to each of its Regions."""

    store: DsqlStore
    lines: dict[str, CuttingProxy]

    def figures(self, region: str) -> RegionFigures:
        (found,) = (each for each in self.store.region_figures() if each.region == region)
        return found

    async def known_away(self, region: str) -> None:
        await until(lambda: self.figures(region).state != "ok")

    async def known_well(self, region: str) -> None:
        await until(lambda: self.figures(region).state == "ok")

    async def sell(self, order: Order, region: str | None = None) -> bool:
        async with (
            self.store.writer(region or order.region) as writer,
            writer.transaction() as tx,
        ):
            return await conditional(tx, order)


@asynccontextmanager
async def opened(urls: dict[str, str]) -> AsyncIterator[DsqlStore]:
    store = DsqlStore(replace(setup_at(""), urls=urls))
    try:
        await store.open()
        yield store
    finally:
        await store.close()


@pytest_asyncio.fixture
async def pair(
    database: Database, services: Services, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    # Sooner than in earnest; how soon that is, the tests of the shop measure.
    monkeypatch.setattr(watch, "ANSWER_WITHIN_S", 0.5)
    monkeypatch.setattr(watch, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(watch, "FIRST_TEND_S", 0.1)
    async with CuttingProxy(database.url) as first, CuttingProxy(database.url) as second:
        lines = {EAST_1: first, EAST_2: second}
        async with opened({region: line.url for region, line in lines.items()}) as store:
            yield Pair(store, lines)


async def sold_through(sql: asyncpg.Connection, order: Order) -> tuple[str, str]:
    """Return the fan's Region of a committed sale, and the Region of the lane that committed it."""
    row = await sql.fetchrow(
        "SELECT o.region, l.region FROM op_log AS o INNER JOIN lane AS l USING (lane) "
        "WHERE o.op_id = $1 AND o.kind = 'sell'",
        order.op_id,
    )
    assert row is not None
    return row[0], row[1]


# one Region goes away


async def test_while_both_are_well_each_serves_its_own(
    pair: Pair, event: Event, sql: asyncpg.Connection
) -> None:
    for region, seat in ((EAST_1, "A1"), (EAST_2, "A2")):
        order = replace(order_for(event, seat, key=seat), region=region)
        assert await pair.sell(order)
        assert await sold_through(sql, order) == (region, region)
        assert pair.figures(region).served_by == region


@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_the_fans_of_a_region_that_is_away_are_served_by_the_other(
    pair: Pair, event: Event, sql: asyncpg.Connection, how: str
) -> None:
    line = pair.lines[EAST_1]
    if how == "refuses":
        await line.away()
    else:
        line.freeze()
    began_s = time.monotonic()
    await pair.known_away(EAST_1)
    order = order_for(event, "A1")
    assert await pair.sell(order)
    assert time.monotonic() - began_s < 2
    assert await sold_through(sql, order) == (EAST_1, EAST_2)
    assert pair.figures(EAST_1).served_by == EAST_2
    assert pair.figures(EAST_2).served_by == EAST_2
    assert pair.figures(EAST_2).commits == 1
    assert pair.figures(EAST_1).commits == 0


@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_a_region_comes_back_by_itself(
    pair: Pair, event: Event, sql: asyncpg.Connection, how: str
) -> None:
    line = pair.lines[EAST_1]
    if how == "refuses":
        await line.away()
    else:
        line.freeze()
    await pair.known_away(EAST_1)
    assert (await pair.store.health())[EAST_1] != "ok"
    if how == "refuses":
        await line.restore()
    else:
        line.thaw()
    began_s = time.monotonic()
    await pair.known_well(EAST_1)
    assert time.monotonic() - began_s < 2.5
    order = order_for(event, "A1")
    assert await pair.sell(order)
    assert await sold_through(sql, order) == (EAST_1, EAST_1)


async def test_a_purchase_under_way_when_its_region_hangs_sold_nothing_and_knows_it(
    pair: Pair, event: Event, sql: asyncpg.Connection
) -> None:
    order = order_for(event, "A1")
    began_s = 0.0

    async def buy_while_it_hangs() -> None:
        nonlocal began_s
        async with pair.store.writer(EAST_1) as writer, writer.transaction() as tx:
            assert (await tx.read_seat(order.key)).status is SeatStatus.OPEN
            pair.lines[EAST_1].freeze()
            began_s = time.monotonic()
            await conditional(tx, order)

    with pytest.raises(NotCommitted):
        await buy_while_it_hangs()
    assert time.monotonic() - began_s < 4
    assert await pair.sell(order)
    assert await sold_through(sql, order) == (EAST_1, EAST_2)


async def test_a_commit_under_way_when_its_region_hangs_is_unknown_and_not_waited_for(
    pair: Pair, event: Event, sql: asyncpg.Connection
) -> None:
    order = order_for(event, "A1")
    line = pair.lines[EAST_1]
    line.plan(order.op_id, Cut.SLOW)
    selling = asyncio.create_task(pair.sell(order))
    await line.held.wait()
    line.freeze()
    began_s = time.monotonic()
    with pytest.raises(CommitUnknown):
        await selling
    assert time.monotonic() - began_s < 4
    assert pair.figures(EAST_1).unknown == 1
    # The fence goes through the other endpoint, where it meets the sale that was on its way.
    line.let_through.set()
    with pytest.raises(Duplicate):
        await pair.store.void(order, region=EAST_1)
    line.thaw()
    assert await sold_through(sql, order) == (EAST_1, EAST_1)


@pytest.mark.slow
async def test_those_who_wait_for_a_lane_of_a_region_that_hangs_are_served_elsewhere(
    pair: Pair, event: Event
) -> None:
    pair.lines[EAST_1].freeze()
    began_s = time.monotonic()
    orders = [
        order_for(event, f"{row}{n}", key=f"{row}{n}") for row in "ABCD" for n in range(1, 13)
    ]
    answers = await asyncio.gather(*(pair.sell(order) for order in orders), return_exceptions=True)
    assert time.monotonic() - began_s < 5
    # Those who had a lane lost it before COMMIT; those who waited for one got one elsewhere.
    assert {type(answer) for answer in answers} <= {bool, NotCommitted}
    assert sum(answer is True for answer in answers) >= len(orders) - FAN_LANES


async def test_one_lost_connection_is_no_lost_region(
    pair: Pair, event: Event, sql: asyncpg.Connection
) -> None:
    for number in range(6):
        order = order_for(event, "A1", key=str(number))
        pair.lines[EAST_1].plan(order.op_id, Cut.NOT_APPLIED)
        with pytest.raises(CommitUnknown):
            await pair.sell(order)
        await asyncio.sleep(0.05)
        assert pair.figures(EAST_1).served_by == EAST_1
    assert pair.figures(EAST_1).unknown == 6


async def test_reading_and_the_stores_own_writing_go_on_through_the_survivor(
    pair: Pair, event: Event
) -> None:
    await pair.lines[EAST_1].away()
    began_s = time.monotonic()
    assert await pair.store.event(event.event_id) == event
    assert await pair.store.take_lease("a test", "me", ttl_s=5)
    await pair.store.give_lease("a test", "me")
    assert time.monotonic() - began_s < 2


async def test_a_seat_is_reopened_through_the_survivor(
    pair: Pair, event: Event, sql: asyncpg.Connection
) -> None:
    order = order_for(event, "A1", run_id="run_1")
    assert await pair.sell(order)
    await pair.lines[EAST_1].away()
    await pair.store.reopen(await pair.store.seat(order.key), run_id="run_1")
    assert (await pair.store.seat(order.key)).status is SeatStatus.OPEN


# both go away


async def test_with_both_regions_away_the_answer_is_quick_and_says_why(
    pair: Pair, event: Event
) -> None:
    for line in pair.lines.values():
        await line.away()
    for region in REGIONS:
        await pair.known_away(region)
    began_s = time.monotonic()
    with pytest.raises(NotCommitted, match=r"no Region serves now .*us-east-1.*us-east-2"):
        await pair.sell(order_for(event, "A1"))
    with pytest.raises(NotCommitted):
        await pair.store.event(event.event_id)
    assert time.monotonic() - began_s < 1
    assert [each.served_by for each in pair.store.region_figures()] == [None, None]
    await pair.lines[EAST_2].restore()
    # Nobody waits for the watch: whoever asks looks.
    assert await pair.sell(order_for(event, "A1"))


# starting


async def test_a_store_starts_through_the_region_that_answers(
    database: Database, services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    async with CuttingProxy(database.url) as line:
        await line.away()
        async with opened({EAST_1: line.url, EAST_2: database.url}) as store:
            assert await Pair(store, {}).sell(order_for(event, "A1"))
            await line.restore()
            await Pair(store, {}).known_well(EAST_1)
            order = order_for(event, "A2", key="next")
            assert await Pair(store, {}).sell(order)
            assert await sold_through(sql, order) == (EAST_1, EAST_1)


async def test_a_region_at_another_isolation_serves_nobody_when_it_comes_back(
    database: Database, services: Services, monkeypatch: pytest.MonkeyPatch, event: Event
) -> None:
    async with CuttingProxy(database.url) as line:
        await line.away()
        async with opened({EAST_1: line.url, EAST_2: database.url}) as store:
            pair = Pair(store, {})
            store.isolation = "serializable"
            await line.restore()
            await until(lambda: "repeatable read" in pair.figures(EAST_1).state)
            assert pair.figures(EAST_1).served_by == EAST_2


async def test_lanes_are_warm_before_the_first_fan_comes(pair: Pair) -> None:
    await until(lambda: all(each.lanes_open >= WARM_LANES for each in pair.store.region_figures()))


async def test_lanes_are_replaced_before_the_service_ends_their_session(
    pair: Pair, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pair.store._regions.fans[EAST_1]
    await until(lambda: pool.lanes_open >= WARM_LANES)
    async with pool.lane() as held:
        before = set(pool._open)
        monkeypatch.setattr(lanes, "LANE_LIFE_S", 0.0)
        await pool.tend()
        # All idle ones were old; whoever is at work may end it.
        await until(lambda: set(pool._open) & before == {held.lane.lane})
        assert pool.lanes_open >= WARM_LANES
    assert held.is_closed()


async def test_idle_lanes_are_closed_down_to_those_that_are_kept(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pair.store._regions.fans[EAST_1]
    await pool.warm(FAN_LANES)
    await pool.tend()
    assert pool.lanes_open == FAN_LANES
    monkeypatch.setattr(lanes, "IDLE_LIFE_S", 0.0)
    await pool.tend()
    await until(lambda: pool.lanes_open == WARM_LANES)


# a Region that answers and commits nothing


async def test_a_region_that_commits_nothing_serves_nobody(
    database: Database, services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    read_only = f"{database.url}&default_transaction_read_only=on"
    async with opened({EAST_1: read_only, EAST_2: database.url}) as store:
        pair = Pair(store, {})
        assert pair.figures(EAST_1).state.startswith("25006")
        order = order_for(event, "A1")
        assert await pair.sell(order)
        assert await sold_through(sql, order) == (EAST_1, EAST_2)
    with pytest.raises(NotCommitted, match="25006"):
        async with opened(dict.fromkeys(REGIONS, read_only)):
            pass


# what was counted


async def test_figures_count_what_went_through_each_endpoint(pair: Pair, event: Event) -> None:
    first, late = order_for(event, "A1", fan="fan_a"), order_for(event, "A1", fan="fan_b")
    async with pair.store.writer(EAST_2) as writer:
        try:
            async with writer.transaction() as tx:
                await tx.read_seat(late.key)
                assert await pair.sell(first)
                await tx.write_seat(late)
        except Conflict:
            async with writer.transaction() as tx:
                assert not await conditional(tx, late)
    east_1, east_2 = pair.store.region_figures()
    assert (east_1.commits, east_1.conflicts, east_1.retries) == (1, 0, 0)
    assert (east_2.commits, east_2.conflicts, east_2.retries) == (0, 1, 1)
    assert east_1.commit_ms_p50 == east_1.commit_ms_p99 == east_1.commit_ms_sum
    assert east_2.commit_ms_p50 is None
    assert east_1.commit_ms_buckets[-1] == (float("inf"), 1)
    assert east_1.connections_opened >= 2


async def test_a_busy_hour_of_losses_leaves_the_lanes_countable(
    pair: Pair, event: Event, sql: asyncpg.Connection
) -> None:
    sold = 0

    async def fan(number: int) -> None:
        nonlocal sold
        for step in range(10):
            seat = f"{'ABCD'[number % 4]}{1 + step}"
            order = replace(
                order_for(event, seat, fan=f"fan_{number}", key=f"{number} {step}"),
                region=REGIONS[number % 2],
            )
            try:
                sold += await pair.sell(order)
            except StoreError:
                await asyncio.sleep(0.05)

    async def losses() -> None:
        for region in (EAST_1, EAST_2, EAST_1):
            await asyncio.sleep(0.15)
            await pair.lines[region].away()
            await asyncio.sleep(0.15)
            await pair.lines[region].restore()

    await asyncio.gather(losses(), *(fan(number) for number in range(12)))
    counted = await sql.fetchval(
        "SELECT count(*) FROM op_log WHERE event_id = $1 AND kind = 'sell'", event.event_id
    )
    assert 0 < sold <= counted <= 40
    gaps = await sql.fetch(
        "SELECT lane FROM op_log WHERE event_id = $1 GROUP BY lane "
        "HAVING max(lane_seq) - min(lane_seq) + 1 <> count(*)",
        event.event_id,
    )
    assert gaps == []
