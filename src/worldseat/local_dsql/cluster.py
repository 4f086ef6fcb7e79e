"""One logical database behind two Regions: who writes now, what a commit needs, what was asked for.

All of it lives on one event loop, so what is read and changed between two awaits is one moment.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from worldseat.local_dsql import wire
from worldseat.local_dsql.faults import AT_COMMIT, Fault, Faults, Sent
from worldseat.local_dsql.figures import Figures
from worldseat.local_dsql.limits import Bucket, Limits
from worldseat.local_dsql.record import Record
from worldseat.local_dsql.regions import DATA_REGIONS, NoQuorum, Regions

CONFLICT = "change conflicts with another transaction (OC000)"
STALE = "schema has been updated by another transaction, please retry: (OC001)"
UNAVAILABLE = "server unavailable"


class Refusal(Exception):
    """What a client is answered instead of a commit; nothing was written."""

    def __init__(self, sqlstate: str, text: str) -> None:
        super().__init__(text)
        self.answer = wire.error(sqlstate, text)


class Dropped(Exception):
    """The client's connection is to be broken without an answer."""


class Holder(Protocol):
    """An open transaction, as others see it."""

    @property
    def writes(self) -> object:
        """Its writes; they know themselves by it."""

    @property
    def snapshot(self) -> int:
        """The number of the last commit that its snapshot may have seen."""

    async def stop_holding(self) -> None:
        """Keep in place only what nobody else can see."""

    async def let_go(self) -> None:
        """Keep no lock any more, as soon as may be."""

    async def expire(self) -> None:
        """End in the database behind; the client is told OC001 at its next statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRow:
    """A row that a committed transaction had locked and left as it was.

    `number` is that commit's. A transaction that began before and has replaced this very version of
    the row conflicts with it. `table` is quoted as SQL wants it.
    """

    number: int
    table: str
    ctid: str


@dataclass(slots=True)
class Cluster:
    """The state that all sessions of all Regions share."""

    limits: Limits = field(default_factory=Limits)
    delays: bool = True
    regions: Regions = field(init=False)
    faults: Faults = field(default_factory=Faults)
    figures: dict[str, Figures] = field(init=False)
    sessions: dict[str, set[Callable[[], None]]] = field(init=False)
    """For each Region, what breaks each client's connection."""
    buckets: dict[str, Bucket] = field(init=False)
    """For each Region, how many connections may be opened now."""

    open: set[Holder] = field(default_factory=set)
    """Transactions that have a snapshot."""
    writers: set[Holder] = field(default_factory=set)
    """Those that have written and are not over."""
    holder: Holder | None = None
    """The one writer that keeps its locks, as long as it is the only one."""
    single_writes: int = 0
    """Statements outside of a transaction that write just now."""
    catalog: int = 0
    """Grows with every change of the schema."""
    commits: int = 0
    """Grows with every writing commit."""
    locked: list[LockedRow] = field(default_factory=list)
    record: Record | None = None
    """Where each statement is written down once, if somebody asked for it."""

    _flowing: dict[str, asyncio.Event] = field(init=False)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Begin with all well."""
        self.regions = Regions(delays=self.delays)
        self.figures = {region: Figures() for region in DATA_REGIONS}
        self.sessions = {region: set() for region in DATA_REGIONS}
        self.buckets = {
            region: Bucket(
                per_s=self.limits.connects_per_s,
                burst=self.limits.connects_burst,
                now=time.monotonic(),
            )
            for region in DATA_REGIONS
        }
        self._flowing = {region: asyncio.Event() for region in DATA_REGIONS}
        for flowing in self._flowing.values():
            flowing.set()

    # writers

    async def make_room(self, writer: Holder | None) -> bool:
        """Let the one who keeps locks let go; return whether others than `writer` write now."""
        holder = self.holder
        if holder is not None and holder is not writer:
            await holder.stop_holding()
        return self.single_writes > 0 or bool(self.writers - {writer})

    async def clear_the_way(self, writes: object) -> None:
        """Have everybody let go except whose writes these are."""
        for other in tuple(self.writers):
            if other.writes is not writes:
                await other.let_go()

    async def change_schema(self, changer: Holder | None) -> None:
        """Expire every other open transaction: DSQL answers each of them OC001."""
        self.catalog += 1
        for other in tuple(self.open):
            if other is not changer:
                await other.expire()

    def publish(self, rows: Iterable[tuple[str, str]]) -> None:
        """Count a writing commit, and remember the rows that it had locked (table, ctid)."""
        self.commits += 1
        if self.locked:
            # Whoever began since cannot conflict with them.
            oldest = min((each.snapshot for each in self.open), default=self.commits)
            self.locked = [row for row in self.locked if row.number > oldest]
        self.locked.extend(
            LockedRow(number=self.commits, table=table, ctid=ctid) for table, ctid in rows
        )

    def locked_since(self, number: int) -> Sequence[LockedRow]:
        """Return the rows locked by commits after this one."""
        return [row for row in self.locked if row.number > number]

    # commits

    async def vote(self, region: str, sent: Sent, drop_client: Callable[[], None]) -> None:
        """Wait until a writing commit may be applied.

        Raises Refusal or Dropped: nothing may be applied.
        """
        fault = self.faults.due(AT_COMMIT, region, sent)
        if fault is Fault.STORM:
            raise Refusal("40001", CONFLICT)
        if fault is Fault.UNAVAILABLE:
            raise Refusal("XX000", UNAVAILABLE)
        if fault is Fault.DROP_BEFORE:
            raise Dropped
        if fault is Fault.HOLD_AND_DROP:
            drop_client()
        if fault in {Fault.HOLD, Fault.HOLD_AND_DROP}:
            self._released.clear()
            await self._released.wait()
        try:
            wait_s = self.regions.commit_rtt_s(region)
            if wait_s:
                await asyncio.sleep(wait_s)
                self.regions.commit_rtt_s(region)
        except NoQuorum as error:
            if not self.regions.up(region):
                raise Dropped from error
            self.figures[region].refused += 1
            raise Refusal("25006", str(error)) from error
        if not self.regions.up(region):
            raise Dropped

    def loses_answer(self, region: str, sent: Sent) -> bool:
        """Say whether the answer to a commit that was applied is to be lost."""
        return self.faults.due((Fault.DROP_AFTER,), region, sent) is not None

    def unavailable_now(self, region: str, sent: Sent) -> bool:
        """Say whether a statement is to be answered XX000."""
        return self.faults.due((Fault.UNAVAILABLE,), region, sent) is not None

    # orders

    async def flow(self, region: str) -> None:
        """Wait while the Region is paused."""
        await self._flowing[region].wait()

    def pause(self, region: str) -> None:
        """Let nothing of a Region be answered."""
        self._flowing[region].clear()

    def resume(self, region: str) -> None:
        """Answer again."""
        self._flowing[region].set()

    def release(self) -> None:
        """Let all commits go on that are held back."""
        self._released.set()

    def break_connections(self, region: str) -> None:
        """Break every client's connection to a Region."""
        for drop in tuple(self.sessions[region]):
            drop()
