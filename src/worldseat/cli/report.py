"""One run as `--json` prints it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A finished run: what was asked, what was counted, in how much time."""

    run_id: str
    store: str
    stand_in: str | None
    code: str
    arrival: str
    seat: str
    buyers: int
    regions: tuple[str, ...]
    lag_ms: int | None
    seed: int
    status: str
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
    lag_ms_p50: float | None
    app_believed: int
    log_committed: int
    seat_table_shows: int
    verdict: str
    violations: list[str]

    @property
    def passed(self) -> bool:
        """Say whether the seat sold exactly once and the Witness found nothing."""
        return self.oversold == 0 and not self.violations


def report_of(answer: Mapping[str, Any]) -> RunReport | None:
    """Return the report of a run as the API tells it, or None while it is running."""
    result = answer["result"]
    if result is None:
        return None
    return msgspec.convert({**result, **answer}, type=RunReport)
