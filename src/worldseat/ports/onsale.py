"""What the product needs from its database beyond the small store port: only DSQL provides it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worldseat.domain.acceptance import Report
from worldseat.domain.event import Event
from worldseat.domain.run import Plan, Result, Run, RunStatus
from worldseat.domain.seats import LogRow, Mode, Order, Seat
from worldseat.ports.store import Store, Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundInfo:
    """A round of an event."""

    event_id: str
    round_id: str
    mode: Mode
    seat_count: int
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanePosition:
    """How far a follower has read one lane. `closed_seq` is its end, once it closed in order."""

    seq: int
    opened_at: datetime
    closed_seq: int | None = None

    @property
    def finished(self) -> bool:
        """Say whether nothing more can come."""
        return self.closed_seq is not None and self.seq >= self.closed_seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What an event shows now: its current round, and its newest run with that run's status."""

    round_id: str
    newest_run_id: str | None
    newest_run_status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """New committed rows since the given lane positions, each with its seat as it is now."""

    rows: Sequence[tuple[LogRow, Seat]]
    positions: Mapping[str, LanePosition]
    showing: Mapping[str, Showing]
    """By event id."""
    as_of_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFigures:
    """What this process saw of one Region's endpoint since it started.

    Counted are transactions that wrote: purchases, voids, releases and the ends of runs. A commit
    counts for the Region through which it went, whoever's it was; `retries` are transactions begun
    again after another one had won.
    """

    region: str
    state: str
    """`ok`, or what is wrong with the endpoint, for operators."""
    served_by: str | None
    """Whose endpoint serves this Region's fans now; None: nobody's."""
    lanes_open: int
    commits: int
    conflicts: int
    retries: int
    unknown: int
    """COMMITs that were sent and not answered."""
    commit_ms_p50: float | None
    """Of the last 512 commits, from sending COMMIT to its answer."""
    commit_ms_p99: float | None
    commit_ms_sum: float = 0.0
    commit_ms_buckets: Sequence[tuple[float, int]] = ()
    """Upper bound in ms and how many commits took no longer; the last bound is infinite."""
    connections_opened: int = 0
    connections_delayed: int = 0
    """Connections that waited because the service takes only so many in a second."""
    connections_refused: int = 0
    """Connections that the service refused for their number or rate (53300, 53400)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointCheck:
    """One thing that was tried at a Region's endpoint: what was seen, and how to mend it."""

    region: str
    check: str
    ok: bool
    seen: str
    mend: str = ""


class OnSaleStore(Store, Protocol):
    """The product's database."""

    # events and rounds
    async def events(self) -> Sequence[Event]:
        """Return all events, oldest first."""

    async def event(self, event_id: str) -> Event | None:
        """Return one event, or None."""

    async def create_event(self, event: Event) -> None:
        """Commit a new event and its first round, filled, then current. Safe to run again."""

    async def rounds(self, event_id: str) -> Sequence[RoundInfo]:
        """Return the rounds of an event, oldest first."""

    async def open_round(self, event: Event) -> str:
        """Prepare a round (or resume one), fill it, make it current; return its id."""

    # purchases
    def writer(self, region: str) -> AbstractAsyncContextManager[Writer]:
        """Take a writer for a fan of this Region; another Region's endpoint where its own is away.

        The order goes on naming the fan's Region, and the row's lane says which endpoint it was.
        """

    async def find_op(self, op_id: str) -> LogRow | None:
        """Return the committed row under this id, read afresh through any Region that answers."""

    async def void(self, order: Order, *, region: str) -> None:
        """Commit a void under the order's op_id (the fence). Raises the store errors."""

    async def tickets(self, fan_id: str) -> Sequence[tuple[LogRow, Event, bool]]:
        """Return the fan's committed sales, newest first; the flag says the ticket is valid."""

    # history
    async def log_of_round(self, event_id: str, round_id: str) -> Sequence[LogRow]:
        """Return op_log of a round."""

    async def newest_of_round(self, event_id: str, round_id: str, limit: int) -> Sequence[LogRow]:
        """Return the last rows of a round, newest first."""

    async def lanes_of_round(self, event_id: str, round_id: str) -> Mapping[str, Sequence[int]]:
        """Return every committed number of each lane that wrote in a round, whole lanes."""

    async def follow(self, positions: Mapping[str, LanePosition]) -> Followed:
        """Return what was committed since. Each row and its seat come from one snapshot."""

    async def lane_ends(self) -> Mapping[str, LanePosition]:
        """Return how far every lane that may still grow has come: where a new follower begins."""

    # stampedes
    async def take_lease(self, name: str, holder: str, *, ttl_s: float) -> bool:
        """Take or renew a lease; False if somebody else holds it."""

    async def lease_holder(self, name: str) -> str | None:
        """Return who holds the lease now, or None."""

    async def give_lease(self, name: str, holder: str) -> None:
        """Give the lease back, if it is ours."""

    async def begin_run(self, plan: Plan, seat: str) -> None:
        """Commit the run's row, with its seat's label, before the first buyer fires."""

    async def finish_run(
        self, run_id: str, status: RunStatus, result: Result, history: bytes, *, holder: str
    ) -> None:
        """Commit the result, the history and the end of the holder's lease, all at once.

        The history is compressed, in rows of 512 kB or less. A finished run stays as it is.
        """

    async def run(self, run_id: str) -> Run | None:
        """Return one run, or None."""

    async def runs(
        self, *, event_id: str | None = None, round_id: str | None = None, limit: int = 200
    ) -> Sequence[Run]:
        """Return runs, newest first."""

    async def unfinished_runs(self) -> Sequence[Run]:
        """Return runs whose row says running."""

    async def history(self, run_id: str) -> bytes:
        """Return a run's history, decompressed: JSON lines, or empty if none was stored."""

    # acceptance reports
    async def keep_report(self, report: Report) -> None:
        """Commit a report and its sign-offs. Of one that is kept already only new ones are added.

        Raises StoreRefused if another report has its id.
        """

    async def report(self, report_id: str) -> Report | None:
        """Return one report, or None."""

    async def reports(self, *, of_aws: bool | None = None, limit: int = 50) -> Sequence[Report]:
        """Return reports, newest first: all, or those of AWS, or those of stand-ins."""

    # health
    async def health(self) -> Mapping[str, str]:
        """Ask every Region now; return `ok` (it answers and commits) or what is wrong."""

    def region_figures(self) -> Sequence[RegionFigures]:
        """Return what is known of each Region, in order. Asks nobody."""

    async def examine(self) -> Sequence[EndpointCheck]:
        """Try each endpoint step by step, on connections of its own. Needs no open store."""
