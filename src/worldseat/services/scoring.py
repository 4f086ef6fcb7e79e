"""From what a stampede recorded and committed to its result: counts, sources, verdict in words."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from worldseat.domain import answers, chain, rows, wording
from worldseat.domain.run import Operation, Outcome, Plan, RegionCount, Result
from worldseat.domain.seats import LogRow, SeatStatus, oversold
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
    buyers = _buyers(operations)
    owned = _owner_is_of(tally, buyers)
    told = answers.compare(
        plan.run_id, operations, tally.sales, chart, {plan.seat_index: int(owned)}
    )
    violations = worst_first([*told.violations, *_of_rows(plan, tally, chart)])
    return replace(
        _of_answers(plan, buyers, in_flight_max=in_flight_max, duration_ms=duration_ms),
        confirmed=tally.holders,
        oversold=oversold(tally.holders) if tally.holders else None,
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
        lag_ms_p50=tally.lag_ms_p50,
        regions=[_of_region(region, buyers, tally.sales) for region in plan.regions],
    )


def uncounted(
    plan: Plan, operations: Sequence[Operation], why: str, *, in_flight_max: int, duration_ms: float
) -> Result:
    """Return what came of a run whose committed rows cannot be counted: answers, and no verdict."""
    told = _of_answers(
        plan, _buyers(operations), in_flight_max=in_flight_max, duration_ms=duration_ms
    )
    return replace(
        told,
        verdict=f"No result: what was committed cannot be counted: {why}",
        uncounted=why,
        operations=len(operations),
    )


def _buyers(operations: Sequence[Operation]) -> list[Operation]:
    return [each for each in operations if each.kind != answers.READ]


def _of_answers(
    plan: Plan, buyers: Sequence[Operation], *, in_flight_max: int, duration_ms: float
) -> Result:
    """Return what the buyers' answers say by themselves; nothing of it is counted from rows."""
    outcomes = Counter(each.outcome for each in buyers)
    refused = sum(_refused(each) for each in buyers)
    retries = [max(each.attempts - 1, 0) for each in buyers]
    return Result(
        in_flight_max=in_flight_max,
        confirmed=0,
        refused=refused,
        errors=outcomes[Outcome.FAIL] - refused,
        unknown=outcomes[Outcome.INFO],
        conflicts=sum(each.conflicts for each in buyers),
        retries_max=max(retries, default=0),
        retries_total=sum(retries),
        oversold=None,
        duration_ms=duration_ms,
        app_believed=outcomes[Outcome.OK],
        log_committed=0,
        seat_table_shows=0,
        seat_owner_op_id=None,
        verdict="",
        regions=[_of_region(region, buyers, ()) for region in plan.regions],
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


def _of_region(region: str, buyers: Iterable[Operation], sales: Iterable[LogRow]) -> RegionCount:
    here = [each for each in buyers if each.region == region]
    outcomes = Counter(each.outcome for each in here)
    refused = sum(_refused(each) for each in here)
    return RegionCount(
        region=region,
        buyers=len(here),
        confirmed=sum(row.region == region for row in sales),
        refused=refused,
        errors=outcomes[Outcome.FAIL] - refused,
        unknown=outcomes[Outcome.INFO],
        conflicts=sum(each.conflicts for each in here),
    )
