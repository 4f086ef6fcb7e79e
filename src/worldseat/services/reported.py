"""The product's line on AWS in the matrix, where no run of AWS is stored here.

It is filled from the newest acceptance report of AWS, or says that nothing was measured. It never
takes a figure of a stand-in's report.
"""

from dataclasses import dataclass, replace

from worldseat.domain.acceptance import Report, Stampeded, is_sealed
from worldseat.domain.run import Arrival, Cell, Reach
from worldseat.domain.seats import Code
from worldseat.ports.store import Store
from worldseat.services.matrix import Line, Measured, Span, Spot, Table

UNMEASURED = (
    "Nobody brought an acceptance report of AWS here: worldseat accept makes one, and worldseat "
    "accept show --keep brings one in."
)
UNREADABLE = "The acceptance reports cannot be read right now."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedLine(Line):
    """The product on AWS: `report_id` names the report that fills the line, if there is one."""

    report_id: str | None


def with_aws(
    table: Table, product: Store, report: Report | None, *, note: str = UNMEASURED
) -> Table:
    """Return the matrix with the product's line on AWS below the others of the product.

    Where AWS itself is used here, or runs of it are stored here, the matrix stays as it is. `note`
    says why there is no report.
    """
    named = [line for line in table.lines if line.store == product.name]
    if any(line.stand_in is None for line in named):
        return table
    if report is not None and (report.stand_in is not None or not is_sealed(report)):
        report = None
    line = ReportedLine(
        store=product.name,
        title=product.title,
        role=product.role,
        stand_in=None,
        lag_ms=None,
        in_headline=False,
        installed=False,
        note=_source(report) if report else note,
        spots=[_spot(report, product.name, table.buyers, *each) for each in table.columns],
        report_id=report.report_id if report else None,
    )
    place = table.lines.index(named[-1]) + 1 if named else 0
    return replace(table, lines=[*table.lines[:place], line, *table.lines[place:]])


def _source(report: Report) -> str:
    signed = ", ".join(each.by for each in report.signed_off)
    return (
        f"From the acceptance report of {report.finished_at[:10]}, commit "
        f"{report.git_commit}, {f'signed off by {signed}' if signed else 'not signed off'}. "
        "Refused, errors and the time are medians; in flight is the least of all runs; answers "
        "that stayed unknown are not counted apart there."
    )


def _spot(
    report: Report | None, store: str, buyers: int, code: Code, arrival: Arrival, reach: Reach
) -> Spot:
    cell = Cell(store=store, code=code, arrival=arrival, reach=reach, buyers=buyers)
    like = [
        each
        for each in (report.stampedes if report else ())
        if (each.code, each.arrival, each.reach, each.buyers)
        == (cell.code, arrival.text, reach, buyers)
    ]
    found = next(iter(like), None)
    if report is None or found is None:
        return Spot(cell=cell, measured=None)
    if not found.runs:
        return Spot(cell=cell, measured=None, without=found.without)
    return Spot(cell=cell, measured=_measured(found, report))


def _measured(found: Stampeded, report: Report) -> Measured:
    return Measured(
        runs=found.runs,
        without=found.without,
        above_zero=found.above_zero,
        oversold=Span(
            low=found.oversold_low, median=found.oversold_median, high=found.oversold_high
        ),
        holders=Span(low=found.holders_low, median=found.holders_median, high=found.holders_high),
        refused=_only(found.refused_median),
        errors=_only(found.errors_median),
        unknown=None,
        conflicts=_only(found.conflicts_median),
        in_flight=_only(found.in_flight_low),
        duration_ms=_only(found.duration_ms_median),
        took_ms=None,
        lag_ms_p50=None,
        first_at=report.started_at,
        last_at=report.finished_at,
        run_ids=found.run_ids,
        commits=[report.git_commit],
    )


def _only(number: float) -> Span:
    """Return the span of which a report tells one number."""
    return Span(low=number, median=number, high=number)
