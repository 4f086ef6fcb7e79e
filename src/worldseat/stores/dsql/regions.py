"""The Regional endpoints of one database: which of them serves whom, while all are well or not."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import structlog

from worldseat.domain.run import IN_FLIGHT_LIMIT
from worldseat.ports.clock import Chance
from worldseat.ports.onsale import RegionFigures
from worldseat.ports.store import Conflict, NotCommitted, StoreError
from worldseat.stores.dsql import failures
from worldseat.stores.dsql.lanes import LaneConnection, LanePool
from worldseat.stores.dsql.standing import Standing
from worldseat.stores.dsql.watch import Watch

log = structlog.get_logger(__name__)

FAN_LANES = 16
"""Lanes a Region keeps for fans and for reading; on two cores more do not help."""

WARM_LANES = 4
"""How many of them are open before the first fan comes."""

BENCH_LANES = IN_FLIGHT_LIMIT
"""Lanes that a Region may open for a stampede: all buyers in flight may come through one Region."""

WRITE_WITHIN_S = 6.0
WRITE_BACKOFF_S = 0.05
WRITE_BACKOFF_MAX_S = 1.0
FIRST_LOOKS = 5

Statement = tuple[str, tuple[object, ...]]
"""SQL and its arguments."""

_Done = TypeVar("_Done")
_Admit = Callable[[LanePool], Awaitable[None]]


class Regions:
    """Endpoints by Region, each with its pools: `fans` for purchases and reads, `benches`.

    `admit` checks an endpoint through a pool of its before it serves anybody.
    """

    def __init__(
        self, urls: Mapping[str, str], *, process: str, chance: Chance, admit: _Admit
    ) -> None:
        self.names = tuple(urls)
        self._chance = chance
        self.standings = {region: Standing(region, url) for region, url in urls.items()}
        self.fans = {
            region: LanePool(
                standing, size=FAN_LANES, process=process, chance=chance, kept=WARM_LANES
            )
            for region, standing in self.standings.items()
        }
        self.benches = {
            region: LanePool(standing, size=BENCH_LANES, process=process, chance=chance)
            for region, standing in self.standings.items()
        }
        self._watches = {
            region: Watch(
                standing,
                admit=partial(admit, self.fans[region]),
                lost=partial(self._cut, region),
                tend=partial(self._tend, region),
            )
            for region, standing in self.standings.items()
        }
        self._watching: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Make the pools, look at every endpoint, and go on watching them.

        Raises StoreRefused when one of them may not serve, NotCommitted when none answers.
        """
        for pool in self._pools():
            await pool.open()
        for _ in range(FIRST_LOOKS):
            await self._look_at_all()
            for watch in self._watches.values():
                if watch.refusal is not None:
                    raise watch.refusal
            if any(standing.serves for standing in self.standings.values()):
                break
        else:
            raise self._nobody()
        for watch in self._watches.values():
            task = asyncio.create_task(watch.run())
            task.add_done_callback(_report)
            self._watching.append(task)

    async def close(self) -> None:
        """Close every lane, all pools at once."""
        for task in self._watching:
            task.cancel()
        if self._watching:
            await asyncio.wait(self._watching)
        await asyncio.gather(*(watch.close() for watch in self._watches.values()))
        await asyncio.gather(*(pool.close() for pool in self._pools()))

    # who serves whom

    def server_of(self, region: str) -> str | None:
        """Return whose endpoint serves this Region's fans now; None if nobody's can."""
        for name in self._own_first(region):
            if self.standings[name].serves:
                return name
        return None

    async def serving(self, region: str) -> str:
        """Return whose endpoint serves this Region's fans. Raises NotCommitted if nobody's does."""
        found = self.server_of(region)
        if found is None:
            # Nobody need wait for the next look, and all who come now share this one.
            await self._look_at_all()
            found = self.server_of(region)
        if found is None:
            raise self._nobody()
        return found

    @asynccontextmanager
    async def lane(self, region: str) -> AsyncIterator[LaneConnection]:
        """Hold a lane for a fan of this Region. Raises NotCommitted when none can be had."""
        async with AsyncExitStack() as stack:
            yield await self._at(region, lambda at: stack.enter_async_context(self.fans[at].lane()))

    @asynccontextmanager
    async def bench_lane(self, region: str) -> AsyncIterator[LaneConnection]:
        """Hold a lane for a stampede's buyer of this Region. Raises NotCommitted."""
        async with AsyncExitStack() as stack:
            yield await self._at(
                region, lambda at: stack.enter_async_context(self.benches[at].lane())
            )

    async def warm_bench(self, region: str, size: int) -> None:
        """Open lanes for a stampede's buyers of this Region. Raises NotCommitted."""
        await self._at(region, lambda at: self.benches[at].warm(size))

    async def figures(self) -> Sequence[RegionFigures]:
        """Ask every endpoint, for an answer and for a commit, and return what is known then."""
        looks = (watch.look(commits=True) for watch in self._watches.values())
        await asyncio.gather(*looks)
        return self.figures_now()

    def figures_now(self) -> Sequence[RegionFigures]:
        """Return what is known of every Region."""
        return [self._figures(region) for region in self.names]

    # the store's own reading and writing

    async def fetch(self, sql: str, *args: object) -> Sequence[Any]:
        """Read through the first Region that answers: all see every commit at once.

        One that cannot commit is asked last, when nothing else is left to read by.
        """
        if not any(self.standings[region].readable for region in self.names):
            await self._look_at_all()
        missed: StoreError | None = None
        for region in sorted(self.names, key=lambda name: not self.standings[name].serves):
            if not self.standings[region].readable:
                continue
            try:
                found: Sequence[Any] = await _on(self.fans[region], "fetch", sql, *args)
            except (Conflict, NotCommitted) as error:
                # Also a read can meet 40001: the schema was changed elsewhere.
                missed = error
            else:
                return found
        raise missed or self._nobody()

    async def write(self, sql: str, *args: object) -> str:
        """Run one statement in its own transaction and return its tag.

        Retried on conflict and lost connections, so it must be safe to run twice.
        """
        return str(await self.again(lambda pool: _on(pool, "execute", sql, *args)))

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
                    pool.standing.met(error)
                    raise failures.before_commit(error) or error from error

        await self.again(on)

    async def again(
        self,
        write: Callable[[LanePool], Awaitable[_Done]],
        *,
        on: tuple[type[StoreError], ...] = (Conflict, NotCommitted),
    ) -> _Done:
        """Run a write through the Regions in turn until it is answered, within bounds."""
        ends_s = time.monotonic() + WRITE_WITHIN_S
        turn = 0
        while True:
            try:
                region = await self.serving(self.names[turn % len(self.names)])
                return await write(self.fans[region])
            except on:
                ceiling_s = min(WRITE_BACKOFF_S * 2**turn, WRITE_BACKOFF_MAX_S)
                pause_s = ceiling_s * self._chance.jitter()
                if time.monotonic() + pause_s > ends_s:
                    raise
                await asyncio.sleep(pause_s)
            turn += 1

    def _pools(self) -> Sequence[LanePool]:
        return (*self.fans.values(), *self.benches.values())

    def _own_first(self, region: str) -> Sequence[str]:
        return (region, *(name for name in self.names if name != region))

    async def _at(self, region: str, take: Callable[[str], Awaitable[_Done]]) -> _Done:
        """Take something where this Region's fans are served; elsewhere if that was just lost."""
        at = await self.serving(region)
        try:
            return await take(at)
        except NotCommitted:
            await self._look_at_all()
            if self.standings[at].serves:
                raise
            return await take(await self.serving(region))

    async def _look_at_all(self) -> None:
        await asyncio.gather(*(watch.look() for watch in self._watches.values()))

    def _cut(self, region: str) -> None:
        self.fans[region].cut()
        self.benches[region].cut()

    async def _tend(self, region: str) -> None:
        await self.benches[region].tend()
        await self.fans[region].tend()

    def _nobody(self) -> NotCommitted:
        states = "; ".join(f"{each.region}: {each.state}" for each in self.standings.values())
        return NotCommitted(f"no Region serves now ({states})")

    def _figures(self, region: str) -> RegionFigures:
        standing = self.standings[region]
        figures, opening = standing.figures, standing.opening
        p50, p99 = figures.percentiles()
        return RegionFigures(
            region=region,
            state=standing.state,
            served_by=self.server_of(region),
            lanes_open=self.fans[region].lanes_open + self.benches[region].lanes_open,
            commits=figures.commits,
            conflicts=figures.conflicts,
            retries=figures.retries,
            unknown=figures.unknown,
            commit_ms_p50=p50,
            commit_ms_p99=p99,
            commit_ms_sum=figures.commit_ms_sum,
            commit_ms_buckets=figures.buckets(),
            connections_opened=opening.opened,
            connections_delayed=opening.delayed,
            connections_refused=opening.refused,
        )


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("region.watch_failed", exc_info=error)


async def _on(pool: LanePool, verb: str, sql: str, *args: object) -> Any:
    async with pool.lane() as connection:
        try:
            return await getattr(connection, verb)(sql, *args)
        except failures.DRIVER_ERRORS as error:
            pool.standing.met(error)
            raise failures.before_commit(error) or error from error
