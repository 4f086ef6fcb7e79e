"""What the API takes and gives where that differs from the domain's own values."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from worldseat.domain.event import Money, Ticket
from worldseat.domain.run import BUYERS, BUYERS_MAX, BUYERS_MIN, LAG_MS_MAX, Reach, Result
from worldseat.domain.seats import Code, Mode
from worldseat.services.comparison import CELLS_MAX, RUNS_MAX
from worldseat.services.matrix import Measured
from worldseat.web.fans import NAME_MAX
from worldseat.web.query import Id, SeatLabel

_ARRIVAL = r"^(burst|spread:([1-9][0-9]{0,3}|[1-5][0-9]{4}|60000)ms)$"
"""`burst`, or buyers spread evenly over 1 to 60,000 ms: what domain.run.Arrival reads."""


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of request bodies and queries: a field that we do not know is a mistake, not a wish."""


# requests


class EventQuery(Asked, frozen=True):
    """Which event, if not all."""

    event_id: Id | UnsetType = UNSET


class OneEventQuery(Asked, frozen=True):
    """Which event."""

    event_id: Id


class FloorQuery(Asked, frozen=True):
    """Whose floor: the product's, or a foil's own."""

    store: Id = "dsql"


class WitnessQuery(Asked, frozen=True):
    """What the Witness shall judge: an event's current round or another, and one seat of it."""

    event_id: Id
    round_id: Id | UnsetType = UNSET
    seat: SeatLabel | UnsetType = UNSET


class MeBody(Asked, frozen=True):
    """The fan's label; left out, it stays as it is."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_MAX, examples=["Ada"])] | UnsetType = (
        UNSET
    )


class ClaimBody(Asked, frozen=True):
    """The seats that a fan wants, by their labels."""

    seats: Annotated[list[SeatLabel], Meta(min_length=1, max_length=100, examples=[["A7"]])]


class CellBody(Asked, frozen=True):
    """What to fire, and where in the matrix of comparisons it counts.

    `reach` null: through every Region that the store can write in. `lag_ms` is for a store whose
    lag of replication can be chosen.
    """

    store: Id = "dsql"
    buyers: Annotated[int, Meta(ge=BUYERS_MIN, le=BUYERS_MAX)] = BUYERS
    code: Code = Code.NAIVE
    arrival: Annotated[str, Meta(pattern=_ARRIVAL)] = "burst"
    reach: Reach | None = None
    lag_ms: Annotated[int, Meta(ge=0, le=LAG_MS_MAX)] | None = None


class StampedeBody(CellBody, frozen=True, kw_only=True):
    """A stampede at a seat, or at the first open one if null."""

    event_id: Id
    seat: SeatLabel | None = None
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None


class ComparisonBody(Asked, frozen=True, kw_only=True):
    """What to compare: each cell so many times, in turn, at one seat and with one seed.

    With `top_up`, runs that are stored already count, and only what is missing is fired.
    """

    event_id: Id
    cells: Annotated[list[CellBody], Meta(min_length=1, max_length=CELLS_MAX)]
    runs: Annotated[int, Meta(ge=1, le=RUNS_MAX)] = 1
    top_up: bool = False
    seat: SeatLabel | None = None
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None


class MatrixQuery(Asked, frozen=True):
    """Which size of stampedes."""

    buyers: Annotated[int, Meta(ge=BUYERS_MIN, le=BUYERS_MAX)] = BUYERS


class Nothing(Asked, frozen=True):
    """An empty object: the request says all by its address."""


# answers


class RegionHealth(Struct, frozen=True):
    """A Region's endpoint, as seen from here.

    `state` is ok or says what is wrong; `served_by` names the Region whose endpoint serves this
    one's fans now, or nobody.
    """

    state: str
    served_by: str | None
    can_commit: bool


class Health(Struct, frozen=True):
    """Whether fans can buy now, and should come here.

    `status` is ok, degraded (one Region is away), down, or draining: this server is about to stop.
    `region` is where it stands; null: it serves the fans of both Regions.
    """

    status: str
    region: str | None
    regions: dict[str, RegionHealth]
    stand_in: str | None
    version: str


class RowAnswer(Struct, frozen=True):
    """A row of seats, numbered from 1."""

    name: str
    seats: int


class SectionAnswer(Struct, frozen=True):
    """A section of the hall."""

    name: str
    rows: list[RowAnswer]


class ChartAnswer(Struct, frozen=True):
    """The hall. Seat indexes run along the rows, section by section, from 0."""

    name: str
    shape: str
    digest: str
    sections: list[SectionAnswer]


class EventAnswer(Struct, frozen=True, kw_only=True):
    """An event. `chart` comes when one event is asked for."""

    event_id: str
    title: str
    mode: Mode
    current_round_id: str
    seat_count: int
    price: Money
    chart: ChartAnswer | UnsetType = UNSET


class EventsAnswer(Struct, frozen=True):
    """All events, oldest first."""

    events: list[EventAnswer]


class Me(Struct, frozen=True):
    """The fan that the cookie proves, and the Region that serves them."""

    fan_id: str
    name: str
    region: str


class ClaimAnswer(Struct, frozen=True):
    """A sold claim. `replayed` says that an earlier attempt under this key had bought it."""

    claim_id: str
    replayed: bool
    tickets: Sequence[Ticket]


class TicketsAnswer(Struct, frozen=True):
    """The fan's tickets, newest first."""

    tickets: Sequence[Ticket]


class RunAnswer(Struct, frozen=True, kw_only=True):
    """A stampede: what was fired, where it stands, and what came of it."""

    run_id: str
    event_id: str
    round_id: str
    store: str
    stand_in: str | None
    code: Code
    arrival: str
    seat: str
    buyers: int
    seed: int
    regions: tuple[str, ...]
    git_commit: str
    lag_ms: int | None
    status: str
    started_at: str
    finished_at: str | None
    progress: "ProgressAnswer | None"
    result: Result | None


class ProgressAnswer(Struct, frozen=True):
    """How many of the buyers have their answer."""

    answered: int
    buyers: int


class CellAnswer(Struct, frozen=True, kw_only=True):
    """What is being fired right now."""

    store: str
    title: str
    code: Code
    arrival: str
    reach: Reach | None
    lag_ms: int | None
    buyers: int


class ComparisonAnswer(Struct, frozen=True, kw_only=True):
    """How far a comparison has come, in runs. `status` is running, done or stopped."""

    comparison_id: str
    event_id: str
    status: str
    seed: int
    planned: int
    done: int
    now: CellAnswer | None
    progress: ProgressAnswer | None
    run_ids: Sequence[str]
    problems: Sequence[str]


class PlaceAnswer(Struct, frozen=True, kw_only=True):
    """One place of the matrix. `measured` null: nobody measured it, or `cannot` says why not.

    `installed` false: it is not played here now, and `note` says more. `without` counts runs that
    gave no result, where no other run did.
    """

    store: str
    title: str
    role: str
    stand_in: str | None
    in_headline: bool
    installed: bool
    note: str
    code: Code
    arrival: str
    reach: Reach | None
    lag_ms: int | None
    buyers: int
    cannot: str
    without: int
    measured: Measured | None


class MatrixAnswer(Struct, frozen=True):
    """The matrix, place by place. `more`: there are older runs that were not looked at."""

    buyers: int
    runs: int
    more: bool
    places: list[PlaceAnswer]


class RunsAnswer(Struct, frozen=True):
    """Stampedes, newest first."""

    runs: list[RunAnswer]


class RoundAnswer(Struct, frozen=True):
    """The round that an event is in now."""

    event_id: str
    round_id: str


class SideAnswer(Struct, frozen=True, kw_only=True):
    """One database of the headline: what was measured there, or why nothing was."""

    store: str
    title: str
    role: str
    stand_in: str | None
    measured: RunAnswer | None
    note: str
    two_writers: str
    zero_runs: int
    like_runs: int
    oversold_low: int | None
    oversold_high: int | None
    careful: Measured | None


class StoryAnswer(Struct, frozen=True):
    """The headline: the product beside the foils, like with like."""

    product: SideAnswer
    foils: list[SideAnswer]


class LogEntry(Struct, frozen=True, kw_only=True):
    """One thing that happened, in a sentence. `kind` is sale, release, void or run."""

    at: str
    text: str
    kind: str
    region: str | None


class LogAnswer(Struct, frozen=True):
    """What happened last, newest first."""

    entries: list[LogEntry]
