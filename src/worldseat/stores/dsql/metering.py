"""What the purchases of a stampede send, counted where they are sent: statements, rows, bytes.

A row is as large as its values together: text in UTF-8, integer 4 bytes, bigint and timestamptz 8,
NULL nothing. An index's row holds its columns and the key of the row that it points to. What the
service adds for itself is not published; `worldseat.domain.cost` allows for it.
"""

from collections import Counter
from collections.abc import Iterable

from worldseat.domain import cost
from worldseat.domain.seats import Order, SeatKey

_INTEGER = 4
_LONG = 8

_Values = tuple[str | None, ...]
_Row = tuple[str | int | None, ...]
_Sizes = tuple[int, tuple[int, ...], tuple[int, ...]]


class Traffic:
    """What one transaction sent so far. Sizes are worked out when somebody asks, not while it runs.

    A statement is noted before its answer is known, unless the answer says how much it wrote.
    """

    __slots__ = ("_logged", "_read", "_updated")

    def __init__(self) -> None:
        self._read: list[tuple[SeatKey, _Values]] = []
        self._updated: list[tuple[SeatKey, _Values, int]] = []
        self._logged: list[tuple[Order, _Row, str | None]] = []

    def seat_read(self, key: SeatKey, *values: str | None) -> None:
        """Note a statement that reads a seat row. `values` are those beside its key."""
        self._read.append((key, values))

    def seat_updated(self, key: SeatKey, *values: str | None, rows: int) -> None:
        """Note an UPDATE of a seat row by its key, which reads it; it wrote `rows` of them.

        The row that it reads is taken to be as large as the one that it writes, or would have.
        """
        self._updated.append((key, values, rows))

    def logged(self, order: Order, values: _Row, guard: str | None) -> None:
        """Note an INSERT into op_log: the row of these `values`, and one in each of its indexes.

        Before it is written, each key that must be unique is looked up; a NULL guard is not.
        """
        self._logged.append((order, values, guard))

    @property
    def statements(self) -> int:
        """Return how many statements were noted."""
        return len(self._read) + len(self._updated) + len(self._logged)

    @property
    def sizes(self) -> _Sizes:
        """Return the number of statements, and the sizes of the rows read and of those written."""
        read = [_seat(key, values) for key, values in self._read]
        written: list[int] = []
        for key, values, rows in self._updated:
            size = _seat(key, values)
            read.append(size)
            written += [size] * rows
        for order, row, guard in self._logged:
            _log(order, row, guard, read, written)
        return self.statements, tuple(read), tuple(written)


class Meter:
    """What the transactions of some writers sent, by how they ended."""

    def __init__(self) -> None:
        self._committed: list[Traffic] = []
        self._aborted: list[Traffic] = []
        self._looked: list[Traffic] = []

    def committed(self, traffic: Traffic) -> None:
        """Count a transaction whose COMMIT was answered with yes."""
        self._committed.append(traffic)

    def aborted(self, traffic: Traffic) -> None:
        """Count one that failed, or whose COMMIT went unanswered; none that sent nothing."""
        if traffic.statements:
            self._aborted.append(traffic)

    def looked(self, traffic: Traffic) -> None:
        """Count one that ended well without writing anything."""
        self._looked.append(traffic)

    @property
    def sent(self) -> cost.Sent:
        """Return everything so far."""
        return cost.Sent(
            committed=_together(self._committed),
            aborted=_together(self._aborted),
            looked=_together(self._looked),
        )


def _together(traffics: Iterable[Traffic]) -> cost.Footprint:
    """Add up. Buyers of one run send much the same, so few sizes differ."""
    alike = Counter(traffic.sizes for traffic in traffics)
    each = (
        cost.transaction(statements=statements, read=read, written=written).times(count)
        for (statements, read, written), count in alike.items()
    )
    return sum(each, cost.NOTHING)


def _log(
    order: Order,
    values: _Row,
    guard: str | None,
    read: list[int],
    written: list[int],
) -> None:
    """Add the rows of one INSERT into op_log to what was read and written."""
    key = order.key
    lane = _text(str(values[-2])) + _LONG
    op_id = _text(order.op_id)
    guarded = _text(key.event_id, key.round_id, guard) + _INTEGER
    row = _text(*(value for value in values if isinstance(value, str)))
    written += (
        # seat_index, and lane_seq and recorded_at.
        row + _INTEGER + 2 * _LONG,
        guarded + op_id,
        lane + op_id,
        _text(order.fan_id) + op_id,
    )
    read += (op_id, lane) if guard is None else (op_id, lane, guarded)


def _seat(key: SeatKey, values: _Values) -> int:
    return _text(key.event_id, key.round_id, *values) + _INTEGER


def _text(*values: str | None) -> int:
    return sum(len(value.encode()) for value in values if value is not None)
