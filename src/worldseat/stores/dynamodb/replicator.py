"""What AWS does between Regions, played here: streams, a lag, and the last writer wins.

Each Region's stream is read. A write of this Region is stamped with the time it was seen and its
Region, then, `lag` later, put into the other Region unless a newer one is there. Two rules make
the Regions converge: a write is stamped before it is shipped, and an unstamped item over there (a
write that its own reader has not seen yet) is waited for, never overwritten.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from botocore.exceptions import ClientError

from worldseat.ports.store import NotCommitted
from worldseat.stores.dynamodb import failures, items
from worldseat.stores.dynamodb.clients import RegionClients

TIME = "aws:rep:updatetime"
REGION = "aws:rep:updateregion"
"""The attributes by which version 2017.11.29 of the service tells writers apart."""

BUSY_PAUSE_S = 0.02
IDLE_PAUSE_S = 0.25
"""How often a stream is read while nobody writes; a write that nobody announced is then late."""

UNSTAMPED_PAUSE_S = 0.01
RUNS_KEPT = 256
_NAMES = {"#time": TIME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One write of a seat as its Region's stream told it, and when it was seen."""

    item: items.Item
    stamp_us: int
    seen_ns: int


class Stamps:
    """One clock for both Regions, in which no two moments are the same."""

    def __init__(self) -> None:
        self._last_us = 0

    def next_us(self) -> int:
        """Return a time later than every one before."""
        self._last_us = max(self._last_us + 1, items.now_us())
        return self._last_us


class Lags:
    """From a write in one Region until it was decided in the other, by run."""

    def __init__(self) -> None:
        self.asked_ms = 0.0
        self._of_runs: dict[str, list[float]] = {}

    def note(self, item: items.Item) -> None:
        """Write down that the other Region has taken this write, or dropped it for a newer one."""
        run_id = item["run_id"]["S"]
        if run_id not in self._of_runs and len(self._of_runs) >= RUNS_KEPT:
            del self._of_runs[next(iter(self._of_runs))]
        lag_ms = (items.now_us() - int(item["written_at_us"]["N"])) / 1000
        self._of_runs.setdefault(run_id, []).append(lag_ms)

    def p50_ms(self, run_id: str) -> float | None:
        """Return the median of a run's writes, or None if nothing of it was replicated."""
        found = self._of_runs.get(run_id)
        return round(median(found), 1) if found else None


class Link:
    """One direction: what was written `here` becomes known `there`."""

    def __init__(
        self, here: str, there: str, clients: RegionClients, *, stamps: Stamps, lags: Lags
    ) -> None:
        self._here = here
        self._at_home = clients.tables[here]
        self._stream = clients.streams[here]
        self._away = clients.tables[there]
        self._stamps = stamps
        self._lags = lags
        self._queue: asyncio.Queue[Version] = asyncio.Queue()
        self._awake = asyncio.Event()
        self._awake_for = 0
        self.backlog = 0
        self.empty_since_ns = 0
        """When the newest read of the stream that found nothing was begun."""

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Read often as long as the block lasts: a write is to be expected."""
        self._awake_for += 1
        self._awake.set()
        try:
            yield
        finally:
            self._awake_for -= 1
            if not self._awake_for:
                self._awake.clear()

    async def read(self) -> None:
        """Follow this Region's stream for ever. The emulator models one shard, never split."""
        table = await self._at_home.describe_table(TableName=items.SEATS)
        arn = table["Table"]["LatestStreamArn"]
        stream = await self._stream.describe_stream(StreamArn=arn)
        begun = await self._stream.get_shard_iterator(
            StreamArn=arn,
            ShardId=stream["StreamDescription"]["Shards"][0]["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )
        iterator = begun["ShardIterator"]
        while True:
            asked_ns = time.monotonic_ns()
            page = await self._stream.get_records(ShardIterator=iterator)
            iterator = page["NextShardIterator"]
            if page["Records"]:
                await self._take_in(page["Records"])
            else:
                self.empty_since_ns = asked_ns
                await self._rest()

    async def ship(self) -> None:
        """Bring each write over, in order, when its time has come."""
        while True:
            version = await self._queue.get()
            due_ns = version.seen_ns + int(self._lags.asked_ms * 1e6)
            await asyncio.sleep(max(due_ns - time.monotonic_ns(), 0) / 1e9)
            while not await self._decided(version):  # noqa: ASYNC110 - nothing tells us the moment.
                await asyncio.sleep(UNSTAMPED_PAUSE_S)
            self._lags.note(version.item)
            self.backlog -= 1

    async def _take_in(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Stamp this Region's own writes and queue them. What we wrote ourselves is stamped."""
        seen_ns = time.monotonic_ns()
        # A seat is never deleted, so every record has its new image.
        images = [record["dynamodb"]["NewImage"] for record in records]
        own = [image for image in images if TIME not in image]
        self.backlog += len(own)
        newest = {str(items_key(image)): index for index, image in enumerate(own)}
        for index, image in enumerate(own):
            version = Version(item=image, stamp_us=self._stamps.next_us(), seen_ns=seen_ns)
            # An older one of the page was overwritten here already, so it cannot be stamped.
            if newest[str(items_key(image))] == index:
                await self._stamp(version)
            self._queue.put_nowait(version)

    async def _stamp(self, version: Version) -> None:
        """Stamp the write where it was made, unless it was overwritten since."""
        try:
            await self._at_home.update_item(
                TableName=items.SEATS,
                Key=items_key(version.item),
                UpdateExpression="SET #time = :time, #region = :region",
                ConditionExpression=(
                    "op_id = :op AND written_at_us = :written AND attribute_not_exists(#time)"
                ),
                ExpressionAttributeNames={**_NAMES, "#region": REGION},
                ExpressionAttributeValues={
                    ":op": version.item["op_id"],
                    ":written": version.item["written_at_us"],
                    ":time": _time(version.stamp_us),
                    ":region": {"S": self._here},
                },
            )
        except ClientError as error:
            if not failures.condition_failed(error):
                raise

    async def _decided(self, version: Version) -> bool:
        """Put the write into the other Region. True once it is there, or something newer is."""
        stamped = {TIME: _time(version.stamp_us), REGION: {"S": self._here}}
        try:
            await self._away.put_item(
                TableName=items.SEATS,
                Item={**version.item, **stamped},
                ConditionExpression="attribute_not_exists(op_id) OR #time < :time",
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues={":time": _time(version.stamp_us)},
            )
        except ClientError as error:
            if not failures.condition_failed(error):
                raise
        else:
            return True
        found = await self._away.get_item(
            TableName=items.SEATS, Key=items_key(version.item), ConsistentRead=True
        )
        there = found.get("Item", {}).get(TIME)
        # Equal: it is this write itself, whose first answer was lost.
        return there is not None and float(there["N"]) >= version.stamp_us / 1e6

    async def _rest(self) -> None:
        if self._awake_for:
            await asyncio.sleep(BUSY_PAUSE_S)
            return
        try:
            async with asyncio.timeout(IDLE_PAUSE_S):
                await self._awake.wait()
        except TimeoutError:
            return


class Replicator:
    """Both directions between two Regions, as background work that says how it ended."""

    def __init__(self, clients: RegionClients) -> None:
        first, second = clients.tables
        stamps = Stamps()
        self.lags = Lags()
        self._links = [
            Link(first, second, clients, stamps=stamps, lags=self.lags),
            Link(second, first, clients, stamps=stamps, lags=self.lags),
        ]
        self._work: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to replicate."""
        self._work = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop replicating, with whatever is under way."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    def trouble(self) -> str:
        """Say why it does not run, or nothing while it does."""
        if self._work is None or not self._work.done():
            return ""
        why = "it was cancelled"
        if not self._work.cancelled() and (error := self._work.exception()) is not None:
            why = failures.told(error)
        return f"the replicator between the emulated Regions stopped: {why}"

    @contextmanager
    def awake(self) -> Iterator[None]:
        """Read both streams often as long as the block lasts."""
        with ExitStack() as stack:
            for link in self._links:
                stack.enter_context(link.awake())
            yield

    async def drain(self, *, within_s: float) -> None:
        """Wait until all that is written by now was decided in the other Region.

        Raises NotCommitted when that takes longer, or replication has stopped.
        """
        asked_ns = time.monotonic_ns()
        until_ns = asked_ns + int(within_s * 1e9)
        with self.awake():
            while not self._empty_since(asked_ns):
                if why := self.trouble():
                    raise NotCommitted(why)
                if time.monotonic_ns() > until_ns:
                    left = sum(link.backlog for link in self._links)
                    message = f"{left} writes were not replicated within {within_s:.0f} s"
                    raise NotCommitted(message)
                await asyncio.sleep(BUSY_PAUSE_S)

    def _empty_since(self, asked_ns: int) -> bool:
        return all(link.empty_since_ns > asked_ns and not link.backlog for link in self._links)

    async def _run(self) -> None:
        jobs = [
            asyncio.create_task(job) for link in self._links for job in (link.read(), link.ship())
        ]
        try:
            # The first to end has failed, for none ends by itself.
            over, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in over:
                job.result()
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)


def items_key(item: items.Item) -> items.Item:
    """Return the primary key of a seat item."""
    return {"floor": item["floor"], "seat_index": item["seat_index"]}


def _time(at_us: int) -> Mapping[str, str]:
    """Return a stamp as seconds since 1970, as the service writes it."""
    return {"N": f"{at_us // 1_000_000}.{at_us % 1_000_000:06d}"}
