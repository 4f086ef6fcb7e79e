"""One stampede as the page tells it: a line for everybody, a table for engineers, an equation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.run import FACE_VALUE_MINOR, ITSELF, LOCAL_CLUSTER, RunStatus
from worldseat.domain.verdict import Sources
from worldseat.web.views.words import count, milliseconds, of, spelled, times

if TYPE_CHECKING:
    from worldseat.domain.run import Arrival, RegionCount, Result, Run

OP_LOG = "op_log"
_DOLLAR = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One sentence and its tone: `good`, `bad`, `none` (no result) or `running`."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the scoreboard: what is counted, per Region where it can be, and in all."""

    label: str
    regions: Sequence[str]
    total: str
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """Three counts that can disagree, put side by side."""

    seat: str
    terms: Sequence[tuple[str, str]]
    """Pairs of a count and what counted it."""
    signs: Sequence[str]
    gap: int
    agree: bool
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoreboard:
    """All that the page shows of one finished run."""

    run_id: str
    title: str
    seat: str
    facts: str
    uncounted: str
    regions: Sequence[str]
    lines: Sequence[Line]
    stakes: str
    stakes_sum: str
    violations: Sequence[str]
    equation: Equation


def arrival_words(arrival: "Arrival") -> str:
    """Return how buyers arrived, in words."""
    if arrival.spread_ms:
        return f"spread over {count(arrival.spread_ms)} ms"
    return "all at once"


def through(regions: Sequence[str]) -> str:
    """Return through how many Regions buyers came, in words."""
    return f"{spelled(len(regions))} Region{'' if len(regions) == 1 else 's'}"


def _lag(asked_ms: int | None, result: "Result") -> str:
    """Return the lag that was achieved, and the one that was asked for, where there is one."""
    if asked_ms is None:
        return ""
    achieved = "not known" if result.lag_ms_p50 is None else milliseconds(result.lag_ms_p50)
    return f", replication lag {achieved} (median; {milliseconds(asked_ms)} asked)"


def ran_on(stand_in: str | None) -> str:
    """Return what really ran: the stand-in's name and version, the database itself, or AWS."""
    if stand_in is None:
        return "AWS"
    return f"{called(stand_in)}, a stand-in" if is_played(stand_in) else stand_in


def called(stand_in: str) -> str:
    """Return what a sentence calls the stand-in: one without a name of its own gets an article."""
    return f"the {stand_in}" if stand_in == LOCAL_CLUSTER else stand_in


def is_played(stand_in: str | None) -> bool:
    """Say whether something stood in for the database."""
    return stand_in is not None and not stand_in.endswith(ITSELF)


def verdict(run: "Run", title: str) -> Verdict:
    """Return the one-line verdict on a run against the store of this title."""
    plan, result = run.plan, run.result
    if run.status is RunStatus.RUNNING or result is None:
        text = f"{of(plan.buyers, 'buyer')} are at seat {run.seat} right now."
        return Verdict(tone="running", text=text)
    if run.status is RunStatus.INTERRUPTED or result.oversold is None:
        return Verdict(tone="none", text=_no_result(run, result, title))
    if result.oversold:
        text = (
            f"{run.seat} sold {times(result.confirmed)} on {title}: "
            f"{count(result.oversold)} too many."
        )
        return Verdict(tone="bad", text=text)
    text = f"{run.seat} sold {times(result.confirmed)} on {title}. {_others(result, plan.buyers)}"
    if result.violations:
        return Verdict(tone="bad", text=f"{text} Yet the Witness objects: {result.violations[0]}")
    return Verdict(tone="good", text=text)


def _no_result(run: "Run", result: "Result", title: str) -> str:
    if result.uncounted:
        return f"No result on {title}: what was committed cannot be counted: {result.uncounted}."
    if run.status is RunStatus.INTERRUPTED:
        return f"Interrupted: the run at {run.seat} was cut off before all buyers were answered."
    others = _others(result, run.plan.buyers)
    return f"No result: nobody was confirmed on {run.seat}. {others}"


def _others(result: "Result", buyers: int) -> str:
    said = [f"{count(result.refused)} of {count(buyers)} were told no"]
    if result.errors:
        said.append(f"{of(result.errors, 'error')}")
    if result.unknown:
        said.append(f"{of(result.unknown, 'answer')} unknown")
    return ", ".join(said) + "."


def scoreboard(run: "Run", *, title: str, ledger: str = OP_LOG) -> Scoreboard | None:
    """Return the scoreboard of a run, or None while it has no result.

    `title` is the store's, `ledger` what its append-only record of sales is called.
    """
    result, plan = run.result, run.plan
    if result is None:
        return None
    facts = (
        f"{plan.code.value} code, {arrival_words(plan.arrival)}, {through(plan.regions)}, "
        f"seed {plan.seed}, on {ran_on(plan.stand_in)}{_lag(plan.lag_ms, result)}"
    )
    over = result.oversold
    dollars = None if over is None else over * FACE_VALUE_MINOR // _DOLLAR
    return Scoreboard(
        run_id=plan.run_id,
        title=title,
        seat=run.seat,
        facts=facts,
        uncounted=result.uncounted,
        regions=[each.region for each in result.regions],
        lines=_lines(result, plan.buyers),
        stakes="no result" if dollars is None else f"${count(dollars)}",
        stakes_sum=_sum(over),
        violations=result.violations,
        equation=equation(run, result, ledger=ledger),
    )


def side_by_side(scores: Sequence[Scoreboard]) -> list[tuple[str, Sequence[str], bool]]:
    """Return the lines of several scoreboards as one: a label, the totals, whether it is loud."""
    found = [
        (lines[0].label, [line.total for line in lines], lines[0].strong)
        for lines in zip(*(score.lines for score in scores), strict=True)
    ]
    return [*found, ("stakes", [score.stakes for score in scores], True)] if found else []


def _sum(over: int | None) -> str:
    counted = "nobody was confirmed" if over is None else f"{count(over)} oversold"
    return (
        f"{counted} × ${FACE_VALUE_MINOR // _DOLLAR} face value. Scales linearly; illustrative. "
        "The count is the measured fact."
    )


def _lines(result: "Result", buyers: int) -> list[Line]:
    def line(label: str, pick: Callable[["RegionCount"], int], total: int) -> Line:
        return Line(
            label=label, regions=[count(pick(each)) for each in result.regions], total=count(total)
        )

    def whole(label: str, total: str, *, strong: bool = False) -> Line:
        return Line(label=label, regions=[], total=total, strong=strong)

    over = "no result" if result.oversold is None else count(result.oversold)
    confirmed = "not counted" if result.uncounted else count(result.confirmed)
    retries = f"{count(result.retries_max)} ({count(result.retries_total)} in all)"
    return [
        whole("oversold", over, strong=True),
        line("buyers fired", lambda each: each.buyers, buyers),
        whole("confirmed holders", confirmed)
        if result.uncounted
        else line("confirmed holders", lambda each: each.confirmed, result.confirmed),
        line("refused", lambda each: each.refused, result.refused),
        line("errors", lambda each: each.errors, result.errors),
        line("unknown", lambda each: each.unknown, result.unknown),
        line("conflicts", lambda each: each.conflicts, result.conflicts),
        whole("most retries", retries),
        whole("in flight at once", count(result.in_flight_max)),
        whole("answered in", milliseconds(result.duration_ms)),
    ]


def equation(run: "Run", result: "Result", *, ledger: str = OP_LOG) -> Equation:
    """Return the three sources of the run's seat as an equation with its gap, and a sentence."""
    sources = Sources(
        run_id=run.plan.run_id,
        app_believed=result.app_believed,
        unknown=result.unknown,
        log_committed=result.log_committed,
        seat_table_shows=result.seat_table_shows,
    )
    gap = result.log_committed - result.seat_table_shows
    return Equation(
        seat=run.seat,
        terms=[
            (count(result.app_believed), "app believed"),
            (_counted(result, result.log_committed), f"{ledger} committed"),
            (_counted(result, result.seat_table_shows), "seat table shows"),
        ],
        signs=["?", "?"]
        if result.uncounted
        else [
            "=" if result.app_believed == result.log_committed else "≠",
            "=" if gap == 0 else "≠",
        ],
        gap=gap,
        agree=sources.agree,
        sentence=_compare(result, gap, agree=sources.agree),
    )


def _counted(result: "Result", number: int) -> str:
    return "?" if result.uncounted else count(number)


def _compare(result: "Result", gap: int, *, agree: bool) -> str:
    if result.uncounted:
        return f"Only the answers are known: {result.uncounted}."
    if gap > 0:
        return f"The seat table hides {count(gap)}: it can show one owner only."
    if agree and result.app_believed != result.log_committed:
        return "They agree, once the answers that never came are counted."
    if agree:
        return "They agree."
    return "They contradict each other: the Witness says where."
