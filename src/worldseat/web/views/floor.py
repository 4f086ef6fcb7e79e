"""The floor as rows of seats that a template can print and a screen reader can say."""

import base64
import binascii
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from worldseat.web.views.words import money

if TYPE_CHECKING:
    from worldseat.domain.event import Event
    from worldseat.domain.venue import Place
    from worldseat.services.floor import FloorView

STATES = ("open", "sold", "held", "withheld")
"""What the two bits of a seat stand for, in the order of their values."""

SPOKEN = {"open": "available", "sold": "sold", "held": "on hold", "withheld": "not for sale"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatCell:
    """One seat. `name` is how it is called without its state: `Row A, seat 7, $150`."""

    index: int
    label: str
    number: int
    state: str
    name: str
    mine: bool

    @property
    def spoken(self) -> str:
        """Return the seat's whole accessible name."""
        return f"{self.name}, {'yours' if self.mine else SPOKEN[self.state]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRow:
    """One row, with the empty places before and after it that keep all rows centred."""

    section: str | None
    name: str
    cells: Sequence[SeatCell]
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPicture:
    """All that the floor panel shows."""

    event_id: str
    round_id: str
    change: str
    store: str
    as_of_at: str
    seat_count: int
    sold_count: int
    rows: Sequence[SeatRow]
    price: str

    @property
    def first_open(self) -> str | None:
        """Return the label of the first open seat, or None if none is open."""
        cells = (cell for row in self.rows for cell in row.cells)
        return next((cell.label for cell in cells if cell.state == "open"), None)


def decode(states: str, seat_count: int) -> list[str]:
    """Return each seat's state from base64 of two bits per seat, seat 0 in the lowest bits.

    Raises ValueError if the text is not base64 or too short for the seats.
    """
    try:
        packed = base64.b64decode(states, validate=True)
    except binascii.Error as error:
        message = f"the floor's states are not base64: {error}"
        raise ValueError(message) from error
    if len(packed) * 4 < seat_count:
        message = f"{len(packed)} bytes cannot hold the states of {seat_count} seats"
        raise ValueError(message)
    return [STATES[packed[seat >> 2] >> 2 * (seat & 3) & 3] for seat in range(seat_count)]


def picture(event: "Event", floor: "FloorView", mine: Collection[str] = ()) -> FloorPicture:
    """Return the floor of an event as it stands. `mine` are labels of the fan's own seats."""
    price = money(event.price)
    states = decode(floor.states, event.chart.seat_count)
    several = len(event.chart.sections) > 1
    numbered = list(enumerate(event.chart.places))
    lines = [list(line) for _, line in groupby(numbered, key=lambda each: each[1].row_number)]
    widest = max((len(line) for line in lines), default=0)
    section = None
    rows: list[SeatRow] = []
    for line in lines:
        first = line[0][1]
        missing = widest - len(line)
        rows.append(
            SeatRow(
                section=first.section if several and first.section != section else None,
                name=first.row,
                cells=[
                    SeatCell(
                        index=index,
                        label=place.label,
                        number=place.number,
                        state=states[index],
                        name=_name(place, price, several=several),
                        mine=place.label in mine,
                    )
                    for index, place in line
                ],
                before=missing // 2,
                after=missing - missing // 2,
            )
        )
        section = first.section
    return FloorPicture(
        event_id=event.event_id,
        round_id=floor.round_id,
        change=floor.change,
        store=floor.store,
        as_of_at=floor.as_of_at,
        seat_count=floor.seat_count,
        sold_count=floor.sold_count,
        rows=rows,
        price=price,
    )


def _name(place: "Place", price: str, *, several: bool) -> str:
    row = f"Section {place.section}, row {place.row}" if several else f"Row {place.row}"
    return f"{row}, seat {place.number}, {price}"
