"""The Compare page: the four cells first, what causes what, then all that was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.run import BUYERS_MAX, BUYERS_MIN, Reach
from worldseat.domain.seats import Code, Mode
from worldseat.services.comparison import RUNS_MAX
from worldseat.services.costs import costs
from worldseat.services.reported import ReportedLine
from worldseat.web.views.causes import causes
from worldseat.web.views.cell import CellView, cell_view
from worldseat.web.views.cell_runs import RunsView, Wanted, runs_view
from worldseat.web.views.chart import NARROW, WIDE, Chart, chart
from worldseat.web.views.costs import CostsView, costs_view
from worldseat.web.views.matrix import MatrixView, lag_words, matrix_view
from worldseat.web.views.measuring import CellSet, Now, cell_sets, now_of
from worldseat.web.views.places import side_by_side, spot_of
from worldseat.web.views.run import is_played, ran_on

if TYPE_CHECKING:
    from worldseat.domain.event import Event
    from worldseat.domain.run import Run
    from worldseat.ports.store import Store
    from worldseat.services.matrix import Line, Table
    from worldseat.web.shapes import ComparisonAnswer

RUNS_WANTED = 5
"""How many runs one press brings every cell to, unless somebody asks for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One database in one of the four cells."""

    title: str
    role: str
    on: str
    lag: str
    cell: CellView
    on_aws: CellView | None = None
    """The same on AWS, below what a stand-in shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quadrant:
    """One of the four cells: the same code through as many Regions, on each database."""

    key: str
    title: str
    sides: Sequence[Side]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSays:
    """What a database says of itself, and what really ran here."""

    title: str
    role: str
    on: str
    played: bool
    regions: str
    isolation: str
    replication: str
    cannot: str
    two_writers: str
    elsewhere: str
    other_modes: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareView:
    """All that the Compare page shows. `charts` are the wide one and the narrow one."""

    buyers: int
    limits: Mapping[str, int]
    four: Sequence[Quadrant]
    causes: Sequence[str]
    alone: bool
    """No foil is here: there is nothing to compare the product with."""
    missing: Mapping[str, str]
    sets: Sequence[CellSet]
    rehearsals: Sequence["Event"]
    now: Now | None
    charts: Sequence[Chart]
    matrix: MatrixView
    runs: RunsView | None
    costs: CostsView
    stores: Sequence[StoreSays]
    command: str


def view(
    *,
    table: "Table",
    runs: "Sequence[Run]",
    wanted: Wanted,
    stores: "Mapping[str, Store]",
    missing: Mapping[str, str],
    events: "Sequence[Event]",
    newest: "ComparisonAnswer | None",
    url: str,
) -> CompareView:
    """Return the page. `runs` are those that the table is made from, newest first."""
    return CompareView(
        buyers=table.buyers,
        limits={"low": BUYERS_MIN, "high": BUYERS_MAX, "runs": RUNS_WANTED, "most": RUNS_MAX},
        four=four(table),
        causes=causes(table, stores),
        alone=all(store.role == "product" for store in stores.values()),
        missing=missing,
        sets=cell_sets(table),
        rehearsals=[event for event in events if event.mode is Mode.REHEARSAL],
        now=now_of(newest),
        charts=_charts(table, stores),
        matrix=matrix_view(table, stores),
        runs=runs_view(runs, wanted, buyers=table.buyers, stores=stores) if wanted else None,
        costs=costs_view(costs(runs, next(iter(stores.values())), buyers=table.buyers)),
        stores=[_says(store) for store in stores.values()],
        command=(
            f".venv/bin/worldseat compare --url {url} --buyers {table.buyers} --runs {RUNS_WANTED}"
        ),
    )


def _charts(table: "Table", stores: "Mapping[str, Store]") -> list[Chart]:
    reported = any(spot.measured for line in table.lines for spot in line.spots)
    shapes = (WIDE, NARROW) if table.runs or reported else ()
    return [chart(table, stores, shape) for shape in shapes]


def four(table: "Table") -> list[Quadrant]:
    """Return the 2×2: naive and conditional code, through one Region and through both."""
    lines = side_by_side(table)
    on_aws = {line.store: line for line in table.lines if isinstance(line, ReportedLine)}
    return [
        Quadrant(
            key=f"{code.value}-{reach.value}",
            title=f"{code.value.capitalize()} code, {where}",
            sides=[_side(line, code, reach, on_aws.get(line.store)) for line in lines],
        )
        for code in Code
        for reach, where in ((Reach.ONE, "one Region"), (Reach.BOTH, "both Regions"))
    ]


def _side(line: "Line", code: Code, reach: Reach, on_aws: "Line | None") -> Side:
    cell = cell_view(line, spot_of(line, code, reach))
    lag = lag_words(line)
    if cell.figures is not None and cell.figures.lag:
        lag = f"{lag}, {cell.figures.lag} achieved" if lag else f"lag {cell.figures.lag}"
    return Side(
        title=line.title,
        role=line.role,
        on=ran_on(line.stand_in),
        lag=lag,
        cell=cell,
        on_aws=cell_view(on_aws, spot_of(on_aws, code, reach)) if on_aws else None,
    )


def _says(store: "Store") -> StoreSays:
    says = store.guarantees
    return StoreSays(
        title=store.title,
        role=store.role,
        on=ran_on(store.stand_in),
        played=is_played(store.stand_in),
        regions=" and ".join(store.regions),
        isolation=says.isolation,
        replication=says.replication,
        cannot=says.cannot,
        two_writers=says.two_writers,
        elsewhere=says.elsewhere,
        other_modes=[(mode.title, mode.would_change) for mode in says.other_modes],
    )
