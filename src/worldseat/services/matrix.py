"""The matrix of comparisons: every cell that can be fired, and what its stored runs counted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from worldseat.domain.errors import Unavailable
from worldseat.domain.run import BUYERS, Arrival, Cell, Reach, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Store, StoreError

RUNS_LOOKED_AT = 5_000
"""How many of the newest runs the matrix is made from; it says so when there are more."""

NOT_HERE = "Measured before, on something that is not running here now."
OTHER_LAG = "Measured at a lag of replication that is not one of the matrix's."

ARRIVALS = (Arrival(), Arrival(spread_ms=300))
LAGS_MS = (0, 100, 1_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The least, the middle and the most of what was counted in several runs."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All runs of one cell that have a result, together. `run_ids` are the newest first.

    `above_zero` of `runs` runs oversold; `without` runs gave no result and are in no span.
    `first_at` and `last_at` are when the oldest and the newest of them ended. `took_ms` is what a
    whole run takes, from its stored plan to its stored result; `duration_ms` is the firing alone.
    None: not told by where the figures come from.
    """

    runs: int
    without: int
    above_zero: int
    oversold: Span
    holders: Span
    refused: Span
    errors: Span
    unknown: Span | None
    conflicts: Span
    in_flight: Span
    duration_ms: Span
    took_ms: Span | None
    lag_ms_p50: Span | None
    first_at: str
    last_at: str
    run_ids: Sequence[str]
    commits: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One place of the matrix: what would be fired there, and what was measured, if anything.

    `cannot` says why nothing can be measured in this place.
    """

    cell: Cell
    measured: Measured | None
    without: int = 0
    cannot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One database as it was played: all its places, in the order of the columns.

    `installed` is False for a database or a stand-in that is not here any more, and for a mode that
    nothing here plays: then `note` says so.
    """

    store: str
    title: str
    role: str
    stand_in: str | None
    lag_ms: int | None
    in_headline: bool
    installed: bool
    note: str
    spots: Sequence[Spot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The matrix. `columns` name each place of a line: code, arrival, reach."""

    buyers: int
    columns: Sequence[tuple[Code, Arrival, Reach]]
    lines: Sequence[Line]
    runs: int
    more: bool
    """Whether there are older runs that were not looked at."""


def columns() -> list[tuple[Code, Arrival, Reach]]:
    """Return the columns of the matrix, arrivals outermost."""
    return [(code, arrival, reach) for arrival in ARRIVALS for code in Code for reach in Reach]


class Matrix:
    """Makes the matrix from stored runs."""

    def __init__(self, store: OnSaleStore, stores: Mapping[str, Store]) -> None:
        self._store = store
        self._stores = stores

    async def runs(self) -> Sequence[Run]:
        """Return what the matrix is made from: the newest runs of all events. Raises Unavailable.

        They are the newest first.
        """
        try:
            return await self._store.runs(limit=RUNS_LOOKED_AT)
        except StoreError as error:
            raise Unavailable("Runs cannot be read right now.", operator=str(error)) from error

    async def table(self, *, buyers: int = BUYERS) -> Table:
        """Return the matrix for stampedes of this size. Raises Unavailable."""
        return self.table_of(await self.runs(), buyers=buyers)

    def table_of(self, runs: Sequence[Run], *, buyers: int = BUYERS) -> Table:
        """Return the matrix for stampedes of this size, made from these runs."""
        like = [
            run for run in runs if run.plan.buyers == buyers and run.status is not RunStatus.RUNNING
        ]
        found: dict[tuple[Cell, str | None], list[Run]] = {}
        for run in like:
            found.setdefault((run.plan.cell, run.plan.stand_in), []).append(run)
        return Table(
            buyers=buyers,
            columns=columns(),
            lines=[*self._here(found, buyers), *self._elsewhere(found, buyers)],
            runs=len(like),
            more=len(runs) == RUNS_LOOKED_AT,
        )

    def _here(
        self, found: Mapping[tuple[Cell, str | None], Sequence[Run]], buyers: int
    ) -> list[Line]:
        """Return the lines of what is installed, each store followed by its other modes."""
        lines: list[Line] = []
        for store in self._stores.values():
            lines.extend(
                Line(
                    store=store.name,
                    title=store.title,
                    role=store.role,
                    stand_in=store.stand_in,
                    lag_ms=lag_ms,
                    in_headline=store.in_headline,
                    installed=True,
                    note="",
                    spots=[
                        _spot(cell, found.get((cell, store.stand_in), ()), store)
                        for cell in _cells(store.name, lag_ms, buyers)
                    ],
                )
                for lag_ms in _lags(store)
            )
            lines.extend(
                Line(
                    store=store.name,
                    title=mode.title,
                    role=store.role,
                    stand_in=None,
                    lag_ms=None,
                    in_headline=False,
                    installed=False,
                    note=mode.would_change,
                    spots=[
                        Spot(cell=cell, measured=None) for cell in _cells(store.name, None, buyers)
                    ],
                )
                for mode in store.guarantees.other_modes
            )
        return lines

    def _elsewhere(
        self, found: Mapping[tuple[Cell, str | None], Sequence[Run]], buyers: int
    ) -> list[Line]:
        """Return the lines of runs on what is not here now: never added to a line that is."""
        here = {
            (store.name, store.stand_in, lag_ms)
            for store in self._stores.values()
            for lag_ms in _lags(store)
        }
        others = dict.fromkeys(
            (cell.store, stand_in, cell.lag_ms)
            for cell, stand_in in found
            if (cell.store, stand_in, cell.lag_ms) not in here
        )
        lines = []
        for name, stand_in, lag_ms in others:
            store = self._stores.get(name)
            here_too = store is not None and store.stand_in == stand_in
            lines.append(
                Line(
                    store=name,
                    title=store.title if store else name,
                    role=store.role if store else "foil",
                    stand_in=stand_in,
                    lag_ms=lag_ms,
                    in_headline=False,
                    installed=False,
                    note=OTHER_LAG if here_too else NOT_HERE,
                    spots=[
                        _spot(cell, found.get((cell, stand_in), ()), store)
                        for cell in _cells(name, lag_ms, buyers)
                    ],
                )
            )
        return lines


def measured(runs: Iterable[Run]) -> Measured | None:
    """Return what runs of one cell counted together, or None if none of them has a result."""
    found = list(runs)
    counted = [
        (run, run.result, run.result.oversold)
        for run in found
        if run.status is RunStatus.DONE and run.result and run.result.oversold is not None
    ]
    if not counted:
        return None
    results = [result for _, result, _ in counted]
    lags = [each.lag_ms_p50 for each in results if each.lag_ms_p50 is not None]
    return Measured(
        runs=len(counted),
        without=len(found) - len(counted),
        above_zero=sum(oversold > 0 for _, _, oversold in counted),
        oversold=span([oversold for _, _, oversold in counted]),
        holders=span([each.confirmed for each in results]),
        refused=span([each.refused for each in results]),
        errors=span([each.errors for each in results]),
        unknown=span([each.unknown for each in results]),
        conflicts=span([each.conflicts for each in results]),
        in_flight=span([each.in_flight_max for each in results]),
        duration_ms=span([each.duration_ms for each in results]),
        took_ms=span([_took_ms(run) for run, _, _ in counted]),
        lag_ms_p50=span(lags) if lags else None,
        first_at=min(_ended_at(run) for run, _, _ in counted),
        last_at=max(_ended_at(run) for run, _, _ in counted),
        run_ids=[run.plan.run_id for run, _, _ in counted],
        commits=list(dict.fromkeys(run.plan.git_commit for run, _, _ in counted)),
    )


def span(numbers: Sequence[float]) -> Span:
    """Return the span of at least one number."""
    return Span(low=min(numbers), median=median(numbers), high=max(numbers))


def _ended_at(run: Run) -> str:
    return run.finished_at or run.started_at


def _took_ms(run: Run) -> float:
    began, ended = (datetime.fromisoformat(at) for at in (run.started_at, _ended_at(run)))
    return (ended - began) / timedelta(milliseconds=1)


def _spot(cell: Cell, runs: Sequence[Run], store: Store | None) -> Spot:
    if store is not None and cell.reach is Reach.BOTH and len(store.regions) == 1 and not runs:
        return Spot(cell=cell, measured=None, cannot="takes writes in one Region only")
    found = measured(runs)
    return Spot(cell=cell, measured=found, without=0 if found else len(runs))


def _lags(store: Store) -> Sequence[int | None]:
    return LAGS_MS if store.lag_is_chosen else (None,)


def _cells(store: str, lag_ms: int | None, buyers: int) -> list[Cell]:
    whole = Cell(store=store, code=Code.NAIVE, lag_ms=lag_ms, buyers=buyers)
    return [
        replace(whole, code=code, arrival=arrival, reach=reach)
        for code, arrival, reach in columns()
    ]
