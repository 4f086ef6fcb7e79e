"""What the Witness judges, and the same sorted so that nothing is looked for twice."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worldseat.domain import answers, chain
from worldseat.domain.run import Operation, Plan
from worldseat.domain.seats import Kind, LogRow, Seat, SeatKey
from worldseat.domain.venue import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is judged. `log` and `seats` are the whole round, as they stood at one moment.

    `plans` are the round's stampedes, oldest first; one without a history was interrupted, or still
    runs, and its rows are held against its plan. A row of a stampede that is in neither is a
    phantom. `lanes` gives every committed lane_seq of a lane, of whole lanes only.
    """

    chart: Chart
    event_id: str
    round_id: str
    log: Sequence[LogRow]
    seats: Sequence[Seat]
    histories: Mapping[str, Sequence[Operation]]
    plans: Mapping[str, Plan]
    damaged: Mapping[str, str] = field(default_factory=dict)
    """Runs out of `plans` whose stored history cannot be read, and why."""
    lanes: Mapping[str, Sequence[int]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The evidence, sorted so that nothing is looked for twice."""

    by_op: Mapping[str, LogRow]
    by_run: Mapping[str, Sequence[LogRow]]
    chains: Sequence[chain.Chain]
    seats: Mapping[int, Sequence[Seat]]
    asked: frozenset[str]
    """Every op_id that some history accounts for."""

    @classmethod
    def of(cls, evidence: Evidence) -> "Index":
        """Sort the evidence once."""
        by_run: dict[str, list[LogRow]] = defaultdict(list)
        transitions: dict[int, list[LogRow]] = defaultdict(list)
        for row in evidence.log:
            if row.run_id is not None:
                by_run[row.run_id].append(row)
            if row.kind is not Kind.VOID:
                transitions[row.key.seat_index].append(row)
        seats: dict[int, list[Seat]] = defaultdict(list)
        for seat in evidence.seats:
            seats[seat.key.seat_index].append(seat)
        return cls(
            by_op={row.op_id: row for row in evidence.log},
            by_run=by_run,
            chains=[
                chain.build(index, transitions.get(index, ()))
                for index in range(evidence.chart.seat_count)
            ],
            seats=seats,
            asked=frozenset(
                each.op_id
                for operations in evidence.histories.values()
                for each in operations
                if each.kind != answers.READ
            ),
        )


def at_one_moment(
    before: Sequence[Seat], log: Sequence[LogRow], after: Sequence[Seat]
) -> tuple[list[LogRow], list[Seat]]:
    """Return a log and a seat table that belong together, of a round that sells meanwhile.

    The seat table was read `before` and `after` the log. A seat that did not change in between was
    the same when the log was read: its op_ids never come back. A seat that did is judged as it was
    before, without the transitions that followed; the next judgement sees those.
    """
    later = {seat.key: seat for seat in after}
    moved = {seat.key: seat for seat in before if later.get(seat.key) != seat}
    follows: dict[tuple[SeatKey, str], list[str]] = defaultdict(list)
    for row in log:
        if row.key in moved and row.kind is not Kind.VOID:
            follows[row.key, row.prev_op_id].append(row.op_id)
    too_late: set[str] = set()
    for key, seat in moved.items():
        todo = [seat.op_id]
        while todo:
            for op_id in follows.pop((key, todo.pop()), ()):
                too_late.add(op_id)
                todo.append(op_id)
    return [row for row in log if row.op_id not in too_late], list(before)
