"""One event's floor in memory, and how it is told: whole, by numbered frames, by a beat."""

import base64
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from worldseat.domain.event import Event
from worldseat.domain.seats import Kind, Mode, Seat, SeatStatus
from worldseat.ports.onsale import Followed, Showing

FRAMES_KEPT = 256
"""How many frames a returning viewer can have missed before it gets the whole floor instead."""

STATES = {SeatStatus.OPEN: 0, SeatStatus.SOLD: 1}
"""The two bits of a seat on the wire; 2 (held) and 3 (withheld) are kept free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorView:
    """A floor as the API gives it. `states`: base64, 2 bits a seat, seat 0 in the lowest bits."""

    event_id: str
    title: str
    mode: Mode
    round_id: str
    change: str
    store: str
    seat_count: int
    sold_count: int
    states: str
    as_of_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message of a live stream: its kind, its id if it has one, its JSON."""

    event: str
    id: str | None
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A sale as a frame tells it: which seat, through which Region, in which run."""

    seat: str
    kind: str
    region: str
    run_id: str | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What changed since the frame before: [seat index, state] pairs, and the sales behind them."""

    change: str
    round_id: str
    sold_count: int
    as_of_at: str
    seats: list[tuple[int, int]]
    sales: list[Sale]


class Floor:
    """The current round of one event."""

    def __init__(
        self,
        event: Event,
        showing: Showing,
        seats: Sequence[Seat],
        *,
        store: str,
        epoch: str,
        change: int,
        as_of_at: str,
    ) -> None:
        self.round_id = showing.round_id
        self.change = change
        self._event = event
        self._showing = showing
        self._store = store
        self._epoch = epoch
        self._states = bytearray(STATES[seat.status] for seat in seats)
        self._as_of_at = as_of_at
        self._frames: deque[tuple[int, Notice]] = deque(maxlen=FRAMES_KEPT)

    def apply(self, followed: Followed) -> list[Notice]:
        """Take in what was committed; return the notices that tell it."""
        showing = followed.showing.get(self._event.event_id, self._showing)
        self._as_of_at = followed.as_of_at
        mine = [
            (row, seat)
            for row, seat in followed.rows
            if row.key.event_id == self._event.event_id
            and row.key.round_id == self.round_id
            # A seat that the hall does not have is for the Witness to report.
            and row.key.seat_index < len(self._states)
        ]
        changed: dict[int, int] = {}
        for row, seat in mine:
            state = STATES[seat.status]
            if self._states[row.key.seat_index] != state:
                self._states[row.key.seat_index] = changed[row.key.seat_index] = state
        told: list[Notice] = []
        rows = [row for row, _ in mine if row.kind is not Kind.VOID]
        if rows:
            self.change += 1
            sales = [
                Sale(
                    seat=self._event.chart.label(row.key.seat_index),
                    kind=row.kind.value,
                    region=row.region,
                    run_id=row.run_id,
                    at=row.recorded_at,
                )
                for row in rows
            ]
            told.append(self._frame(sorted(changed.items()), sales))
        if (showing.newest_run_id, showing.newest_run_status) != (
            self._showing.newest_run_id,
            self._showing.newest_run_status,
        ):
            told.append(run_notice(showing))
        self._showing = showing
        return told

    def view(self) -> FloorView:
        """Return the whole floor."""
        return FloorView(
            event_id=self._event.event_id,
            title=self._event.title,
            mode=self._event.mode,
            round_id=self.round_id,
            change=self._id,
            store=self._store,
            seat_count=len(self._states),
            sold_count=self._states.count(STATES[SeatStatus.SOLD]),
            states=pack(self._states),
            as_of_at=self._as_of_at,
        )

    def whole(self) -> Notice:
        """Return the whole floor as a notice."""
        return Notice(event="floor", id=self._id, data=msgspec.json.encode(self.view()))

    def beat(self) -> Notice:
        """Return the sign of life: the change number, and the time of the last good read."""
        data = msgspec.json.encode({"change": self._id, "as_of_at": self._as_of_at})
        return Notice(event="beat", id=None, data=data)

    def since(self, last_id: str | None) -> list[Notice] | None:
        """Return the frames after `last_id`, or None if the whole floor must be told."""
        epoch, _, number = (last_id or "").partition(".")
        if epoch != self._epoch or not re.fullmatch(r"[0-9]{1,18}", number, re.ASCII):
            return None
        last = int(number)
        if last == self.change:
            return []
        kept = [notice for change, notice in self._frames if change > last]
        return kept if len(kept) == self.change - last else None

    @property
    def _id(self) -> str:
        return f"{self._epoch}.{self.change}"

    def _frame(self, seats: list[tuple[int, int]], sales: list[Sale]) -> Notice:
        frame = Frame(
            change=self._id,
            round_id=self.round_id,
            sold_count=self._states.count(STATES[SeatStatus.SOLD]),
            as_of_at=self._as_of_at,
            seats=seats,
            sales=sales[-50:],
        )
        notice = Notice(event="seats", id=self._id, data=msgspec.json.encode(frame))
        self._frames.append((self.change, notice))
        return notice


def run_notice(showing: Showing) -> Notice:
    """Return the notice that an event's newest run began or ended."""
    data = msgspec.json.encode(
        {"run_id": showing.newest_run_id, "status": showing.newest_run_status}
    )
    return Notice(event="run", id=None, data=data)


def foil_view(product: FloorView, store: str, seats: Sequence[Seat]) -> FloorView:
    """Return a foil's floor in the frame of the product's: same event and round, its own seats."""
    states = bytearray(product.seat_count)
    for seat in seats:
        states[seat.key.seat_index] = STATES[seat.status]
    return replace(
        product,
        store=store,
        sold_count=states.count(STATES[SeatStatus.SOLD]),
        states=pack(states),
    )


def pack(states: bytes | bytearray) -> str:
    """Return 2 bits per seat in base64, seat 0 in the two lowest bits of byte 0."""
    packed = bytearray((len(states) + 3) // 4)
    for index, state in enumerate(states):
        packed[index // 4] |= state << (2 * (index % 4))
    return base64.b64encode(packed).decode()
