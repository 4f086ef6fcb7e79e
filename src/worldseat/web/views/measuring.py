"""Measuring from the page: which cells one press can fire, and how far a comparison has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from worldseat.domain.run import Arrival, Reach
from worldseat.domain.seats import Code
from worldseat.services.comparison import Stage
from worldseat.web.views.cell import reach_words
from worldseat.web.views.places import (
    can_be_fired,
    each_once,
    is_product,
    side_by_side,
    spot_of,
)
from worldseat.web.views.run import arrival_words
from worldseat.web.views.words import count, milliseconds, of

if TYPE_CHECKING:
    from worldseat.services.matrix import Spot, Table
    from worldseat.web.shapes import CellAnswer, ComparisonAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSet:
    """Cells that can be fired together.

    `cells` is JSON: of each cell the `body` that the API takes, how many runs it `had`, and what
    the median one of them `took_ms`, or null.
    """

    name: str
    title: str
    cells: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The newest comparison that this process knows: under way, or how it ended.

    `progress` is in runs, with the buyers that are answered as a part of one.
    """

    comparison_id: str
    running: bool
    ending: bool
    planned: int
    done: int
    progress: float
    words: str
    problems: Sequence[str]


def cell_sets(table: "Table") -> list[CellSet]:
    """Return what can be chosen to be fired, the smallest first."""
    all_lines = [line for line in table.lines if line.installed]
    four = [
        spot_of(line, code, reach)
        for code in Code
        for reach in Reach
        for line in side_by_side(table)
    ]
    asked = [
        spot_of(line, code, Reach.BOTH if is_product(line) else Reach.ONE)
        for code in Code
        for line in each_once(table)
    ]
    sets = [_set("four", "the 2×2 above", four)]
    if any(not is_product(line) for line in all_lines):
        title = "the sceptic's cells: foils in one Region, the product in both"
        sets.append(_set("sceptic", title, asked))
    every = [spot for line in all_lines for spot in line.spots]
    return [*sets, _set("every", "the whole matrix", every)]


def now_of(made: "ComparisonAnswer | None") -> Now | None:
    """Return how far a comparison has come, in words."""
    if made is None:
        return None
    running = made.status == Stage.RUNNING
    ending = not running and made.now is not None
    part = made.progress.answered / made.progress.buyers if made.progress and made.now else 0.0
    return Now(
        comparison_id=made.comparison_id,
        running=running,
        ending=ending,
        planned=made.planned,
        done=made.done,
        progress=min(made.done + part, float(made.planned)),
        words=_words(made, running=running, ending=ending),
        problems=made.problems,
    )


def _set(name: str, title: str, spots: "Sequence[Spot]") -> CellSet:
    fired = can_be_fired(spots)
    cells = [
        {
            "body": {
                "store": spot.cell.store,
                "code": spot.cell.code,
                "arrival": spot.cell.arrival.text,
                "reach": spot.cell.reach,
                "lag_ms": spot.cell.lag_ms,
                "buyers": spot.cell.buyers,
            },
            "had": spot.measured.runs if spot.measured else 0,
            "took_ms": _took_ms(spot),
        }
        for spot in fired
    ]
    return CellSet(
        name=name,
        title=f"{title} ({of(len(cells), 'cell')})",
        cells=msgspec.json.encode(cells).decode(),
    )


def _took_ms(spot: "Spot") -> float | None:
    found = spot.measured
    return None if found is None or found.took_ms is None else found.took_ms.median


def _words(made: "ComparisonAnswer", *, running: bool, ending: bool) -> str:
    of_runs = of(made.planned, "run")
    if running:
        number = min(made.done + 1, made.planned)
        return f"Run {count(number)} of {count(made.planned)}: {_firing(made)}"
    if ending:
        return "Stopping: the run under way is finished and counted."
    ended = "Stopped" if made.status == Stage.STOPPED else "Done"
    if not made.planned:
        return "Done: every cell had that many runs already."
    return f"{ended}: {count(made.done)} of {of_runs} fired and stored."


def _firing(made: "ComparisonAnswer") -> str:
    if made.now is None:
        return "about to fire."
    told = f"{cell_words(made.now)}."
    if made.progress is None:
        return told
    answered, buyers = made.progress.answered, made.progress.buyers
    return f"{told} {count(answered)} of {of(buyers, 'buyer')} answered."


def cell_words(cell: "CellAnswer") -> str:
    """Return what is being fired: `Aurora DSQL, naive, all at once, both Regions`."""
    lag = "" if cell.lag_ms is None else f", lag {milliseconds(cell.lag_ms)}"
    return (
        f"{cell.title}, {cell.code.value}, {arrival_words(Arrival.parse(cell.arrival))}, "
        f"{reach_words(cell.reach)}{lag}"
    )
