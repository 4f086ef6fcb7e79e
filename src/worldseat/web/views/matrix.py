"""The whole matrix as the page shows it: line by line, and what was measured elsewhere apart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.services.reported import ReportedLine
from worldseat.web.views.cell import CellView, cell_view
from worldseat.web.views.run import ran_on
from worldseat.web.views.words import milliseconds, of

if TYPE_CHECKING:
    from worldseat.ports.store import Store
    from worldseat.services.matrix import Line, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """One database as it was played. A mode that nothing here plays has no cells, only a note."""

    title: str
    role: str
    on: str
    lag: str
    note: str
    cells: Sequence[CellView]
    has_lag: bool
    measured: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixView:
    """The lines of what is here, with its other modes, and apart from them the earlier ones.

    `unlisted` counts runs of this size whose arrival is none of the columns.
    """

    lines: Sequence[LineView]
    earlier: Sequence[LineView]
    runs: int
    unlisted: int
    more: bool


def matrix_view(table: "Table", stores: "Mapping[str, Store]") -> MatrixView:
    """Return the matrix in words."""
    here, earlier = [], []
    for line in table.lines:
        if line.installed or isinstance(line, ReportedLine):
            here.append(_line(line, mode=False))
        elif is_mode(line, stores):
            here.append(_line(line, mode=True))
        elif _has_runs(line):
            earlier.append(_line(line, mode=False))
    listed = sum(_run_count(line) for line in table.lines if not isinstance(line, ReportedLine))
    return MatrixView(
        lines=here,
        earlier=earlier,
        runs=table.runs,
        unlisted=table.runs - listed,
        more=table.more,
    )


def is_mode(line: "Line", stores: "Mapping[str, Store]") -> bool:
    """Say whether the line is a mode of a service that nothing here plays."""
    store = stores.get(line.store)
    return store is not None and line.title in _titles(store)


def line_title(line: "Line", *, mode: bool) -> str:
    """Return the line's database with what played it and the lag that was asked for."""
    if mode:
        return line.title
    return f"{line.title} on {ran_on(line.stand_in)}{_comma(lag_words(line))}"


def lag_words(line: "Line") -> str:
    """Return the lag of replication that was asked for, if it could be chosen."""
    return "" if line.lag_ms is None else f"lag {milliseconds(line.lag_ms)} asked"


def _titles(store: "Store") -> Iterable[str]:
    return (mode.title for mode in store.guarantees.other_modes)


def _line(line: "Line", *, mode: bool) -> LineView:
    cells = [cell_view(line, spot) for spot in line.spots]
    counted = sum(cell.figures is not None for cell in cells)
    fired = sum(not spot.cannot for spot in line.spots)
    return LineView(
        title=line.title,
        role=line.role,
        on="" if mode else ran_on(line.stand_in),
        lag=lag_words(line),
        note=line.note,
        cells=[] if mode else cells,
        has_lag=any(cell.figures is not None and cell.figures.lag for cell in cells),
        measured=f"{counted} of {of(fired, 'cell')} measured" if counted else "not measured",
    )


def _has_runs(line: "Line") -> bool:
    return _run_count(line) > 0


def _run_count(line: "Line") -> int:
    return sum(
        spot.without + (spot.measured.runs + spot.measured.without if spot.measured else 0)
        for spot in line.spots
    )


def _comma(text: str) -> str:
    return f", {text}" if text else ""
