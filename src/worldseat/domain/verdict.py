"""What the Witness says: violations, the three sources of a seat, and the report of a round."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from worldseat.domain.venue import Chart


class Fault(StrEnum):
    """What can be wrong. The order is the order in which a report names them: worst first."""

    FORK = "fork"
    """Two transitions replace the same one: a double sale, also if a later release hides it."""
    LOST_ACKNOWLEDGEMENT = "lost-acknowledgement"
    """A buyer was told "sold" and no sale is committed under that id."""
    REFUSED_BUT_COMMITTED = "refused-but-committed"
    """A buyer was told "no" and the sale is committed all the same."""
    PHANTOM = "phantom"
    """A committed row of a stampede that no buyer of it asked for."""
    BROKEN_CHAIN = "broken-chain"
    """A row cannot be reached from the root: what it replaced is not in the log."""
    ILLEGAL_STEP = "illegal-step"
    """A sale of a sold seat, or a release of an open one."""
    REWRITTEN_ROW = "rewritten-row"
    """A row contradicts what its own ids, or its buyer, say that it was."""
    SEAT_TABLE_DIFFERS = "seat-table-differs"
    """The seat table shows something else than the last committed transition."""
    VOID_AND_SOLD = "void-and-sold"
    """One id was burned by a void and stands for a committed transition too."""
    REPEATED_ID = "repeated-id"
    """Two committed rows carry the same id, or the same place in one lane."""
    UNGUARDED = "unguarded"
    """The column that makes forks impossible is empty where it must be filled, or differs."""
    MISPLACED_ROW = "misplaced-row"
    """A row that does not belong in this round, on this chart, or (a stampede's) in a live one."""
    STALE_READ = "stale-read"
    """The read after a stampede missed what the stampede had committed."""
    LANE_GAP = "lane-gap"
    """A writer's count of its own commits has a hole: a committed row is missing."""
    SOURCES_DISAGREE = "sources-disagree"
    """The app, the log and the seat table count differently."""
    BAD_HISTORY = "bad-history"
    """A recorded history that cannot be of this run."""


VIOLATIONS_MAX = 200
"""How many violations one report spells out; the rest are counted."""

_RANK = {fault: rank for rank, fault in enumerate(Fault)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that must not be. `seat` and `seat_index` are None if it concerns no single seat.

    `op_ids` name the committed rows and the answers concerned; `sentence` is for a person,
    `operator` is one line for whoever looks into it.
    """

    fault: Fault
    seat: str | None
    seat_index: int | None
    run_id: str | None
    op_ids: tuple[str, ...]
    sentence: str
    operator: str


def worst_first(violations: Iterable[Violation]) -> list[Violation]:
    """Return the violations in the order in which a report names them."""
    return sorted(violations, key=lambda each: (_RANK[each.fault], each.seat_index or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """How many sales of a seat three independent sources show.

    `run_id` names the stampede that is counted: its buyers' `ok` answers, its committed sales, and
    whether the seat table showed one of its buyers at the read after it. Without a stampede nobody
    recorded answers: `app_believed` is None, and the log's live sales face the seat row.
    `unknown` answers may have been sales; up to that many more in the log are no contradiction.

    `agree` says whether no source contradicts another, and `equation` puts them side by side:
    `1 = 1 = 1`, `60 = 60 ≠ 1`, and `1 = 1` without answers.
    """

    run_id: str | None
    app_believed: int | None
    unknown: int
    log_committed: int
    seat_table_shows: int
    agree: bool = field(init=False)
    equation: str = field(init=False)

    def __post_init__(self) -> None:
        told, log, table = self.app_believed, self.log_committed, self.seat_table_shows
        same = log == table
        equation = f"{log} {'=' if same else '≠'} {table}"
        if told is not None:
            gap = log - told
            excused = 0 < gap <= self.unknown
            same = same and (gap == 0 or excused)
            left = f"{told} + {gap} unknown" if excused else f"{told}"
            equation = f"{left} {'=' if gap == 0 or excused else '≠'} {equation}"
        # Frozen from here on: both follow from the counts and are stored for the wire only.
        object.__setattr__(self, "agree", same)
        object.__setattr__(self, "equation", equation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknowns:
    """Answers that never came, and what became of them."""

    total: int
    resolved_sold: int
    resolved_void: int
    unresolved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatVerdict:
    """The verdict on one seat. `holders` counts its live sales in the log: 0, 1, or too many."""

    seat: str
    seat_index: int
    verdict: str
    violations: tuple[Violation, ...]
    operations: int
    transitions: int
    holders: int
    sources: Sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The verdict on a round, with the denominators without which a zero says nothing.

    `operations` are the recorded ones of all `histories`, and every committed row that no history
    covers (fans' purchases, releases, runs without a history). `violations` holds the worst
    `VIOLATIONS_MAX` of `violation_count`. `runs_without_history` were interrupted or have not
    finished: they are judged from their rows only.
    """

    event_id: str
    round_id: str
    scope: str
    """`floor`, or the label of the seat that was asked for; the floor is judged either way."""
    verdict: str
    violations: tuple[Violation, ...]
    violation_count: int
    histories: int
    runs_without_history: int
    operations: int
    transitions: int
    seats: int
    unknowns: Unknowns
    lanes: int | None
    """How many writers' counts were checked for holes; None if they were not given."""
    seat: SeatVerdict | None
    judged_at: str

    @property
    def clean(self) -> bool:
        """Say whether no violation was found."""
        return self.violation_count == 0


def violation(
    fault: Fault,
    chart: Chart,
    seat_index: int | None,
    *,
    op_ids: Iterable[str],
    sentence: str,
    operator: str,
    run_id: str | None = None,
) -> Violation:
    """Build a violation; `{seat}` in the sentence becomes "seat A1"."""
    label = name_of(chart, seat_index)
    called = f"seat {label}" if label else f"seat number {seat_index}, which the hall does not have"
    said = sentence.replace("{seat}", called)
    return Violation(
        fault=fault,
        seat=label,
        seat_index=seat_index,
        run_id=run_id,
        op_ids=tuple(op_ids),
        sentence=said[:1].upper() + said[1:],
        operator=operator,
    )


def name_of(chart: Chart, seat_index: int | None) -> str | None:
    """Return the seat's label, or None if the chart has no such seat."""
    if seat_index is None or not 0 <= seat_index < chart.seat_count:
        return None
    return chart.label(seat_index)
