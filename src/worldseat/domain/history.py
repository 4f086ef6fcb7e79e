"""A stampede's recorded operations as Jepsen-style JSON lines, and back without loss.

Every operation is two lines in order of time: an `invoke`, and what came of it (`ok`, `fail`, or
`info` when nobody knows). A line carries Jepsen's `index, type, process, f, value, time` (time in
ns; `value` is `[seat_index, op_id]`, for a read the op_id that was seen), so that Elle, Porcupine
or Knossos can judge the same file; the other fields are our own.
"""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from worldseat.domain.errors import WorldSeatError
from worldseat.domain.run import Operation, Outcome

OPERATIONS_MAX = 200_000
LINE_BYTES_MAX = 4_096

_READ = "read"
_OUTCOMES = frozenset(Outcome)
_COMMON: dict[str, type] = {
    "index": int,
    "type": str,
    "process": int,
    "f": str,
    "value": list,
    "time": int,
    "op_id": str,
}
_INVOKE = _COMMON | {"run_id": str, "fan_id": str, "region": str}
_RETURN = _COMMON | {"reason": str, "attempts": int, "conflicts": int, "answered": bool}


class HistoryError(WorldSeatError):
    """A recorded history that cannot be read. `line` counts from 1."""

    code = "bad-history"
    next_step = "The file was changed after it was written: take it from the database again."

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line


def dump(operations: Sequence[Operation]) -> bytes:
    """Return the operations as JSON lines, in order of time.

    Raises ValueError if two have the same process, or one ends before it began.
    """
    if len({each.process for each in operations}) != len(operations):
        message = "every operation of a history has a process of its own"
        raise ValueError(message)
    if any(each.t_invoke_ns > _latest(each) for each in operations):
        message = "an operation of a history ends before it began"
        raise ValueError(message)
    last = max((_latest(each) for each in operations), default=0)
    events: list[tuple[int, int, int, dict[str, Any]]] = []
    for each in operations:
        # At one instant, what begins is written before what ends: the widest reading of a tie.
        events.append((each.t_invoke_ns, 0, each.process, _invoke(each)))
        returned = last if each.t_return_ns is None else each.t_return_ns
        events.append((returned, 1, each.process, _return(each)))
    events.sort(key=lambda event: event[:3])
    lines = [
        json.dumps({"index": index, **fields, "time": time}, separators=(",", ":"))
        for index, (time, _, _, fields) in enumerate(events)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def load(lines: bytes) -> list[Operation]:
    """Return the operations of a history, by process. Raises HistoryError, which names the line."""
    begun: dict[int, dict[str, Any]] = {}
    found: dict[int, Operation] = {}
    number = 0
    for number, line in enumerate(lines.splitlines(), start=1):
        if number > 2 * OPERATIONS_MAX:
            _refuse(number, f"more than {OPERATIONS_MAX:,} operations")
        fields = _fields(line, number)
        process = fields["process"]
        if fields["type"] == "invoke":
            if process in begun:
                _refuse(number, f"process {process} begins twice")
            begun[process] = fields
        elif process not in begun or process in found:
            _refuse(number, f"process {process} ends without a beginning of its own")
        else:
            found[process] = _operation(begun[process], fields, number)
    if len(found) != len(begun):
        _refuse(number, f"{len(begun) - len(found)} operations have no end")
    return [found[process] for process in sorted(found)]


def _latest(each: Operation) -> int:
    return each.t_invoke_ns if each.t_return_ns is None else each.t_return_ns


def _invoke(each: Operation) -> dict[str, Any]:
    return {
        "type": "invoke",
        "process": each.process,
        "f": each.kind,
        "value": [each.seat_index, None if each.kind == _READ else each.op_id],
        "op_id": each.op_id,
        "run_id": each.run_id,
        "fan_id": each.fan_id,
        "region": each.region,
    }


def _return(each: Operation) -> dict[str, Any]:
    return {
        "type": each.outcome.value,
        "process": each.process,
        "f": each.kind,
        "value": [each.seat_index, each.observed_op_id if each.kind == _READ else each.op_id],
        "op_id": each.op_id,
        "reason": each.reason,
        "attempts": each.attempts,
        "conflicts": each.conflicts,
        "answered": each.t_return_ns is not None,
    }


def _fields(line: bytes, number: int) -> dict[str, Any]:
    if len(line) > LINE_BYTES_MAX:
        _refuse(number, f"longer than {LINE_BYTES_MAX:,} bytes")
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        _refuse(number, f"not JSON: {error}", error)
    if not isinstance(fields, dict):
        _refuse(number, "not an object")
    wanted = _INVOKE if fields.get("type") == "invoke" else _RETURN
    for name in wanted.keys() ^ fields.keys():
        _refuse(number, f"{'no' if name in wanted else 'unknown'} field {name!r}")
    for name, kind in wanted.items():
        # Not isinstance: to Python True is an int, to a history it is not.
        if type(fields[name]) is not kind:
            _refuse(number, f"{name!r} is not {kind.__name__}")
    seat_index, *op = fields["value"] or [None]
    if type(seat_index) is not int or len(op) != 1 or not isinstance(op[0], str | None):
        _refuse(number, "'value' is not [seat_index, op_id]")
    if fields["index"] != number - 1:
        _refuse(number, f"'index' is {fields['index']}: lines are missing, or out of order")
    return fields


def _operation(begun: dict[str, Any], ended: dict[str, Any], number: int) -> Operation:
    if ended["type"] not in _OUTCOMES:
        _refuse(number, f"unknown type {ended['type']!r}")
    same = [name for name in ("f", "op_id") if begun[name] != ended[name]]
    if same or begun["value"][0] != ended["value"][0]:
        _refuse(number, f"process {ended['process']} ends another operation than it began")
    read = begun["f"] == _READ
    if not read and not begun["value"][1] == ended["value"][1] == begun["op_id"]:
        _refuse(number, "'value' does not carry the op_id")
    return Operation(
        run_id=begun["run_id"],
        process=begun["process"],
        kind=begun["f"],
        op_id=begun["op_id"],
        seat_index=begun["value"][0],
        fan_id=begun["fan_id"],
        region=begun["region"],
        outcome=Outcome(ended["type"]),
        reason=ended["reason"],
        attempts=ended["attempts"],
        conflicts=ended["conflicts"],
        t_invoke_ns=begun["time"],
        t_return_ns=ended["time"] if ended["answered"] else None,
        observed_op_id=ended["value"][1] if read else None,
    )


def _refuse(number: int, why: str, cause: Exception | None = None) -> NoReturn:
    raise HistoryError(why, line=number) from cause
