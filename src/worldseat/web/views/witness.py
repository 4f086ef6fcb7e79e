"""What the Witness says of the floor and of one seat, in the wording of a pass or a finding."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.web.views.words import count, of

if TYPE_CHECKING:
    from worldseat.domain.verdict import Report, Violation

_SPELLED_OUT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One violation, for a person, with the committed rows that it names."""

    sentence: str
    rows: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict in a word or two, and what it was reached on."""

    tone: str
    head: str
    over: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessView:
    """The whole panel. `seat` is None unless one seat was asked for."""

    floor: Judged
    seat: Judged | None
    seat_label: str
    basis: str
    findings: Sequence[Finding]
    more: int
    judged_at: str


def view(report: "Report") -> WitnessView:
    """Return the report as the page prints it."""
    over = f"in {of(report.operations, 'operation')} on {of(report.seats, 'seat')} of this round"
    seat = report.seat
    shown = report.violations[:_SPELLED_OUT]
    return WitnessView(
        floor=_judged(report.violation_count, report.operations, over),
        seat=None
        if seat is None
        else _judged(
            len(seat.violations),
            seat.operations,
            f"in {of(seat.operations, 'operation')}",
        ),
        seat_label="" if seat is None else seat.seat,
        basis=_basis(report),
        findings=[_finding(each) for each in shown],
        more=report.violation_count - len(shown),
        judged_at=report.judged_at,
    )


def _judged(violations: int, operations: int, over: str) -> Judged:
    if not operations and not violations:
        return Judged(tone="none", head="Nothing to judge yet", over="no operation in this round")
    if violations:
        return Judged(tone="bad", head=f"{of(violations, 'violation')} found", over=over)
    return Judged(tone="good", head="No violation found", over=over)


def _basis(report: "Report") -> str:
    histories = of(report.histories, "recorded history", "recorded histories")
    said = [f"Judged from {histories} and {of(report.transitions, 'committed transition')}."]
    if report.runs_without_history:
        runs = of(report.runs_without_history, "run")
        said.append(f"{runs} without a history: judged from rows only.")
    unknowns = report.unknowns
    if unknowns.total:
        said.append(
            f"Unknown answers: {count(unknowns.total)}, of which "
            f"{count(unknowns.resolved_sold)} were sold, {count(unknowns.resolved_void)} voided, "
            f"{count(unknowns.unresolved)} still open."
        )
    return " ".join(said)


def _finding(violation: "Violation") -> Finding:
    return Finding(sentence=violation.sentence, rows=violation.op_ids)
