"""Stampedes grouped so that like stands with like only, and every zero has its denominator."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.run import RunStatus
from worldseat.web.views.run import arrival_words, ran_on
from worldseat.web.views.words import count, milliseconds, of

if TYPE_CHECKING:
    from worldseat.domain.run import Cell, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest run of a kind: where to look first."""

    run_id: str
    event_id: str
    seat: str
    seed: int
    finished_at: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All runs of one kind, in words and counts."""

    cell: "Cell"
    on: str
    arrival: str
    where: str
    lag: str
    tone: str
    oversold: str
    agreed: str
    in_flight: str
    conflicts: str
    without: str
    commits: Sequence[str]
    newest: Newest
    command: str


def grouped(runs: Iterable["Run"], *, url: str) -> list[Measured]:
    """Return the runs by kind, the kind that ran last first. `url` goes into the commands."""
    kinds: dict[tuple[Cell, str | None], list[Run]] = {}
    for run in runs:
        if run.status is not RunStatus.RUNNING:
            kinds.setdefault((run.plan.cell, run.plan.stand_in), []).append(run)
    return [_measured(alike, url) for alike in kinds.values()]


def command(run: "Run", *, url: str, runs: int = 10) -> str:
    """Return the shell command that fires the same kind of run again."""
    plan = run.plan
    lag = "" if plan.lag_ms is None else f"--lag {plan.lag_ms} "
    return (
        f".venv/bin/worldseat break-it --url {url} --store {plan.store} --code {plan.code.value} "
        f"--buyers {plan.buyers} --arrival {plan.arrival.text} --regions {plan.reach.value} {lag}"
        f"--runs {runs} --json"
    )


def _measured(runs: Sequence["Run"], url: str) -> Measured:
    done = [run.result for run in runs if run.result and run.status is RunStatus.DONE]
    counted = [result for result in done if result.oversold is not None]
    over = [result.oversold for result in counted if result.oversold]
    agreed = sum(
        each.app_believed == each.log_committed == each.seat_table_shows for each in counted
    )
    missing = len(runs) - len(counted)
    newest = runs[0]
    plan = newest.plan
    return Measured(
        cell=plan.cell,
        on=ran_on(plan.stand_in),
        arrival=arrival_words(plan.arrival),
        where=" and ".join(plan.regions),
        lag="" if plan.lag_ms is None else f"lag {milliseconds(plan.lag_ms)} asked",
        tone="bad" if over else "good" if counted else "none",
        oversold=_oversold(len(counted), over),
        agreed=f"{count(agreed)} of {count(len(counted))}",
        in_flight=_span([each.in_flight_max for each in counted]),
        conflicts=_span([each.conflicts for each in counted]),
        without=f"{of(missing, 'run')} without a result" if missing else "",
        commits=list(dict.fromkeys(run.plan.git_commit[:7] for run in runs)),
        newest=Newest(
            run_id=plan.run_id,
            event_id=plan.event_id,
            seat=newest.seat,
            seed=plan.seed,
            finished_at=newest.finished_at or newest.started_at,
            commit=plan.git_commit[:7],
        ),
        command=command(newest, url=url),
    )


def _oversold(counted: int, over: Sequence[int]) -> str:
    if not counted:
        return "no result"
    if not over:
        return f"0 oversold in {of(counted, 'run')}"
    return f"up to {count(max(over))} oversold, in {count(len(over))} of {of(counted, 'run')}"


def _span(numbers: Sequence[int]) -> str:
    if not numbers:
        return "–"
    low, high = min(numbers), max(numbers)
    return count(low) if low == high else f"{count(low)} to {count(high)}"
