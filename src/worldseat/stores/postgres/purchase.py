"""The seat port on PostgreSQL: one transaction at the foil's level, its statements, its commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from worldseat.domain.seats import Kind, Order, Seat, SeatKey
from worldseat.ports.store import CommitUnknown, Conflict, NotCommitted, StoreRefused
from worldseat.stores.postgres import failures, records, sql
from worldseat.stores.postgres.connections import Connections, FoilConnection

_ONE_ROW = "UPDATE 1"


class PostgresTransaction:
    """One open transaction. It takes no lock but those that its statements take by themselves."""

    def __init__(self, connection: FoilConnection) -> None:
        self._connection = connection
        self.wrote = False
        self.appended = 0

    async def read_seat(self, key: SeatKey) -> Seat:
        """Read the seat row, plainly."""
        record: Any = await self._connection.fetchrow(
            sql.READ_SEAT, key.event_id, key.round_id, key.seat_index
        )
        return records.seat_of(key, record)

    async def write_seat(self, order: Order) -> None:
        """Update the seat row, whatever it holds."""
        if not await self._update(
            sql.WRITE_SEAT, order.key, order.fan_id, order.op_id, order.run_id
        ):
            message = f"{order.key} has no row: it is made before a run fires"
            raise StoreRefused(message)

    async def write_seat_if(self, order: Order, *, unchanged_since: str) -> bool:
        """Update the seat row if it is still open and its last transition is still that one."""
        return await self._update(
            sql.WRITE_SEAT_IF,
            order.key,
            order.fan_id,
            order.op_id,
            order.run_id,
            unchanged_since,
        )

    async def append_sale(self, order: Order, *, replaces: str) -> None:
        """Insert the sale into the ledger, under its run and its own id."""
        await self.append(order, kind=Kind.SELL, replaces=replaces)

    async def release_seat(self, seat: Seat, order: Order) -> None:
        """Open the seat on the condition that nothing happened to it, and record it."""
        if not await self._update(
            sql.RELEASE_SEAT_IF, seat.key, order.op_id, order.run_id, seat.op_id
        ):
            message = "the seat changed before it could be released"
            raise Conflict(message)
        await self.append(order, kind=Kind.RELEASE, replaces=seat.op_id)

    async def append(self, order: Order, *, kind: Kind, replaces: str) -> None:
        """Insert one row into the ledger as the next one of this lane."""
        await self._connection.execute(
            sql.APPEND,
            order.run_id,
            order.op_id,
            order.claim_id,
            order.key.event_id,
            order.key.round_id,
            order.key.seat_index,
            order.mode.value,
            kind.value,
            order.fan_id,
            replaces,
            order.request_hash,
            order.code.value if kind is Kind.SELL else None,
            order.region,
            self._connection.lane,
            self._connection.lane_seq + self.appended + 1,
        )
        self.wrote = True
        self.appended += 1

    async def _update(self, statement: str, key: SeatKey, *values: object) -> bool:
        """Say whether the seat row was changed."""
        tag = await self._connection.execute(
            statement, key.event_id, key.round_id, key.seat_index, *values
        )
        changed = bool(tag == _ONE_ROW)
        self.wrote = self.wrote or changed
        return changed


class PostgresWriter:
    """A connection that commits one transaction after the other."""

    def __init__(
        self,
        connection: FoilConnection,
        region: str,
        begin: str,
        *,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.region = region
        self._connection = connection
        self._begin = begin
        self._leave = leave

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """Begin; leaving the block commits. An error inside rolls back and is translated."""
        tx = PostgresTransaction(self._connection)
        try:
            try:
                await self._connection.execute(self._begin)
                yield tx
            except BaseException:
                await self._roll_back()
                raise
            if tx.wrote:
                await self._commit()
                self._connection.lane_seq += tx.appended
            else:
                await self._roll_back()
        except NotCommitted:
            self._give_up()
            raise
        except failures.DRIVER_ERRORS as error:
            told = failures.before_commit(error)
            if isinstance(told, NotCommitted):
                self._give_up()
            raise told from error

    def _give_up(self) -> None:
        """Make room: the harness goes on with another connection, and may have to wait for it."""
        self._connection.terminate()
        self._leave()

    async def _roll_back(self) -> None:
        if self._connection.is_closed():
            return
        try:
            await self._connection.execute("ROLLBACK")
        except failures.DRIVER_ERRORS:
            # The connection is gone, and with it the transaction: nothing was committed.
            self._connection.terminate()

    async def _commit(self) -> None:
        if self._connection.is_closed():
            message = "the connection was lost before COMMIT was sent"
            raise NotCommitted(message)
        try:
            tag = await self._connection.execute("COMMIT")
        except failures.DRIVER_ERRORS as error:
            told = failures.at_commit(error)
            if isinstance(told, CommitUnknown):
                self._connection.terminate()
            raise told from error
        except BaseException:
            self._connection.terminate()
            raise
        if tag != "COMMIT":
            message = f"COMMIT was answered {tag}"
            raise NotCommitted(message)


class PostgresBench:
    """Connections for a stampede: `size` of them at once, and no more."""

    sent = None

    def __init__(self, connections: Connections, region: str, size: int) -> None:
        self._connections = connections
        self._region = region
        self._places = asyncio.Semaphore(size)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[PostgresWriter]:
        """Wait for a free connection and hold it. Raises NotCommitted when none can be had."""
        await self._places.acquire()
        holds_place = True

        def leave() -> None:
            nonlocal holds_place
            if holds_place:
                holds_place = False
                self._places.release()

        try:
            async with self._connections.hold() as connection:
                yield PostgresWriter(connection, self._region, self._connections.begin, leave=leave)
        finally:
            leave()


ADAPTER: tuple[Callable[..., Awaitable[Any]] | str, ...] = (
    PostgresTransaction.read_seat,
    sql.READ_SEAT,
    PostgresTransaction.write_seat,
    sql.WRITE_SEAT,
    PostgresTransaction.write_seat_if,
    sql.WRITE_SEAT_IF,
    PostgresTransaction.append_sale,
    PostgresTransaction.append,
    sql.APPEND,
)
"""What the purchase codes call, with the SQL it runs; the Proof panel shows it."""
