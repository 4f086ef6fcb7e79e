"""The read of a seat after a stampede: it must see all that the stampede had committed by then."""

from collections.abc import Iterator, Sequence

from worldseat.domain.answers import READ
from worldseat.domain.evidence import Index
from worldseat.domain.run import Operation
from worldseat.domain.seats import Kind, LogRow
from worldseat.domain.venue import Chart
from worldseat.domain.verdict import Fault, Violation, violation


def check(operations: Sequence[Operation], indexed: Index, chart: Chart) -> Iterator[Violation]:
    """Yield the reads of one run that saw what is not in the log, or what was replaced before."""
    for each in operations:
        saw = each.observed_op_id
        if each.kind != READ or saw is None or each.seat_index >= len(indexed.chains):
            continue
        places = indexed.chains[each.seat_index].places
        if saw not in places and saw not in indexed.chains[each.seat_index].rows:
            yield violation(
                Fault.SEAT_TABLE_DIFFERS,
                chart,
                each.seat_index,
                run_id=each.run_id,
                op_ids=[saw],
                sentence="After a stampede the seat table showed a change of {seat} that the log "
                "does not hold.",
                operator=f"run {each.run_id}: the last read saw {saw}, which is not in op_log",
            )
            continue
        missed = [
            row.op_id
            for row in _sales(each, indexed)
            if places.get(row.op_id, 0) > places.get(saw, 0)
        ]
        if missed:
            yield violation(
                Fault.STALE_READ,
                chart,
                each.seat_index,
                run_id=each.run_id,
                op_ids=missed,
                sentence="After a stampede the seat table still showed {seat} as it was before a "
                "sale that had been committed.",
                operator=f"run {each.run_id}: the last read saw {saw}, which comes before {missed}",
            )


def _sales(each: Operation, indexed: Index) -> Iterator[LogRow]:
    for row in indexed.by_run.get(each.run_id, ()):
        if row.kind is Kind.SELL and row.key.seat_index == each.seat_index:
            yield row
