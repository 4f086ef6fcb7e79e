"""The foil's connections: as many as a stampede has in flight, and a few to read by.

Each is asked once at which isolation level its transactions run, before anything depends on it, and
numbers the rows that it commits.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from worldseat.domain.run import IN_FLIGHT_LIMIT
from worldseat.ports.clock import Chance
from worldseat.ports.store import NotCommitted, StoreRefused
from worldseat.stores.postgres import failures, sql
from worldseat.stores.postgres.place import Place

SPARE = 4
"""Connections beyond those of a stampede, so that the floor can be read while one runs."""

LOOK_TIMEOUT_S = 3.0
"""How long the start of WorldSeat may wait for a server that does not answer."""

CONNECT_TIMEOUT_S = 10.0
IDLE_LIFE_S = 60.0
CLOSE_WITHIN_S = 0.5
COMMAND_TIMEOUT_S = 12.0
# Shorter than ours, because the server's own refusal is definite.
_SERVER_LIMITS = {
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
}

Pool: TypeAlias = "asyncpg.Pool[Any]"


class FoilConnection(asyncpg.Connection):
    """A connection that is one lane: `lane_seq` is the number of its last committed row."""

    lane: str
    lane_seq: int

    @property
    def bare(self) -> "FoilConnection":
        """The connection itself: what the pool hands out is of no use once the server hangs up."""
        return self

    def get_reset_query(self) -> str:
        """Return no statement at all: nothing is left to reset, and it would cost a round trip."""
        return ""


class Connections:
    """A bounded pool. `level` is the isolation level in SQL's words: READ COMMITTED."""

    def __init__(self, place: Place, *, level: str, chance: Chance) -> None:
        self.begin = begin_at(level)
        self._level = level.lower()
        self._place = place
        self._chance = chance
        self._pool: Pool | None = None

    async def open(self) -> str:
        """See that the server is there and keeps the level; return its version, like 16.14.

        Needs nothing of the foil's own there, and leaves no connection open. Raises NotCommitted,
        or StoreRefused when transactions run at another level.
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
        pool = self._require()
        held = await _acquire(pool)
        try:
            connection: FoilConnection | None = getattr(held, "bare", None)
            if connection is None:
                message = "the server hung up just when the connection was handed out"
                raise NotCommitted(message)
            yield connection
        finally:
            await _release(pool, held)

    async def warm(self, count: int) -> None:
        """Open `count` connections now, all at once. Raises NotCommitted if one cannot be had."""
        pool = self._require()
        opening = [asyncio.create_task(_acquire(pool)) for _ in range(count)]
        try:
            await asyncio.gather(*opening)
        finally:
            # All go back to the pool, also those that opened while another one failed.
            for each in opening:
                each.cancel()
            for held in await asyncio.gather(*opening, return_exceptions=True):
                if not isinstance(held, BaseException):
                    await _release(pool, held)

    async def _begin_lane(self, connection: Any) -> None:
        await self._check_level(connection)
        connection.lane = self._chance.new_id("lan")
        connection.lane_seq = 0

    async def _check_level(self, connection: Any) -> None:
        await connection.execute(self.begin)
        shown = await connection.fetchval(sql.ISOLATION)
        await connection.execute("ROLLBACK")
        if shown != self._level:
            message = f"transactions run at {shown}, and not at {self._level}: refusing to measure"
            raise StoreRefused(message)

    def _require(self) -> Pool:
        if self._pool is None:
            message = "the foil is closed"
            raise NotCommitted(message)
        return self._pool


def begin_at(level: str) -> str:
    """Return the statement that begins a transaction at an isolation level."""
    return f"BEGIN ISOLATION LEVEL {level}"


@asynccontextmanager
async def single(place: Place) -> AsyncIterator[Any]:
    """Open one connection to the very database that the address names. Raises StoreError."""
    try:
        connection = await asyncpg.connect(
            place.url, timeout=LOOK_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S
        )
    except (*failures.DRIVER_ERRORS, ValueError) as error:
        # ValueError: the driver cannot read the address.
        raise failures.connecting(error) from error
    try:
        yield connection
    except failures.DRIVER_ERRORS as error:
        raise failures.before_commit(error) from error
    finally:
        connection.terminate()


async def _acquire(pool: Pool) -> Any:
    try:
        return await pool.acquire(timeout=CONNECT_TIMEOUT_S)
    except failures.DRIVER_ERRORS as error:
        raise failures.connecting(error) from error


async def _release(pool: Pool, held: Any) -> None:
    try:
        await pool.release(held)
    except failures.DRIVER_ERRORS:
        # The pool has closed the connection. What was answered on it stands: say nothing more.
        return
