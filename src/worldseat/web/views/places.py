"""Places of the matrix: which lines stand side by side, and one column's spot of a line."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from worldseat.domain.run import Arrival, Reach
from worldseat.domain.seats import Code

if TYPE_CHECKING:
    from worldseat.services.matrix import Line, Spot, Table

AT_ONCE = Arrival()


def each_once(table: "Table") -> "list[Line]":
    """Return the line of every store that is here, once: at the lowest lag, if it has several."""
    found: dict[str, Line] = {}
    for line in table.lines:
        best = found.get(line.store)
        if line.installed and (best is None or (line.lag_ms or 0) < (best.lag_ms or 0)):
            found[line.store] = line
    return list(found.values())


def side_by_side(table: "Table") -> "list[Line]":
    """Return the lines of the headline: the product's first, then the foils'."""
    lines = [line for line in each_once(table) if line.in_headline]
    return [line for line in lines if is_product(line)] + [
        line for line in lines if not is_product(line)
    ]


def spot_of(line: "Line", code: Code, reach: Reach, arrival: Arrival = AT_ONCE) -> "Spot":
    """Return a line's spot in one column."""
    return next(
        spot
        for spot in line.spots
        if (spot.cell.code, spot.cell.reach, spot.cell.arrival) == (code, reach, arrival)
    )


def can_be_fired(spots: "Iterable[Spot]") -> "list[Spot]":
    """Return the spots where something can be measured."""
    return [spot for spot in spots if not spot.cannot]


def is_product(line: "Line") -> bool:
    """Say whether the line is the product's."""
    return line.role == "product"
