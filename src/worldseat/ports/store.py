"""The small port through which every purchase code runs, on the product and on a foil alike."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from worldseat.domain.seats import LogRow, Order, Seat, SeatKey
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSetup:
    """What a store is built from. `urls` are the product's Regional addresses."""

    regions: tuple[str, ...]
    urls: Mapping[str, str]
    home: Path
    process: str
    chance: Chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantees:
    """What a store says of itself; shown to people as it stands."""

    isolation: str
    replication: str
    cannot: str


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

    def writer(self) -> AbstractAsyncContextManager[Writer]:
        """Wait for a free connection and hold it. Raises NotCommitted if none can be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a run committed on its seat, counted by the store from its committed rows."""

    holders: int
    sales: Sequence[LogRow]
    seat: Seat


class Store(Protocol):
    """A database that a stampede can be fired at."""

    name: str
    title: str
    role: str
    """`product` or `foil`."""
    stand_in: str | None
    """Name and version of what stands in for the service, or None on AWS."""
    guarantees: Guarantees
    adapter_source: Sequence[object]
    """What the purchase codes call in this adapter, and its SQL; the Proof panel shows it."""

    async def open(self) -> None:
        """Connect and check the promises. Raises StoreError if they do not hold."""

    async def close(self) -> None:
        """Close every connection."""

    def bench(self, region: str, size: int) -> AbstractAsyncContextManager[Bench]:
        """Open `size` connections in a Region before anybody fires; close them afterwards."""

    async def floor(self, event_id: str, round_id: str) -> Sequence[Seat]:
        """Return the seat table of a round, in index order."""

    async def seat(self, key: SeatKey) -> Seat:
        """Read one seat afresh."""

    async def sold_in_run(self, seat: Seat) -> bool:
        """Say whether the seat's present owner got it in a stampede (so it may be reopened)."""

    async def reopen(self, seat: Seat, *, run_id: str) -> None:
        """Commit a recorded release of a seat that a stampede sold. Raises the errors above."""

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        """Count the run's committed sales on the seat, and read the seat row."""
