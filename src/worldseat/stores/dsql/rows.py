"""Database records as domain values."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from worldseat.domain.event import Event, Money
from worldseat.domain.run import Arrival, Plan, Result, Run, RunStatus
from worldseat.domain.seats import Code, Kind, LogRow, Mode, Seat, SeatKey, SeatStatus
from worldseat.domain.venue import Chart

Record = Mapping[str, Any]


def moment(value: datetime) -> str:
    """Return a time as RFC 3339 in UTC with microseconds."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seat(key: SeatKey, record: Record) -> Seat:
    """Return a seat row."""
    return Seat(
        key=key,
        status=SeatStatus(record["status"]),
        fan_id=record["fan_id"],
        op_id=record["op_id"],
    )


def log_row(record: Record) -> LogRow:
    """Return an op_log row."""
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
        guard_op_id=record["guard_op_id"],
        request_hash=record["request_hash"],
        code=Code(record["code"]) if record["code"] else None,
        run_id=record["run_id"],
        region=record["region"],
        lane=record["lane"],
        lane_seq=record["lane_seq"],
        recorded_at=moment(record["recorded_at"]),
    )


def event(record: Record) -> Event:
    """Return an event row with its chart."""
    return Event(
        event_id=record["event_id"],
        title=record["title"],
        mode=Mode(record["mode"]),
        chart=msgspec.json.decode(record["chart"], type=Chart),
        price=Money(minor=record["price_minor"], currency=record["currency"]),
        current_round_id=record["current_round_id"],
    )


def run(record: Record) -> Run:
    """Return a run row with its plan and, once it is over, its result."""
    return Run(
        plan=Plan(
            run_id=record["run_id"],
            event_id=record["event_id"],
            round_id=record["round_id"],
            seat_index=record["seat_index"],
            store=record["store"],
            stand_in=record["stand_in"],
            code=Code(record["code"]),
            arrival=Arrival.parse(record["arrival"]),
            buyers=record["buyers"],
            seed=record["seed"],
            regions=tuple(record["regions"].split(",")),
            git_commit=record["git_commit"],
            lag_ms=record["lag_ms"],
        ),
        seat=record["seat"],
        status=RunStatus(record["status"]),
        started_at=moment(record["started_at"]),
        finished_at=moment(record["finished_at"]) if record["finished_at"] else None,
        result=msgspec.json.decode(record["result"], type=Result) if record["result"] else None,
    )
