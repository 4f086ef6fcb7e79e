"""What one committed row must satisfy by itself: it carries enough to give a rewrite away."""

from collections.abc import Iterator

from worldseat.domain import ids
from worldseat.domain.seats import Code, Kind, LogRow, Mode
from worldseat.domain.venue import Chart
from worldseat.domain.verdict import Fault, Violation, name_of, violation


def check(row: LogRow, event_id: str, round_id: str, chart: Chart) -> Iterator[Violation]:
    """Yield what is wrong with the row, whatever the rows around it say."""
    for fault, sentence, detail in (
        *_misplaced(row, event_id, round_id, chart),
        *_rewritten(row, event_id),
        *_unguarded(row),
    ):
        yield violation(
            fault,
            chart,
            row.key.seat_index,
            run_id=row.run_id,
            op_ids=[row.op_id],
            sentence=sentence,
            operator=f"op_log {row.op_id} ({row.kind}): {detail}",
        )


_Finding = tuple[Fault, str, str]


def _misplaced(row: LogRow, event_id: str, round_id: str, chart: Chart) -> Iterator[_Finding]:
    sentence = "The log of this round holds a row for {seat} that does not belong in it."
    if (row.key.event_id, row.key.round_id) != (event_id, round_id):
        yield Fault.MISPLACED_ROW, sentence, f"is of {row.key.event_id} {row.key.round_id}"
    elif name_of(chart, row.key.seat_index) is None:
        yield Fault.MISPLACED_ROW, sentence, f"seat_index {row.key.seat_index} is not in the chart"
    elif not row.key.round_id.startswith(f"{row.mode}-"):
        yield Fault.MISPLACED_ROW, sentence, f"mode {row.mode} in round {row.key.round_id}"
    elif row.run_id is not None and row.mode is not Mode.REHEARSAL:
        yield Fault.MISPLACED_ROW, sentence, f"run {row.run_id} in a {row.mode} round"


def _rewritten(row: LogRow, event_id: str) -> Iterator[_Finding]:
    sentence = "The log's row for {seat} contradicts itself: it was changed after it was written."
    if row.op_id != ids.op_id(row.claim_id, 0):
        yield Fault.REWRITTEN_ROW, sentence, f"does not follow from claim {row.claim_id}"
    if row.kind is Kind.RELEASE:
        derived = ids.release_id(row.run_id or "", row.key.seat_index, row.prev_op_id)
        if row.run_id is not None and row.op_id != derived:
            yield Fault.REWRITTEN_ROW, sentence, f"a release of {row.prev_op_id} is {derived}"
    elif row.request_hash != ids.request_hash(row.fan_id, event_id, (row.key.seat_index,)):
        asked = f"fan {row.fan_id} and seat {row.key.seat_index}"
        yield Fault.REWRITTEN_ROW, sentence, f"request_hash {row.request_hash} is not of {asked}"


def _unguarded(row: LogRow) -> Iterator[_Finding]:
    """Only a stampede's naive and conditional sales, and voids, go without a guard."""
    may_lack = row.kind is Kind.VOID or (
        row.kind is Kind.SELL
        and row.run_id is not None
        and row.code in {Code.NAIVE, Code.CONDITIONAL}
    )
    if row.guard_op_id != row.prev_op_id and not (may_lack and row.guard_op_id is None):
        yield (
            Fault.UNGUARDED,
            "The log's row for {seat} lacks the mark that keeps a second sale out.",
            f"guard_op_id {row.guard_op_id}, prev_op_id {row.prev_op_id}",
        )
    if (row.kind is Kind.VOID) != (row.prev_op_id == ids.OUTSIDE):
        yield (
            Fault.REWRITTEN_ROW,
            "The log's row for {seat} is linked as only a void may be, or a void as a sale.",
            f"prev_op_id {row.prev_op_id}",
        )
