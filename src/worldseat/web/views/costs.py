"""What tickets cost, in words and numbers: every figure a range, every range with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.web.views.cell import commits, days
from worldseat.web.views.costs_chart import NARROW, WIDE, CostsChart, costs_chart
from worldseat.web.views.costs_words import assumptions, basis, case_words, parts
from worldseat.web.views.words import between, count, dollars, of

if TYPE_CHECKING:
    from worldseat.services.costs import CostLine, Costs, TicketCost


@dataclass(frozen=True, slots=True, kw_only=True)
class CostFigures:
    """A measured line's figures in words. DPU and dollars are those of all tickets."""

    usd: str
    dpu: str
    parts: Sequence[str]
    """Compute, read, write, and the write in the other Region: DPU."""
    transactions: str
    ends: str
    """How they ended: sold, met a conflict, found it taken; means per ticket."""
    statements: str
    written: str
    billed: str
    runs: str
    when: str
    commits: str
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """One code in one case; `figures` is None where nobody measured it."""

    code: str
    case: str
    figures: CostFigures | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsView:
    """All that the section shows. `charts` is empty while nothing was measured."""

    title: str
    tickets: str
    basis: str
    rows: Sequence[CostRow]
    charts: Sequence[CostsChart]
    assumptions: Sequence[str]
    measured: bool


def costs_view(costs: "Costs") -> CostsView:
    """Return the section about money."""
    measured = any(line.counted for line in costs.lines)
    return CostsView(
        title=f"What {of(costs.tickets, 'ticket')} cost{'s' if costs.tickets == 1 else ''}",
        tickets=of(costs.tickets, "ticket"),
        basis=basis(costs),
        rows=[_row(line, costs.buyers) for line in costs.lines],
        charts=[costs_chart(costs, shape) for shape in (WIDE, NARROW)] if measured else [],
        assumptions=assumptions(costs),
        measured=measured,
    )


def _row(line: "CostLine", buyers: int) -> CostRow:
    return CostRow(
        code=line.code.value,
        case=case_words(line.case, buyers),
        figures=_figures(line.counted) if line.counted else None,
    )


def _figures(found: "TicketCost") -> CostFigures:
    low, high = found.estimate.low, found.estimate.high
    sent = found.per_ticket
    return CostFigures(
        usd=between(dollars(found.estimate.usd_low), dollars(found.estimate.usd_high)),
        dpu=between(count(low.total), count(high.total)),
        parts=[
            between(count(one), count(other))
            for one, other in zip(parts(low), parts(high), strict=True)
        ],
        transactions=_transactions(sent.total.transactions),
        ends=", ".join(
            f"{_mean(some.transactions)} {ended}"
            for some, ended in (
                (sent.committed, "sold"),
                (sent.aborted, "met a conflict"),
                (sent.looked, "found it taken"),
            )
            if some.transactions
        ),
        statements=_mean(sent.total.statements),
        written=f"{count(sent.committed.bytes_written)} bytes",
        billed=f"{count(sent.committed.billed_written)}",
        runs=of(found.runs, "run"),
        when=days(found.first_at, found.last_at),
        commits=commits(found.commits),
        kept=dollars(found.kept_usd_month),
    )


def _transactions(number: float) -> str:
    return "1 transaction" if number == 1 else f"{_mean(number)} transactions"


def _mean(number: float) -> str:
    """Return a mean per ticket: a whole number where it is one."""
    return f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"
