"""After the last answer of a stampede: read the seat once more, count, store the result."""

import asyncio
from dataclasses import replace

import structlog

from worldseat.domain import history
from worldseat.domain.event import Event
from worldseat.domain.run import Operation, Outcome, Plan, Result, RunStatus
from worldseat.domain.seats import Seat, SeatKey
from worldseat.ports.clock import Clock
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Store, StoreError, StoreLost, Tally
from worldseat.services.firing import Fired
from worldseat.services.scoring import score, uncounted

log = structlog.get_logger(__name__)

SETTLE_ATTEMPTS = 20
SETTLE_PAUSE_S = 2.0
COUNT_ATTEMPTS = 3
"""How often a foil is asked for its count. The product is asked for as long as we try to settle."""


class Settling:
    """Settles runs of one process. The history of a run is only here until it is stored."""

    def __init__(self, store: OnSaleStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def settle(
        self, plan: Plan, event: Event, target: Store, fired: Fired, status: RunStatus
    ) -> Result | None:
        """Store what came of a run and return it; wait, within bounds, for a database that is away.

        None if it stays away: the row goes on saying running, and recovery settles it from
        committed rows. A foil that cannot be counted ends its run as interrupted, without counts.
        """
        for attempt in range(1, SETTLE_ATTEMPTS + 1):
            try:
                return await self._once(plan, event, target, fired, status)
            except StoreError as error:
                log.warning("stampede.settling", run_id=plan.run_id, detail=str(error))
                if attempt < SETTLE_ATTEMPTS:
                    await asyncio.sleep(SETTLE_PAUSE_S)
        log.error("stampede.not_settled", run_id=plan.run_id)
        return None

    async def _once(
        self, plan: Plan, event: Event, target: Store, fired: Fired, status: RunStatus
    ) -> Result:
        key = SeatKey(event_id=plan.event_id, round_id=plan.round_id, seat_index=plan.seat_index)
        read_ns = self._clock.monotonic_ns()
        operations = sorted(fired.operations, key=lambda each: each.process)
        in_flight_max, duration_ms = fired.in_flight_max, round(fired.duration_ms, 3)
        found = await self._count(plan, target, key)
        if isinstance(found, Tally):
            operations.append(
                _final_read(plan, found.seat, read_ns, self._clock.monotonic_ns()),
            )
            result = score(
                plan,
                operations,
                found,
                event.chart,
                in_flight_max=in_flight_max,
                duration_ms=duration_ms,
            )
        else:
            status = RunStatus.INTERRUPTED
            result = uncounted(
                plan, operations, found, in_flight_max=in_flight_max, duration_ms=duration_ms
            )
        result = replace(result, sent=fired.sent)
        await self._store.finish_run(
            plan.run_id, status, result, history.dump(operations), holder=plan.run_id
        )
        return result

    async def _count(self, plan: Plan, target: Store, key: SeatKey) -> Tally | str:
        """Count what the run committed; of a foil that cannot tell, say why."""
        if plan.store == self._store.name:
            return await target.tally(plan.run_id, key)
        why = ""
        for attempt in range(COUNT_ATTEMPTS):
            if attempt:
                await asyncio.sleep(SETTLE_PAUSE_S)
            try:
                return await target.tally(plan.run_id, key)
            except StoreLost as error:
                why = str(error)
                break
            except StoreError as error:
                why = str(error)
        log.warning("stampede.not_counted", run_id=plan.run_id, detail=why)
        return why


def nobody_fired(plan: Plan, now_ns: int) -> Fired:
    """Return the record of a run whose connections could not be opened."""
    operations = [
        Operation(
            run_id=plan.run_id,
            process=buyer.number,
            kind="sell",
            op_id=buyer.op_id,
            seat_index=plan.seat_index,
            fan_id=buyer.fan_id,
            region=buyer.region,
            outcome=Outcome.FAIL,
            reason="unavailable",
            attempts=0,
            conflicts=0,
            t_invoke_ns=now_ns,
            t_return_ns=now_ns,
        )
        for buyer in plan.everyone()
    ]
    return Fired(operations=operations, first_ns=now_ns, last_ns=now_ns)


def _final_read(plan: Plan, seat: Seat, invoke_ns: int, return_ns: int) -> Operation:
    return Operation(
        run_id=plan.run_id,
        process=plan.buyers,
        kind="read",
        op_id="read",
        seat_index=plan.seat_index,
        fan_id=seat.fan_id or "",
        region=plan.regions[0],
        outcome=Outcome.OK,
        reason=seat.status.value,
        attempts=1,
        conflicts=0,
        t_invoke_ns=invoke_ns,
        t_return_ns=return_ns,
        observed_op_id=seat.op_id,
    )
