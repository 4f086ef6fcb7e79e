"""One buyer's attempt: run a purchase code until the database gives a definite answer.

Retries belong here and nowhere else: the same for every code, every store, fans and stampedes.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import StrEnum

from worldseat.domain.seats import Order
from worldseat.ports.clock import Chance, Clock
from worldseat.ports.store import (
    CommitUnknown,
    Conflict,
    Duplicate,
    NotCommitted,
    StoreRefused,
    Writer,
)
from worldseat.services.codes import PurchaseCode

WriterSource = Callable[[], AbstractAsyncContextManager[Writer]]


class Answer(StrEnum):
    """How an attempt ended."""

    SOLD = "sold"
    TAKEN = "taken"
    KEY_EXISTS = "key-exists"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    STORE_REFUSED = "store-refused"
    UNKNOWN = "unknown"


# The guard names the transition that this sale wanted to replace: somebody else did. A doubled lane
# number would be a fault of ours, and no sale.
_DUPLICATES = {"op_log_guard": Answer.TAKEN, "op_log_lane": Answer.STORE_REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Bounds of one attempt. Backoff doubles from `base_ms` to `cap_ms`, with full jitter."""

    attempts_max: int = 12
    base_ms: float = 4.0
    cap_ms: float = 250.0
    deadline_s: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """An answer, what it cost, and the operator's detail of the last failure."""

    answer: Answer
    attempts: int
    conflicts: int
    detail: str = ""


async def attempt(
    code: PurchaseCode,
    order: Order,
    *,
    writers: WriterSource,
    policy: RetryPolicy,
    clock: Clock,
    chance: Chance,
    held: Writer | None = None,
) -> Attempted:
    """Run `code` for `order`, again after each conflict or lost connection, within the policy.

    `held` is a writer that the caller holds already; once it fails, `writers` gives others. An
    unanswered COMMIT ends the attempt: resolving it is the fence's work.
    """
    tries = _Tries(policy, clock)
    while True:
        try:
            if held is not None:
                answer = await _on(held, code, order, tries, chance)
            else:
                async with writers() as writer:
                    answer = await _on(writer, code, order, tries, chance)
            return tries.ended(answer)
        except NotCommitted as error:
            held = None
            tries.detail = str(error)
            if not await tries.again(chance):
                return tries.ended(Answer.UNAVAILABLE)
        except Duplicate as error:
            tries.detail = str(error)
            return tries.ended(_DUPLICATES.get(error.constraint, Answer.KEY_EXISTS))
        except CommitUnknown as error:
            tries.detail = str(error)
            return tries.ended(Answer.UNKNOWN)
        except StoreRefused as error:
            tries.detail = str(error)
            return tries.ended(Answer.STORE_REFUSED)


async def _on(
    writer: Writer, code: PurchaseCode, order: Order, tries: "_Tries", chance: Chance
) -> Answer:
    """Run the code on one writer, again after each conflict."""
    while True:
        tries.attempts += 1
        try:
            async with writer.transaction() as tx:
                sold = await code(tx, order)
        except Conflict as error:
            tries.conflicts += 1
            tries.detail = str(error)
            if not await tries.again(chance):
                return Answer.BUSY
        else:
            return Answer.SOLD if sold else Answer.TAKEN


class _Tries:
    """The count of one attempt against its policy."""

    def __init__(self, policy: RetryPolicy, clock: Clock) -> None:
        self.attempts = 0
        self.conflicts = 0
        self.detail = ""
        self._waits = 0
        self._policy = policy
        self._clock = clock
        self._deadline_ns = clock.monotonic_ns() + int(policy.deadline_s * 1e9)

    async def again(self, chance: Chance) -> bool:
        """Wait before the next try; False when the policy allows none."""
        policy = self._policy
        self._waits += 1
        if self._waits >= policy.attempts_max:
            return False
        ceiling_ms = min(policy.cap_ms, policy.base_ms * 2 ** min(self._waits - 1, 16))
        pause_s = ceiling_ms * chance.jitter() / 1000
        if self._clock.monotonic_ns() + int(pause_s * 1e9) > self._deadline_ns:
            return False
        await asyncio.sleep(pause_s)
        return True

    def ended(self, answer: Answer) -> Attempted:
        return Attempted(
            answer=answer,
            attempts=self.attempts,
            conflicts=self.conflicts,
            detail=self.detail,
        )
