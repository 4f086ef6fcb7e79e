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
from typing import Any

import asyncpg

from worldseat.ports.clock import Chance
from worldseat.ports.store import NotCommitted
from worldseat.stores.dsql import failures, statements

_LOG = statements.load("log.sql")

STATEMENT_TIMEOUT_S = 10.0
"""The client gives up on one statement; DSQL has no statement_timeout."""

ACQUIRE_TIMEOUT_S = 10.0
LANE_LIFE_S = 50 * 60
"""A DSQL session ends after 60 minutes; a lane is replaced well before."""

IDLE_LIFE_S = 120.0


@dataclass(slots=True, kw_only=True)
class Lane:
    """Who writes on a connection, and how far it came.

    `in_doubt` is set when COMMIT is sent and taken back when it is answered. A lane that stays in
    doubt is never used again, and has no known end: one more row of it may still land.
    """

    lane: str
    region: str
    opened_s: float
    seq: int = 0
    in_doubt: bool = False


class LaneConnection(asyncpg.Connection):
    """A connection that is one lane.

    Without asyncpg's reset query: a lane keeps no session state, and the query would cost every
    purchase a round trip.
    """

    lane: Lane

    @property
    def itself(self) -> "LaneConnection":
        """The connection behind the pool's proxy, which is of no use once the server hangs up."""
        return self

    def get_reset_query(self) -> str:
        """Return no statement at all."""
        return ""


class LanePool:
    """The lanes of one Region."""

    def __init__(self, *, region: str, url: str, size: int, process: str, chance: Chance) -> None:
        self.region = region
        self.size = size
        self._url = url
        self._process = process
        self._chance = chance
        self._pool: asyncpg.Pool[Any] | None = None
        self._open: dict[str, Lane] = {}
        self._in_use: set[str] = set()
        self._ended: list[Lane] = []

    async def open(self) -> None:
        """Make the pool; connections are opened when they are first needed."""
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=self.size,
            max_inactive_connection_lifetime=IDLE_LIFE_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            timeout=ACQUIRE_TIMEOUT_S,
            connection_class=LaneConnection,
            init=self._register,
            server_settings={"application_name": "worldseat"},
        )

    async def _register(self, connection: Any) -> None:
        """Commit the lane's row before its first sale, so that no follower can miss it."""
        await self._note_ended(connection)
        lane = Lane(lane=self._chance.new_id("lan"), region=self.region, opened_s=time.monotonic())
        await connection.execute(_LOG["open_lane"], lane.lane, self.region, self._process)
        connection.lane = lane
        self._open[lane.lane] = lane
        connection.add_termination_listener(partial(self._ended_now, lane))

    def _ended_now(self, lane: Lane, _connection: object) -> None:
        del self._open[lane.lane]
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
                    await pool.release(connection)

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
                    async with pool.acquire() as connection:
                        # A lane that somebody still writes on is not over: it gets no end.
                        self._ended.extend(
                            lane for name, lane in self._open.items() if name not in self._in_use
                        )
                        await self._note_ended(connection)
                await pool.close()
        except failures.DRIVER_ERRORS:
            # The lanes stay without an end and age out of the followers' window by themselves.
            pool.terminate()

    async def _acquire(self, pool: "asyncpg.Pool[Any]") -> Any:
        """Take a connection. Whatever went wrong, a claim that has none committed nothing."""
        try:
            return await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except failures.DRIVER_ERRORS as error:
            raise NotCommitted(failures.told(error)) from error

    async def _release(self, pool: "asyncpg.Pool[Any]", proxy: Any) -> None:
        try:
            await pool.release(proxy)
        except failures.DRIVER_ERRORS:
            # The pool has closed the connection. What was answered on it stands: say nothing more.
            return

    def _require(self) -> "asyncpg.Pool[Any]":
        if self._pool is None:
            message = f"the pool of {self.region} is closed"
            raise NotCommitted(message)
        return self._pool
