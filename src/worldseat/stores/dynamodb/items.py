"""DynamoDB items as domain values, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from worldseat.domain import ids
from worldseat.domain.seats import Code, Kind, LogRow, Mode, Order, Seat, SeatKey, SeatStatus

Item = Mapping[str, Mapping[str, Any]]

SEATS = "seats_naive"
"""One item per seat that was ever written; the last writer wins."""

SALES = "sales_naive"
"""The append-only ledger: one item per confirmation, and one per recorded release."""

NO_RUN = "no-run"


def floor_of(event_id: str, round_id: str) -> str:
    """Return the partition key of a round's seats."""
    return f"{event_id}/{round_id}"


def seat_key(key: SeatKey) -> Item:
    """Return the primary key of a seat."""
    return {
        "floor": {"S": floor_of(key.event_id, key.round_id)},
        "seat_index": {"N": str(key.seat_index)},
    }


def seat_item(order: Order, status: SeatStatus, written_at_us: int) -> Item:
    """Return the whole item of a seat, as this order leaves it."""
    return {
        **seat_key(order.key),
        "status": {"S": status.value},
        "fan_id": {"S": order.fan_id} if status is SeatStatus.SOLD else {"NULL": True},
        "op_id": {"S": order.op_id},
        "run_id": {"S": order.run_id or NO_RUN},
        "region": {"S": order.region},
        "written_at_us": {"N": str(written_at_us)},
    }


def seat_of(key: SeatKey, item: Item | None) -> Seat:
    """Return a seat. An absent item is a seat that nobody has ever touched: open, at the root."""
    if item is None:
        return Seat(key=key, status=SeatStatus.OPEN, fan_id=None, op_id=ids.ROOT)
    return Seat(
        key=key,
        status=SeatStatus(item["status"]["S"]),
        fan_id=item["fan_id"].get("S"),
        op_id=item["op_id"]["S"],
    )


def ledger_item(
    order: Order, *, kind: Kind, replaces: str, lane: str, lane_seq: int, recorded_at_us: int
) -> Item:
    """Return a row of the ledger. Its key is the run and the sale's own id."""
    return {
        "run_id": {"S": order.run_id or NO_RUN},
        "op_id": {"S": order.op_id},
        "claim_id": {"S": order.claim_id},
        "event_id": {"S": order.key.event_id},
        "round_id": {"S": order.key.round_id},
        "seat_index": {"N": str(order.key.seat_index)},
        "mode": {"S": order.mode.value},
        "kind": {"S": kind.value},
        "fan_id": {"S": order.fan_id},
        "prev_op_id": {"S": replaces},
        "request_hash": {"S": order.request_hash},
        "code": {"S": order.code.value},
        "region": {"S": order.region},
        "lane": {"S": lane},
        "lane_seq": {"N": str(lane_seq)},
        "recorded_at_us": {"N": str(recorded_at_us)},
    }


def log_row(item: Item) -> LogRow:
    """Return a row of the ledger as any reader finds it. No guard: this database has none."""
    run_id = item["run_id"]["S"]
    return LogRow(
        op_id=item["op_id"]["S"],
        claim_id=item["claim_id"]["S"],
        key=SeatKey(
            event_id=item["event_id"]["S"],
            round_id=item["round_id"]["S"],
            seat_index=int(item["seat_index"]["N"]),
        ),
        mode=Mode(item["mode"]["S"]),
        kind=Kind(item["kind"]["S"]),
        fan_id=item["fan_id"]["S"],
        prev_op_id=item["prev_op_id"]["S"],
        guard_op_id=None,
        request_hash=item["request_hash"]["S"],
        code=Code(item["code"]["S"]),
        run_id=None if run_id == NO_RUN else run_id,
        region=item["region"]["S"],
        lane=item["lane"]["S"],
        lane_seq=int(item["lane_seq"]["N"]),
        recorded_at=moment(int(item["recorded_at_us"]["N"])),
    )


def now_us() -> int:
    """Return microseconds since 1970 by the writer's clock: DynamoDB gives an item no time."""
    return int(datetime.now(UTC).timestamp() * 1e6)


def moment(at_us: int) -> str:
    """Return a time as RFC 3339 in UTC with microseconds."""
    at = datetime.fromtimestamp(at_us / 1e6, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
