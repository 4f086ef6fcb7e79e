"""The Witness's judgement of one round: pure, and linear in rows, seats and recorded operations.

It holds three things against each other: the committed log (op_log), the seat table, and what the
buyers of every stampede were told. A count of duplicates alone would miss nearly everything.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from worldseat.domain import answers, chain, last_reads, rows, wording
from worldseat.domain.evidence import Evidence, Index
from worldseat.domain.run import Operation
from worldseat.domain.seats import Kind, LogRow, SeatStatus
from worldseat.domain.venue import Chart
from worldseat.domain.verdict import (
    VIOLATIONS_MAX,
    Fault,
    Report,
    SeatVerdict,
    Sources,
    Unknowns,
    Violation,
    violation,
    worst_first,
)


def judge(evidence: Evidence, *, judged_at: str, seat: int | None = None) -> Report:
    """Judge a round; `seat` is the index of a seat to be judged by itself as well.

    Raises IndexError if the chart has no such seat.
    """
    chart = evidence.chart
    indexed = Index.of(evidence)
    told = {run: _told(run, each, indexed, chart) for run, each in evidence.histories.items()}
    sources = _sources(indexed, told)
    found = worst_first(
        [
            *_of_rows(evidence),
            *_of_seats(indexed, evidence),
            *(wrong for each in told.values() for wrong in each.violations),
            *_without_history(indexed, evidence),
            *_damaged(evidence),
            *_gaps(evidence.lanes or {}, chart),
            *_disagreements(sources, chart),
        ]
    )
    recorded = sum(map(len, evidence.histories.values()))
    operations = recorded + sum(row.op_id not in indexed.asked for row in evidence.log)
    missing = sum(run not in evidence.histories for run in evidence.plans)
    unknowns = _sum(each.unknowns for each in told.values())
    return Report(
        event_id=evidence.event_id,
        round_id=evidence.round_id,
        scope="floor" if seat is None else chart.label(seat),
        verdict=wording.of_floor(
            found, operations=operations, seats=chart.seat_count, missing=missing, unknowns=unknowns
        ),
        violations=tuple(found[:VIOLATIONS_MAX]),
        violation_count=len(found),
        histories=len(evidence.histories),
        runs_without_history=missing,
        operations=operations,
        transitions=sum(row.kind is not Kind.VOID for row in evidence.log),
        seats=chart.seat_count,
        unknowns=unknowns,
        lanes=None if evidence.lanes is None else len(evidence.lanes),
        seat=None if seat is None else _of_seat(seat, indexed, evidence, found, sources[seat]),
        judged_at=judged_at,
    )


def _of_rows(evidence: Evidence) -> Iterator[Violation]:
    chart = evidence.chart
    seen: dict[str | tuple[str, int], LogRow] = {}
    for row in evidence.log:
        yield from rows.check(row, evidence.event_id, evidence.round_id, chart)
        for name in (row.op_id, (row.lane, row.lane_seq)):
            other = seen.setdefault(name, row)
            if other is row:
                continue
            void = (row.kind is Kind.VOID) != (other.kind is Kind.VOID) and name == row.op_id
            yield violation(
                Fault.VOID_AND_SOLD if void else Fault.REPEATED_ID,
                chart,
                row.key.seat_index,
                run_id=row.run_id,
                op_ids=dict.fromkeys((other.op_id, row.op_id)),
                sentence="One attempt at {seat} was declared void, and was committed as well."
                if void
                else "Two rows of the log about {seat} claim to be one and the same.",
                operator=f"op_log holds {other.kind} {other.op_id} and {row.kind} {row.op_id}, "
                f"both as {name}",
            )


def _of_seats(indexed: Index, evidence: Evidence) -> Iterator[Violation]:
    chart = evidence.chart
    for each in indexed.chains:
        shown = indexed.seats.get(each.seat_index, ())
        for seat in shown[:1]:
            yield from chain.check(each, seat, chart)
        if len(shown) != 1:
            yield violation(
                Fault.SEAT_TABLE_DIFFERS,
                chart,
                each.seat_index,
                op_ids=[seat.op_id for seat in shown],
                sentence=f"The seat table holds {len(shown)} rows for {{seat}} instead of one.",
                operator=f"seat {each.seat_index}: {len(shown)} rows of the seat table",
            )
    for index in indexed.seats.keys() - range(chart.seat_count):
        yield violation(
            Fault.MISPLACED_ROW,
            chart,
            index,
            op_ids=[seat.op_id for seat in indexed.seats[index]],
            sentence="The seat table holds {seat}.",
            operator=f"seat table: seat_index {index} is not in the chart",
        )


def _told(
    run_id: str, operations: Sequence[Operation], indexed: Index, chart: Chart
) -> answers.Told:
    own = indexed.by_run.get(run_id, ())
    strayed = [
        row
        for each in operations
        if (row := indexed.by_op.get(each.op_id)) is not None and row.run_id != run_id
    ]
    told = answers.compare(run_id, operations, [*own, *strayed], chart)
    told.violations.extend(last_reads.check(operations, indexed, chart))
    return told


def _without_history(indexed: Index, evidence: Evidence) -> Iterator[Violation]:
    """Hold the rows of stampedes that recorded nothing against their plans."""
    chart = evidence.chart
    for run_id, own in indexed.by_run.items():
        if run_id in evidence.histories:
            continue
        plan = evidence.plans.get(run_id)
        planned = {each.op_id: each.fan_id for each in plan.everyone()} if plan else {}
        for row in own:
            fits = plan and row.key.seat_index == plan.seat_index
            # A seat is reopened before its run begins; that the release is right, its chain shows.
            if row.kind is Kind.RELEASE or (fits and planned.get(row.op_id) == row.fan_id):
                continue
            yield violation(
                Fault.PHANTOM,
                chart,
                row.key.seat_index,
                run_id=run_id,
                op_ids=[row.op_id],
                sentence="The log holds a row for {seat} that no buyer of a stampede asked for.",
                operator=f"run {run_id}: {row.kind} {row.op_id} by {row.fan_id} "
                + ("is not in its plan" if plan else "and no such run is stored"),
            )


def _damaged(evidence: Evidence) -> Iterator[Violation]:
    for run_id, why in evidence.damaged.items():
        yield violation(
            Fault.BAD_HISTORY,
            evidence.chart,
            evidence.plans[run_id].seat_index,
            run_id=run_id,
            op_ids=(),
            sentence="The recorded history of a stampede at {seat} was changed after it was "
            "written.",
            operator=f"history {run_id}: {why}",
        )


def _gaps(lanes: Mapping[str, Sequence[int]], chart: Chart) -> Iterator[Violation]:
    for lane, numbers in lanes.items():
        present = set(numbers)
        holes = [number for number in range(1, max(present, default=0)) if number not in present]
        if holes:
            yield violation(
                Fault.LANE_GAP,
                chart,
                None,
                op_ids=(),
                sentence="The log has lost rows: a writer's own count of its commits has a hole.",
                operator=f"lane {lane}: lane_seq {holes[:20]} missing below {max(present)}",
            )


def _sources(indexed: Index, told: Mapping[str, answers.Told]) -> list[Sources]:
    """Return, for each seat, the sources that concern what happened to it last."""
    newest: dict[int, Sources] = {}
    for each in told.values():
        newest.update(each.sources)
    return [
        newest[each.seat_index]
        if each.seat_index in newest and not _is_a_fans(each)
        else Sources(
            run_id=None,
            app_believed=None,
            unknown=0,
            log_committed=each.holders,
            seat_table_shows=sum(
                seat.status is SeatStatus.SOLD for seat in indexed.seats.get(each.seat_index, ())
            ),
        )
        for each in indexed.chains
    ]


def _is_a_fans(each: chain.Chain) -> bool:
    return any(row.run_id is None for row in each.tips)


def _disagreements(sources: Sequence[Sources], chart: Chart) -> Iterator[Violation]:
    """Yield the seats without a stampede whose log and seat row count differently."""
    for index, each in enumerate(sources):
        if each.run_id is not None or each.agree:
            continue
        log = wording.count(each.log_committed, "live sale")
        table = wording.count(each.seat_table_shows, "owner")
        yield violation(
            Fault.SOURCES_DISAGREE,
            chart,
            index,
            op_ids=(),
            sentence=f"The log holds {log} of {{seat}}, and the seat table shows {table}.",
            operator=f"seat {index}: log_committed, seat_table_shows: {each.equation}",
        )


def _sum(unknowns: Iterable[Unknowns]) -> Unknowns:
    all_of = list(unknowns)
    return Unknowns(
        total=sum(each.total for each in all_of),
        resolved_sold=sum(each.resolved_sold for each in all_of),
        resolved_void=sum(each.resolved_void for each in all_of),
        unresolved=sum(each.unresolved for each in all_of),
    )


def _of_seat(
    seat: int,
    indexed: Index,
    evidence: Evidence,
    found: Sequence[Violation],
    sources: Sources,
) -> SeatVerdict:
    mine = [each for each in found if each.seat_index == seat]
    operations = sum(
        each.seat_index == seat for history in evidence.histories.values() for each in history
    ) + sum(row.key.seat_index == seat and row.op_id not in indexed.asked for row in evidence.log)
    label = evidence.chart.label(seat)
    return SeatVerdict(
        seat=label,
        seat_index=seat,
        verdict=wording.of_seat(mine, operations=operations, seat=label),
        violations=tuple(mine[:VIOLATIONS_MAX]),
        operations=operations,
        transitions=len(indexed.chains[seat].rows),
        holders=indexed.chains[seat].holders,
        sources=sources,
    )
