"""The matrix as a chart: where every mark stands, worked out for the template that draws it.

Each cell is a line with its name in words. The scale is logarithmic, of one more than what was
oversold, so that it begins at an honest 0 and 1 is still told from 0 beside 999. Shapes carry the
meaning, so that it reads without colour: a ring at 0, a bar to the median, a whisker from the least
to the most; naive code is a solid bar, conditional code a striped one.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from worldseat.domain.run import Arrival
from worldseat.domain.seats import Code
from worldseat.services.reported import ReportedLine
from worldseat.web.views.cell import CellView, cell_view, commits, days
from worldseat.web.views.matrix import is_mode, line_title
from worldseat.web.views.run import arrival_words
from worldseat.web.views.words import count, of

if TYPE_CHECKING:
    from worldseat.ports.store import Store
    from worldseat.services.matrix import Line, Measured, Spot, Table

_ROOM = {"title": 0.7, "head": 0.84}
"""How many letters fit, of what fits in the smallest type, in the larger ones."""

_TICK_GAP = 26
"""Numbers on the axis keep this distance; the last one stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the chart is laid out. Lengths are user units of the picture: pixels at its full size.

    `letters` of the smallest type fit on a line; `under` is how far the marks stand below the words
    of their cell.
    """

    name: str
    width: int
    left: int
    right: int
    value_x: int
    value_anchor: str
    letters: int
    row: int
    under: int


WIDE = Shape(
    name="wide",
    width=960,
    left=230,
    right=700,
    value_x=716,
    value_anchor="start",
    letters=150,
    row=20,
    under=0,
)
NARROW = Shape(
    name="narrow",
    width=320,
    left=6,
    right=314,
    value_x=320,
    value_anchor="end",
    letters=46,
    row=38,
    under=15,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A line of text. `kind` is title, head, sub or fine."""

    y: float
    text: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a cell's figures stand. `low` and `high` are None where there is no range."""

    median: float
    low: float | None
    high: float | None
    zero: bool
    striped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One cell: its name, its mark if it was measured, and its figures in words."""

    y: float
    middle: float
    label: str
    value: str
    sentence: str
    mark: Mark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All that is to be drawn."""

    shape: Shape
    height: float
    title: str
    summary: str
    words: Sequence[Words]
    legend: Sequence[tuple[float, float, str, str]]
    """Of each sample: x, y, what it shows (solid, striped, ring, whisker) and its words."""
    ticks: Sequence[tuple[float, str]]
    axis: tuple[float, float]
    rows: Sequence[Row]


@dataclass(slots=True)
class _Pen:
    """Puts one line under the other."""

    shape: Shape
    y: float = 0.0
    words: list[Words] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def write(self, text: str, kind: str, *, height: int = 17, above: int = 0) -> None:
        self.y += above
        room = int(self.shape.letters * _ROOM.get(kind, 1))
        for line in wrap(text, room, break_on_hyphens=False):
            self.y += height
            self.words.append(Words(y=self.y, text=line, kind=kind))

    def cell(self, cell: CellView, mark: Mark | None) -> None:
        self.y += self.shape.row
        text = self.y - self.shape.under
        self.rows.append(
            Row(
                y=text,
                middle=text - 4 + self.shape.under,
                label=f"{cell.code}, {cell.reach}",
                value=_value(cell, self.shape),
                sentence=f"{cell.label}: {cell.figures.verdict if cell.figures else cell.said}",
                mark=mark,
            )
        )


def chart(table: "Table", stores: "Mapping[str, Store]", shape: Shape = WIDE) -> Chart:
    """Return the chart of a matrix in this shape."""
    scale = _Scale(
        shape, max([table.buyers - 1, *(each.oversold.high for each in _measured(table.lines))])
    )
    pen = _Pen(shape)
    title = f"Oversold in every cell: one seat, {of(table.buyers, 'buyer')}"
    pen.write(title, "title", height=20)
    summary = (
        "Holders of the seat in committed rows, minus one. Median of the runs, with the least and "
        "the most in brackets. Logarithmic scale from 0."
    )
    pen.write(summary, "fine")
    legend = _legend(pen)
    top = pen.y = pen.y + 24
    for line in table.lines:
        _draw(pen, line, scale, mode=not line.installed and is_mode(line, stores))
    bottom = pen.y + 8
    pen.y = bottom + 14
    pen.write(_source(table), "fine", above=6)
    return Chart(
        shape=shape,
        height=pen.y + 10,
        title=title,
        summary=summary,
        words=pen.words,
        legend=legend,
        ticks=scale.ticks(),
        axis=(top, bottom),
        rows=pen.rows,
    )


class _Scale:
    """Turns what was oversold into a place between left and right."""

    def __init__(self, shape: Shape, most: float) -> None:
        self._left, self._right = shape.left, shape.right
        self._most = max(most, 1)

    def x(self, oversold: float) -> float:
        part = math.log1p(oversold) / math.log1p(self._most)
        return round(self._left + part * (self._right - self._left), 1)

    def ticks(self) -> list[tuple[float, str]]:
        powers = [10.0**power for power in range(math.ceil(math.log10(self._most)))]
        last = self.x(self._most)
        kept = [number for number in (0.0, *powers) if last - self.x(number) >= _TICK_GAP]
        return [(self.x(number), count(number)) for number in (*kept, self._most)]

    def mark(self, found: "Measured", code: Code) -> Mark:
        over = found.oversold
        ranged = over.low != over.high
        return Mark(
            median=self.x(over.median),
            low=self.x(over.low) if ranged else None,
            high=self.x(over.high) if ranged else None,
            zero=over.high == 0,
            striped=code is Code.CONDITIONAL,
        )


def _draw(pen: _Pen, line: "Line", scale: _Scale, *, mode: bool) -> None:
    """Draw one database: its name, then its cells under the name of their arrival."""
    spots = [spot for spot in line.spots if not spot.cannot]
    counted = sum(spot.measured is not None for spot in spots)
    if not (line.installed or mode or counted or isinstance(line, ReportedLine)):
        return
    pen.write(line_title(line, mode=mode), "head", above=10)
    if not line.installed and not mode:
        pen.write(line.note, "sub")
    if not counted:
        pen.write(f"not measured in any of its {of(len(spots), 'cell')}", "sub")
        return
    if len(spots) < len(line.spots):
        pen.write(next(spot.cannot for spot in line.spots if spot.cannot), "sub")
    for arrival, group in _by_arrival(spots):
        pen.write(arrival_words(arrival), "sub")
        for spot in group:
            found = spot.measured
            mark = None if found is None else scale.mark(found, spot.cell.code)
            pen.cell(cell_view(line, spot), mark)


def _value(cell: CellView, shape: Shape) -> str:
    """Return a cell's figures, as far as there is room."""
    if cell.figures is None:
        return cell.said
    if shape is NARROW:
        return f"{cell.figures.oversold}, {cell.figures.runs}"
    return cell.figures.verdict.removeprefix("oversold ")


def _by_arrival(spots: "Sequence[Spot]") -> "Iterator[tuple[Arrival, list[Spot]]]":
    for arrival in dict.fromkeys(spot.cell.arrival for spot in spots):
        yield arrival, [spot for spot in spots if spot.cell.arrival == arrival]


def _legend(pen: _Pen) -> list[tuple[float, float, str, str]]:
    samples = (
        ("solid", "naive code, to the median"),
        ("striped", "conditional code"),
        ("ring", "0 in all runs"),
        ("whisker", "least to most"),
    )
    placed = []
    across = 4 if pen.shape is WIDE else 1
    step = pen.shape.width / across
    for number, (kind, words) in enumerate(samples):
        if number % across == 0:
            pen.y += 20
        placed.append((step * (number % across), pen.y, kind, words))
    return placed


def _source(table: "Table") -> str:
    """Return where the figures come from: how many runs, of which days and commits."""
    reported = [line for line in table.lines if isinstance(line, ReportedLine) and line.report_id]
    told = " Figures of AWS are those of an acceptance report." if reported else ""
    found = _measured(line for line in table.lines if line not in reported)
    if not found:
        here = "No run is stored here" if reported else "Nothing was measured"
        return f"{here} with {of(table.buyers, 'buyer')} yet.{told}"
    runs = sum(each.runs for each in found)
    when = days(min(each.first_at for each in found), max(each.last_at for each in found))
    ran = list(dict.fromkeys(commit for each in found for commit in each.commits))
    return (
        f"Counted from committed rows of {of(runs, 'stored run')} of {when}, {commits(ran)}. A "
        f"stand-in's figure is not AWS's.{told}"
    )


def _measured(lines: "Iterable[Line]") -> "list[Measured]":
    return [spot.measured for line in lines for spot in line.spots if spot.measured]
