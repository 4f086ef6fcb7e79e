"""The foil's stores: one PostgreSQL at two isolation levels, each with tables of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from worldseat.domain import ids
from worldseat.domain.run import ITSELF, Plan
from worldseat.domain.seats import Code, Mode, Order, Seat, SeatKey
from worldseat.ports.store import (
    Bench,
    Guarantees,
    NotCommitted,
    StoreError,
    StoreLost,
    StoreMissing,
    StoreSetup,
    Tables,
    Tally,
)
from worldseat.stores.postgres import records, sql
from worldseat.stores.postgres.connections import Connections, FoilConnection, begin_at
from worldseat.stores.postgres.making import made
from worldseat.stores.postgres.place import WHERE_ENV, Place, find_place
from worldseat.stores.postgres.purchase import ADAPTER, PostgresBench, PostgresWriter

READ_COMMITTED = "READ COMMITTED"
REPEATABLE_READ = "REPEATABLE READ"
NO_REPLICATION = "none: one server takes every write, through one Region"
ELSEWHERE = f"{WHERE_ENV}, a postgresql:// address, has it run on another server."


class PostgresStore:
    """What both levels share. Nothing is made on the server before the foil is first used."""

    name: str
    title: str
    role = "foil"
    guarantees: Guarantees
    in_headline = False
    lag_is_chosen = False
    tables: Tables | None = None
    adapter_source: Sequence[object]
    level: str
    own: str
    """The name of its database on the embedded server, or of its schema elsewhere."""

    def __init__(self, setup: StoreSetup) -> None:
        # One PostgreSQL takes writes in one place.
        self.regions = setup.regions[:1]
        self.stand_in: str | None = None
        self._setup = setup
        self._place: Place | None = None
        self._connections: Connections | None = None

    async def open(self) -> None:
        """See that the server is there and keeps the isolation level (design §5.9).

        Raises StoreMissing when there is no server, or StoreRefused when transactions run at
        another level.
        """
        place = find_place(self.own, self._setup.server_url)
        connections = Connections(place, level=self.level, chance=self._setup.chance)
        try:
            version = await connections.open()
        except NotCommitted as error:
            message = f"{error}. {WHERE_ENV} says which server it is"
            raise StoreMissing(message) from error
        self.stand_in = f"PostgreSQL {version}{ITSELF}"
        self._place, self._connections = place, connections

    async def close(self) -> None:
        """Close every connection."""
        if self._connections is not None:
            await self._connections.close()

    @asynccontextmanager
    async def bench(self, plan: Plan, region: str, size: int) -> AsyncIterator[Bench]:
        """Make the seat's row, mark that the run begins, open `size` connections.

        Raises NotCommitted, whatever is wrong: nobody has fired.
        """
        connections = self._used()[1]
        try:
            async with (
                self._made() as connection,
                connection.transaction(isolation="read_committed"),
            ):
                await connection.execute(sql.MARK_RUN, plan.run_id)
                await connection.execute(
                    sql.MAKE_SEAT, plan.event_id, plan.round_id, plan.seat_index, ids.ROOT
                )
            await connections.warm(size)
        except StoreError as error:
            raise NotCommitted(str(error)) from error
        yield PostgresBench(connections, region, size)

    async def floor(self, event_id: str, round_id: str) -> Sequence[Seat]:
        """Return the seats of a round that a run was ever fired at; any other seat is open."""
        async with self._made() as connection:
            found = await connection.fetch(sql.FLOOR, event_id, round_id)
        return [
            records.seat_of(
                SeatKey(event_id=event_id, round_id=round_id, seat_index=record["seat_index"]),
                record,
            )
            for record in found
        ]

    async def seat(self, key: SeatKey) -> Seat:
        """Read one seat."""
        async with self._made() as connection:
            record = await connection.fetchrow(
                sql.READ_SEAT, key.event_id, key.round_id, key.seat_index
            )
        return records.seat_of(key, record)

    async def sold_in_run(self, seat: Seat) -> bool:
        """Say whether the ledger holds the sale by which the owner got the seat."""
        key = seat.key
        async with self._made() as connection:
            found = await connection.fetchval(
                sql.SOLD_IN_RUN, key.event_id, key.round_id, key.seat_index, seat.op_id
            )
        return bool(found)

    async def reopen(self, seat: Seat, *, run_id: str) -> None:
        """Commit a recorded release of the seat; its former owner is named in the row."""
        region, begin = self.regions[0], self._used()[1].begin
        async with (
            self._made() as connection,
            PostgresWriter(connection, region, begin).transaction() as tx,
        ):
            await tx.release_seat(seat, _release(seat, run_id, region))

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        """Count the run's sales in the ledger and read the seat row, in one snapshot.

        Raises StoreLost when the run left no mark: an empty ledger would not be a zero.
        """
        place = (key.event_id, key.round_id, key.seat_index)
        async with (
            self._made() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            marked = await connection.fetchval(sql.RUN_IS_MARKED, run_id)
            found = await connection.fetch(sql.SALES_OF_RUN, run_id, *place)
            seat = await connection.fetchrow(sql.READ_SEAT, *place)
        if not marked:
            message = f"{self.title} knows nothing of {run_id}: its tables were made anew since"
            raise StoreLost(message)
        sales = [records.log_row(record) for record in found]
        return Tally(holders=len(sales), sales=sales, seat=records.seat_of(key, seat))

    def _made(self) -> AbstractAsyncContextManager[FoilConnection]:
        """Hold a connection to a database that has the tables. Raises StoreError."""
        return made(*self._used())

    def _used(self) -> tuple[Place, Connections]:
        if self._place is None or self._connections is None:
            message = f"{self.title} was not opened"
            raise NotCommitted(message)
        return self._place, self._connections


class ReadCommittedStore(PostgresStore):
    """PostgreSQL as it comes: the level that it has unless somebody asks for another."""

    name = "postgres"
    title = "PostgreSQL READ COMMITTED"
    own = "worldseat_foil_postgres"
    level = READ_COMMITTED
    adapter_source: Sequence[object] = (begin_at(READ_COMMITTED), *ADAPTER)
    guarantees = Guarantees(
        isolation=(
            "READ COMMITTED, PostgreSQL's default: each statement sees what was committed when it "
            "began; an update waits for another one of the same row and then goes ahead"
        ),
        replication=NO_REPLICATION,
        cannot=(
            "a sale that was decided on an older read replaces what others committed since, so "
            "naive code sells a seat many times; a second Region cannot write"
        ),
        two_writers="lets both commit, one after the other, and the last one hides the rest",
        elsewhere=ELSEWHERE,
    )


class RepeatableReadStore(PostgresStore):
    """The same server one level up, where a lost update ends as a conflict."""

    name = "postgres-repeatable-read"
    title = "PostgreSQL REPEATABLE READ"
    own = "worldseat_foil_postgres_repeatable_read"
    level = REPEATABLE_READ
    adapter_source: Sequence[object] = (begin_at(REPEATABLE_READ), *ADAPTER)
    guarantees = Guarantees(
        isolation=(
            "snapshot isolation (REPEATABLE READ): a transaction sees one snapshot, and a lost "
            "update ends as a conflict"
        ),
        replication=NO_REPLICATION,
        cannot=(
            "a second Region cannot write; write skew between different seats is not prevented"
        ),
        two_writers="lets one commit win and tells the other, in the one Region that it has",
        elsewhere=ELSEWHERE,
    )


def _release(seat: Seat, run_id: str, region: str) -> Order:
    op_id = ids.release_id(run_id, seat.key.seat_index, seat.op_id)
    return Order(
        key=seat.key,
        mode=Mode(seat.key.round_id.partition("-")[0]),
        fan_id=seat.fan_id or "",
        claim_id=op_id.replace("op_", "clm_", 1).rpartition("_")[0],
        op_id=op_id,
        request_hash=ids.request_hash("release", seat.key.event_id, (seat.key.seat_index,)),
        code=Code.CONDITIONAL,
        region=region,
        run_id=run_id,
    )
