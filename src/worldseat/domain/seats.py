"""A seat as a versioned register, and the committed transitions that move it (design §5.1)."""

from dataclasses import dataclass
from enum import StrEnum


class SeatStatus(StrEnum):
    """What the seat table says about a seat."""

    OPEN = "open"
    SOLD = "sold"


class Mode(StrEnum):
    """What a round is for; fixed when the round is made and copied into every op_log row."""

    LIVE = "live"
    REHEARSAL = "rehearsal"


class Kind(StrEnum):
    """What a row of op_log records. A void is no transition: it burns an `op_id` for good."""

    SELL = "sell"
    RELEASE = "release"
    VOID = "void"


class Code(StrEnum):
    """Which purchase logic ran (design §6)."""

    NAIVE = "naive"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatKey:
    """Where a seat is: its event, its round and its place in the chart (0-based)."""

    event_id: str
    round_id: str
    seat_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One row of the seat table. `op_id` is the transition that made it so, or `root`."""

    key: SeatKey
    status: SeatStatus
    fan_id: str | None
    op_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one buyer asks of one seat: all that a purchase code needs to know.

    `run_id` is None for a fan's purchase and names the stampede otherwise. Whether the row's guard
    is filled follows from it (design §5.2), so no caller can choose.
    """

    key: SeatKey
    mode: Mode
    fan_id: str
    claim_id: str
    op_id: str
    request_hash: str
    code: Code
    region: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One committed row of op_log, as any reader finds it."""

    op_id: str
    claim_id: str
    key: SeatKey
    mode: Mode
    kind: Kind
    fan_id: str
    prev_op_id: str
    guard_op_id: str | None
    request_hash: str
    code: Code | None
    run_id: str | None
    region: str
    lane: str
    lane_seq: int
    recorded_at: str
    """RFC 3339, the clock of the database when the transaction began."""


def round_id(mode: Mode, number: int) -> str:
    """Return the id of an event's `number`-th round (from 1); the schema reads the mode off it."""
    return f"{mode.value}-{number}"


def oversold(holders: int) -> int:
    """Return how many holders of a seat are too many: holders minus one, never below zero."""
    return max(holders - 1, 0)
