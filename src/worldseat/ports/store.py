"""The small port through which every purchase code runs, on the product and on a foil alike."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from worldseat.domain.cost import Sent
from worldseat.domain.run import Plan
from worldseat.domain.seats import LogRow, Order, Seat, SeatKey
from worldseat.ports.aws_calls import AwsCall, Change
from worldseat.ports.clock import Chance


class StoreError(Exception):
    """Base of what a transaction can end with other than a commit; its text is for operators."""


class Conflict(StoreError):
    """Another transaction won (40001, 40P01). Nothing was committed; run the whole again."""


class Duplicate(StoreError):
    """A key exists already (23505). Nothing was committed. `constraint` names the key."""

    def __init__(self, message: str, *, constraint: str) -> None:
        super().__init__(message)
        self.constraint = constraint


class NotCommitted(StoreError):
    """The connection or the server failed before COMMIT was sent; nothing was committed."""


class CommitUnknown(StoreError):
    """COMMIT was sent and no answer came: it may have happened. To be resolved, never guessed."""


class StoreRefused(StoreError):
    """The database refused the statement for good (a check, a limit, an unsupported feature)."""


class StoreLost(StoreError):
    """What a run committed is gone, so it can never be counted. Asking again does not help."""


class StoreMissing(StoreError):
    """A store is registered, and something it needs is not installed; its text says what to do."""


class TablesRefused(StoreError):
    """A store's tables cannot be made, seen or removed, and its text says why.

    `next_step` says what to do. What was done before stays; the same call goes on from there.
    """

    def __init__(self, message: str, *, next_step: str, detail: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSetup:
    """What a store is built from. `urls` are the product's Regional addresses.

    `server_url` is the embedded PostgreSQL itself, or None where WorldSeat runs on addresses of its
    user's own. `lead_to` are the addresses that `urls` lead to in the end, where a relay of our own
    passes everything on: they say whose the database is, and what stands in for it.
    """

    regions: tuple[str, ...]
    urls: Mapping[str, str]
    home: Path
    process: str
    chance: Chance
    server_url: str | None = None
    lead_to: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMode:
    """A mode of the same service that nobody measured here: its name, and what it would change."""

    title: str
    would_change: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantees:
    """What a store says of itself; shown to people as it stands.

    `two_writers` is the whole matter in one clause: what becomes of two fans' writes of one seat.
    `elsewhere` says how to have the store run elsewhere, where that can be chosen.
    """

    isolation: str
    replication: str
    cannot: str
    two_writers: str
    other_modes: Sequence[OtherMode] = ()
    elsewhere: str = ""


class SeatTransaction(Protocol):
    """One open transaction, as a purchase code sees it."""

    async def read_seat(self, key: SeatKey) -> Seat:
        """Return the seat as this transaction sees it."""

    async def write_seat(self, order: Order) -> None:
        """Make the order's fan the owner, whatever the seat was."""

    async def write_seat_if(self, order: Order, *, unchanged_since: str) -> bool:
        """Make the order's fan the owner if the seat's last transition is still the one named."""

    async def append_sale(self, order: Order, *, replaces: str) -> None:
        """Append the sale to the log, naming the transition it replaces as the code read it."""


class Writer(Protocol):
    """One writer's connection. It commits serially."""

    region: str

    def transaction(self) -> AbstractAsyncContextManager[SeatTransaction]:
        """Open a transaction; leaving the block commits. Raises the errors above."""


class Bench(Protocol):
    """Open connections of one Region, held for a stampede."""

    @property
    def sent(self) -> Sent | None:
        """What its writers' transactions sent so far; None where the store does not count it."""

    def writer(self) -> AbstractAsyncContextManager[Writer]:
        """Wait for a free connection and hold it. Raises NotCommitted if none can be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a run committed on its seat, counted by the store from its committed rows."""

    holders: int
    sales: Sequence[LogRow]
    seat: Seat
    lag_ms_p50: float | None = None
    """The median lag of replication that the run's writes met, where the store can know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """One table of a store in one Region.

    `status` is the service's own word, or `absent`. `version` and `consistency` tell how it is
    replicated to `replicas` (Region to status). `problem` says what keeps stampedes from being
    fired at it, or nothing. `account` is whose table it is.
    """

    name: str
    region: str
    status: str
    account: str | None = None
    version: str | None = None
    consistency: str | None = None
    replicas: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStep:
    """What is being done, or was done, to one table in one Region."""

    name: str
    region: str
    text: str


TableReport = Callable[[TableStep], None]


class Tables(Protocol):
    """The tables of a store that are made by command, since they cost money while they exist."""

    async def where(self) -> str:
        """Return whose service it is and in which Regions, in words."""

    async def create(self, report: TableReport) -> None:
        """Make what is missing, and wait until it can be used. Raises TablesRefused."""

    async def status(self) -> Sequence[TableState]:
        """Return where every table stands, in every Region. Raises TablesRefused."""

    async def delete(self, report: TableReport) -> None:
        """Remove what is there, with all that it holds. Raises TablesRefused."""

    async def rehearse(self, change: Change) -> Sequence[AwsCall]:
        """Return the calls of a change, in order. Nothing is sent, and nobody need be signed in."""


class Store(Protocol):
    """A database that a stampede can be fired at."""

    name: str
    title: str
    role: str
    """`product` or `foil`."""
    stand_in: str | None
    """Name and version of what stands in for the service; of the database itself, ending in
    `ITSELF`, where nothing stands in; or None on AWS."""
    guarantees: Guarantees
    regions: tuple[str, ...]
    """The Regions that take writes. A store with one cannot be reached through both."""
    lag_is_chosen: bool
    """Whether the lag of the replication can be chosen for a run."""
    in_headline: bool
    """Whether the store stands in the headline, and is fired at by *both*."""
    adapter_source: Sequence[object]
    """What the purchase codes call in this adapter, and its SQL; the Proof panel shows it."""

    @property
    def tables(self) -> Tables | None:
        """The tables that a command makes; None where the store makes its own when it is used."""

    async def open(self) -> None:
        """Connect and check the promises. Raises StoreError if they do not hold."""

    async def close(self) -> None:
        """Close every connection."""

    def bench(self, plan: Plan, region: str, size: int) -> AbstractAsyncContextManager[Bench]:
        """Open `size` connections in a Region for a run; let go of them afterwards.

        A store whose lag is chosen takes the plan's. Raises NotCommitted.
        """

    async def floor(self, event_id: str, round_id: str) -> Sequence[Seat]:
        """Return the seat table of a round, in index order."""

    async def seat(self, key: SeatKey) -> Seat:
        """Read one seat afresh."""

    async def sold_in_run(self, seat: Seat) -> bool:
        """Say whether the seat's present owner got it in a stampede (so it may be reopened)."""

    async def reopen(self, seat: Seat, *, run_id: str) -> None:
        """Commit a recorded release of a seat that a stampede sold. Raises the errors above."""

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        """Count the run's committed sales on the seat, and read the seat row.

        Raises StoreLost when what the run committed is gone, and the other errors while the
        database is away.
        """
