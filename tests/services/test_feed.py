"""The live floor: follows what is committed, by whomever, and misses nothing."""

import asyncio
import base64
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio
from tests.cluster_line import ClusterLine
from tests.one_store import opened, opened_as, order_for
from tests.patience import until
from tests.wire import Cut

from worldseat.domain.errors import Unavailable, UnknownEvent, UnknownStore
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code, Mode, Seat, SeatKey, SeatStatus
from worldseat.ports.onsale import Followed, LanePosition
from worldseat.ports.store import NotCommitted, StoreError
from worldseat.services import feed as feed_module
from worldseat.services.codes import conditional
from worldseat.services.feed import QUEUE_FRAMES, Feed
from worldseat.services.floor import FRAMES_KEPT, Notice
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.stores.dsql import DsqlStore
from worldseat.system import SystemChance, SystemClock

from .conftest import through

MakeEvent = Callable[[Mode], Awaitable[Event]]
PATIENCE_S = 5.0


class Watched(DsqlStore):
    """The product store, which writes down what a follower was given and fails when told to."""

    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        self.given: Counter[str] = Counter()
        self.reads = 0
        self.fail: dict[str, Exception] = {}

    def _maybe_fail(self, what: str) -> None:
        if what in self.fail:
            raise self.fail.pop(what)

    async def follow(self, positions: Mapping[str, LanePosition]) -> Followed:
        self.reads += 1
        self._maybe_fail("follow")
        followed = await super().follow(positions)
        self.given.update(row.op_id for row, _ in followed.rows)
        return followed

    async def floor(self, event_id: str, round_id: str) -> Sequence[Seat]:
        self._maybe_fail(f"floor {event_id}")
        return await super().floor(event_id, round_id)


@pytest_asyncio.fixture
async def store(settings: Settings, services: Services) -> AsyncIterator[Watched]:
    async with opened_as(Watched, settings.database_urls) as running:
        yield running


@pytest.fixture
def feed(store: Watched) -> Feed:
    """A feed that reads only when it is told to."""
    return Feed(store, {store.name: store}, clock=SystemClock(), chance=SystemChance())


@asynccontextmanager
async def running(feed: Feed) -> AsyncIterator[None]:
    """Let a feed work in the background."""
    work = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        await feed.close()
        await asyncio.wait_for(work, PATIENCE_S)


@dataclass
class Page:
    """What a viewer's page knows: the floor it was given, changed by every frame since."""

    stream: AsyncIterator[Notice]
    notices: list[Notice] = field(default_factory=list)
    round_id: str = ""
    states: bytearray = field(default_factory=bytearray)
    change: str = ""
    as_of_at: str = ""
    sales: list[dict[str, Any]] = field(default_factory=list)

    async def next(self, *kinds: str) -> dict[str, Any]:
        """Take notices until one of these kinds; return its data."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                notice = await anext(self.stream)
                self.notices.append(notice)
                data = self.take(notice)
                if not kinds or notice.event in kinds:
                    return data

    def take(self, notice: Notice) -> dict[str, Any]:
        data: dict[str, Any] = msgspec.json.decode(notice.data)
        if notice.event == "floor":
            self.round_id, self.states = data["round_id"], unpacked(data)
        elif notice.event == "seats":
            assert numbers(data["change"])[1] == numbers(self.change)[1] + 1
            assert data["round_id"] == self.round_id
            for index, state in data["seats"]:
                assert self.states[index] != state
                self.states[index] = state
            self.sales.extend(data["sales"])
        elif notice.event == "run":
            return data
        assert notice.id == (None if notice.event == "beat" else data["change"])
        if notice.event != "beat":
            assert data["sold_count"] == self.states.count(1)
        self.change, self.as_of_at = data["change"], data["as_of_at"]
        return data


def unpacked(view: Mapping[str, Any]) -> bytearray:
    """Read 2 bits per seat, seat 0 in the lowest bits of byte 0."""
    packed = base64.b64decode(view["states"])
    return bytearray(packed[i // 4] >> 2 * (i % 4) & 3 for i in range(view["seat_count"]))


def numbers(change: str) -> tuple[str, int]:
    epoch, _, number = change.partition(".")
    return epoch, int(number)


@asynccontextmanager
async def watching(feed: Feed, event: Event, last_id: str | None = None) -> AsyncIterator[Page]:
    async with feed.subscribe(event.event_id, last_id) as stream:
        yield Page(stream)


async def buy(services: Services, event: Event, seat: str, fan: str) -> None:
    await services.shop.buy(fan_id=fan, key=seat, event_id=event.event_id, seats=[seat])


async def table(sql: asyncpg.Connection, event: Event, round_id: str) -> bytearray:
    """Return what the seat table shows, by plain SQL, as the two bits of each seat."""
    rows = await sql.fetch(
        "SELECT status FROM seat WHERE event_id = $1 AND round_id = $2 ORDER BY seat_index",
        event.event_id,
        round_id,
    )
    return bytearray(row["status"] == "sold" for row in rows)


async def plain_lane(sql: asyncpg.Connection, lane: str) -> None:
    await sql.execute(
        "INSERT INTO lane (lane, region, process) VALUES ($1, $2, 'plain')", lane, REGIONS[1]
    )


async def plain_sale(sql: asyncpg.Connection, event: Event, seat_index: int, op_id: str) -> None:
    """Sell as another program would: on the lane that is called like the op, by plain SQL."""
    async with sql.transaction(isolation="repeatable_read"):
        await sql.execute(
            "UPDATE seat SET status = 'sold', fan_id = 'fan_plain', op_id = $3"
            " WHERE event_id = $1 AND round_id = 'rehearsal-1' AND seat_index = $2",
            event.event_id,
            seat_index,
            op_id,
        )
        await sql.execute(
            "INSERT INTO op_log (op_id, claim_id, event_id, round_id, mode, seat_index, kind,"
            " fan_id, prev_op_id, guard_op_id, request_hash, code, region, lane, lane_seq)"
            " VALUES ($1, 'clm_plain', $2, 'rehearsal-1', 'rehearsal', $3, 'sell', 'fan_plain',"
            " 'root', 'root', 'hash', 'conditional', $4, $1, 1)",
            op_id,
            event.event_id,
            seat_index,
            REGIONS[1],
        )


# sales, whoever made them


async def test_sales_of_every_process_appear(
    services: Services, elsewhere: Services, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    async with watching(services.feed, event) as page:
        floor = await page.next("floor")
        assert (floor["event_id"], floor["store"], floor["mode"]) == (
            event.event_id,
            "dsql",
            "rehearsal",
        )
        assert page.states == bytearray(96)
        await buy(services, event, "A1", fan)
        own = await page.next("seats")
        await buy(elsewhere, event, "A2", fan)
        others = await page.next("seats")
        await plain_lane(sql, f"op_{event.event_id}_plain")
        await plain_sale(sql, event, 2, f"op_{event.event_id}_plain")
        plain = await page.next("seats")
    assert [each["seats"] for each in (own, others, plain)] == [[[0, 1]], [[1, 1]], [[2, 1]]]
    assert [each["seat"] for each in page.sales] == ["A1", "A2", "A3"]
    assert page.sales[0]["region"] == services.shop.region_of(fan)
    assert page.sales[2]["region"] == REGIONS[1]
    assert {each["run_id"] for each in page.sales} == {None}
    assert page.states == await table(sql, event, "rehearsal-1")


async def test_a_stampede_is_told_with_its_run(
    services: Services, elsewhere: Services, event: Event
) -> None:
    async with watching(services.feed, event) as page:
        await page.next("floor")
        run = await elsewhere.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(spread_ms=700), buyers=10),
            seat="B1",
        )
        told = [await page.next("run"), await page.next("run")]
        await elsewhere.stampedes.wait(run.plan.run_id)
    run_id = run.plan.run_id
    assert told == [
        {"run_id": run_id, "status": "running"},
        {"run_id": run_id, "status": "done"},
    ]
    assert [(each["seat"], each["run_id"]) for each in page.sales] == [("B1", run_id)]


@pytest.mark.slow
async def test_nothing_is_missed_while_lanes_open_and_close(
    store: Watched, feed: Feed, event: Event, settings: Settings, sql: asyncpg.Connection
) -> None:
    """500 sales and releases by three writers, each of whom goes away and comes back."""
    wanted = 500
    committed = 0

    async def writer(number: int) -> None:
        nonlocal committed
        chance = random.Random(f"writer {number}")
        while committed < wanted:
            async with opened(settings.database_urls) as mine:
                for step in range(chance.randint(5, 40)):
                    key = f"{number} {committed} {step} {chance.random()}"
                    done = await _sell_or_release(mine, event, key, chance)
                    committed += done

    async with running(feed), watching(feed, event) as page:
        await page.next("floor")
        await asyncio.gather(*(writer(number) for number in range(3)))
        rows = await sql.fetch("SELECT op_id, kind FROM op_log WHERE event_id = $1", event.event_id)

        def all_given() -> bool:
            return sum(store.given[row["op_id"]] for row in rows) >= len(rows)

        await until(all_given)
        final = await table(sql, event, "rehearsal-1")
        while page.states != final:
            await page.next("seats")
    assert len(rows) == committed >= wanted
    assert Counter(row["kind"] for row in rows).keys() == {"sell", "release"}
    assert {store.given[row["op_id"]] for row in rows} == {1}
    lanes = await sql.fetchval(
        "SELECT count(DISTINCT lane) FROM op_log WHERE event_id = $1", event.event_id
    )
    assert lanes > 20


async def _sell_or_release(store: DsqlStore, event: Event, key: str, chance: random.Random) -> int:
    """Sell a random seat, or open it if it is sold; return how many rows that committed."""
    place = event.chart.places[chance.randrange(12)].label
    order = order_for(event, place, fan=f"fan_{key}", key=key, run_id="run_of_the_feeds_test")
    try:
        seat = await store.seat(order.key)
        if seat.status is SeatStatus.SOLD:
            await store.reopen(seat, run_id="run_of_the_feeds_test")
            return 1
        async with store.writer(chance.choice(REGIONS)) as writer, writer.transaction() as tx:
            sold = await conditional(tx, order)
    except StoreError:
        return 0
    return int(sold)


async def test_a_lane_that_becomes_visible_late_is_found(
    feed: Feed, store: Watched, event: Event, settings: Settings, sql: asyncpg.Connection
) -> None:
    await feed.floor(event.event_id)
    lane = f"op_{event.event_id}_late"
    registering = sql.transaction()
    await registering.start()
    await plain_lane(sql, lane)
    # Lanes that opened later are seen first.
    async with opened(settings.database_urls):
        await feed._read()
        await registering.commit()
        await feed._read()
        await plain_sale(sql, event, 0, lane)
        await feed._read()
    assert store.given[lane] == 1
    assert (await feed.floor(event.event_id)).sold_count == 1


async def test_a_row_whose_answer_was_lost_is_followed_although_its_lane_is_gone(
    feed: Feed,
    store: Watched,
    cuttable: Services,
    proxy: ClusterLine,
    event: Event,
    fan: str,
    sql: asyncpg.Connection,
) -> None:
    await feed.floor(event.event_id)
    lost = proxy.plan_for(fan, "A1", Cut.APPLIED)
    await buy(cuttable, event, "A1", fan)
    # The lane is gone; those after it, and the end of the process, note what lanes ended.
    await buy(cuttable, event, "A2", fan)
    await cuttable.store.close()
    await feed._read()
    assert store.given[lost] == 1
    assert unpacked(msgspec.to_builtins(await feed.floor(event.event_id)))[:3] == b"\1\1\0"


async def test_a_follower_that_begins_late_begins_with_the_floor_and_not_with_old_sales(
    store: Watched, feed: Feed, services: Services, event: Event, fan: str
) -> None:
    await buy(services, event, "A1", fan)
    async with watching(feed, event) as page:
        await page.next("floor")
        assert page.states[0] == 1
        assert store.given.total() == 0
        await buy(services, event, "A2", fan)
        await feed._read()
        assert (await page.next())["seats"] == [[1, 1]]
        assert store.given.total() == 1


async def test_a_beginning_that_was_interrupted_misses_nothing(
    store: Watched, feed: Feed, services: Services, event: Event, make_event: MakeEvent, fan: str
) -> None:
    later = await make_event(Mode.REHEARSAL)
    store.fail[f"floor {later.event_id}"] = NotCommitted("the database went away")
    with pytest.raises(Unavailable):
        await feed.floor(event.event_id)
    await buy(services, event, "A1", fan)
    await asyncio.sleep(feed_module.FRESH_S)
    assert (await feed.floor(event.event_id)).sold_count == 1


async def test_a_floor_that_was_loaded_after_the_rows_is_not_set_back_by_them(
    store: Watched, feed: Feed, event: Event, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    await feed.floor(event.event_id)
    new = await make_event(Mode.REHEARSAL)
    order = order_for(new, "A1", run_id="run_1")
    async with store.writer(REGIONS[0]) as writer, writer.transaction() as tx:
        assert await conditional(tx, order)
    follow = store.follow

    async def then_reopen(positions: Mapping[str, LanePosition]) -> Followed:
        followed = await follow(positions)
        await store.reopen(await store.seat(order.key), run_id="run_1")
        return followed

    monkeypatch.setattr(store, "follow", then_reopen)
    await feed._read()
    monkeypatch.undo()
    assert feed._known(new.event_id).view().sold_count == 0
    await feed._read()
    assert feed._known(new.event_id).view().sold_count == 0


# frames and their numbers


async def test_a_viewer_who_returns_gets_exactly_what_was_missed(
    feed: Feed, services: Services, event: Event, fan: str
) -> None:
    async with watching(feed, event) as page:
        await page.next("floor")
        await buy(services, event, "A1", fan)
        await feed._read()
        await page.next("seats")
    for seat in ("A2", "A3", "A4"):
        await buy(services, event, seat, fan)
        await feed._read()
    async with watching(feed, event, page.change) as back:
        back.round_id, back.states, back.change = page.round_id, page.states, page.change
        for index in (1, 2, 3):
            assert (await back.next())["seats"] == [[index, 1]]
        assert back.change == (await feed.floor(event.event_id)).change
    async with watching(feed, event, back.change) as again:
        again.round_id, again.states, again.change = back.round_id, back.states, back.change
        await buy(services, event, "A5", fan)
        await feed._read()
        assert (await again.next())["seats"] == [[4, 1]]


@pytest.mark.parametrize(
    "last_id",
    [
        *(None, "", "?", "1", ".1", "elsewhere.1"),
        *("{epoch}", "{epoch}.", "{epoch}.-1", "{epoch}.0", "{epoch}.99"),
        *("{epoch}.٣", "{epoch}.1.1", "{epoch}." + "9" * 5_000),
    ],
)
async def test_an_id_that_is_not_ours_gets_the_whole_floor(
    feed: Feed, services: Services, event: Event, fan: str, last_id: str | None
) -> None:
    await feed.floor(event.event_id)
    await buy(services, event, "A1", fan)
    await feed._read()
    asked = last_id and last_id.replace("{epoch}", feed._epoch)
    async with watching(feed, event, asked) as page:
        await page.next()
        assert [each.event for each in page.notices] == ["floor"]
        assert page.states[0] == 1


async def test_an_id_that_is_too_old_gets_the_whole_floor(
    feed: Feed, services: Services, event: Event
) -> None:
    first = (await feed.floor(event.event_id)).change
    floor = feed._known(event.event_id)
    assert floor.since(first) == []
    for number in range(FRAMES_KEPT):
        floor.change += 1
        floor._frame([(number % 96, 1)], [])
    kept = floor.since(first)
    assert kept is not None
    assert len(kept) == FRAMES_KEPT
    floor.change += 1
    floor._frame([(0, 0)], [])
    assert floor.since(first) is None


async def test_a_slow_viewer_gets_a_fresh_floor_and_not_an_endless_queue(
    feed: Feed, store: Watched, event: Event, sql: asyncpg.Connection
) -> None:
    async with watching(feed, event) as slow, watching(feed, event) as quick:
        await quick.next("floor")
        for number in range(QUEUE_FRAMES + 10):
            await _sell_or_release(store, event, str(number), random.Random(number))
            await feed._read()
            await quick.next("seats")
        (viewer,) = [each for each in feed._viewers if each.lagging]
        assert viewer.queue.qsize() == QUEUE_FRAMES
        kinds = []
        for _ in range(QUEUE_FRAMES + 1):
            await slow.next()
            kinds.append(slow.notices[-1].event)
        assert kinds == ["floor", *["seats"] * (QUEUE_FRAMES - 1), "floor"]
        assert slow.change == quick.change
        assert slow.states == quick.states == await table(sql, event, "rehearsal-1")
        await _sell_or_release(store, event, "last", random.Random(1))
        await feed._read()
        await slow.next()
        assert slow.notices[-1].event == "seats"


async def test_a_reset_is_a_new_floor(
    feed: Feed, services: Services, event: Event, fan: str
) -> None:
    async with watching(feed, event) as page:
        await page.next("floor")
        await buy(services, event, "A1", fan)
        await feed._read()
        await page.next("seats")
        before = page.change
        await services.onsale.reset(event.event_id)
        await feed._read()
        fresh = await page.next()
        assert page.notices[-1].event == "floor"
        assert (fresh["round_id"], fresh["sold_count"]) == ("rehearsal-2", 0)
        assert numbers(page.change)[1] == numbers(before)[1] + 1
    async with watching(feed, event, before) as back:
        await back.next()
        assert back.notices[0].event == "floor"


async def test_voids_change_no_seat_and_make_no_frame(
    feed: Feed, store: Watched, event: Event
) -> None:
    before = (await feed.floor(event.event_id)).change
    await store.void(order_for(event, "A1"), region=REGIONS[0])
    await feed._read()
    assert store.given.total() == 1
    assert (await feed.floor(event.event_id)).change == before


async def test_rows_of_other_events_and_of_older_rounds_change_nothing(
    feed: Feed, store: Watched, services: Services, event: Event, make_event: MakeEvent, fan: str
) -> None:
    await services.onsale.reset(event.event_id)
    other = await make_event(Mode.REHEARSAL)
    before = await feed.floor(event.event_id)
    await buy(services, other, "A1", fan)
    async with store.writer(REGIONS[0]) as writer, writer.transaction() as tx:
        assert await conditional(tx, order_for(event, "A1"))
    await feed._read()
    after = await feed.floor(event.event_id)
    assert (after.change, after.states) == (before.change, before.states)
    assert (await feed.floor(other.event_id)).sold_count == 1


# when the database is away, and at the end


@pytest.mark.parametrize("how", ["away", "hanging"])
async def test_beats_go_on_while_the_database_is_gone_and_their_time_stands_still(
    proxy: ClusterLine,
    settings: Settings,
    event: Event,
    fan: str,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    services: Services,
) -> None:
    for name in ("BEAT_S", "IDLE_S", "FRAME_S"):
        monkeypatch.setattr(feed_module, name, 0.05)
    async with through(proxy, settings, work=True) as cuttable:
        async with watching(cuttable.feed, event) as page:
            await page.next("floor")
            first = (await page.next("beat"))["as_of_at"]
            async with asyncio.timeout(PATIENCE_S):
                while (await page.next("beat"))["as_of_at"] == first:
                    pass
            if how == "away":
                await proxy.away()
            else:
                proxy.freeze()
            await asyncio.sleep(0.1)
            while _queued(cuttable.feed):
                await page.next("beat")
            still = {(await page.next("beat"))["as_of_at"] for _ in range(8)}
            assert len(still) == 1
            await buy(services, event, "A1", fan)
            if how == "away":
                await proxy.restore()
            else:
                proxy.thaw()
            frame = await page.next("seats")
            assert frame["seats"] == [[0, 1]]
            assert frame["as_of_at"] > still.pop()
        proxy.thaw()


def _queued(feed: Feed) -> bool:
    return any(not viewer.queue.empty() for viewer in feed._viewers)


async def test_a_floor_is_told_as_of_the_last_good_read(
    cuttable: Services, proxy: ClusterLine, event: Event
) -> None:
    await proxy.away()
    with pytest.raises(Unavailable):
        await cuttable.feed.floor(event.event_id)
    await proxy.restore()
    known = await _asked_until_it_answers(cuttable.feed, event)
    await proxy.away()
    await asyncio.sleep(feed_module.FRESH_S * 2)
    assert await cuttable.feed.floor(event.event_id) == known


async def _asked_until_it_answers(feed: Feed, event: Event) -> object:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(Unavailable):
                return await feed.floor(event.event_id)
            await asyncio.sleep(0.05)


async def test_what_is_not_there_is_said(feed: Feed, event: Event) -> None:
    with pytest.raises(UnknownEvent):
        await feed.floor("evt_none")
    with pytest.raises(UnknownStore):
        await feed.floor(event.event_id, "nowhere")
    with pytest.raises(UnknownEvent):
        async with feed.subscribe("evt_none", None):
            pass
    assert feed.viewers == 0


async def test_many_who_ask_at_once_cost_one_read_also_when_it_fails(
    feed: Feed, store: Watched, event: Event
) -> None:
    await asyncio.gather(*(feed.floor(event.event_id) for _ in range(50)))
    assert store.reads == 1
    await asyncio.sleep(feed_module.FRESH_S * 1.5)
    store.fail["follow"] = NotCommitted("away")
    views = await asyncio.gather(*(feed.floor(event.event_id) for _ in range(50)))
    assert store.reads == 2
    assert len({view.as_of_at for view in views}) == 1


async def test_an_unforeseen_error_does_not_end_the_feed(
    feed: Feed,
    store: Watched,
    services: Services,
    event: Event,
    fan: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_module, "IDLE_S", 0.05)
    async with running(feed), watching(feed, event) as page:
        await page.next("floor")
        store.fail["follow"] = ValueError("what nobody thought of")
        await until(lambda: not store.fail)
        await buy(services, event, "A1", fan)
        assert (await page.next("seats"))["seats"] == [[0, 1]]


async def test_a_seat_that_the_hall_does_not_have_does_not_end_the_feed(
    feed: Feed, store: Watched, services: Services, event: Event, fan: str, sql: asyncpg.Connection
) -> None:
    await feed.floor(event.event_id)
    await sql.execute(
        "INSERT INTO seat (event_id, round_id, seat_index, status, op_id)"
        " VALUES ($1, 'rehearsal-1', 4000, 'open', 'root')",
        event.event_id,
    )
    await plain_lane(sql, f"op_{event.event_id}_beyond")
    await plain_sale(sql, event, 4_000, f"op_{event.event_id}_beyond")
    await buy(services, event, "A1", fan)
    await feed._read()
    assert (await feed.floor(event.event_id)).sold_count == 1


async def test_close_ends_every_stream_at_once(feed: Feed, event: Event) -> None:
    async with watching(feed, event) as waiting, watching(feed, event) as behind:
        await waiting.next("floor")
        began = time.monotonic()
        reading = [asyncio.create_task(_drain(page)) for page in (waiting, behind)]
        await asyncio.sleep(0)
        await feed.close()
        await asyncio.wait_for(asyncio.gather(*reading), 1)
        assert time.monotonic() - began < 0.5
    assert feed.viewers == 0
    async with watching(feed, event) as late:
        assert await _drain(late) == 0


async def _drain(page: Page) -> int:
    count = 0
    async for _ in page.stream:
        count += 1
    return count


async def test_a_foils_floor_is_read_from_its_own_store(
    store: Watched, services: Services, event: Event, fan: str, settings: Settings
) -> None:
    class Foil(DsqlStore):
        name = "foil"

        async def floor(self, event_id: str, round_id: str) -> Sequence[Seat]:
            key = SeatKey(event_id=event_id, round_id=round_id, seat_index=95)
            return [Seat(key=key, status=SeatStatus.SOLD, fan_id="fan_foil", op_id="op_foil")]

    async with opened_as(Foil, settings.database_urls) as foil:
        feed = Feed(
            store, {store.name: store, "foil": foil}, clock=SystemClock(), chance=SystemChance()
        )
        await buy(services, event, "A1", fan)
        view = await feed.floor(event.event_id, "foil")
        assert (view.store, view.sold_count, view.round_id) == ("foil", 1, "rehearsal-1")
        assert unpacked(msgspec.to_builtins(view)) == bytearray(95) + b"\1"
        assert (await feed.floor(event.event_id)).store == "dsql"
