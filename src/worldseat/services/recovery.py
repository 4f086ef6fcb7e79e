"""Settling stampedes whose process died: every claim gets its final answer from the database.

A run found unfinished has no history. Its plan gives back every buyer's op_id; each is fenced, so
that nothing of it can commit later, and the run is stored as interrupted (design §7).
"""

import asyncio
from collections.abc import Callable, Mapping

import structlog

from worldseat.domain import history
from worldseat.domain.run import Buyer, Operation, Outcome, Plan, Run, RunStatus
from worldseat.domain.seats import SeatKey
from worldseat.ports.clock import Clock
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import NotCommitted, Store, StoreError, Tally
from worldseat.services.fence import Fence, Resolution
from worldseat.services.firing import order_of
from worldseat.services.scoring import score, uncounted
from worldseat.services.stampede import LEASE, LEASE_S

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 3.0
IDLE_LOOK_S = 20.0
"""How often to look when nothing was left: a process may die later, or a run stay unsettled."""

FENCE_AT_ONCE = 8


class Recovery:
    """Finds unfinished runs and settles them, once no living process holds the lease."""

    def __init__(
        self,
        store: OnSaleStore,
        stores: Mapping[str, Store],
        fence: Fence,
        *,
        clock: Clock,
        holder: str,
        fires: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._store = store
        self._stores = stores
        self._fence = fence
        self._clock = clock
        self._holder = holder
        self._fires = fires

    async def watch(self) -> None:
        """Settle what is unfinished, now and for as long as this process lives."""
        while True:
            pause_s = LOOK_AGAIN_S
            try:
                if not await self.settle_all():
                    pause_s = IDLE_LOOK_S
            except StoreError as error:
                log.warning("recovery.waiting", detail=str(error))
            await asyncio.sleep(pause_s)

    async def settle_all(self) -> int:
        """Settle every unfinished run that nobody is firing; return how many are still left.

        Raises StoreError when the database is away, or a claim of a run cannot be resolved yet.
        """
        left = 0
        for run in await self._store.unfinished_runs():
            run_id = run.plan.run_id
            # Our own may have lost its lease while the database was away, and knows its answers.
            if self._fires(run_id) or await self._store.lease_holder(LEASE) is not None:
                left += 1
            elif await self._is_unfinished(run_id):
                left += not await self._settle_alone(run)
        return left

    async def _settle_alone(self, run: Run) -> bool:
        """Settle a run under the lease; False if somebody else has the lease."""
        if not await self._store.take_lease(LEASE, self._holder, ttl_s=LEASE_S):
            return False
        try:
            if await self._is_unfinished(run.plan.run_id):
                await self._settle(run)
        finally:
            await self._store.give_lease(LEASE, self._holder)
        return True

    async def _is_unfinished(self, run_id: str) -> bool:
        """Read the run again: the lease of a living one ends in the moment that finishes it.

        So a run that is read as unfinished after its lease was seen to be free has no process.
        """
        found = await self._store.run(run_id)
        return found is not None and found.status is RunStatus.RUNNING

    async def _settle(self, run: Run) -> None:
        plan = run.plan
        event = await self._store.event(plan.event_id)
        if event is None:
            message = f"run {plan.run_id} names an event that is not there"
            raise NotCommitted(message)
        of_product = plan.store == self._store.name
        turns = asyncio.Semaphore(FENCE_AT_ONCE)
        now_ns = self._clock.monotonic_ns()

        async def one(buyer: Buyer) -> Operation:
            async with turns:
                reason = "unknown"
                if of_product:
                    resolution = await self._fence.resolve(order_of(plan, buyer))
                    if resolution is Resolution.UNKNOWN:
                        message = f"{buyer.op_id} of run {plan.run_id} cannot be fenced yet"
                        raise NotCommitted(message)
                    reason = f"interrupted-{resolution}"
                return _unanswered(plan, buyer, reason, now_ns)

        fencing = [asyncio.create_task(one(buyer)) for buyer in plan.everyone()]
        try:
            operations = await asyncio.gather(*fencing)
        finally:
            for task in fencing:
                task.cancel()
        found = await self._count(plan)
        if isinstance(found, Tally):
            result = score(plan, operations, found, event.chart, in_flight_max=0, duration_ms=0.0)
        else:
            result = uncounted(plan, operations, found, in_flight_max=0, duration_ms=0.0)
        await self._store.finish_run(
            plan.run_id,
            RunStatus.INTERRUPTED,
            result,
            history.dump(operations),
            holder=self._holder,
        )
        log.info("recovery.settled", run_id=plan.run_id, confirmed=result.confirmed)

    async def _count(self, plan: Plan) -> Tally | str:
        """Count what the run committed; of a foil that cannot tell, say why.

        A run that was cut off is no result anyway, so a foil is asked once: one that stays away
        must not keep the product's own runs waiting.
        """
        key = SeatKey(event_id=plan.event_id, round_id=plan.round_id, seat_index=plan.seat_index)
        if plan.store == self._store.name:
            return await self._store.tally(plan.run_id, key)
        foil = self._stores.get(plan.store)
        if foil is None:
            return f"the store {plan.store} is not installed any more"
        try:
            return await foil.tally(plan.run_id, key)
        except StoreError as error:
            return str(error)


def _unanswered(plan: Plan, buyer: Buyer, reason: str, now_ns: int) -> Operation:
    return Operation(
        run_id=plan.run_id,
        process=buyer.number,
        kind="sell",
        op_id=buyer.op_id,
        seat_index=plan.seat_index,
        fan_id=buyer.fan_id,
        region=buyer.region,
        outcome=Outcome.INFO,
        reason=reason,
        attempts=1,
        conflicts=0,
        t_invoke_ns=now_ns,
        t_return_ns=None,
    )
