"""The transitions of one seat as a chain from `root`, and everything that can be wrong with it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from worldseat.domain.ids import ROOT
from worldseat.domain.seats import Kind, LogRow, Seat, SeatStatus
from worldseat.domain.venue import Chart
from worldseat.domain.verdict import Fault, Violation, violation
from worldseat.domain.wording import times


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One seat's committed transitions, linked by what each replaced. Voids are not in it."""

    seat_index: int
    rows: Mapping[str, LogRow]
    successors: Mapping[str, Sequence[LogRow]]
    places: Mapping[str, int]
    """How many steps from the root each id is; those that cannot be reached are not in it."""

    @property
    def tips(self) -> list[LogRow]:
        """The transitions that nothing replaced: one, unless the seat is untouched or forked."""
        return [row for row in self.rows.values() if row.op_id not in self.successors]

    @property
    def holders(self) -> int:
        """How many sales of the seat are live in the log."""
        return sum(row.kind is Kind.SELL for row in self.tips)


def build(seat_index: int, transitions: Iterable[LogRow]) -> Chain:
    """Link the committed transitions of one seat."""
    rows = {row.op_id: row for row in transitions}
    successors: dict[str, list[LogRow]] = defaultdict(list)
    for row in rows.values():
        successors[row.prev_op_id].append(row)
    return Chain(
        seat_index=seat_index,
        rows=rows,
        successors=dict(successors),
        places=_places(ROOT, successors),
    )


def check(chain: Chain, seat: Seat, chart: Chart) -> Iterator[Violation]:
    """Yield what is wrong with the chain itself, and with the seat row as its last link."""
    yield from forks(chain, chart)
    yield from _unreached(chain, chart)
    yield from _steps(chain, chart)
    yield from _last_link(chain, seat, chart)


def forks(chain: Chain, chart: Chart) -> Iterator[Violation]:
    """Yield a violation for every transition that was replaced more than once."""
    for replaced, rows in chain.successors.items():
        if len(rows) == 1:
            continue
        sold = sum(row.kind is Kind.SELL for row in rows)
        what = f"sold {times(sold)}" if sold > 1 else f"changed {times(len(rows))} at once"
        hidden = any(row.op_id in chain.successors for row in rows)
        yield violation(
            Fault.FORK,
            chart,
            chain.seat_index,
            run_id=_shared_run(rows),
            op_ids=[row.op_id for row in rows],
            sentence=f"{{seat}} was {what}{', which a later release hides' if hidden else ''}.",
            operator=f"seat {chain.seat_index}: {len(rows)} rows of op_log ({sold} sell) name "
            f"{replaced} as prev_op_id",
        )


def resold(chain: Chain, chart: Chart) -> Iterator[Violation]:
    """Yield one violation if more than one sale of the seat is live, though nothing forks."""
    live = [row for row in chain.tips if row.kind is Kind.SELL]
    if len(live) > 1:
        yield violation(
            Fault.ILLEGAL_STEP,
            chart,
            chain.seat_index,
            run_id=_shared_run(live),
            op_ids=[row.op_id for row in live],
            sentence=f"{{seat}} was sold {times(len(live))}.",
            operator=f"seat {chain.seat_index}: {len(live)} live sells replace different rows",
        )


def _unreached(chain: Chain, chart: Chart) -> Iterator[Violation]:
    loose = chain.rows.keys() - chain.places.keys()
    if not loose:
        return
    for replaced, rows in chain.successors.items():
        if replaced == ROOT or replaced in chain.rows:
            continue
        behind = _places(replaced, chain.successors)
        loose -= behind.keys()
        yield violation(
            Fault.BROKEN_CHAIN,
            chart,
            chain.seat_index,
            op_ids=[replaced, *(row.op_id for row in rows)],
            sentence="The log of {seat} has a hole: a sale or release that a later one replaced "
            "is missing.",
            operator=f"seat {chain.seat_index}: prev_op_id {replaced} is not in op_log; "
            f"{len(behind) - 1} rows hang on it",
        )
    if loose:
        yield violation(
            Fault.BROKEN_CHAIN,
            chart,
            chain.seat_index,
            op_ids=sorted(loose),
            sentence="The log of {seat} runs in a circle: its rows replace one another.",
            operator=f"seat {chain.seat_index}: {len(loose)} rows are a cycle, or hang on one",
        )


def _steps(chain: Chain, chart: Chart) -> Iterator[Violation]:
    for replaced, rows in chain.successors.items():
        before = chain.rows.get(replaced)
        if before is None and replaced != ROOT:
            continue
        for row in rows:
            wrong = _wrong_step(before, row)
            if wrong:
                yield violation(
                    Fault.ILLEGAL_STEP,
                    chart,
                    chain.seat_index,
                    run_id=row.run_id,
                    op_ids=[row.op_id, replaced],
                    sentence=f"{{seat}} was {wrong}.",
                    operator=f"seat {chain.seat_index}: {row.kind} {row.op_id} by {row.fan_id} "
                    f"replaces {_text(_shown_after(before))}",
                )


def _wrong_step(before: LogRow | None, row: LogRow) -> str:
    sold = before is not None and before.kind is Kind.SELL
    if row.kind is Kind.SELL:
        return "sold while it was sold already" if sold else ""
    if before is None or not sold:
        return "given back while it was open"
    if row.fan_id != before.fan_id:
        return "given back by a fan who did not hold it"
    taken = row.run_id is not None and before.run_id is None
    return "taken from the fan who bought it, for a stampede" if taken else ""


def _last_link(chain: Chain, seat: Seat, chart: Chart) -> Iterator[Violation]:
    shown = (seat.op_id, seat.status, seat.fan_id)
    tips = [_shown_after(row) for row in chain.tips] or [_shown_after(None)]
    if shown in tips:
        return
    same = [tip for tip in tips if tip[0] == seat.op_id]
    if same:
        sentence = "The seat table shows {seat} otherwise than the log's last row says."
    elif seat.op_id in chain.rows or seat.op_id == ROOT:
        sentence = "The seat table shows {seat} as it was before its last committed change."
    else:
        sentence = "The seat table shows a change of {seat} that the log does not hold."
    last = (same or tips)[0]
    yield violation(
        Fault.SEAT_TABLE_DIFFERS,
        chart,
        chain.seat_index,
        op_ids=dict.fromkeys((seat.op_id, last[0])),
        sentence=sentence,
        operator=f"seat {chain.seat_index}: seat row (op_id, status, fan_id) is {_text(shown)}, "
        f"the log ends with {_text(last)}",
    )


_Shown = tuple[str, SeatStatus, str | None]


def _shown_after(row: LogRow | None) -> _Shown:
    if row is None:
        return (ROOT, SeatStatus.OPEN, None)
    if row.kind is Kind.SELL:
        return (row.op_id, SeatStatus.SOLD, row.fan_id)
    return (row.op_id, SeatStatus.OPEN, None)


def _text(shown: _Shown) -> str:
    return " ".join(str(part) for part in shown)


def _places(start: str, successors: Mapping[str, Sequence[LogRow]]) -> dict[str, int]:
    """Return the distance from `start` (itself 0) of everything that follows it."""
    found = {start: 0}
    todo = [start]
    while todo:
        before = todo.pop()
        for row in successors.get(before, ()):
            if row.op_id not in found:
                found[row.op_id] = found[before] + 1
                todo.append(row.op_id)
    return found


def _shared_run(rows: Iterable[LogRow]) -> str | None:
    runs = {row.run_id for row in rows}
    return runs.pop() if len(runs) == 1 else None
