"""The product store: Aurora DSQL, or what stands in for it here, behind two Regional endpoints."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from worldseat.domain import ids
from worldseat.domain.run import LOCAL_CLUSTER, Plan
from worldseat.domain.seats import Code, Mode, Order, Seat, SeatKey
from worldseat.ports.onsale import EndpointCheck, RegionFigures
from worldseat.ports.store import (
    Bench,
    Guarantees,
    NotCommitted,
    StoreRefused,
    StoreSetup,
    Tally,
    Writer,
)
from worldseat.stores.dsql import rows, statements
from worldseat.stores.dsql.endpoint import is_dsql, is_local
from worldseat.stores.dsql.examine import examine
from worldseat.stores.dsql.lanes import LanePool
from worldseat.stores.dsql.oplog import OpLog
from worldseat.stores.dsql.purchase import ADAPTER, BEGIN, DsqlBench, DsqlWriter
from worldseat.stores.dsql.regions import Regions
from worldseat.stores.dsql.reports import Reports
from worldseat.stores.dsql.runs import Runs

_SEAT = statements.load("seat.sql")

ISOLATION = "repeatable read"


class DsqlStore(OpLog, Runs, Reports):
    """The only database the product runs on: events, log, runs, reports, and the seats."""

    name = "dsql"
    title = "Aurora DSQL"
    role = "product"
    guarantees = Guarantees(
        isolation="snapshot isolation (REPEATABLE READ): a lost update ends as a conflict",
        replication="one logical database behind both Regional endpoints",
        cannot="write skew between different seats is not prevented, so every sale writes its seat",
        two_writers="lets one commit win and tells the other, whichever Region it comes from",
    )
    lag_is_chosen = False
    in_headline = True
    tables = None
    adapter_source: Sequence[object] = ADAPTER
    begin = BEGIN
    isolation = ISOLATION

    def __init__(self, setup: StoreSetup) -> None:
        self.regions = setup.regions
        self._regions = Regions(
            setup.urls, process=setup.process, chance=setup.chance, admit=self._admit
        )
        self._urls = setup.urls
        self._lead_to = setup.lead_to or setup.urls
        self.stand_in: str | None = None

    async def open(self) -> None:
        """Connect through every Region that answers, and watch all of them from then on.

        Raises StoreRefused when one does not keep the isolation that the service promises (design
        §5.9), and NotCommitted when none answers.
        """
        await self._regions.open()
        self.stand_in = await self._what_stands_in()

    async def close(self) -> None:
        """Close every lane."""
        await self._regions.close()

    # purchases

    @asynccontextmanager
    async def writer(self, region: str) -> AsyncIterator[Writer]:
        """Take a lane for a fan of this Region, from the pools for fans."""
        async with self._regions.lane(region) as connection:
            yield DsqlWriter(connection, region, self.begin)

    @asynccontextmanager
    async def bench(
        self,
        plan: Plan,  # noqa: ARG002 - every run is served alike.
        region: str,
        size: int,
    ) -> AsyncIterator[Bench]:
        """Warm `size` lanes for the Region's buyers, through another endpoint if its own is away.

        A Region that goes away while the run is on is left as soon as it is known to be away.
        """
        await self._regions.warm_bench(region, size)
        yield DsqlBench(partial(self._regions.bench_lane, region), region, self.begin, size)

    async def void(self, order: Order, *, region: str) -> None:
        """Commit a void under the order's op_id."""
        async with (
            self._regions.lane(region) as connection,
            DsqlWriter(connection, region, self.begin).transaction() as tx,
        ):
            await tx.append_void(order)

    async def reopen(self, seat: Seat, *, run_id: str) -> None:
        """Commit a recorded release of the seat; its former owner is named in the row."""
        op_id = ids.release_id(run_id, seat.key.seat_index, seat.op_id)
        region = self._regions.names[0]
        order = Order(
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

        async def release(pool: LanePool) -> None:
            async with (
                pool.lane() as connection,
                DsqlWriter(connection, region, self.begin).transaction() as tx,
            ):
                await tx.release_seat(seat, order)

        await self._regions.again(release, on=(NotCommitted,))

    # seats

    async def floor(self, event_id: str, round_id: str) -> Sequence[Seat]:
        """Return the seat table of a round."""
        return [
            rows.seat(
                SeatKey(event_id=event_id, round_id=round_id, seat_index=record["seat_index"]),
                record,
            )
            for record in await self._regions.fetch(_SEAT["floor"], event_id, round_id)
        ]

    async def seat(self, key: SeatKey) -> Seat:
        """Read one seat."""
        found = await self._regions.fetch(
            _SEAT["read_seat"], key.event_id, key.round_id, key.seat_index
        )
        if not found:
            message = f"no seat row {key.event_id} {key.round_id} {key.seat_index}"
            raise StoreRefused(message)
        return rows.seat(key, found[0])

    async def sold_in_run(self, seat: Seat) -> bool:
        """Say whether the owner got the seat in a stampede."""
        sale = await self.find_op(seat.op_id)
        return sale is not None and sale.run_id is not None

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        """Count the run's sales in op_log, and read the seat row."""
        sales = await self.sales_of_run(run_id, key)
        return Tally(holders=len(sales), sales=sales, seat=await self.seat(key))

    # health

    async def health(self) -> Mapping[str, str]:
        """Ask each Region's endpoint, for an answer and for a commit."""
        return {each.region: each.state for each in await self._regions.figures()}

    def region_figures(self) -> Sequence[RegionFigures]:
        """Return what is known of each Region."""
        return self._regions.figures_now()

    async def examine(self) -> Sequence[EndpointCheck]:
        """Try each endpoint step by step, on connections of its own."""
        return await examine(self._urls, begin=self.begin, isolation=self.isolation)

    async def _admit(self, pool: LanePool) -> None:
        """Let an endpoint serve if its transactions run at the isolation they must have."""
        region = pool.standing.region
        async with (
            pool.lane() as connection,
            DsqlWriter(connection, region, self.begin).transaction(),
        ):
            shown = await connection.fetchval(_SEAT["isolation"])
        if shown != self.isolation:
            message = (
                f"transactions through {region} run at {shown}, and not at {self.isolation}: "
                "refusing to start"
            )
            raise StoreRefused(message)

    async def _what_stands_in(self) -> str | None:
        urls = self._lead_to.values()
        if any(is_local(url) for url in urls):
            return LOCAL_CLUSTER
        if all(is_dsql(url) for url in urls):
            return None
        record = (await self._regions.fetch(_SEAT["server_version"]))[0]
        return f"PostgreSQL {str(record[0]).split(maxsplit=1)[0]}"
