"""The runs behind a cell: each with its id, seed, commit and what it counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.run import Arrival, Reach, RunStatus
from worldseat.web.views.cell import AWS, reach_words
from worldseat.web.views.run import arrival_words, ran_on
from worldseat.web.views.words import count, milliseconds, of, short

if TYPE_CHECKING:
    from worldseat.domain.run import Plan, Run
    from worldseat.ports.store import Store

LISTED = 100
"""How many runs are listed at most, the newest ones."""

Wanted = Mapping[str, object]
"""What the runs shall be like, by the names in `_had`; what is not named may be anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run. `oversold` says in words when there is no result."""

    run_id: str
    short: str
    event_id: str
    seat: str
    what: str
    """What of it was not asked for; nothing where all runs listed are alike."""
    tone: str
    oversold: str
    holders: str
    in_flight: str
    lag: str
    seed: int
    ended_at: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsView:
    """The runs that were asked for, newest first. `more` older ones are not listed."""

    like: str
    runs: Sequence[RunLine]
    more: int


def runs_view(
    runs: "Sequence[Run]", wanted: Wanted, *, buyers: int, stores: "Mapping[str, Store]"
) -> RunsView:
    """Return the runs with so many buyers that are as wanted."""
    found = [
        run
        for run in runs
        if run.plan.buyers == buyers
        and run.status is not RunStatus.RUNNING
        and _is_like(run.plan, wanted)
    ]
    return RunsView(
        like=_in_words(wanted, buyers, stores),
        runs=[_line(run, wanted, stores) for run in found[:LISTED]],
        more=max(len(found) - LISTED, 0),
    )


def _is_like(plan: "Plan", wanted: Wanted) -> bool:
    had = _had(plan)
    return all(had[name] == value for name, value in wanted.items())


def _had(plan: "Plan") -> Mapping[str, object]:
    return {
        "store": plan.store,
        "code": plan.code,
        "arrival": plan.arrival,
        "reach": plan.reach,
        "lag": plan.lag_ms,
        "on": plan.stand_in or AWS,
    }


def _in_words(wanted: Wanted, buyers: int, stores: "Mapping[str, Store]") -> str:
    said = [of(buyers, "buyer")]
    for name, value in wanted.items():
        if name == "store":
            store = stores.get(str(value))
            said.insert(0, store.title if store else str(value))
        elif isinstance(value, Arrival):
            said.append(arrival_words(value))
        elif isinstance(value, Reach):
            said.append(reach_words(value))
        elif isinstance(value, int):
            said.append(f"lag {milliseconds(value)} asked")
        else:
            said.append(f"on {value}" if name == "on" else f"{value} code")
    return ", ".join(said)


def _line(run: "Run", wanted: Wanted, stores: "Mapping[str, Store]") -> RunLine:
    plan, result = run.plan, run.result
    over = result.oversold if result and run.status is RunStatus.DONE else None
    lag = result.lag_ms_p50 if result else None
    return RunLine(
        run_id=plan.run_id,
        short=short(plan.run_id),
        event_id=plan.event_id,
        seat=run.seat,
        what=", ".join(
            words for name, words in _words(plan, stores).items() if name not in wanted and words
        ),
        tone="none" if over is None else "bad" if over else "good",
        oversold=_no_result(run) if over is None else count(over),
        holders="–" if over is None or result is None else count(result.confirmed),
        in_flight="–" if result is None else count(result.in_flight_max),
        lag="–" if lag is None else milliseconds(lag),
        seed=plan.seed,
        ended_at=run.finished_at or run.started_at,
        commit=plan.git_commit[:7],
    )


def _words(plan: "Plan", stores: "Mapping[str, Store]") -> Mapping[str, str]:
    store = stores.get(plan.store)
    return {
        "store": store.title if store else plan.store,
        "code": plan.code.value,
        "arrival": arrival_words(plan.arrival),
        "reach": reach_words(plan.reach),
        "lag": "" if plan.lag_ms is None else f"lag {milliseconds(plan.lag_ms)} asked",
        "on": f"on {ran_on(plan.stand_in)}",
    }


def _no_result(run: "Run") -> str:
    if run.result is not None and run.result.uncounted:
        return f"no result: {run.result.uncounted}"
    if run.status is RunStatus.INTERRUPTED:
        return "no result: interrupted"
    return "no result: nobody was confirmed"
