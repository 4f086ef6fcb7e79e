"""The foil's connections: as many as a stampede has in flight, and a few to read by.

Each is asked once at which isolation level its transactions run, before anything depends on it, and
numbers the rows that it commits.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from worldseat.domain.run import IN_FLIGHT_LIMIT
from worldseat.ports.clock import Chance
from worldseat.ports.store import NotCommitted, StoreError, StoreRefused
from worldseat.stores.postgres import failures, sql
from worldseat.stores.postgres.place import Place

SPARE = 4
CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 10.0
COMMAND_TIMEOUT_S = 12.0
"""Longer than the server's own limits below, whose refusal is definite."""

IDLE_LIFE_S = 60.0
CLOSE_WITHIN_S = 0.5
_SERVER_LIMITS = {
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
}


class FoilConnection(asyncpg.Connection):
    """A connection that is one lane: `lane_seq` is the number of its last committed row."""

    lane: str
    lane_seq: int

    @property
    def bare(self) -> "FoilConnection":
        """The connection itself: the pool's stand-in for it fails once the server hangs up."""
        return self

    def get_reset_query(self) -> str:
        """Return no statement at all: nothing is left to reset, and it would cost a round trip."""
        return ""


class Connections:
    """A bounded pool. `level` is the isolation level in SQL's words: READ COMMITTED."""

    def __init__(self, place: Place, *, level: str, chance: Chance) -> None:
        self.begin = f"BEGIN ISOLATION LEVEL {level}"
        self._level = level
        self._place = place
        self._chance = chance
        self._pool: asyncpg.Pool[Any] | None = None

    async def open(self) -> str:
        """See that the server is there and keeps the level; return its version, like 16.14.

        The foil's own database is not needed for that, and no connection stays open. Raises
        NotCommitted, or StoreRefused when transactions run at another level.
        """
        async with single(self._place) as connection:
            await self._check_level(connection)
            version = str(connection.get_settings().server_version).split(maxsplit=1)[0]
        self._pool = await asyncpg.create_pool(
            self._place.url,
            database=self._place.database,
            min_size=0,
            max_size=IN_FLIGHT_LIMIT + SPARE,
            max_inactive_connection_lifetime=IDLE_LIFE_S,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            connection_class=FoilConnection,
            init=self._begin_lane,
            server_settings={
                "application_name": "worldseat foil",
                "search_path": self._place.schema,
                **_SERVER_LIMITS,
            },
        )
        return version

    async def close(self) -> None:
        """Close every connection; cut off those that do not end by themselves."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await pool.close()
        except failures.DRIVER_ERRORS:
            pool.terminate()

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[FoilConnection]:
        """Hold a connection. Raises NotCommitted when none can be had."""
        held = await self._acquire()
        try:
            connection: FoilConnection | None = getattr(held, "bare", None)
            if connection is None:
                message = "the server hung up just when the connection was handed out"
                raise NotCommitted(message)
            yield connection
        finally:
            await self._release(held)

    async def warm(self, count: int) -> None:
        """Open `count` connections now, all at once. Raises NotCommitted if one cannot be had."""
        opening = [asyncio.create_task(self._acquire()) for _ in range(count)]
        try:
            await asyncio.wait(opening)
        finally:
            for each in opening:
                each.cancel()
            opened = await asyncio.gather(*opening, return_exceptions=True)
            for each in opened:
                if not isinstance(each, BaseException):
                    await self._release(each)
        failed = next((each for each in opened if isinstance(each, BaseException)), None)
        if failed is not None:
            raise failed

    async def _begin_lane(self, connection: Any) -> None:
        await self._check_level(connection)
        connection.lane = self._chance.new_id("lan")
        connection.lane_seq = 0

    async def _check_level(self, connection: Any) -> None:
        await connection.execute(self.begin)
        shown = await connection.fetchval(sql.ISOLATION)
        await connection.execute("ROLLBACK")
        if shown != self._level.lower():
            message = (
                f"transactions run at {shown}, and not at {self._level.lower()}: nothing "
                "measured here would be what it says"
            )
            raise StoreRefused(message)

    async def _acquire(self) -> Any:
        if self._pool is None:
            message = "the foil is closed"
            raise NotCommitted(message)
        try:
            return await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except failures.DRIVER_ERRORS as error:
            raise failures.connecting(error) from error

    async def _release(self, held: Any) -> None:
        try:
            await held._holder._pool.release(held)
        except failures.DRIVER_ERRORS:
            # The pool has closed the connection. What was answered on it stands: say nothing more.
            return


@asynccontextmanager
async def single(place: Place) -> AsyncIterator[Any]:
    """Open one connection to what the address itself names, and close it. Raises StoreError."""
    try:
        connection = await asyncpg.connect(
            place.url, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S
        )
    except (*failures.DRIVER_ERRORS, ValueError) as error:
        raise failures.connecting(error) from error
    try:
        yield connection
    except failures.DRIVER_ERRORS as error:
        raise failures.before_commit(error) from error
    finally:
        connection.terminate()


__all__ = ["Connections", "FoilConnection", "StoreError", "single"]
