"""What the buyers of one stampede were told, beside what is committed under their ids."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from worldseat.domain.run import Operation, Outcome
from worldseat.domain.seats import Kind, LogRow
from worldseat.domain.venue import Chart
from worldseat.domain.verdict import Fault, Sources, Unknowns, Violation, name_of, violation
from worldseat.domain.wording import count

READ = "read"
"""The kind of an operation that reads a seat after the stampede; all others are sales."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a comparison of one run's answers with its committed rows found."""

    violations: list[Violation]
    sources: dict[int, Sources]
    """By seat index: every seat the run's buyers asked for and that was read after them."""
    unknowns: Unknowns


def compare(
    run_id: str,
    operations: Sequence[Operation],
    rows: Sequence[LogRow],
    chart: Chart,
    shows: Mapping[int, int] | None = None,
) -> Told:
    """Judge one run's answers against `rows`: the run's own, and others under its buyers' ids.

    `shows` says for a seat whether the seat table shows one of the run's buyers (1) or not (0);
    left out, the run's own last read of the seat says so.
    """
    asked = {each.op_id: each for each in operations if each.kind != READ}
    committed = {row.op_id: row for row in rows if row.kind is Kind.SELL}
    voids = {row.op_id for row in rows if row.kind is Kind.VOID}
    if shows is None:
        shows = {
            each.seat_index: int(each.observed_op_id in asked)
            for each in operations
            if each.kind == READ and each.outcome is Outcome.OK
        }
    sources = _sources(run_id, asked.values(), committed.values(), shows)
    found = [
        *_impossible(run_id, operations, chart),
        *_answers(asked.values(), committed, voids, chart),
        *_never_asked(run_id, asked, rows, chart),
        *_changed(asked, rows, chart),
        *_disagreements(sources, committed.values(), chart),
    ]
    return Told(violations=found, sources=sources, unknowns=_unknowns(asked, committed, voids))


def _impossible(run_id: str, operations: Sequence[Operation], chart: Chart) -> Iterator[Violation]:
    counts = Counter(each.op_id for each in operations if each.kind != READ)
    for each in operations:
        why = ""
        if each.run_id != run_id:
            why = f"belongs to {each.run_id}"
        elif name_of(chart, each.seat_index) is None:
            why = f"names seat {each.seat_index}, which the chart does not have"
        elif counts[each.op_id] > 1:
            why = f"is recorded {counts[each.op_id]} times"
        if why:
            yield violation(
                Fault.BAD_HISTORY,
                chart,
                each.seat_index,
                run_id=run_id,
                op_ids=[each.op_id],
                sentence="The recorded history of the stampede at {seat} cannot be its own: "
                f"the answer of buyer {each.process} {why}.",
                operator=f"history {run_id}: process {each.process} op {each.op_id} {why}",
            )


def _answers(
    asked: Iterable[Operation],
    committed: Mapping[str, LogRow],
    voids: Collection[str],
    chart: Chart,
) -> Iterator[Violation]:
    for each in asked:
        sold = each.op_id in committed
        if each.outcome is Outcome.OK and not sold:
            there = "a void" if each.op_id in voids else "nothing"
            yield violation(
                Fault.LOST_ACKNOWLEDGEMENT,
                chart,
                each.seat_index,
                run_id=each.run_id,
                op_ids=[each.op_id],
                sentence="A buyer was told that {seat} is theirs, and no such sale is committed.",
                operator=f"run {each.run_id} process {each.process}: ok for {each.op_id}, "
                f"op_log holds {there}",
            )
        elif each.outcome is Outcome.FAIL and sold:
            yield violation(
                Fault.REFUSED_BUT_COMMITTED,
                chart,
                each.seat_index,
                run_id=each.run_id,
                op_ids=[each.op_id],
                sentence="A buyer was refused {seat}, and yet the sale is committed.",
                operator=f"run {each.run_id} process {each.process}: fail ({each.reason}) for "
                f"{each.op_id}, op_log holds the sale",
            )


def _never_asked(
    run_id: str, asked: Collection[str], rows: Iterable[LogRow], chart: Chart
) -> Iterator[Violation]:
    for row in rows:
        if row.run_id == run_id and row.kind is not Kind.RELEASE and row.op_id not in asked:
            yield violation(
                Fault.PHANTOM,
                chart,
                row.key.seat_index,
                run_id=run_id,
                op_ids=[row.op_id],
                sentence="The log holds a sale of {seat} that no buyer of the stampede asked for."
                if row.kind is Kind.SELL
                else "The log holds a void for {seat} that no buyer of the stampede asked for.",
                operator=f"run {run_id}: {row.kind} {row.op_id} by {row.fan_id} was never invoked",
            )


def _changed(
    asked: Mapping[str, Operation], rows: Iterable[LogRow], chart: Chart
) -> Iterator[Violation]:
    for row in rows:
        each = asked.get(row.op_id)
        if each is None:
            continue
        was = (each.fan_id, each.seat_index, each.run_id)
        now = (row.fan_id, row.key.seat_index, row.run_id)
        if was != now:
            yield violation(
                Fault.REWRITTEN_ROW,
                chart,
                each.seat_index,
                run_id=each.run_id,
                op_ids=[row.op_id],
                sentence="The log's row for {seat} is not what its buyer asked for.",
                operator=f"run {each.run_id} process {each.process}: asked (fan, seat, run) {was}, "
                f"op_log {row.op_id} holds {now}",
            )


def _sources(
    run_id: str,
    asked: Iterable[Operation],
    committed: Iterable[LogRow],
    shows: Mapping[int, int],
) -> dict[int, Sources]:
    told: dict[int, Counter[Outcome]] = defaultdict(Counter)
    for each in asked:
        told[each.seat_index][each.outcome] += 1
    log = Counter(row.key.seat_index for row in committed if row.run_id == run_id)
    return {
        index: Sources(
            run_id=run_id,
            app_believed=outcomes[Outcome.OK],
            unknown=outcomes[Outcome.INFO],
            log_committed=log[index],
            seat_table_shows=shows[index],
        )
        for index, outcomes in told.items()
        if index in shows
    }


def _disagreements(
    sources: Mapping[int, Sources], committed: Iterable[LogRow], chart: Chart
) -> Iterator[Violation]:
    for index, each in sources.items():
        if each.agree:
            continue
        told = count(each.app_believed or 0, "buyer")
        log = count(each.log_committed, "sale")
        table = count(each.seat_table_shows, "owner")
        yield violation(
            Fault.SOURCES_DISAGREE,
            chart,
            index,
            run_id=each.run_id,
            op_ids=[row.op_id for row in committed if row.key.seat_index == index],
            sentence=f"The app said yes to {told} of {{seat}}, the log holds {log} of it, and the "
            f"seat table shows {table}.",
            operator=f"run {each.run_id} seat {index}: app_believed, log_committed, "
            f"seat_table_shows: {each.equation}",
        )


def _unknowns(
    asked: Mapping[str, Operation], committed: Collection[str], voids: Collection[str]
) -> Unknowns:
    unknown = [each.op_id for each in asked.values() if each.outcome is Outcome.INFO]
    sold = sum(op_id in committed for op_id in unknown)
    void = sum(op_id in voids and op_id not in committed for op_id in unknown)
    return Unknowns(
        total=len(unknown),
        resolved_sold=sold,
        resolved_void=void,
        unresolved=len(unknown) - sold - void,
    )
