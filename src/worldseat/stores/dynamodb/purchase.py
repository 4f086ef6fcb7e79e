"""The seat port on DynamoDB: separate calls, and nothing atomic about them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from worldseat.domain import ids
from worldseat.domain.seats import Kind, Order, Seat, SeatKey, SeatStatus
from worldseat.ports.clock import Chance
from worldseat.ports.store import NotCommitted
from worldseat.stores.dynamodb import failures, items
from worldseat.stores.dynamodb.clients import Client


class DynamoTransaction:
    """What the port calls a transaction. Each call takes effect by itself, at once."""

    def __init__(self, client: Client, lane: str, appended: int) -> None:
        self._client = client
        self._lane = lane
        self._half_done = False
        self.appended = appended

    async def read_seat(self, key: SeatKey) -> Seat:
        """Read the seat in this Region, eventually consistent as DynamoDB does by default."""
        try:
            found = await self._client.get_item(
                TableName=items.SEATS, Key=items.seat_key(key), ConsistentRead=False
            )
        except Exception as error:
            raise _or_same(failures.of_read(error), error) from error
        return items.seat_of(key, found.get("Item"))

    async def write_seat(self, order: Order) -> None:
        """Put the seat, whatever it was: the last writer wins."""
        item = items.seat_item(order, SeatStatus.SOLD, items.now_us())
        await self._put(TableName=items.SEATS, Item=item)

    async def write_seat_if(self, order: Order, *, unchanged_since: str) -> bool:
        """Put the seat on the condition that in this Region nobody has changed it since."""
        item = items.seat_item(order, SeatStatus.SOLD, items.now_us())
        return await self.put_seat_if(item, unchanged_since=unchanged_since)

    async def append_sale(self, order: Order, *, replaces: str) -> None:
        """Put the sale into this Region's ledger, under its own id."""
        await self.append(order, kind=Kind.SELL, replaces=replaces)

    async def append(self, order: Order, *, kind: Kind, replaces: str) -> None:
        """Put one row into this Region's ledger."""
        row = items.ledger_item(
            order,
            kind=kind,
            replaces=replaces,
            lane=self._lane,
            lane_seq=self.appended + 1,
            recorded_at_us=items.now_us(),
        )
        await self._put(TableName=items.SALES, Item=row)
        self.appended += 1

    async def put_seat_if(self, item: items.Item, *, unchanged_since: str) -> bool:
        """Put a seat item if the seat's last transition here is still the one named."""
        if unchanged_since == ids.ROOT:
            condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(op_id)"}
        else:
            condition = {
                "ConditionExpression": "op_id = :since",
                "ExpressionAttributeValues": {":since": {"S": unchanged_since}},
            }
        return await self._put(TableName=items.SEATS, Item=item, **condition)

    async def _put(self, **asked: Any) -> bool:
        """Write one item. False if its condition failed; raises the errors of the port."""
        try:
            await self._client.put_item(**asked)
        except Exception as error:
            if failures.condition_failed(error):
                return False
            raise _or_same(failures.of_write(error, half_done=self._half_done), error) from error
        self._half_done = True
        return True


def _or_same(told: Exception | None, error: Exception) -> Exception:
    return error if told is None else told


class DynamoWriter:
    """One place among a Region's open connections."""

    def __init__(
        self,
        client: Client,
        region: str,
        *,
        lane: str,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self.region = region
        self._client = client
        self._lane = lane
        self._leave = leave
        self._appended = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DynamoTransaction]:
        """Give the calls; there is nothing to commit when the block is left."""
        tx = DynamoTransaction(self._client, self._lane, self._appended)
        try:
            yield tx
        except NotCommitted:
            # The harness goes on with another writer and may have to wait for one: make room.
            self._leave()
            raise
        finally:
            self._appended = tx.appended


class DynamoBench:
    """A Region's open connections, as many places as buyers may be in flight."""

    sent = None

    def __init__(self, client: Client, region: str, size: int, *, chance: Chance) -> None:
        self._client = client
        self._region = region
        self._size = size
        self._chance = chance
        self._free = asyncio.Semaphore(size)

    async def warm(self) -> None:
        """Open the connections: as many reads at once. Raises NotCommitted."""
        nobody = items.seat_key(SeatKey(event_id="warm", round_id="warm", seat_index=0))
        reads = [
            self._client.get_item(TableName=items.SEATS, Key=nobody) for _ in range(self._size)
        ]
        for found in await asyncio.gather(*reads, return_exceptions=True):
            if isinstance(found, BaseException):
                message = f"{self._region} cannot be reached: {failures.told(found)}"
                raise NotCommitted(message) from found

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[DynamoWriter]:
        """Wait for a free place and hold it."""
        await self._free.acquire()
        held = True

        def leave() -> None:
            nonlocal held
            if held:
                held = False
                self._free.release()

        try:
            yield DynamoWriter(
                self._client,
                self._region,
                lane=self._chance.new_id("lane"),
                leave=leave,
            )
        finally:
            leave()


ADAPTER: tuple[Callable[..., Awaitable[Any]], ...] = (
    DynamoTransaction.read_seat,
    DynamoTransaction.write_seat,
    DynamoTransaction.write_seat_if,
    DynamoTransaction.append_sale,
)
"""What the purchase codes call, in the order they call it; the Proof panel shows it."""
