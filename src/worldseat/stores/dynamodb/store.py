"""The foil's store: seats and a ledger on DynamoDB, counted from both Regions."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from botocore.exceptions import BotoCoreError

from worldseat.domain import ids
from worldseat.domain.run import Plan
from worldseat.domain.seats import Code, Kind, Mode, Order, Seat, SeatKey, SeatStatus
from worldseat.ports.store import (
    Bench,
    Conflict,
    Guarantees,
    NotCommitted,
    OtherMode,
    StoreError,
    StoreLost,
    StoreMissing,
    StoreSetup,
    Tables,
    Tally,
)
from worldseat.stores.dynamodb import failures, items, ledger
from worldseat.stores.dynamodb.aws_tables import AwsTables
from worldseat.stores.dynamodb.clients import not_of_aws
from worldseat.stores.dynamodb.emulator import find_program, version_of
from worldseat.stores.dynamodb.ground import AwsGround, Ground, LocalGround
from worldseat.stores.dynamodb.purchase import ADAPTER, DynamoBench, DynamoWriter

WHERE_ENV = "WORLDSEAT_FOIL_DYNAMODB"
"""`aws` for the service itself; anything else, or nothing, for the emulators on this machine."""

COUNTED_WITHIN_S = 30.0
"""How long the Regions may take to become equal after a run, besides the lag that was chosen."""

REOPENED_WITHIN_S = 8.0
"""The same after a release, which happens while the run's lease is not yet renewed."""


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
            "accepts every write, whichever Region it comes from, and the last one hides the rest"
        ),
        other_modes=(
            OtherMode(
                title="DynamoDB Global Tables, strongly consistent between Regions",
                would_change=(
                    "AWS sells this mode too. A write is in a second Region before it is answered, "
                    "and a condition is judged by the newest version, so conditional code should "
                    "have one holder in two Regions. Naive code sends no condition and should "
                    "oversell all the same."
                ),
            ),
        ),
        elsewhere=f"{WHERE_ENV}=aws runs it on AWS, with the default credential chain.",
    )
    in_headline = True
    adapter_source: Sequence[object] = ADAPTER

    def __init__(self, setup: StoreSetup, *, on_aws: bool | None = None) -> None:
        self.regions = setup.regions
        self._home = setup.home / self.name
        self._chance = setup.chance
        self._on_aws = os.environ.get(WHERE_ENV) == "aws" if on_aws is None else on_aws
        self.lag_is_chosen = not self._on_aws
        self.tables: Tables | None = AwsTables(setup.regions) if self._on_aws else None
        self.stand_in: str | None = None
        self._ground: Ground | None = None
        self._starting = asyncio.Lock()
        self._fired_on: dict[str, Ground] = {}

    async def open(self) -> None:
        """See what the foil would run on; nothing is started, or asked, before it is used.

        Raises StoreMissing when there is no emulator, or the settings for AWS do not hold together.
        """
        if not self._on_aws:
            emulator = version_of(find_program())
            self.stand_in = f"{emulator}, own Streams replicator"
            return
        try:
            host = await not_of_aws(self.regions)
        except BotoCoreError as error:
            message = f"the AWS settings of this machine: {failures.told(error)}"
            raise StoreMissing(message) from error
        self.stand_in = f"what answers at {host}, which is not AWS" if host else None

    async def close(self) -> None:
        """Stop all that was started."""
        async with self._starting:
            if self._ground is not None:
                await self._ground.close()
            self._ground = None
            self._fired_on.clear()

    @asynccontextmanager
    async def bench(self, plan: Plan, region: str, size: int) -> AsyncIterator[Bench]:
        """Open `size` connections to the Region, and take the plan's lag.

        Raises NotCommitted, also when the emulators ended since the run's first bench: they keep
        nothing, so all of a run is fired on the same ones.
        """
        ground = self._fired_on.get(plan.run_id) or await self._used()
        if why := ground.trouble():
            raise NotCommitted(why)
        self._fired_on[plan.run_id] = ground
        ground.set_lag(plan.lag_ms or 0)
        bench = DynamoBench(ground.clients[region], region, size, chance=self._chance)
        with ground.writes():
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
        # A release is no part of what is measured.
        ground.set_lag(0)
        region = self.regions[0]
        writer = DynamoWriter(ground.clients[region], region, lane=self._chance.new_id("lane"))
        order = _release(seat, run_id, region)
        item = items.seat_item(order, SeatStatus.OPEN, items.now_us())
        async with writer.transaction() as tx:
            if not await tx.put_seat_if(item, unchanged_since=seat.op_id):
                message = "the seat changed before it could be released"
                raise Conflict(message)
            await tx.append(order, kind=Kind.RELEASE, replaces=seat.op_id)
        # Whoever waits for the Regions has the streams read often, so nothing more is needed here.
        await ground.settled(seat.key, within_s=REOPENED_WITHIN_S)

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        """Wait until both Regions are equal, then count the ledgers and read the seat.

        Raises StoreLost when what the run committed is gone, and the other errors while the Regions
        cannot be asked, or do not become equal.
        """
        ground = await self._ground_of(run_id)
        try:
            await ground.settled(key, within_s=COUNTED_WITHIN_S)
            rows = await ledger.rows_of_run(ground.clients, run_id)
            seat = items.seat_of(key, await self._item(ground, key))
        except StoreError as error:
            if why := ground.trouble():
                raise _lost(run_id, why) from error
            raise
        sales = [row for row in rows if row.kind is Kind.SELL and row.key == key]
        return Tally(
            holders=len(sales), sales=sales, seat=seat, lag_ms_p50=ground.lag_ms_p50(run_id)
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
            if self._ground is not None and self._ground.trouble():
                await self._ground.close()
                self._ground = None
            if self._ground is None:
                ground = self._new_ground()
                await ground.start()
                self._ground = ground
            return self._ground

    async def _ground_of(self, run_id: str) -> Ground:
        """Return the ground that a run was fired on. Raises StoreLost if that is gone.

        An empty ledger would not be a zero: emulators that were started since know nothing of it.
        """
        ground = self._fired_on.get(run_id)
        if ground is None:
            if self._on_aws:
                # The service keeps what any process wrote.
                return await self._used()
            raise _lost(run_id, "the emulators that held it have ended, and they keep nothing")
        if why := ground.trouble():
            raise _lost(run_id, why)
        return ground

    def _new_ground(self) -> Ground:
        if self._on_aws:
            return AwsGround(self.regions)
        return LocalGround(self.regions, program=find_program(), home=self._home)


def _lost(run_id: str, why: str) -> StoreLost:
    return StoreLost(f"what {run_id} committed is lost: {why}")


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
