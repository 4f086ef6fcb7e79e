"""What the API tells of acceptance reports."""

from collections.abc import Sequence

from msgspec import Struct

from worldseat.domain.acceptance import Latency, Promise, SignOff, Spent, Stampeded


class AcceptanceAnswer(Struct, frozen=True, kw_only=True):
    """What an acceptance run came to. `stand_in` null: it ran on AWS.

    `sealed` false: the report was changed after its run, and nothing of it can be relied on.
    """

    report_id: str
    stand_in: str | None
    started_at: str
    finished_at: str
    version: str
    git_commit: str
    sealed: bool
    passed: bool
    held_count: int
    broken_count: int
    not_tried_count: int
    signed_off: Sequence[SignOff]


class AcceptancesAnswer(Struct, frozen=True):
    """The newest reports, newest first; `aws` and `stand_in` name the newest of each, if any."""

    aws: str | None
    stand_in: str | None
    reports: list[AcceptanceAnswer]


class AcceptanceFile(Struct, frozen=True, kw_only=True):
    """A report as its run wrote it, to be kept as a file. `digest` seals it: see its page."""

    format: str
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
    server_version: str
    notes: Sequence[str]
    digest: str
    signed_off: Sequence[SignOff]
