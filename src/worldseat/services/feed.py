"""The live floor: follows the committed log lane by lane and tells every viewer what changed.

It learns of sales from the database only, its own process's too. A viewer gets one snapshot, then
numbered frames; a slow one gets a fresh snapshot instead of an endless queue.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog

from worldseat.domain.errors import Unavailable, UnknownEvent, UnknownStore
from worldseat.ports.clock import Chance, Clock
from worldseat.ports.onsale import Followed, LanePosition, OnSaleStore
from worldseat.ports.store import NotCommitted, Store, StoreError
from worldseat.services.floor import Floor, FloorView, Notice, foil_view

log = structlog.get_logger(__name__)

FRAME_S = 0.25
IDLE_S = 1.0
BEAT_S = 1.0
QUEUE_FRAMES = 32
FRESH_S = 0.1


class Viewer:
    """One open stream: a bounded queue of notices."""

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        self.queue: asyncio.Queue[Notice | None] = asyncio.Queue(maxsize=QUEUE_FRAMES)
        self.lagging = False

    def tell(self, notice: Notice) -> None:
        """Queue a notice; a full queue marks the viewer as lagging."""
        if self.lagging:
            return
        try:
            self.queue.put_nowait(notice)
        except asyncio.QueueFull:
            self.lagging = True

    def end(self) -> None:
        """End the stream at once, whatever is queued."""
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Feed:
    """Keeps the current floor of every event and the viewers who watch it."""

    def __init__(
        self, store: OnSaleStore, stores: Mapping[str, Store], *, clock: Clock, chance: Chance
    ) -> None:
        self._store = store
        self._stores = stores
        self._clock = clock
        self._epoch = chance.new_id("feed")[5:13]
        self._positions: Mapping[str, LanePosition] = {}
        self._floors: dict[str, Floor] = {}
        self._viewers: set[Viewer] = set()
        self._started = False
        self._closed = False
        self._wake = asyncio.Event()
        self._reading = asyncio.Lock()
        self._tried_ns = 0
        self._failed = ""

    @property
    def viewers(self) -> int:
        """Return how many streams are open."""
        return len(self._viewers)

    def nudge(self) -> None:
        """Look at the database soon: something was probably committed."""
        self._wake.set()

    async def run(self) -> None:
        """Follow the log until closed. A database that is away is asked again each second."""
        async with asyncio.TaskGroup() as group:
            # By itself, for a database that hangs holds up a read, and must not hold up the beat.
            beating = group.create_task(self._beat())
            await self._follow()
            beating.cancel()

    async def floor(self, event_id: str, store: str = "dsql") -> FloorView:
        """Return an event's floor as committed now, or as of the last good read.

        Raises UnknownEvent, UnknownStore, or Unavailable if it was never read.
        """
        target = self._stores.get(store)
        if target is None:
            raise UnknownStore(f"No store named {store[:40]!r} is installed.")
        asked_ns = self._clock.monotonic_ns()
        try:
            await self._read(enough_since_ns=asked_ns - int(FRESH_S * 1e9))
            if event_id not in self._floors:
                # It may have been created in the meantime.
                await self._read(enough_since_ns=asked_ns)
        except StoreError as error:
            if not self._started:
                raise Unavailable("The floor cannot be read.", operator=str(error)) from error
        floor = self._known(event_id)
        if target.name == self._store.name:
            return floor.view()
        try:
            seats = await target.floor(event_id, floor.round_id)
        except StoreError as error:
            raise Unavailable("The foil cannot be read.", operator=str(error)) from error
        return foil_view(floor.view(), store, seats)

    @asynccontextmanager
    async def subscribe(
        self, event_id: str, last_id: str | None
    ) -> AsyncIterator[AsyncIterator[Notice]]:
        """Open a stream of notices. Raises UnknownEvent or Unavailable.

        With the id of a frame that is still remembered the stream goes on after it; otherwise it
        begins with the whole floor.
        """
        await self.floor(event_id)
        viewer = Viewer(event_id)
        missed = self._known(event_id).since(last_id)
        for notice in missed if missed is not None else [self._known(event_id).whole()]:
            viewer.tell(notice)
        self._viewers.add(viewer)
        self._wake.set()
        try:
            yield self._notices(viewer)
        finally:
            self._viewers.discard(viewer)

    async def close(self) -> None:
        """End every stream, and the feed."""
        self._closed = True
        self._wake.set()
        for viewer in tuple(self._viewers):
            viewer.end()

    async def _notices(self, viewer: Viewer) -> AsyncIterator[Notice]:
        while not self._closed:
            if viewer.lagging and viewer.queue.empty():
                viewer.lagging = False
                viewer.tell(self._known(viewer.event_id).whole())
            notice = await viewer.queue.get()
            if notice is None:
                return
            yield notice

    def _known(self, event_id: str) -> Floor:
        floor = self._floors.get(event_id)
        if floor is None:
            raise UnknownEvent(f"There is no event {event_id[:60]!r}.")
        return floor

    async def _follow(self) -> None:
        while not self._closed:
            pause_s = FRAME_S if self._viewers else IDLE_S
            try:
                await self._read()
            except StoreError as error:
                log.warning("feed.stale", detail=str(error))
                pause_s = IDLE_S
            except Exception:
                # Unforeseen, and no reason to leave every viewer with an old floor for good.
                log.exception("feed.failed")
                pause_s = IDLE_S
            await self._rest(pause_s)

    async def _read(self, *, enough_since_ns: int | None = None) -> None:
        """Take in what was committed, unless a read that began late enough has done so."""
        async with self._reading:
            if enough_since_ns is not None and self._tried_ns >= enough_since_ns:
                if self._failed:
                    raise NotCommitted(self._failed)
                return
            self._tried_ns = self._clock.monotonic_ns()
            try:
                await self._take_in()
            except StoreError as error:
                # All who wait get this answer: asking again for each would hold them up in turn.
                self._failed = str(error)
                raise
            self._failed = ""

    async def _take_in(self) -> None:
        if not self._started:
            # Floors that an interrupted beginning loaded are older than these positions.
            self._floors.clear()
            self._positions = await self._store.lane_ends()
        followed = await self._store.follow(self._positions)
        met = await self._meet(followed)
        self._positions = followed.positions
        self._started = True
        for event_id, floor in self._floors.items():
            # A floor that was just loaded is newer than the rows that were read before it.
            for notice in [] if event_id in met else floor.apply(followed):
                self._tell(event_id, notice)

    async def _meet(self, followed: Followed) -> set[str]:
        """Load floors that are new: a new event, or a new round of one. Return their events."""
        met: set[str] = set()
        for event_id, showing in followed.showing.items():
            floor = self._floors.get(event_id)
            if floor is not None and floor.round_id == showing.round_id:
                continue
            event = await self._store.event(event_id)
            if event is None:
                continue
            seats = await self._store.floor(event_id, showing.round_id)
            change = floor.change + 1 if floor else 1
            self._floors[event_id] = fresh = Floor(
                event,
                showing,
                seats,
                store=self._store.name,
                epoch=self._epoch,
                change=change,
                as_of_at=followed.as_of_at,
            )
            self._tell(event_id, fresh.whole())
            met.add(event_id)
        return met

    def _tell(self, event_id: str, notice: Notice) -> None:
        for viewer in self._viewers:
            if viewer.event_id == event_id:
                viewer.tell(notice)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            for event_id, floor in self._floors.items():
                self._tell(event_id, floor.beat())

    async def _rest(self, pause_s: float) -> None:
        """Rest one frame at least, and the whole pause unless somebody nudges."""
        try:
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
        since_s = (self._clock.monotonic_ns() - self._tried_ns) / 1e9
        if not self._closed and since_s < FRAME_S:
            await asyncio.sleep(FRAME_S - since_s)
