"""Acceptance reports for tests. Every figure in them is invented."""

from dataclasses import replace
from typing import Any

from worldseat.domain.acceptance import (
    PROMISES,
    Case,
    Latency,
    Promise,
    Report,
    SignOff,
    Spent,
    Stampeded,
    Standing,
    sealed,
)
from worldseat.domain.run import LOCAL_CLUSTER

INVENTED = "INVENTED BY A TEST. Nothing was measured."

ON_AWS = {
    "us-east-1": "inventedbyatest00000000000.dsql.us-east-1.on.aws",
    "us-east-2": "inventedbyatest11111111111.dsql.us-east-2.on.aws",
}

TRIED = (
    ("tokens", 18, "logins"),
    ("isolation", 11, "recorded cases"),
    ("one-key-one-row", 25, "races"),
    ("read-after-commit", 400, "commits"),
    ("fence", 84, "cuts"),
    ("stampedes", 80, "stampedes"),
    ("region-loss", 2, "lost Regions"),
)


def promise(name: str, **changed: Any) -> Promise:
    """Return a promise of the list that was held, or as it is said."""
    tried, of_what = next(each[1:] for each in TRIED if each[0] == name)
    made = Promise(
        name=name,
        title=PROMISES[name],
        standing=Standing.HELD,
        tried=tried,
        of_what=of_what,
        broken=0,
        seen=f"No violation found in {tried} {of_what}.",
        cases=(
            Case(name=f"{name}, one way", held=True, wanted="refused", seen="28000, refused"),
            Case(name=f"{name}, the other way", held=True, wanted="accepted", seen="accepted"),
        ),
        took_s=1.25,
    )
    return replace(made, **changed)


def broken(name: str) -> Promise:
    """Return a promise of the list that broke once."""
    return promise(
        name,
        standing=Standing.BROKEN,
        broken=1,
        seen="A token of another Region was taken.",
        cases=(
            Case(name="held", held=True, wanted="refused", seen="refused"),
            Case(name="other Region", held=False, wanted="refused", seen="a session was opened"),
        ),
    )


def not_tried(name: str) -> Promise:
    """Return a promise of the list that the run did not come to."""
    return promise(
        name,
        standing=Standing.NOT_TRIED,
        tried=0,
        seen="The limit of 5.00 dollars was reached before it.",
        cases=(),
        took_s=0.0,
    )


def all_promises(*given: Promise) -> tuple[Promise, ...]:
    """Return every promise in order, those that are not given as not tried."""
    there = {each.name: each for each in given}
    return tuple(there.get(name) or not_tried(name) for name, *_ in TRIED)


def stampeded(code: str = "naive", arrival: str = "burst", **changed: Any) -> Stampeded:
    """Return twenty stampedes of one kind through both Regions, in which nothing was oversold."""
    made = Stampeded(
        code=code,
        arrival=arrival,
        reach="both",
        buyers=60,
        runs=20,
        without=0,
        above_zero=0,
        oversold_low=0,
        oversold_median=0,
        oversold_high=0,
        holders_low=1,
        holders_median=1,
        holders_high=1,
        refused_median=59,
        errors_median=0,
        conflicts_median=57.5,
        in_flight_low=60,
        duration_ms_median=412.5,
        run_ids=tuple(f"run_invented{code}{place}" for place in range(20)),
    )
    return replace(made, **changed)


def report(report_id: str = "acc_invented", **changed: Any) -> Report:
    """Return a sealed report of the local cluster in which every promise held."""
    made = Report(
        report_id=report_id,
        stand_in=LOCAL_CLUSTER,
        endpoints=dict(ON_AWS),
        started_at="2026-01-02T03:04:05.000000Z",
        finished_at="2026-01-02T03:14:05.000000Z",
        version="0.0.0",
        git_commit="abcdef012345",
        server_version="16.15",
        promises=tuple(promise(name) for name, *_ in TRIED),
        stampedes=tuple(
            stampeded(code, arrival)
            for code in ("naive", "conditional")
            for arrival in ("burst", "spread:300ms")
        ),
        latencies=(
            Latency(
                region="us-east-1", commits=200, p50_ms=14.2, p95_ms=21.5, p99_ms=33.3, max_ms=61.0
            ),
            Latency(
                region="us-east-2", commits=200, p50_ms=15.1, p95_ms=22.8, p99_ms=35.9, max_ms=70.4
            ),
        ),
        spent=Spent(estimated_usd=1.23, spent_usd=0.98, limit_usd=5.0, stopped=False),
        notes=(INVENTED,),
    )
    return sealed(replace(made, **changed))


def of_aws(report_id: str = "acc_invented-aws", **changed: Any) -> Report:
    """Return a sealed report that says AWS. Nothing ran there."""
    return report(report_id, **{"stand_in": None, **changed})


def signed(made: Report, by: str = "Ada Invented", note: str = "seen by a test") -> Report:
    """Return the report with a sign-off."""
    return made.signed(SignOff(by=by, at="2026-01-03T00:00:00Z", note=note))
