"""Promises of the database beside what acceptance runs saw: AWS, and what stands in for it.

A report is put into its column by what it says that it ran on, never by where it was found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.acceptance import PROMISES, Promise, Report, Standing, is_sealed
from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.web.views.acceptance import MARKS, TONES, counted, verdict
from worldseat.web.views.run import ran_on
from worldseat.web.views.words import day

if TYPE_CHECKING:
    from worldseat.services.acceptances import NewestReports

NOT_MEASURED = "not measured yet"
UNBELIEVED = "not shown: the seal is broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One report: what it ran on, and where it comes from. `href` is None where there is none."""

    title: str
    tone: str
    mark: str
    head: str
    facts: Sequence[str]
    href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """How one promise fared there. `seen` is said where it did not hold."""

    tone: str
    mark: str
    text: str
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromisesView:
    """The columns, AWS first, and of each promise its title and a cell for each column."""

    columns: Sequence[Column]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    command: str


def promises(newest: "NewestReports") -> PromisesView:
    """Return the table of promises."""
    reports = [report for report in (newest.aws, newest.stand_in) if report is not None]
    of_aws = next((each for each in reports if each.stand_in is None), None)
    played = next((each for each in reports if each.stand_in is not None), None)
    titles = dict(PROMISES)
    for report in (played, of_aws):
        titles |= {each.name: each.title for each in report.promises} if report else {}
    return PromisesView(
        columns=[_column("AWS", of_aws), _column(ran_on(LOCAL_CLUSTER), played)],
        rows=[
            (title, [_cell(report, name) for report in (of_aws, played)])
            for name, title in titles.items()
        ],
        command=".venv/bin/worldseat accept",
    )


def _column(title: str, report: Report | None) -> Column:
    if report is None:
        return Column(
            title=title, tone="none", mark=MARKS["none"], head=NOT_MEASURED, facts=[], href=None
        )
    told = verdict(report)
    signed = ", ".join(f"{each.by} on {day(each.at)}" for each in report.signed_off)
    return Column(
        title=ran_on(report.stand_in),
        tone=told.tone,
        mark=told.mark,
        head=told.head,
        facts=[
            f"run of {day(report.finished_at)}, commit {report.git_commit}",
            f"signed off by {signed}" if signed else "not signed off",
        ],
        href=f"/acceptance/{report.report_id}",
    )


def _cell(report: Report | None, name: str) -> Cell:
    if report is None:
        return Cell(tone="none", mark=MARKS["none"], text=NOT_MEASURED)
    if not is_sealed(report):
        return Cell(tone="none", mark=MARKS["none"], text=UNBELIEVED)
    found = next((each for each in report.promises if each.name == name), None)
    if found is None:
        return Cell(tone="none", mark=MARKS["none"], text="no part of this run")
    tone = TONES[found.standing]
    return Cell(tone=tone, mark=MARKS[tone], text=counted(found), seen=_seen(found))


def _seen(promise: Promise) -> str:
    """Return why it did not hold: what broke first, or why it was not tried."""
    if promise.standing is Standing.HELD:
        return ""
    broke = next((f"{case.name}: {case.seen}" for case in promise.cases if not case.held), "")
    return f"{promise.seen} {broke}".strip()
