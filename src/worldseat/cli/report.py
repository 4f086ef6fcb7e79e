"""One run as `--json` prints it."""

from dataclasses import dataclass

from worldseat.domain.run import Run


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
    app_believed: int
    log_committed: int
    seat_table_shows: int
    verdict: str
    violations: list[str]

    @property
    def passed(self) -> bool:
        """Say whether the seat sold exactly once and the Witness found nothing."""
        return self.oversold == 0 and not self.violations


def report_of(run: Run) -> RunReport | None:
    """Return the report of a run, or None while it is running."""
    result = run.result
    if result is None:
        return None
    plan = run.plan
    return RunReport(
        run_id=plan.run_id,
        store=plan.store,
        stand_in=plan.stand_in,
        code=plan.code.value,
        arrival=plan.arrival.text,
        seat=run.seat,
        buyers=plan.buyers,
        seed=plan.seed,
        status=run.status.value,
        in_flight_max=result.in_flight_max,
        confirmed=result.confirmed,
        refused=result.refused,
        errors=result.errors,
        unknown=result.unknown,
        conflicts=result.conflicts,
        retries_max=result.retries_max,
        retries_total=result.retries_total,
        oversold=result.oversold,
        duration_ms=result.duration_ms,
        app_believed=result.app_believed,
        log_committed=result.log_committed,
        seat_table_shows=result.seat_table_shows,
        verdict=result.verdict,
        violations=result.violations,
    )
