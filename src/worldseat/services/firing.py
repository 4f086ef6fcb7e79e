"""Firing one stampede: the buyers, the gate, the record of what each of them was told."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field

from worldseat.domain import cost, ids
from worldseat.domain.run import IN_FLIGHT_LIMIT, Buyer, Operation, Outcome, Plan
from worldseat.domain.seats import Mode, Order, SeatKey
from worldseat.ports.clock import Chance, Clock
from worldseat.ports.store import Bench, NotCommitted, Store, Writer
from worldseat.services.attempt import Answer, Attempted, RetryPolicy, attempt
from worldseat.services.barrier import Gate
from worldseat.services.codes import CODES
from worldseat.services.fence import Fence, Resolution

OUTCOMES = {
    Answer.SOLD: Outcome.OK,
    Answer.TAKEN: Outcome.FAIL,
    Answer.KEY_EXISTS: Outcome.FAIL,
    Answer.BUSY: Outcome.FAIL,
    Answer.UNAVAILABLE: Outcome.FAIL,
    Answer.STORE_REFUSED: Outcome.FAIL,
    Answer.UNKNOWN: Outcome.INFO,
}

RESOLVED = {
    Resolution.SOLD: (Outcome.OK, "resolved-sold"),
    Resolution.VOID: (Outcome.FAIL, "resolved-void"),
    Resolution.UNKNOWN: (Outcome.INFO, "unknown"),
}

RUN_POLICY = RetryPolicy(attempts_max=12, deadline_s=20.0)


def order_of(plan: Plan, buyer: Buyer) -> Order:
    """Return what a buyer of a run asks for; the same plan always gives the same order."""
    return Order(
        key=SeatKey(event_id=plan.event_id, round_id=plan.round_id, seat_index=plan.seat_index),
        mode=Mode.REHEARSAL,
        fan_id=buyer.fan_id,
        claim_id=buyer.claim_id,
        op_id=buyer.op_id,
        request_hash=ids.request_hash(buyer.fan_id, plan.event_id, (plan.seat_index,)),
        code=plan.code,
        region=buyer.region,
        run_id=plan.run_id,
    )


@dataclass(slots=True, kw_only=True)
class Fired:
    """What a stampede recorded while it ran. `sent` is None where the store does not count it."""

    operations: list[Operation] = field(default_factory=list)
    sent: cost.Sent | None = None
    in_flight: int = 0
    in_flight_max: int = 0
    first_ns: int = 0
    last_ns: int = 0

    @property
    def duration_ms(self) -> float:
        """Return the time from the shot to the last answer."""
        return max(self.last_ns - self.first_ns, 0) / 1e6

    def entered(self) -> None:
        """Count one more buyer in flight: with an open connection, between press and answer."""
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)

    def left(self) -> None:
        """Count one fewer."""
        self.in_flight -= 1


class Firing:
    """Fires one plan at one store."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        *,
        fence: Fence | None,
        clock: Clock,
        chance: Chance,
        on_answer: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._store = store
        self._fence = fence
        self._clock = clock
        self._chance = chance
        self._on_answer = on_answer
        self._benches: dict[str, Bench] = {}
        self.fired = Fired()

    async def fire(self) -> Fired:
        """Open the connections, line everybody up, fire, wait for every answer.

        Raises NotCommitted if the connections cannot be opened: then nobody has fired.
        """
        plan = self._plan
        buyers = plan.everyone()
        per_region = IN_FLIGHT_LIMIT // len(plan.regions)
        async with AsyncExitStack() as stack:
            expected = 0
            for region in plan.regions:
                size = min(sum(buyer.region == region for buyer in buyers), per_region)
                bench = self._store.bench(plan, region, size)
                self._benches[region] = await stack.enter_async_context(bench)
                expected += size
            # A spread arrival takes its connections as it goes; only a burst lines up first.
            gate = Gate(0 if plan.arrival.spread_ms else expected, self._clock)
            if plan.arrival.spread_ms:
                gate.arrive()
            async with asyncio.TaskGroup() as group:
                standing = [group.create_task(self._buy(buyer, gate)) for buyer in buyers]
                if not await gate.fire():
                    for buying in standing:
                        buying.cancel()
                self.fired.first_ns = gate.opened_ns
        told = [bench.sent for bench in self._benches.values()]
        counted = [sent for sent in told if sent is not None]
        self.fired.sent = sum(counted, cost.Sent()) if counted else None
        if not gate.is_open:
            message = "not everybody had a connection in time, so the shot was not fired"
            raise NotCommitted(message)
        return self.fired

    async def _buy(self, buyer: Buyer, gate: Gate) -> None:
        """Be one buyer, from the line at the gate to the answer."""
        if self._plan.arrival.spread_ms:
            await gate.passed()
            await asyncio.sleep(buyer.delay_ms / 1000)
            pressed_ns = self._clock.monotonic_ns()
        else:
            pressed_ns = 0
        order = order_of(self._plan, buyer)
        try:
            async with self._benches[buyer.region].writer() as writer:
                gate.arrive()
                await gate.passed()
                # A buyer who still waits for a connection pressed with the others all the same.
                pressed_ns = pressed_ns or gate.opened_ns
                self.fired.entered()
                try:
                    tried = await self._attempt(order, writer)
                finally:
                    self.fired.left()
        except NotCommitted as error:
            gate.arrive()
            await gate.passed()
            pressed_ns = pressed_ns or gate.opened_ns
            tried = Attempted(answer=Answer.UNAVAILABLE, attempts=0, conflicts=0, detail=str(error))
        await self._record(buyer, order, tried, pressed_ns)

    async def _attempt(self, order: Order, writer: Writer) -> Attempted:
        def others() -> AbstractAsyncContextManager[Writer]:
            return self._benches[order.region].writer()

        return await attempt(
            CODES[self._plan.code],
            order,
            writers=others,
            policy=RUN_POLICY,
            clock=self._clock,
            chance=self._chance,
            held=writer,
        )

    async def _record(self, buyer: Buyer, order: Order, tried: Attempted, pressed_ns: int) -> None:
        """Write down what the buyer was told. Where the store has a fence, unknown is resolved."""
        outcome, reason = OUTCOMES[tried.answer], tried.answer.value
        if tried.answer is Answer.UNKNOWN and self._fence is not None:
            outcome, reason = RESOLVED[await self._fence.resolve(order)]
        now_ns = self._clock.monotonic_ns()
        self.fired.last_ns = max(self.fired.last_ns, now_ns)
        self.fired.operations.append(
            Operation(
                run_id=self._plan.run_id,
                process=buyer.number,
                kind="sell",
                op_id=buyer.op_id,
                seat_index=self._plan.seat_index,
                fan_id=buyer.fan_id,
                region=buyer.region,
                outcome=outcome,
                reason=reason,
                attempts=tried.attempts,
                conflicts=tried.conflicts,
                t_invoke_ns=pressed_ns,
                t_return_ns=None if outcome is Outcome.INFO else now_ns,
            )
        )
        self._on_answer(len(self.fired.operations))
