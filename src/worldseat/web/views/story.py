"""The headline: who pressed, the product's count, the foil's, and what really ran."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.web.views.run import arrival_words, ran_on, through
from worldseat.web.views.words import count, milliseconds, of, short

if TYPE_CHECKING:
    from worldseat.domain.run import Run
    from worldseat.services.headline import Side, Story

_BUYERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Where a figure comes from: what anybody needs to find the very run again."""

    run_id: str
    short: str
    how: str
    finished_at: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideView:
    """One side of the story. `numeral` is None as long as there is nothing to print."""

    title: str
    badge: str
    on: str
    numeral: str | None
    tone: str
    counted: str
    runs: str
    stamp: Stamp | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryView:
    """The whole headline. `pressed` is who pressed, or what one press would do."""

    pressed: str
    causes: Sequence[str]
    product: SideView
    foils: Sequence[SideView]


NO_FOIL = SideView(
    title="A foil",
    badge="foil",
    on="none installed",
    numeral=None,
    tone="none",
    counted="not measured",
    runs="A foil is only there to compare with. The product needs none.",
    stamp=None,
)


def story(told: "Story", *, live: bool) -> StoryView:
    """Return the headline as the page prints it."""
    run = told.product.measured
    if live:
        return StoryView(
            pressed="Nothing is ever fired at a live on-sale.",
            causes=[],
            product=_unmeasured(told.product, "not measured here", "A rehearsal measures it."),
            foils=[NO_FOIL],
        )
    return StoryView(
        pressed=pressed(run),
        causes=[_cause(told.product, each) for each in told.foils],
        product=side(told.product),
        foils=[side(each) for each in told.foils] or [NO_FOIL],
    )


def pressed(run: "Run | None") -> str:
    """Return who pressed: `60 fans, one seat, the same second, two Regions`."""
    if run is None:
        return f"One press: {_BUYERS} fans, one seat, the same second, two Regions."
    plan = run.plan
    when = arrival_words(plan.arrival) if plan.arrival.spread_ms else "the same second"
    return f"{count(plan.buyers)} fans, one seat, {when}, {through(plan.regions)}."


def side(one: "Side") -> SideView:
    """Return one side: its count with the denominator, or in words why there is none."""
    run = one.measured
    if run is None or run.result is None:
        hint = "Press Break it below." if one.role == "product" else ""
        return _unmeasured(one, one.note or "not measured yet", hint)
    result = run.result
    return SideView(
        title=one.title,
        badge=one.role,
        on=ran_on(run.plan.stand_in),
        numeral=None if result.oversold is None else count(result.oversold),
        tone="none" if result.oversold is None else "bad" if result.oversold else "good",
        counted=(
            "no result: nobody was confirmed"
            if result.oversold is None
            else f"oversold · {of(result.confirmed, 'holder')}"
        ),
        runs=_like(one),
        stamp=_stamp(run),
    )


def _unmeasured(one: "Side", counted: str, hint: str) -> SideView:
    return SideView(
        title=one.title,
        badge=one.role,
        on=ran_on(one.stand_in),
        numeral=None,
        tone="none",
        counted=counted,
        runs=hint,
        stamp=None,
    )


def _like(one: "Side") -> str:
    if not one.like_runs:
        return ""
    runs = of(one.like_runs, "run")
    over = one.like_runs - one.zero_runs
    if not over or one.oversold_low is None or one.oversold_high is None:
        return f"0 in {runs} of the same kind"
    low, high = count(one.oversold_low), count(one.oversold_high)
    spread = low if low == high else f"{low}–{high}"
    return f"above 0 in {count(over)} of {runs} of the same kind, {spread}"


def _cause(product: "Side", foil: "Side") -> str:
    """Return what makes the difference. What careful code does is said as measured, or not."""
    decides = (
        f"The consistency model decides: {product.title} {product.two_writers}; "
        f"{foil.title} {foil.two_writers}."
    )
    careful = foil.careful
    if careful is None:
        return f"{decides} With careful code (conditional) it was not measured yet."
    low, high = careful.holders.low, careful.holders.high
    left = of(int(high), "holder") if low == high else f"{count(low)} to {count(high)} holders"
    per_region = ", one per Region" if foil.careful_per_region else ""
    result = foil.measured.result if foil.measured else None
    verb = "narrows it to" if result and result.confirmed > careful.holders.high else "leaves"
    return (
        f"{decides} Careful code (conditional) {verb} {left}{per_region}, "
        f"in {of(careful.runs, 'run')}."
    )


def _stamp(run: "Run") -> Stamp:
    plan = run.plan
    result = run.result
    flight = f", {count(result.in_flight_max)} in flight" if result else ""
    lag = f", lag {milliseconds(result.lag_ms_p50)}" if result and result.lag_ms_p50 else ""
    return Stamp(
        run_id=plan.run_id,
        short=short(plan.run_id),
        how=f"{plan.code.value} code, {arrival_words(plan.arrival)}{flight}{lag}",
        finished_at=run.finished_at or run.started_at,
        commit=plan.git_commit[:7],
    )
