"""A fan's purchase: one seat, one fan, one ticket, whatever is lost on the way."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from worldseat.domain import ids
from worldseat.domain.errors import (
    ClaimVoided,
    KeyReused,
    OneSeatOnly,
    OutcomeUnknown,
    SeatTaken,
    Unavailable,
    UnknownEvent,
    UnknownSeat,
)
from worldseat.domain.event import Event, Ticket
from worldseat.domain.seats import Code, Kind, LogRow, Order, SeatKey, SeatStatus
from worldseat.ports.clock import Chance, Clock
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import StoreError, Writer
from worldseat.services.attempt import Answer, Attempted, RetryPolicy, attempt
from worldseat.services.codes import conditional
from worldseat.services.fence import Fence, Resolution
from worldseat.services.tickets import ticket

NEAREST_COUNT = 3
SEATS_PER_CLAIM = 1
"""For now; the engine will take several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A claim that was sold. `replayed` says that it had been sold before this request."""

    claim_id: str
    tickets: list[Ticket]
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one claim cost, for metrics: its answer, tries and conflicts."""

    answer: str
    attempts: int
    conflicts: int


class Shop:
    """Sells seats to fans, from the product's database only.

    `region` is where this process stands: all fans who reach it are served there. Nothing but a
    row's own `region` depends on it, so a fan who asks again elsewhere gets the same answer.
    """

    def __init__(
        self,
        store: OnSaleStore,
        regions: tuple[str, ...],
        *,
        region: str | None = None,
        secret: bytes,
        clock: Clock,
        chance: Chance,
        policy: RetryPolicy | None = None,
        on_claim: Callable[[Claimed], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._regions = regions
        self._region = region
        self._secret = secret
        self._clock = clock
        self._chance = chance
        self._policy = policy or RetryPolicy()
        self._fence = Fence(store, regions, clock=clock, chance=chance)
        self.on_claim = on_claim

    def region_of(self, fan_id: str) -> str:
        """Return the Region that serves this fan: where this process stands, if it does anywhere.

        Else always the same one for a fan, while it is healthy.
        """
        if self._region is not None:
            return self._region
        first = hashlib.sha256(fan_id.encode()).digest()[0]
        return self._regions[first % len(self._regions)]

    async def buy(self, *, fan_id: str, key: str, event_id: str, seats: Sequence[str]) -> Bought:
        """Buy the seats (one, for now) for a fan under an idempotency key.

        Raises UnknownEvent, UnknownSeat, OneSeatOnly, KeyReused, SeatTaken, ClaimVoided,
        OutcomeUnknown or Unavailable. After OutcomeUnknown the same key must be sent again.
        """
        if len(seats) != SEATS_PER_CLAIM:
            raise OneSeatOnly("One seat per claim for now.")
        event = await self._event(event_id)
        index = event.chart.index_of(seats[0])
        if index is None:
            raise UnknownSeat(f"{event.title} has no seat {seats[0][:40]!r}.")
        order = self._order(fan_id, key, event, index)
        tried = await attempt(
            conditional,
            order,
            writers=self._writers(order.region),
            policy=self._policy,
            clock=self._clock,
            chance=self._chance,
        )
        self.on_claim(
            Claimed(answer=tried.answer, attempts=tried.attempts, conflicts=tried.conflicts)
        )
        return await self._settle(order, event, tried)

    async def tickets(self, fan_id: str) -> list[Ticket]:
        """Return the fan's tickets, newest first, read from committed rows. Raises Unavailable."""
        try:
            found = await self._store.tickets(fan_id)
        except StoreError as error:
            message = "Your tickets cannot be read right now."
            raise Unavailable(message, operator=str(error)) from error
        return [ticket(row, event, secret=self._secret, valid=valid) for row, event, valid in found]

    def _order(self, fan_id: str, key: str, event: Event, index: int) -> Order:
        claim = ids.claim_id(fan_id, key)
        return Order(
            key=SeatKey(event_id=event.event_id, round_id=event.current_round_id, seat_index=index),
            mode=event.mode,
            fan_id=fan_id,
            claim_id=claim,
            op_id=ids.op_id(claim, 0),
            request_hash=ids.request_hash(fan_id, event.event_id, (index,)),
            code=Code.CONDITIONAL,
            region=self.region_of(fan_id),
        )

    def _writers(self, home: str) -> Callable[[], AbstractAsyncContextManager[Writer]]:
        """Give writers of the fan's own Region first, then of the others in turn."""
        start = self._regions.index(home)
        turn = -1

        def next_writer() -> AbstractAsyncContextManager[Writer]:
            nonlocal turn
            turn += 1
            return self._store.writer(self._regions[(start + turn) % len(self._regions)])

        return next_writer

    async def _settle(self, order: Order, event: Event, tried: Attempted) -> Bought:
        """Turn an answer into a ticket or into words."""
        match tried.answer:
            case Answer.SOLD:
                return await self._sold(order, event, replayed=False)
            case Answer.TAKEN | Answer.KEY_EXISTS:
                return await self._find_or_refuse(order, event)
            case Answer.UNKNOWN:
                return await self._resolve(order, event, tried)
            case Answer.STORE_REFUSED:
                raise Unavailable(
                    "The box office cannot sell this seat right now.",
                    next_step="Nothing was sold to you. Choose another seat.",
                    operator=tried.detail,
                )
            case Answer.BUSY:
                raise Unavailable(
                    "Too many are after this seat at once, and you did not get through.",
                    next_step="Nothing was bought. Press Buy again.",
                    operator=tried.detail,
                )
            case Answer.UNAVAILABLE:
                raise Unavailable(
                    "The box office cannot sell right now: its database takes no purchases.",
                    next_step="Nothing was bought. Try again in a few seconds.",
                    operator=tried.detail,
                )

    async def _resolve(self, order: Order, event: Event, tried: Attempted) -> Bought:
        match await self._fence.resolve(order):
            case Resolution.SOLD:
                return await self._find_or_refuse(order, event, replayed=False)
            case Resolution.VOID:
                raise ClaimVoided(
                    "The answer to your purchase was lost, and it was not sold. "
                    "You have not been charged."
                )
            case Resolution.UNKNOWN:
                raise OutcomeUnknown(
                    "We do not know yet whether the seat is yours: the database has not said.",
                    operator=tried.detail,
                )

    async def _find_or_refuse(self, order: Order, event: Event, *, replayed: bool = True) -> Bought:
        """Answer from what was committed under this key; with nothing there, the seat is taken."""
        row = await self._read_op(order)
        if row is None:
            raise await self._taken(order, event)
        if row.request_hash != order.request_hash:
            raise KeyReused("This key was used for another purchase before.")
        if row.kind is Kind.VOID:
            raise ClaimVoided("This purchase was given up before and was not sold.")
        return self._bought(row, event, replayed=replayed)

    async def _sold(self, order: Order, event: Event, *, replayed: bool) -> Bought:
        """Answer a sale that was just committed, from its committed row."""
        row = await self._read_op(order)
        if row is None:
            raise OutcomeUnknown(
                "The sale cannot be read back yet.", operator=f"{order.op_id} is not in op_log"
            )
        return self._bought(row, event, replayed=replayed)

    def _bought(self, row: LogRow, event: Event, *, replayed: bool) -> Bought:
        sold_in = replace(event, current_round_id=row.key.round_id)
        valid = row.key.round_id == event.current_round_id
        return Bought(
            claim_id=row.claim_id,
            tickets=[ticket(row, sold_in, secret=self._secret, valid=valid)],
            replayed=replayed,
        )

    async def _read_op(self, order: Order) -> LogRow | None:
        try:
            return await self._store.find_op(order.op_id)
        except StoreError as error:
            raise OutcomeUnknown(
                "We do not know yet whether the seat is yours: the database cannot be asked.",
                operator=str(error),
            ) from error

    async def _taken(self, order: Order, event: Event) -> SeatTaken:
        index = order.key.seat_index
        try:
            floor = await self._store.floor(event.event_id, order.key.round_id)
        except StoreError as error:
            raise Unavailable("The floor cannot be read right now.", operator=str(error)) from error
        still_open = [seat.key.seat_index for seat in floor if seat.status is SeatStatus.OPEN]
        nearest = event.chart.nearest(index, still_open, NEAREST_COUNT)
        return SeatTaken(event.chart.label(index), [event.chart.label(near) for near in nearest])

    async def _event(self, event_id: str) -> Event:
        try:
            event = await self._store.event(event_id)
        except StoreError as error:
            raise Unavailable("The box office cannot be reached.", operator=str(error)) from error
        if event is None:
            raise UnknownEvent(f"There is no event {event_id[:60]!r}.")
        return event
