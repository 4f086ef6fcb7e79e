"""Pools of lanes: connections that count what they commit (design §5.7).

A lane is one connection's life. It is registered before it writes anything, numbers its committed
rows from 1 without a gap, and is never used again once a COMMIT went unanswered.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from worldseat.ports.clock import Chance
from worldseat.stores.dsql import failures, statements

_LOG = statements.load("log.sql")

STATEMENT_TIMEOUT_S = 10.0
"""The client gives up on one statement; DSQL has no statement_timeout (facts/dsql.md 3.15)."""

ACQUIRE_TIMEOUT_S = 10.0
LANE_LIFE_S = 50 * 60
"""A DSQL session ends after 60 minutes; a lane is replaced well before (facts/dsql.md §2)."""

IDLE_LIFE_S = 120.0


@dataclass(slots=True, kw_only=True)
class Lane:
    """Who writes on a connection, and how far it came."""

    lane: str
    region: str
    opened_s: float
    seq: int = 0
    retired: bool = False


class LaneConnection(asyncpg.Connection):
    """A connection that is one lane. Without asyncpg's reset query: a lane keeps no session state,
    and the query would cost every purchase a round trip (facts/performance.md §B)."""

    lane: Lane

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
        self._open: set[LaneConnection] = set()
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

    async def _register(self, connection: LaneConnection) -> None:
        """Commit the lane's row before its first sale, so that no follower can miss it."""
        await self._note_ended(connection)
        lane = Lane(
            lane=self._chance.new_id("lan"), region=self.region, opened_s=time.monotonic()
        )
        await connection.execute(_LOG["open_lane"], lane.lane, self.region, self._process)
        connection.lane = lane
        self._open.add(connection)
        connection.add_termination_listener(self._ended_now)

    def _ended_now(self, connection: Any) -> None:  # noqa: ANN401 - asyncpg's own signature
        self._open.discard(connection)
        # After an unanswered COMMIT one more row may still land, so such a lane gets no end.
        if not connection.lane.retired:
            self._ended.append(connection.lane)

    async def _note_ended(self, connection: LaneConnection) -> None:
        ended, self._ended = self._ended, []
        if ended:
            await connection.execute(
                _LOG["close_lanes"],
                [lane.lane for lane in ended],
                [str(lane.seq) for lane in ended],
            )

    async def warm(self, count: int) -> None:
        """Open `count` lanes now, so that nobody pays for it later. Raises NotCommitted."""
        held: list[Any] = []
        pool = self._require()
        try:
            held = await asyncio.gather(*(pool.acquire() for _ in range(count)))
        except failures.DRIVER_ERRORS as error:
            raise failures.before_commit(error) or error from error
        finally:
            for connection in held:
                await pool.release(connection)

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[LaneConnection]:
        """Hold one lane. Raises NotCommitted when none can be had."""
        pool = self._require()
        try:
            connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except failures.DRIVER_ERRORS as error:
            raise failures.before_commit(error) or error from error
        try:
            yield connection
        finally:
            lane: Lane = connection.lane
            if lane.retired or time.monotonic() - lane.opened_s > LANE_LIFE_S:
                connection.terminate()
            await pool.release(connection)

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
                        self._ended.extend(
                            other.lane for other in self._open if not other.lane.retired
                        )
                        await self._note_ended(connection)
                        self._open.clear()
                await pool.close()
        except failures.DRIVER_ERRORS:
            # The lanes stay without an end and age out of the followers' window by themselves.
            pool.terminate()

    def _require(self) -> "asyncpg.Pool[Any]":
        if self._pool is None:
            message = f"the pool of {self.region} is closed"
            raise failures.NotCommitted(message)
        return self._pool
