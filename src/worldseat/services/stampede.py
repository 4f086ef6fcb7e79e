"""Break it: plan a stampede, commit the plan, fire it, count what the database committed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from worldseat.domain.errors import NotHere, Unavailable, UnknownEvent, UnknownRun
from worldseat.domain.event import Event
from worldseat.domain.run import Cell, Plan, Result, Run, RunStatus
from worldseat.domain.seats import Mode
from worldseat.ports.clock import Chance, Clock
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import NotCommitted, Store, StoreError
from worldseat.services.fence import Fence
from worldseat.services.firing import Firing
from worldseat.services.planning import Planner
from worldseat.services.settling import Settling, nobody_fired

log = structlog.get_logger(__name__)

LEASE = "stampede"
LEASE_S = 12.0
"""How long the lease of a killed process keeps others from firing; a living one renews it."""

RENEW_S = 3.0
GIVE_BACK_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How many buyers of a running stampede have their answer."""

    run_id: str
    answered: int
    buyers: int


class Stampedes:
    """Runs stampedes, one at a time on a database, and reads them back."""

    def __init__(
        self,
        store: OnSaleStore,
        stores: Mapping[str, Store],
        regions: tuple[str, ...],
        *,
        git_commit: str,
        clock: Clock,
        chance: Chance,
        on_result: Callable[[Plan, Result], None] = lambda _plan, _result: None,
    ) -> None:
        self._store = store
        self._stores = stores
        self._clock = clock
        self._chance = chance
        self.on_result = on_result
        self._fence = Fence(store, regions, clock=clock, chance=chance)
        self._planner = Planner(stores, git_commit=git_commit, chance=chance)
        self._settling = Settling(store, clock)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._progress: dict[str, Progress] = {}

    async def start(
        self,
        *,
        event_id: str,
        cell: Cell,
        seat: str | None = None,
        seed: int | None = None,
    ) -> Run:
        """Commit the run's row and fire in the background; return the run as it begins.

        Without a seat the first open one is the target. Raises UnknownEvent, UnknownSeat,
        UnknownStore, BadRequest, Unavailable, or NotHere with the code `live-round`,
        `stampede-running`, `seat-of-a-fan` or `no-open-seat`.
        """
        target = self._planner.target(cell)
        run_id = self._chance.new_id("run")
        try:
            event = await self._rehearsal(event_id)
            if not await self._store.take_lease(LEASE, run_id, ttl_s=LEASE_S):
                raise NotHere(
                    "stampede-running",
                    "Another stampede is running.",
                    next_step="Wait until it is over; it takes seconds.",
                )
            try:
                # Again: the floor may have been reset before the lease was ours.
                event = await self._rehearsal(event_id)
                plan = await self._planner.plan(run_id, event, cell, seat=seat, seed=seed)
                label = event.chart.label(plan.seat_index)
                await self._store.begin_run(plan, label)
            except BaseException:
                await self._store.give_lease(LEASE, run_id)
                raise
        except StoreError as error:
            raise Unavailable("The database cannot be reached.", operator=str(error)) from error
        self._progress[run_id] = Progress(run_id=run_id, answered=0, buyers=cell.buyers)
        self._tasks[run_id] = asyncio.create_task(self._run(plan, event, target))
        return (await self.run(run_id))[0]

    async def check(self, event_id: str, cells: Sequence[Cell]) -> list[Cell]:
        """Return the cells as they would be fired at an event. Raises as `start` does."""
        try:
            await self._rehearsal(event_id)
        except StoreError as error:
            raise Unavailable("The database cannot be reached.", operator=str(error)) from error
        return [self._planner.complete(cell) for cell in cells]

    async def run(self, run_id: str) -> tuple[Run, Progress | None]:
        """Return a run, with its progress while this process is firing it. Raises UnknownRun."""
        try:
            found = await self._store.run(run_id)
        except StoreError as error:
            raise Unavailable("Runs cannot be read right now.", operator=str(error)) from error
        if found is None:
            raise UnknownRun(f"There is no stampede {run_id[:60]!r}.")
        return found, self._progress.get(run_id)

    async def runs(self, event_id: str | None = None, limit: int = 50) -> Sequence[Run]:
        """Return runs, newest first."""
        try:
            return await self._store.runs(event_id=event_id, limit=limit)
        except StoreError as error:
            raise Unavailable("Runs cannot be read right now.", operator=str(error)) from error

    async def history(self, run_id: str) -> bytes:
        """Return a run's history as JSON lines. Raises UnknownRun or Unavailable."""
        await self.run(run_id)
        try:
            return await self._store.history(run_id)
        except StoreError as error:
            raise Unavailable("The history cannot be read.", operator=str(error)) from error

    async def wait(self, run_id: str) -> Run:
        """Wait until a run that this process fires is over, and return it."""
        task = self._tasks.get(run_id)
        if task is not None:
            await asyncio.shield(task)
        return (await self.run(run_id))[0]

    def fires(self, run_id: str) -> bool:
        """Say whether this process is firing or settling the run."""
        return run_id in self._tasks

    async def close(self) -> None:
        """Give up on runs under way; whoever starts next finds and settles them."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _rehearsal(self, event_id: str) -> Event:
        event = await self._store.event(event_id)
        if event is None:
            raise UnknownEvent(f"There is no event {event_id[:60]!r}.")
        if event.mode is not Mode.REHEARSAL:
            raise NotHere(
                "live-round",
                f"{event.title} is live. A stampede runs only on a rehearsal.",
                next_step="Choose a rehearsal event.",
            )
        return event

    async def _run(self, plan: Plan, event: Event, target: Store) -> None:
        """Fire, score, store; whatever happens, the lease goes back and progress ends."""
        renewing = asyncio.create_task(self._renew(plan.run_id))
        try:
            firing = Firing(
                plan,
                target,
                fence=self._fence if target is self._stores[self._store.name] else None,
                clock=self._clock,
                chance=self._chance,
                on_answer=lambda answered: self._answered(plan, answered),
            )
            try:
                fired, status = await firing.fire(), RunStatus.DONE
            except NotCommitted as error:
                log.warning("stampede.not_fired", run_id=plan.run_id, detail=str(error))
                fired = nobody_fired(plan, self._clock.monotonic_ns())
                status = RunStatus.INTERRUPTED
            result = await self._settling.settle(plan, event, target, fired, status)
            if result is not None:
                self.on_result(plan, result)
        finally:
            renewing.cancel()
            # A renewal under way must not come after the lease went back.
            await asyncio.wait([renewing])
            await self._give_back(plan.run_id)
            self._progress.pop(plan.run_id, None)
            self._tasks.pop(plan.run_id, None)

    async def _give_back(self, run_id: str) -> None:
        """Free the lease, if the run's end has not done so: quickly, for we may be stopping."""
        try:
            async with asyncio.timeout(GIVE_BACK_S):
                await self._store.give_lease(LEASE, run_id)
        except (StoreError, TimeoutError) as error:
            log.warning("stampede.lease_left", run_id=run_id, detail=str(error))

    def _answered(self, plan: Plan, answered: int) -> None:
        self._progress[plan.run_id] = Progress(
            run_id=plan.run_id, answered=answered, buyers=plan.buyers
        )

    async def _renew(self, run_id: str) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                if not await self._store.take_lease(LEASE, run_id, ttl_s=LEASE_S):
                    log.error("stampede.lease_lost", run_id=run_id)
            except StoreError as error:
                log.warning("stampede.lease_not_renewed", run_id=run_id, detail=str(error))
