"""From what a stampede recorded and committed to its result: counts, sources, verdict in words."""

from collections import Counter
from collections.abc import Iterable, Sequence

from worldseat.domain import answers, chain, rows, wording
from worldseat.domain.run import Operation, Outcome, Plan, RegionCount, Result
from worldseat.domain.seats import SeatStatus, oversold
from worldseat.domain.venue import Chart
from worldseat.domain.verdict import Violation, worst_first
from worldseat.ports.store import Tally
from worldseat.services.attempt import Answer

REFUSALS = frozenset({Answer.TAKEN, Answer.BUSY})
"""Reasons of a `fail` that mean "somebody else was faster"; all others count as errors."""


def score(
    plan: Plan,
    operations: Sequence[Operation],
    tally: Tally,
    chart: Chart,
    *,
    in_flight_max: int,
    duration_ms: float,
) -> Result:
    """Return what came of a run, judged from its own answers and its own committed rows.

    `tally.seat` is the seat row as it was read once all buyers were answered.
    """
    buyers = [each for each in operations if each.kind != answers.READ]
    owned = _owner_is_of(tally, buyers)
    told = answers.compare(
        plan.run_id, operations, tally.sales, chart, {plan.seat_index: int(owned)}
    )
    violations = worst_first([*told.violations, *_of_rows(plan, tally, chart)])
    outcomes = Counter(each.outcome for each in buyers)
    refused = sum(_refused(each) for each in buyers)
    retries = [max(each.attempts - 1, 0) for each in buyers]
    return Result(
        in_flight_max=in_flight_max,
        confirmed=tally.holders,
        refused=refused,
        errors=outcomes[Outcome.FAIL] - refused,
        unknown=outcomes[Outcome.INFO],
        conflicts=sum(each.conflicts for each in buyers),
        retries_max=max(retries, default=0),
        retries_total=sum(retries),
        oversold=oversold(tally.holders) if tally.holders else None,
        duration_ms=duration_ms,
        app_believed=outcomes[Outcome.OK],
        log_committed=len(tally.sales),
        seat_table_shows=int(owned),
        seat_owner_op_id=tally.seat.op_id if tally.seat.status is SeatStatus.SOLD else None,
        verdict=wording.of_run(
            violations,
            operations=len(operations),
            seat=chart.label(plan.seat_index),
            holders=tally.holders,
        ),
        violations=[each.sentence for each in violations],
        operations=len(operations),
        regions=[_of_region(region, buyers, tally) for region in plan.regions],
    )


def _owner_is_of(tally: Tally, buyers: Iterable[Operation]) -> bool:
    seat = tally.seat
    return seat.status is SeatStatus.SOLD and any(
        (each.op_id, each.fan_id) == (seat.op_id, seat.fan_id) for each in buyers
    )


def _of_rows(plan: Plan, tally: Tally, chart: Chart) -> list[Violation]:
    """Judge the run's rows alone. No release falls inside a run, so two sales are one too many."""
    mine = chain.build(plan.seat_index, tally.sales)
    found = list(chain.forks(mine, chart))
    if mine.holders > 1 and not found:
        found = list(chain.resold(mine, chart))
    for row in tally.sales:
        found.extend(rows.check(row, plan.event_id, plan.round_id, chart))
    return found


def _refused(each: Operation) -> bool:
    return each.outcome is Outcome.FAIL and each.reason in REFUSALS


def _of_region(region: str, buyers: Iterable[Operation], tally: Tally) -> RegionCount:
    here = [each for each in buyers if each.region == region]
    outcomes = Counter(each.outcome for each in here)
    refused = sum(_refused(each) for each in here)
    return RegionCount(
        region=region,
        buyers=len(here),
        confirmed=sum(row.region == region for row in tally.sales),
        refused=refused,
        errors=outcomes[Outcome.FAIL] - refused,
        unknown=outcomes[Outcome.INFO],
        conflicts=sum(each.conflicts for each in here),
    )
