"""Pools of lanes: connections that count what they commit (design §5.7).

A lane is one connection's life. It is registered before it writes anything, numbers its committed
rows from 1 without a gap, and is never used again once a COMMIT went unanswered.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import asyncpg

from worldseat.ports.clock import Chance
from worldseat.ports.store import NotCommitted
from worldseat.stores.dsql import failures, statements
from worldseat.stores.dsql.standing import Standing

_LOG = statements.load("log.sql")

STATEMENT_TIMEOUT_S = 6.0
"""The client gives up on one statement; DSQL has no statement_timeout. Within a fan's patience."""

ACQUIRE_TIMEOUT_S = 10.0
RELEASE_TIMEOUT_S = 1.0
"""How long a statement that was given up on may take to end, before its lane is broken."""

LANE_LIFE_S = 50 * 60
"""A DSQL session ends after 60 minutes; a lane is replaced well before."""

IDLE_LIFE_S = 120.0
"""An idle lane beyond those that are kept warm is closed after so long."""


@dataclass(slots=True, kw_only=True)
class Lane:
    """Who writes on a connection, and how far it came.

    `region` is whose endpoint it goes through; a row's own `region` is its fan's. `in_doubt` is set
    when COMMIT is sent and taken back when it is answered. A lane that stays in doubt is never used
    again, and has no known end: one more row of it may still land.
    """

    lane: str
    region: str
    opened_s: float
    used_s: float
    seq: int = 0
    in_doubt: bool = False
    registered: bool = False


class LaneConnection(asyncpg.Connection):
    """A connection that is one lane.

    Without asyncpg's reset query: a lane keeps no session state, and the query would cost every
    purchase a round trip.
    """

    lane: Lane
    standing: Standing
    process: str

    @property
    def itself(self) -> Self:
        """The connection behind the pool's proxy, which is of no use once the server hangs up."""
        return self

    def get_reset_query(self) -> str:
        """Return no statement at all."""
        return ""

    async def register(self) -> None:
        """Commit the lane's row before its first sale, so that no follower can miss it."""
        if not self.lane.registered:
            await self.execute(_LOG["open_lane"], self.lane.lane, self.lane.region, self.process)
            self.lane.registered = True


class LanePool:
    """The lanes of one Region. `kept` of them stay open and warm, once `tend` was called."""

    def __init__(
        self, standing: Standing, *, size: int, process: str, chance: Chance, kept: int = 0
    ) -> None:
        self.standing = standing
        self.size = size
        self._kept = kept
        self._process = process
        self._chance = chance
        self._pool: asyncpg.Pool[Any] | None = None
        self._open: dict[str, LaneConnection] = {}
        self._in_use: set[str] = set()
        self._waiting: set[asyncio.Timeout] = set()
        self._ended: list[Lane] = []

    @property
    def lanes_open(self) -> int:
        """Return how many lanes are open."""
        return len(self._open)

    async def open(self) -> None:
        """Make the pool; connections are opened when they are first needed."""
        self._pool = await asyncpg.create_pool(
            min_size=0,
            max_size=self.size,
            # Idle lanes are closed by `tend`, which knows which of them are kept.
            max_inactive_connection_lifetime=0,
            command_timeout=STATEMENT_TIMEOUT_S,
            timeout=ACQUIRE_TIMEOUT_S,
            connection_class=LaneConnection,
            connect=self.standing.opening.connect,
            init=self._register,
            server_settings={"application_name": "worldseat"},
        )

    async def _register(self, connection: Any) -> None:
        """Begin a lane. Where nothing can be committed now it serves readers, and writers later."""
        now = time.monotonic()
        region = self.standing.region
        lane = Lane(lane=self._chance.new_id("lan"), region=region, opened_s=now, used_s=now)
        connection.lane, connection.standing = lane, self.standing
        connection.process = self._process
        try:
            await self._note_ended(connection)
            await connection.register()
        except asyncpg.PostgresError as error:
            if not failures.takes_no_commits(error):
                raise
            self.standing.met(error)
        self._open[lane.lane] = connection
        connection.add_termination_listener(partial(self._ended_now, lane))

    def _ended_now(self, lane: Lane, _connection: object) -> None:
        del self._open[lane.lane]
        if lane.registered:
            self._ended.append(lane)

    async def _note_ended(self, connection: Any) -> None:
        """Write down how far lanes came that are over; followers then leave them alone."""
        ended, self._ended = self._ended, []
        known = [lane for lane in ended if not lane.in_doubt]
        if not known:
            return
        try:
            await connection.execute(
                _LOG["close_lanes"],
                [lane.lane for lane in known],
                [str(lane.seq) for lane in known],
            )
        except BaseException:
            # The next connection writes them down.
            self._ended.extend(known)
            raise

    def cut(self) -> None:
        """Break every lane, and let go of those who wait for one: the endpoint is lost."""
        for connection in tuple(self._open.values()):
            connection.terminate()
        now = asyncio.get_running_loop().time()
        for limit in tuple(self._waiting):
            limit.reschedule(now)

    async def tend(self) -> None:
        """Close lanes that are old or long idle, and keep some warm. Raises NotCommitted."""
        now = time.monotonic()
        idle = [each for name, each in self._open.items() if name not in self._in_use]
        left = self.lanes_open
        for connection in sorted(idle, key=lambda each: each.lane.used_s):
            old = now - connection.lane.opened_s > LANE_LIFE_S
            if old or (left > self._kept and now - connection.lane.used_s > IDLE_LIFE_S):
                left -= 1
                connection.terminate()
        if left < self._kept and self._pool is not None:
            await self.warm(self._kept)

    async def warm(self, count: int) -> None:
        """Open `count` lanes now, so that nobody pays for it later. Raises NotCommitted."""
        pool = self._require()
        opening = [asyncio.create_task(self._acquire(pool)) for _ in range(count)]
        try:
            await asyncio.gather(*opening)
        finally:
            # All go back to the pool, also those that opened while another one failed.
            for task in opening:
                task.cancel()
            for connection in await asyncio.gather(*opening, return_exceptions=True):
                if not isinstance(connection, BaseException):
                    await self._release(pool, connection)

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[LaneConnection]:
        """Hold one lane. Raises NotCommitted when none can be had."""
        pool = self._require()
        proxy = await self._acquire(pool)
        connection: LaneConnection | None = getattr(proxy, "itself", None)
        if connection is None:
            message = "the server hung up just when the connection was handed out"
            raise NotCommitted(message)
        lane = connection.lane
        lane.used_s = time.monotonic()
        self._in_use.add(lane.lane)
        try:
            # close() may have come while this one waited; it must not write any more.
            self._require()
            yield connection
        finally:
            self._in_use.discard(lane.lane)
            if lane.in_doubt or time.monotonic() - lane.opened_s > LANE_LIFE_S:
                connection.terminate()
            await self._release(pool, proxy)

    async def close(self, *, within_s: float = 0.5) -> None:
        """Write down where the lanes ended, then close them; cut them off after `within_s`."""
        pool = self._pool
        if pool is None:
            return
        self._pool = None
        try:
            async with asyncio.timeout(within_s):
                if self._open or self._ended:
                    await self._note_all(pool)
                await pool.close()
        except failures.DRIVER_ERRORS:
            # The lanes stay without an end and age out of the followers' window by themselves.
            pool.terminate()

    async def _note_all(self, pool: "asyncpg.Pool[Any]") -> None:
        proxy = await pool.acquire()
        connection: LaneConnection | None = getattr(proxy, "itself", None)
        try:
            if connection is None:
                return
            # A lane that somebody still writes on is not over: it gets no end.
            self._ended.extend(
                each.lane
                for name, each in self._open.items()
                if name not in self._in_use and each.lane.registered
            )
            await self._note_ended(connection)
        except BaseException:
            # Released as it is, it would be waited for until the server answers.
            proxy.terminate()
            raise
        finally:
            await self._release(pool, proxy)

    async def _acquire(self, pool: "asyncpg.Pool[Any]") -> Any:
        """Take a connection. Whatever went wrong, a claim that has none committed nothing."""
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S) as limit:
                self._waiting.add(limit)
                try:
                    return await pool.acquire()
                finally:
                    self._waiting.discard(limit)
        except failures.DRIVER_ERRORS as error:
            self.standing.met(error)
            told = failures.told(error)
            raise NotCommitted(f"no connection to {self.standing.region}: {told}") from error

    async def _release(self, pool: "asyncpg.Pool[Any]", proxy: Any) -> None:
        try:
            await pool.release(proxy, timeout=RELEASE_TIMEOUT_S)
        except failures.DRIVER_ERRORS:
            # The pool has closed the connection. What was answered on it stands: say nothing more.
            return

    def _require(self) -> "asyncpg.Pool[Any]":
        if self._pool is None:
            message = f"the pool of {self.standing.region} is closed"
            raise NotCommitted(message)
        return self._pool
