"""What tickets cost on Aurora DSQL, per code, from what stored stampedes really sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from worldseat.domain import cost
from worldseat.domain.cost import Estimate, Prices, Sent
from worldseat.domain.run import Arrival, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.ports.store import Store

TICKETS = 100_000
TICKETS_MAX = 1_000_000_000


class Case(StrEnum):
    """How hard fans press for one seat."""

    OWN = "own"
    """Every fan wants a seat of their own: one transaction, and it commits."""
    PRESSED = "pressed"
    """As many as in the stampedes press for each seat in the same moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCost:
    """What one ticket took, the mean of `runs` stored runs; and what all tickets cost.

    `buyers` press for the seat. `run_ids` are the newest first; the times are when the oldest and
    the newest of the runs ended.
    """

    buyers: int
    runs: int
    per_ticket: Sent
    estimate: Estimate
    kept_usd_month: float
    """Storage for a month of what the tickets wrote, in every Region that takes writes."""
    first_at: str
    last_at: str
    run_ids: Sequence[str]
    commits: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One code in one case. `counted` is None where nobody measured it."""

    code: Code
    case: Case
    counted: TicketCost | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The whole answer. `stand_in` played the database while it was counted; None is AWS."""

    store: str
    title: str
    stand_in: str | None
    tickets: int
    buyers: int
    prices: Prices
    lines: Sequence[CostLine]


def costs(runs: Iterable[Run], store: Store, *, tickets: int = TICKETS, buyers: int) -> Costs:
    """Return what `tickets` cost in each code, from the runs that this store was played for.

    A fan alone with a seat sends what a winner's transaction sends that commits, so every run
    counts for that, whatever its size. For the other case only bursts of `buyers` count, with all
    that everybody sent, losers and tries that met a conflict included. Runs on another stand-in
    than the present one, without a result, or from before this was counted are left alone.
    """
    alike = [
        (run, run.result.sent)
        for run in runs
        if run.plan.store == store.name
        and run.plan.stand_in == store.stand_in
        and run.status is RunStatus.DONE
        and run.result is not None
        and run.result.oversold is not None
        and run.result.sent is not None
    ]
    lines = []
    for code in Code:
        of_code = [(run, sent) for run, sent in alike if run.plan.code is code]
        pressed = [
            (run, sent)
            for run, sent in of_code
            if run.plan.buyers == buyers and run.plan.arrival == Arrival()
        ]
        lines.append(CostLine(code=code, case=Case.OWN, counted=_own(of_code, tickets)))
        lines.append(CostLine(code=code, case=Case.PRESSED, counted=_pressed(pressed, tickets)))
    return Costs(
        store=store.name,
        title=store.title,
        stand_in=store.stand_in,
        tickets=tickets,
        buyers=buyers,
        prices=cost.PRICES,
        lines=lines,
    )


_Found = Sequence[tuple[Run, Sent]]


def _own(found: _Found, tickets: int) -> TicketCost | None:
    committed = sum((sent.committed for _, sent in found), cost.NOTHING)
    if not committed.transactions:
        return None
    alone = Sent(committed=committed.times(1 / committed.transactions))
    return _counted(found, alone, 1, tickets)


def _pressed(found: _Found, tickets: int) -> TicketCost | None:
    """Every run is about one seat, and a seat is one ticket, however many believe they hold it."""
    if not found:
        return None
    together = sum((sent for _, sent in found), Sent())
    return _counted(found, together.times(1 / len(found)), found[0][0].plan.buyers, tickets)


def _counted(found: _Found, per_ticket: Sent, buyers: int, tickets: int) -> TicketCost:
    ended = [run.finished_at or run.started_at for run, _ in found]
    kept = per_ticket.committed.bytes_written * tickets
    return TicketCost(
        buyers=buyers,
        runs=len(found),
        per_ticket=per_ticket,
        estimate=cost.estimate(per_ticket.times(tickets)),
        kept_usd_month=cost.storage_usd_month(kept),
        first_at=min(ended),
        last_at=max(ended),
        run_ids=[run.plan.run_id for run, _ in found],
        commits=list(dict.fromkeys(run.plan.git_commit for run, _ in found)),
    )
