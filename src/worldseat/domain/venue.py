"""The seating chart: sections, rows and seats, and one dense index over all of them.

Seat 0 is the first seat of the first row of the first section; the index runs along rows. It is
what the database, the live stream and the map use; people see labels such as `A7`.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its name and how many seats it has, numbered from 1."""

    name: str
    seats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the hall. A hall with a single section labels seats without its name."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one seat is: the row counts from 0 over the whole chart, the number from 1."""

    section: str
    row: str
    row_number: int
    number: int
    label: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A hall's seats in their fixed order."""

    name: str
    sections: tuple[Section, ...]

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Return every seat, in index order."""
        several = len(self.sections) > 1
        found: list[Place] = []
        row_number = 0
        for section in self.sections:
            for row in section.rows:
                prefix = f"{section.name} {row.name}" if several else row.name
                found.extend(
                    Place(
                        section=section.name,
                        row=row.name,
                        row_number=row_number,
                        number=number,
                        label=f"{prefix}{number}",
                    )
                    for number in range(1, row.seats + 1)
                )
                row_number += 1
        return tuple(found)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {place.label: index for index, place in enumerate(self.places)}

    @property
    def seat_count(self) -> int:
        """Return how many seats the hall has."""
        return len(self.places)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the chart, in hex: two charts with the same digest sell alike."""
        plain = [
            [section.name, [[row.name, row.seats] for row in section.rows]]
            for section in self.sections
        ]
        return hashlib.sha256(json.dumps([self.name, plain]).encode()).hexdigest()

    @cached_property
    def shape(self) -> str:
        """Return the size in the trade's short form: `8×12` when all rows are equally long."""
        lengths = [row.seats for section in self.sections for row in section.rows]
        if len(set(lengths)) == 1:
            return f"{len(lengths)}×{lengths[0]}"
        return f"{len(lengths)} rows"

    def label(self, index: int) -> str:
        """Return what people call seat `index`."""
        return self.places[index].label

    def index_of(self, label: str) -> int | None:
        """Return the index of the seat that people call `label`, or None if there is none."""
        return self._index.get(label)

    def nearest(self, index: int, among: Collection[int], count: int) -> list[int]:
        """Return up to `count` of the seats `among`, nearest to `index` first.

        Two seats along a row are as near as one row apart; ties go to the lower index.
        """
        here = self.places[index]

        def distance(other: int) -> tuple[int, int]:
            there = self.places[other]
            rows = there.row_number - here.row_number
            seats = there.number - here.number
            return (4 * rows * rows + seats * seats, other)

        return sorted((seat for seat in among if seat != index), key=distance)[:count]
