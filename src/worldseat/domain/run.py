"""A stampede: what is asked, what is fired, what came of it."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from worldseat.domain import ids
from worldseat.domain.cost import Sent
from worldseat.domain.seats import Code

BUYERS_MIN = 2
BUYERS_MAX = 1_000
BUYERS = 60
"""How many buyers a stampede has unless somebody asks for others."""

SPREAD_MS_MAX = 60_000
LAG_MS_MAX = 60_000
IN_FLIGHT_LIMIT = 64
"""How many buyers hold an open connection at once; the rest wait for one (design §6)."""

ITSELF = " itself"
"""How a `stand_in` ends where nothing stands in: the database itself ran, outside of AWS."""

LOCAL_CLUSTER = "local DSQL cluster"
"""The `stand_in` of the product's database on one machine: two endpoints and a witness."""

FACE_VALUE_MINOR = 15_000
"""Illustrative face value of one ticket, in cents: $150 (design §10.4)."""


class Outcome(StrEnum):
    """What a buyer knows after the attempt: sold, definitely not sold, or nobody knows."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


class RunStatus(StrEnum):
    """Where a run is in its life."""

    RUNNING = "running"
    DONE = "done"
    INTERRUPTED = "interrupted"


class Reach(StrEnum):
    """Whether buyers come through one Region or through both."""

    ONE = "one"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How buyers arrive: all at once (`spread_ms` 0) or evenly spread over `spread_ms`."""

    spread_ms: int = 0

    @property
    def text(self) -> str:
        """Return the form that the CLI, the API and the stored runs use."""
        return f"spread:{self.spread_ms}ms" if self.spread_ms else "burst"

    @classmethod
    def parse(cls, text: str) -> "Arrival":
        """Read `burst` or `spread:200ms`. Raises ValueError that says what is allowed."""
        if text == "burst":
            return cls()
        match = re.fullmatch(r"spread:([0-9]{1,6})ms", text, re.ASCII)
        if match and 1 <= int(match[1]) <= SPREAD_MS_MAX:
            return cls(spread_ms=int(match[1]))
        message = f"arrival is 'burst' or 'spread:<1 to {SPREAD_MS_MAX}>ms'"
        raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is fired, and where in the matrix of comparisons it counts.

    Runs of one cell are like each other, as long as the same stand-in, or AWS, played the store.
    `reach` None asks for every Region that the store can write in; `lag_ms` is the lag of its
    replication, where that can be chosen.
    """

    store: str
    code: Code
    arrival: Arrival = Arrival()
    reach: Reach | None = None
    lag_ms: int | None = None
    buyers: int = BUYERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a run does, fixed before the first buyer fires; the rest derives from the seed.

    `lag_ms` is the lag of replication that was asked for, in a store where it can be chosen. What
    was achieved is in the result.
    """

    run_id: str
    event_id: str
    round_id: str
    seat_index: int
    store: str
    stand_in: str | None
    code: Code
    arrival: Arrival
    buyers: int
    seed: int
    regions: tuple[str, ...]
    git_commit: str
    lag_ms: int | None = None

    @property
    def reach(self) -> Reach:
        """Say whether buyers come through one Region or through both."""
        return Reach.ONE if len(self.regions) == 1 else Reach.BOTH

    @property
    def cell(self) -> Cell:
        """Return where in the matrix of comparisons the run counts."""
        return Cell(
            store=self.store,
            code=self.code,
            arrival=self.arrival,
            reach=self.reach,
            lag_ms=self.lag_ms,
            buyers=self.buyers,
        )

    def buyer(self, number: int) -> "Buyer":
        """Return the `number`-th buyer (0-based). Buyers alternate between the Regions."""
        fan_id = f"fan_{ids.digest('buyer', self.run_id, str(self.seed), str(number))}"
        key = ids.digest("key", self.run_id, str(self.seed), str(number))
        claim = ids.claim_id(fan_id, key)
        delay_ms = self.arrival.spread_ms * number / max(self.buyers - 1, 1)
        return Buyer(
            number=number,
            fan_id=fan_id,
            claim_id=claim,
            op_id=ids.op_id(claim, 0),
            region=self.regions[number % len(self.regions)],
            delay_ms=delay_ms,
        )

    def everyone(self) -> list["Buyer"]:
        """Return all buyers of the run, in the order of their numbers."""
        return [self.buyer(number) for number in range(self.buyers)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """One buyer of a stampede. The same plan always gives the same buyers."""

    number: int
    fan_id: str
    claim_id: str
    op_id: str
    region: str
    delay_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One recorded process: what a buyer did and was told. Times are of one monotonic clock, ns.

    `t_return_ns` is None when the answer never came. `kind` is `sell`, or `read` for the read of
    the seat after the stampede, which carries `observed_op_id`.
    """

    run_id: str
    process: int
    kind: str
    op_id: str
    seat_index: int
    fan_id: str
    region: str
    outcome: Outcome
    reason: str
    attempts: int
    conflicts: int
    t_invoke_ns: int
    t_return_ns: int | None
    observed_op_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionCount:
    """How the buyers of one Region fared."""

    region: str
    buyers: int
    confirmed: int
    refused: int
    errors: int
    unknown: int
    conflicts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a run. `oversold` is None when nobody was confirmed: no result, never 0.

    `confirmed`, `log_committed` and `oversold` are counted from committed rows of the run;
    `app_believed` only from the answers that buyers received; `seat_table_shows` from the seat row.
    `uncounted` says why committed rows could not be counted: then those counts stand at 0 and mean
    nothing. `lag_ms_p50` is the median lag of replication that the run's writes met, where known.
    `sent` is what the buyers' transactions sent, where the store counts it.
    """

    in_flight_max: int
    confirmed: int
    refused: int
    errors: int
    unknown: int
    conflicts: int
    retries_max: int
    retries_total: int
    oversold: int | None
    duration_ms: float
    app_believed: int
    log_committed: int
    seat_table_shows: int
    seat_owner_op_id: str | None
    verdict: str
    violations: list[str] = field(default_factory=list)
    operations: int = 0
    uncounted: str = ""
    lag_ms_p50: float | None = None
    regions: list[RegionCount] = field(default_factory=list)
    sent: Sent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A stored run: its plan, where it stands, and its result once there is one."""

    plan: Plan
    seat: str
    status: RunStatus
    started_at: str
    finished_at: str | None
    result: Result | None
