"""The fence: an unknown outcome is resolved, never guessed (design §5.6).

A void under the same op_id competes with the sale for one primary key. Whichever is committed, the
other can never be: the answer is final.
"""

import asyncio
from enum import StrEnum

import structlog

from worldseat.domain.seats import Kind, Order
from worldseat.ports.clock import Chance, Clock
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Duplicate, StoreError

log = structlog.get_logger(__name__)

PAUSE_S = 0.2
FENCE_DEADLINE_S = 8.0


class Resolution(StrEnum):
    """What became of a claim whose COMMIT went unanswered."""

    SOLD = "sold"
    VOID = "void"
    UNKNOWN = "unknown"


class Fence:
    """Resolves unknown outcomes through whichever Region answers."""

    def __init__(
        self, store: OnSaleStore, regions: tuple[str, ...], *, clock: Clock, chance: Chance
    ) -> None:
        self._store = store
        self._regions = regions
        self._clock = clock
        self._chance = chance

    async def resolve(self, order: Order, *, deadline_s: float = FENCE_DEADLINE_S) -> Resolution:
        """Return what became of the order; UNKNOWN only when no Region answered in time."""
        ends_ns = self._clock.monotonic_ns() + int(deadline_s * 1e9)
        turn = self._regions.index(order.region) if order.region in self._regions else 0
        told = False
        while (left_s := (ends_ns - self._clock.monotonic_ns()) / 1e9) > 0:
            turn += 1
            region = self._regions[turn % len(self._regions)]
            try:
                # An endpoint that hangs must not keep the fan longer than promised.
                async with asyncio.timeout(left_s):
                    await self._store.void(order, region=region)
            except TimeoutError:
                return Resolution.UNKNOWN
            except Duplicate:
                found = await self._read(order.op_id)
                if found is not None:
                    return found
            except StoreError as error:
                # Not resolved yet: the next turn meets the key if this void was committed. Told
                # once: a stampede's unknowns would fill the log while the database is away.
                tell = log.debug if told else log.info
                tell("fence.again", op_id=order.op_id, region=region, detail=str(error))
                told = True
            else:
                return Resolution.VOID
            await asyncio.sleep(PAUSE_S * self._chance.jitter())
        return Resolution.UNKNOWN

    async def _read(self, op_id: str) -> Resolution | None:
        try:
            row = await self._store.find_op(op_id)
        except StoreError as error:
            log.info("fence.not_read", op_id=op_id, detail=str(error))
            return None
        if row is None:
            return None
        return Resolution.VOID if row.kind is Kind.VOID else Resolution.SOLD
