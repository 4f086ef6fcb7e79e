"""What a planted fault is: a change to a busy floor, and what a verdict must name after it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.domain.planted import EVENT, Floor

from worldseat.domain import ids
from worldseat.domain.seats import Kind, LogRow
from worldseat.domain.verdict import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What was done: the fault that must be among those found, on this seat, naming these ids."""

    fault: Fault
    seat: int | None
    op_ids: tuple[str, ...] = ()


Plant = Callable[[Floor], Planted]


class Faults(dict[str, Plant]):
    """Plantings by name."""

    def plant(self, function: Plant) -> Plant:
        self[function.__name__.replace("_", " ")] = function
        return function


def rows_of(floor: Floor, seat: int) -> list[LogRow]:
    return [row for row in floor.log if row.key.seat_index == seat and row.kind is not Kind.VOID]


def change(floor: Floor, row: LogRow, **fields: Any) -> LogRow:
    changed = replace(row, **fields)
    floor.log[floor.log.index(row)] = changed
    return changed


def forge(floor: Floor, like: LogRow, fan: str = "eve", **fields: Any) -> LogRow:
    """Append a sale that is right in itself, with a place in a lane of its own."""
    claim = ids.claim_id(f"fan_{fan}", "forged")
    seat = like.key.seat_index
    row = replace(
        like,
        claim_id=claim,
        op_id=ids.op_id(claim, 0),
        fan_id=f"fan_{fan}",
        request_hash=ids.request_hash(f"fan_{fan}", EVENT, (seat,)),
        lane="lan_forged",
        lane_seq=1,
    )
    row = replace(row, **fields)
    floor.log.append(row)
    return row


def answer(floor: Floor, run_id: str, process: int, /, **fields: Any) -> str:
    history = floor.histories[run_id]
    history[process] = replace(history[process], **fields)
    return history[process].op_id
