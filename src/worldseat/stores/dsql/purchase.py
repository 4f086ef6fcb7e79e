"""The seat port on DSQL: one transaction at REPEATABLE READ, its statements, its commit."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from worldseat.domain import ids
from worldseat.domain.cost import Sent
from worldseat.domain.seats import Kind, Order, Seat, SeatKey
from worldseat.ports.store import CommitUnknown, Conflict, NotCommitted, StoreRefused
from worldseat.stores.dsql import failures, rows, statements
from worldseat.stores.dsql.lanes import LaneConnection
from worldseat.stores.dsql.metering import Meter, Traffic

_SEAT = statements.load("seat.sql")

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"

_SOLD = "sold"
"""What the statements that sell a seat write into `status`."""


class DsqlTransaction:
    """One open transaction on a lane."""

    def __init__(self, connection: LaneConnection) -> None:
        self._connection = connection
        self.appended = 0
        self.traffic = Traffic()

    async def read_seat(self, key: SeatKey) -> Seat:
        """Read the seat row."""
        record: Any = await self._connection.fetchrow(
            _SEAT["read_seat"], key.event_id, key.round_id, key.seat_index
        )
        if record is None:
            message = f"no seat row {key.event_id} {key.round_id} {key.seat_index}"
            raise StoreRefused(message)
        seat = rows.seat(key, record)
        self.traffic.seat_read(key, seat.status, seat.fan_id, seat.op_id)
        return seat

    async def write_seat(self, order: Order) -> None:
        """Update the seat row, whatever it holds."""
        key = order.key
        self.traffic.seat_updated(key, _SOLD, order.fan_id, order.op_id, rows=1)
        await self._connection.execute(
            _SEAT["write_seat"],
            key.event_id,
            key.round_id,
            key.seat_index,
            order.fan_id,
            order.op_id,
        )

    async def write_seat_if(self, order: Order, *, unchanged_since: str) -> bool:
        """Update the seat row if it is still open and its last transition is still that one."""
        key = order.key
        tag = await self._connection.execute(
            _SEAT["write_seat_if"],
            key.event_id,
            key.round_id,
            key.seat_index,
            order.fan_id,
            order.op_id,
            unchanged_since,
        )
        written = int(tag == "UPDATE 1")
        self.traffic.seat_updated(key, _SOLD, order.fan_id, order.op_id, rows=written)
        return bool(written)

    async def append_sale(self, order: Order, *, replaces: str) -> None:
        """Insert the sale into op_log; the guard is filled unless a stampede's own code runs."""
        guard = replaces if order.run_id is None else None
        await self.append(order, kind=Kind.SELL, prev=replaces, guard=guard)

    async def append_void(self, order: Order) -> None:
        """Insert a void under the order's op_id: no other row can ever have it."""
        await self.append(order, kind=Kind.VOID, prev=ids.OUTSIDE, guard=None)

    async def release_seat(self, seat: Seat, order: Order) -> None:
        """Open the seat again, on the condition that nothing happened to it, and record it."""
        key = seat.key
        tag = await self._connection.execute(
            _SEAT["release_seat_if"],
            key.event_id,
            key.round_id,
            key.seat_index,
            order.op_id,
            seat.op_id,
        )
        if tag != "UPDATE 1":
            message = "the seat changed before it could be released"
            raise Conflict(message)
        await self.append(order, kind=Kind.RELEASE, prev=seat.op_id, guard=seat.op_id)

    async def append(self, order: Order, *, kind: Kind, prev: str, guard: str | None) -> None:
        """Insert one row into op_log as the next row of this lane."""
        lane = self._connection.lane
        values = (
            order.op_id,
            order.claim_id,
            order.key.event_id,
            order.key.round_id,
            order.mode.value,
            order.key.seat_index,
            kind.value,
            order.fan_id,
            prev,
            guard,
            order.request_hash,
            order.code.value if kind is Kind.SELL else None,
            order.run_id,
            order.region,
            lane.lane,
            lane.seq + self.appended + 1,
        )
        self.traffic.logged(order, values, guard)
        await self._connection.execute(_SEAT["append"], *values)
        self.appended += 1


class DsqlWriter:
    """A lane that commits one transaction after the other."""

    def __init__(
        self,
        connection: LaneConnection,
        region: str,
        begin: str,
        *,
        leave: Callable[[], None] = lambda: None,
        meter: Meter | None = None,
    ) -> None:
        self.region = region
        self._connection = connection
        self._begin = begin
        self._leave = leave
        self._meter = meter or Meter()
        self._lost_the_last = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DsqlTransaction]:
        """Begin; leaving the block commits. An error inside rolls back and is translated."""
        figures = self._connection.standing.figures
        figures.retries += self._lost_the_last
        self._lost_the_last = False
        tx = DsqlTransaction(self._connection)
        ended = self._meter.aborted
        try:
            try:
                await self._connection.register()
                await self._connection.execute(self._begin)
                yield tx
            except BaseException as error:
                await self._roll_back()
                self._connection.standing.met(error)
                told = failures.before_commit(error)
                if told is None:
                    raise
                raise told from error
            if tx.appended == 0:
                await self._roll_back()
                ended = self._meter.looked
            else:
                await self._commit(tx)
                ended = self._meter.committed
        except Conflict:
            figures.conflicts += 1
            self._lost_the_last = True
            raise
        except NotCommitted:
            # The harness goes on with another lane, and may have to wait for one: make room.
            self._leave()
            raise
        finally:
            ended(tx.traffic)

    async def _roll_back(self) -> None:
        if self._connection.is_closed():
            return
        try:
            await self._connection.execute("ROLLBACK")
        except failures.DRIVER_ERRORS:
            # The connection is gone, and with it the transaction: nothing was committed.
            self._connection.terminate()

    async def _commit(self, tx: DsqlTransaction) -> None:
        lane, standing = self._connection.lane, self._connection.standing
        if self._connection.is_closed():
            message = "the connection was lost before COMMIT was sent"
            raise NotCommitted(message)
        # Before it is sent: the connection may be lost, and its end noted, before we are told.
        lane.in_doubt = True
        sent_s = time.perf_counter()
        try:
            tag = await self._connection.execute("COMMIT")
        except BaseException as error:
            standing.met(error)
            told = failures.at_commit(error)
            if told is None or isinstance(told, CommitUnknown):
                standing.figures.unknown += 1
                self._connection.terminate()
            else:
                lane.in_doubt = False
            if told is None:
                raise
            raise told from error
        lane.in_doubt = False
        if tag != "COMMIT":
            message = f"COMMIT was answered {tag}"
            raise NotCommitted(message)
        standing.figures.committed((time.perf_counter() - sent_s) * 1000)
        lane.seq += tx.appended


class DsqlBench:
    """Warm lanes for the buyers of one Region: `size` of them at once, and no more.

    `lanes` gives a lane of whichever endpoint serves that Region.
    """

    def __init__(
        self,
        lanes: Callable[[], AbstractAsyncContextManager[LaneConnection]],
        region: str,
        begin: str,
        size: int,
    ) -> None:
        self._lanes = lanes
        self._region = region
        self._begin = begin
        self._places = asyncio.Semaphore(size)
        self._meter = Meter()

    @property
    def sent(self) -> Sent:
        """What its buyers' transactions sent so far."""
        return self._meter.sent

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[DsqlWriter]:
        """Wait for a free lane and hold it."""
        await self._places.acquire()
        held = True

        def leave() -> None:
            nonlocal held
            if held:
                held = False
                self._places.release()

        try:
            async with self._lanes() as connection:
                yield DsqlWriter(
                    connection, self._region, self._begin, leave=leave, meter=self._meter
                )
        finally:
            leave()


ADAPTER: tuple[Callable[..., Awaitable[Any]] | str, ...] = (
    BEGIN,
    DsqlTransaction.read_seat,
    _SEAT["read_seat"],
    DsqlTransaction.write_seat,
    _SEAT["write_seat"],
    DsqlTransaction.write_seat_if,
    _SEAT["write_seat_if"],
    DsqlTransaction.append_sale,
    DsqlTransaction.append,
    _SEAT["append"],
)
"""What the purchase codes call, with the SQL it runs; the Proof panel shows it."""
