"""An acceptance run: which promises were put to the test on a pair of endpoints, and what was seen.

A report is sealed by a digest over everything else in it, so a stranger can tell offline whether a
file still says what was measured. The digest proves no origin: it notices a change, no more.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from worldseat.domain.plain_values import plain

FORMAT = "worldseat-acceptance/1"

UNSEALED = ("digest", "signed_off")
"""The fields that the digest does not cover: itself, and who vouched for the report afterwards."""


PROMISES = {
    "tokens": "Only a token that holds opens a session",
    "isolation": "Transactions keep snapshot isolation across Regions",
    "one-key-one-row": "One key is one row, whoever inserts it",
    "read-after-commit": "What one Region commits, the other reads at once",
    "fence": "A cut connection leaves no purchase in doubt",
    "stampedes": "One seat sells to exactly one fan",
    "region-loss": "A lost Region loses no sale",
    "least-privilege": "The app may do no more than it needs",
}
"""What is put to the test, in this order: names and titles. A run may leave out the last one."""


class Standing(StrEnum):
    """What became of a promise in one acceptance run."""

    HELD = "held"
    BROKEN = "broken"
    NOT_TRIED = "not tried"
    """The run ended before it, or could not try it; `seen` says why. Never counted as held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was tried for a promise, what it must end with, and how it ended."""

    name: str
    held: bool
    wanted: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One promise, and how often it was tried. `tried` counts what `of_what` names.

    `cases` lists what was tried one by one where that is few; where thousands were tried it lists
    what broke. `seen` is one sentence with the figures.
    """

    name: str
    title: str
    standing: Standing
    tried: int
    of_what: str
    broken: int
    seen: str
    cases: Sequence[Case] = ()
    took_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stampeded:
    """All stampedes of one code, arrival and reach in an acceptance run. `_low` and `_high` span.

    `arrival` and `reach` are in the words of the stored runs (`burst`, `spread:300ms`; `one`,
    `both`). Runs without a result are in `without`, and in no span.
    """

    code: str
    arrival: str
    reach: str
    buyers: int
    runs: int
    without: int
    above_zero: int
    oversold_low: int
    oversold_median: float
    oversold_high: int
    holders_low: int
    holders_median: float
    holders_high: int
    refused_median: float
    errors_median: float
    conflicts_median: float
    in_flight_low: int
    duration_ms_median: float
    run_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """What a COMMIT took through one Region's endpoint, from sending it to its answer, in ms."""

    region: str
    commits: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What the run was estimated to cost before it began, and from what it really sent. Dollars.

    `limit_usd` is the most that it was allowed to cost; `stopped` says that it ended for that.
    """

    estimated_usd: float
    spent_usd: float
    limit_usd: float
    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOff:
    """Who vouches for a report, when, and in which words."""

    by: str
    at: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that an acceptance run says. Times are RFC 3339 in UTC.

    `stand_in` names what stood in for Aurora DSQL, or is None on AWS. `endpoints` maps each Region
    to the host that was asked. `digest` is the SHA-256 of the report without it and without the
    sign-off, as `sealed` makes it.
    """

    report_id: str
    stand_in: str | None
    endpoints: dict[str, str]
    started_at: str
    finished_at: str
    version: str
    git_commit: str
    promises: Sequence[Promise]
    stampedes: Sequence[Stampeded]
    latencies: Sequence[Latency]
    spent: Spent
    server_version: str = ""
    notes: Sequence[str] = ()
    digest: str = ""
    signed_off: Sequence[SignOff] = field(default_factory=tuple)

    @property
    def passed(self) -> bool:
        """Say whether every promise was tried and held."""
        return bool(self.promises) and all(each.standing is Standing.HELD for each in self.promises)

    @property
    def on(self) -> str:
        """Return what it ran on, as pages name it: `AWS` or the stand-in."""
        return self.stand_in or "AWS"

    def signed(self, sign_off: SignOff) -> "Report":
        """Return the report with one more person who vouches for it."""
        return replace(self, signed_off=(*self.signed_off, sign_off))


def sealed(report: Report) -> Report:
    """Return the report with the digest over all that it says."""
    return replace(report, digest=_digest(report))


def is_sealed(report: Report) -> bool:
    """Say whether the report still says what it said when it was sealed."""
    return report.digest == _digest(report)


def as_values(report: Report) -> dict[str, object]:
    """Return the report as JSON values, its format first."""
    return {"format": FORMAT, **plain(report, Report)}


def _digest(report: Report) -> str:
    """Return the SHA-256 of the report's canonical JSON: sorted keys, no spaces, ASCII only."""
    values = {name: each for name, each in as_values(report).items() if name not in UNSEALED}
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
