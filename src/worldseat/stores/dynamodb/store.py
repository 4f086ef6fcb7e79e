"""The foil's store: seats and a ledger on DynamoDB, counted from both Regions."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from worldseat.domain import ids
from worldseat.domain.run import Plan
from worldseat.domain.seats import Code, Kind, Mode, Order, Seat, SeatKey, SeatStatus
from worldseat.ports.store import (
    Bench,
    Conflict,
    Guarantees,
    NotCommitted,
    StoreRefused,
    StoreSetup,
    Tally,
)
from worldseat.stores.dynamodb import failures, items, ledger
from worldseat.stores.dynamodb.emulator import find_program, version_of
from worldseat.stores.dynamodb.ground import AwsGround, Ground, LocalGround
from worldseat.stores.dynamodb.purchase import ADAPTER, DynamoBench, DynamoWriter

WHERE_ENV = "WORLDSEAT_FOIL_DYNAMODB"
"""`aws` for the service itself; anything else, or nothing, for the emulators on this machine."""

LAG_ENV = "WORLDSEAT_FOIL_LAG_MS"


class DynamoStore:
    """DynamoDB Global Tables, version 2019.11.21, eventually consistent between Regions."""

    name = "dynamodb"
    title = "DynamoDB Global Tables"
    role = "foil"
    guarantees = Guarantees(
        isolation=(
            "single items: each write is atomic, a condition is judged in the Region that takes "
            "the write; reads are eventually consistent"
        ),
        replication="asynchronous between Regions; of two writes the last one wins",
        cannot=(
            "a condition does not see what the other Region accepted, so one seat has one winner "
            "per Region"
        ),
        two_writers=(
            "accepts every write, in each Region by itself, and the last one hides the rest"
        ),
    )
    in_headline = True
    adapter_source: Sequence[object] = ADAPTER

    def __init__(
        self, setup: StoreSetup, *, lag_ms: float | None = None, on_aws: bool | None = None
    ) -> None:
        self.regions = setup.regions
        self._home = setup.home / self.name
        self._chance = setup.chance
        self._on_aws = os.environ.get(WHERE_ENV) == "aws" if on_aws is None else on_aws
        self._lag_ms = _lag_of(os.environ.get(LAG_ENV, "0")) if lag_ms is None else lag_ms
        self.lag_is_chosen = not self._on_aws
        self._ground: Ground | None = None
        self._starting = asyncio.Lock()
        self._begun: set[str] = set()
        self._lost: dict[str, str] = {}
        self.stand_in: str | None = None

    async def open(self) -> None:
        """See what the foil would run on; nothing is started before it is used.

        Raises StoreMissing when there is no emulator.
        """
        if not self._on_aws:
            emulator = version_of(find_program())
            self.stand_in = f"{emulator}, own Streams replicator"

    async def close(self) -> None:
        """Stop all that was started."""
        async with self._starting:
            if self._ground is not None:
                await self._ground.close()
            self._ground = None

    def set_lag(self, lag_ms: float) -> None:
        """Choose the replication's lag. On AWS it cannot be chosen."""
        self._lag_ms = lag_ms
        if self._ground is not None:
            self._ground.set_lag(lag_ms)

    @asynccontextmanager
    async def bench(self, plan: Plan, region: str, size: int) -> AsyncIterator[Bench]:
        """Open `size` connections to the Region, and take the plan's lag. Raises NotCommitted."""
        ground = await self._used()
        ground.set_lag(plan.lag_ms or 0)
        ground.expect_writes()
        bench = DynamoBench(
            ground.clients[region], region, size, chance=self._chance, begun=self._begun
        )
        await bench.warm()
        yield bench

    async def floor(self, event_id: str, round_id: str) -> Sequence[Seat]:
        """Return the seats of a round that were ever touched; any other seat is open."""
        ground = await self._used()
        found = await ledger.seats_of_floor(ground.clients[self.regions[0]], event_id, round_id)
        return [
            items.seat_of(
                SeatKey(
                    event_id=event_id, round_id=round_id, seat_index=int(item["seat_index"]["N"])
                ),
                item,
            )
            for item in found
        ]

    async def seat(self, key: SeatKey) -> Seat:
        """Read one seat in the first Region, consistently."""
        return items.seat_of(key, await self._item(await self._used(), key))

    async def sold_in_run(self, seat: Seat) -> bool:
        """Say whether the owner got the seat in a stampede."""
        item = await self._item(await self._used(), seat.key)
        return item is not None and item["run_id"]["S"] != items.NO_RUN

    async def reopen(self, seat: Seat, *, run_id: str) -> None:
        """Release the seat in the first Region, record it, and wait until every Region knows."""
        ground = await self._used()
        ground.expect_writes()
        region = self.regions[0]
        writer = DynamoWriter(
            ground.clients[region], region, lane=self._chance.new_id("lane"), begun=self._begun
        )
        order = _release(seat, run_id, region)
        item = items.seat_item(order, SeatStatus.OPEN, items.now_us())
        async with writer.transaction() as tx:
            if not await tx.put_seat_if(order, item, unchanged_since=seat.op_id):
                message = "the seat changed before it could be released"
                raise Conflict(message)
            await tx.append(order, kind=Kind.RELEASE, replaces=seat.op_id)
        await ground.settled(seat.key)

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        """Wait until both Regions are equal, then count the ledgers and read the seat.

        Raises StoreError when they do not become equal, or what the run committed was lost.
        """
        ground = self._ground
        if ground is not None and ground.trouble():
            self._lose(ground.trouble())
        if run_id in self._lost:
            raise NotCommitted(self._lost[run_id])
        ground = await self._used()
        await ground.settled(key)
        rows = await ledger.rows_of_run(ground.clients, run_id)
        sales = [row for row in rows if row.kind is Kind.SELL and row.key == key]
        return Tally(
            holders=len(sales),
            sales=sales,
            seat=items.seat_of(key, await self._item(ground, key)),
            lag_ms_p50=ground.lag_ms_p50(run_id),
        )

    async def _item(self, ground: Ground, key: SeatKey) -> items.Item | None:
        try:
            found = await ground.clients[self.regions[0]].get_item(
                TableName=items.SEATS, Key=items.seat_key(key), ConsistentRead=True
            )
        except Exception as error:
            told = failures.of_read(error)
            if told is None:
                raise
            raise told from error
        item: items.Item | None = found.get("Item")
        return item

    async def _used(self) -> Ground:
        """Return the ground, started when it is first used and afresh after it broke."""
        async with self._starting:
            if self._ground is not None and (why := self._ground.trouble()):
                self._lose(why)
                await self._ground.close()
                self._ground = None
            if self._ground is None:
                ground = self._new_ground()
                await ground.start()
                self._ground = ground
            return self._ground

    def _lose(self, why: str) -> None:
        """Remember which runs can no longer be counted: an empty ledger would not be a zero."""
        self._lost.update(dict.fromkeys(self._begun, why))
        self._begun.clear()

    def _new_ground(self) -> Ground:
        if self._on_aws:
            return AwsGround(self.regions)
        return LocalGround(
            self.regions, program=find_program(), home=self._home, lag_ms=self._lag_ms
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


def _lag_of(text: str) -> float:
    try:
        lag_ms = float(text)
    except ValueError:
        lag_ms = -1.0
    if not 0 <= lag_ms <= 60_000:  # noqa: PLR2004 - a minute, said in the message.
        message = f"{LAG_ENV} is {text!r}: it must be milliseconds, 0 to 60000"
        raise StoreRefused(message)
    return lag_ms
