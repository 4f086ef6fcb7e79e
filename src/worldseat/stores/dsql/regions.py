"""The Regional endpoints of one database: which pool to use, and what to do when one is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from worldseat.domain.run import IN_FLIGHT_LIMIT
from worldseat.ports.clock import Chance
from worldseat.ports.store import Conflict, NotCommitted, StoreError
from worldseat.stores.dsql import failures
from worldseat.stores.dsql.lanes import LanePool

FAN_LANES = 16
"""Lanes a Region keeps for fans and for reading; on two cores more do not help."""

BENCH_LANES = IN_FLIGHT_LIMIT
"""Lanes that a Region may open for a stampede: all buyers in flight may come through one Region."""

WRITE_ATTEMPTS = 8
WRITE_BACKOFF_S = 0.05

Statement = tuple[str, tuple[object, ...]]
"""SQL and its arguments."""

_Done = TypeVar("_Done")


class Regions:
    """Pools by Region: `fans` for purchases and reads, `benches` for stampedes."""

    def __init__(self, urls: Mapping[str, str], *, process: str, chance: Chance) -> None:
        self.names = tuple(urls)
        self.fans = {
            region: LanePool(region=region, url=url, size=FAN_LANES, process=process, chance=chance)
            for region, url in urls.items()
        }
        self.benches = {
            region: LanePool(
                region=region, url=url, size=BENCH_LANES, process=process, chance=chance
            )
            for region, url in urls.items()
        }

    async def open(self) -> None:
        """Make the pools; connections come when first needed."""
        for pool in (*self.fans.values(), *self.benches.values()):
            await pool.open()

    async def close(self) -> None:
        """Close every lane, all pools at once."""
        pools = (*self.fans.values(), *self.benches.values())
        await asyncio.gather(*(pool.close() for pool in pools))

    async def fetch(self, sql: str, *args: object) -> Sequence[Any]:
        """Read through the first Region that answers: both see every commit at once."""
        missed: StoreError | None = None
        for pool in self.fans.values():
            try:
                found: Sequence[Any] = await self._on(pool, "fetch", sql, *args)
            except (Conflict, NotCommitted) as error:
                # Also a read can meet 40001: the schema was changed elsewhere.
                missed = error
            else:
                return found
        raise missed or NotCommitted("no Region is configured")

    async def write(self, sql: str, *args: object) -> str:
        """Run one statement in its own transaction and return its tag.

        Retried on conflict and lost connections, so it must be safe to run twice.
        """
        return str(await self._again(lambda pool: self._on(pool, "execute", sql, *args)))

    async def write_all(self, statements: Sequence[Statement]) -> None:
        """Run statements in one transaction: all of them or none.

        Retried like `write`, so together they must be safe to run twice.
        """

        async def on(pool: LanePool) -> None:
            async with pool.lane() as connection:
                try:
                    async with connection.transaction(isolation="repeatable_read"):
                        for sql, args in statements:
                            await connection.execute(sql, *args)
                except failures.DRIVER_ERRORS as error:
                    raise failures.before_commit(error) or error from error

        await self._again(on)

    async def answers(self, region: str) -> str:
        """Return `ok`, or what is wrong with a Region's endpoint."""
        try:
            await self._on(self.fans[region], "fetch", "SELECT 1")
        except StoreError as error:
            return str(error)
        return "ok"

    async def _again(self, write: Callable[[LanePool], Awaitable[_Done]]) -> _Done:
        """Run a write through the Regions in turn until it is answered, within bounds."""
        missed: StoreError | None = None
        for attempt in range(WRITE_ATTEMPTS):
            if attempt:
                await asyncio.sleep(WRITE_BACKOFF_S * 2 ** (attempt - 1))
            try:
                return await write(self.fans[self.names[attempt % len(self.names)]])
            except (Conflict, NotCommitted) as error:
                missed = error
        raise missed or NotCommitted("not attempted")

    async def _on(self, pool: LanePool, verb: str, sql: str, *args: object) -> Any:
        async with pool.lane() as connection:
            try:
                return await getattr(connection, verb)(sql, *args)
            except failures.DRIVER_ERRORS as error:
                raise failures.before_commit(error) or error from error
