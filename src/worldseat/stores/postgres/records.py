"""Database records as domain values."""

from datetime import UTC, datetime

from asyncpg import Record

from worldseat.domain import ids
from worldseat.domain.seats import Code, Kind, LogRow, Mode, Seat, SeatKey, SeatStatus


def seat_of(key: SeatKey, record: Record | None) -> Seat:
    """Return a seat. Without a row it is one that no run was ever fired at: open, at the root."""
    if record is None:
        return Seat(key=key, status=SeatStatus.OPEN, fan_id=None, op_id=ids.ROOT)
    return Seat(
        key=key,
        status=SeatStatus(record["status"]),
        fan_id=record["fan_id"],
        op_id=record["op_id"],
    )


def log_row(record: Record) -> LogRow:
    """Return a row of the ledger as any reader finds it. No guard: the foil has none."""
    return LogRow(
        op_id=record["op_id"],
        claim_id=record["claim_id"],
        key=SeatKey(
            event_id=record["event_id"],
            round_id=record["round_id"],
            seat_index=record["seat_index"],
        ),
        mode=Mode(record["mode"]),
        kind=Kind(record["kind"]),
        fan_id=record["fan_id"],
        prev_op_id=record["prev_op_id"],
        guard_op_id=None,
        request_hash=record["request_hash"],
        code=Code(record["code"]) if record["code"] else None,
        run_id=record["run_id"],
        region=record["region"],
        lane=record["lane"],
        lane_seq=record["lane_seq"],
        recorded_at=_moment(record["recorded_at"]),
    )


def _moment(value: datetime) -> str:
    """Return a time as RFC 3339 in UTC with microseconds."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
