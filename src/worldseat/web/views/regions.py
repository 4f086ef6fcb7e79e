"""The Regions panel: a sentence for everybody, a picture, and the figures engineers want."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.settings import WITNESS_REGION
from worldseat.web.views.regions_picture import Picture, picture
from worldseat.web.views.words import count

if TYPE_CHECKING:
    from worldseat.ports.cluster import ClusterStatus, FaultState, RegionState
    from worldseat.ports.onsale import RegionFigures
    from worldseat.web.regions import Seen

ONE_SHOT = {
    "drop-before": "connection lost before COMMIT applies",
    "drop-after": "connection lost after COMMIT applied",
    "unavailable": "service unavailable (XX000)",
    "storm": "conflict at COMMIT (40001)",
}
"""Faults that happen to the next COMMITs, in the order in which they are offered."""
_TENTHS_BELOW_MS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a Region stands: a shape, a word beside it, and its tone (`good`, `bad` or `none`)."""

    mark: str
    word: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One order that a press gives, about one Region."""

    kind: str
    region: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsView:
    """The whole panel. Without a local cluster it has no picture, no orders and no faults."""

    badge: str
    said: str
    tone: str
    problem: str
    regions: Sequence[tuple[str, State]]
    lines: Sequence[tuple[str, Sequence[str]]]
    """The table: a label, and a value for each of `regions`."""
    witness: State
    witness_region: str
    picture: Picture | None
    orders: Sequence[tuple[str, Sequence[Button]]]
    """The buttons of each Region, the witness Region's too."""
    links: Sequence[tuple[str, str]]
    one_shot: Mapping[str, str]
    planned: Sequence[str]
    happened: str
    stands: str | None
    """Where this server stands, if it stands in one Region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionsPage:
    """A page that has this panel and nothing else."""

    regions: RegionsView


OK = State(mark="●", word="ok", tone="good")
DOWN = State(mark="✕", word="down", tone="bad")
CUT_OFF = State(mark="◇", word="cut off", tone="bad")
NO_QUORUM = State(mark="◇", word="no quorum", tone="bad")
AWAY = State(mark="✕", word="away", tone="bad")
RETURNING = State(mark="◌", word="coming back", tone="bad")
UNSEEN = State(mark="–", word="not seen from here", tone="none")


def view(seen: "Seen", *, stand_in: str | None) -> RegionsView:
    """Return the panel. `stand_in` is what plays the product's database, None on AWS."""
    status = seen.status
    told = {each.region: each for each in status.regions} if status else {}
    states = {each.region: _state(each, told.get(each.region)) for each in seen.figures}
    witness = _witness_state(told.get(WITNESS_REGION))
    marks = {region: (it.mark, it.word, it.tone) for region, it in states.items()}
    marks[WITNESS_REGION] = (witness.mark, witness.word, witness.tone)
    said, tone = _said(seen, states, witness)
    return RegionsView(
        badge=_badge(stand_in, played=seen.played),
        said=said,
        tone=tone,
        problem=seen.problem,
        regions=list(states.items()),
        lines=_lines(seen.figures),
        witness=witness,
        witness_region=WITNESS_REGION,
        picture=picture(status, marks, _served(seen.figures), said=said) if status else None,
        orders=[(each.region, _buttons(each)) for each in told.values()],
        links=_links(status) if status else [],
        one_shot=ONE_SHOT,
        planned=[_planned(each) for each in status.faults] if status else [],
        happened=_happened(status.done) if status else "",
        stands=seen.stands,
    )


def latency(duration_ms: float | None) -> str:
    """Return a latency, with a tenth of a ms as long as tenths matter; a dash while unknown."""
    if duration_ms is None:
        return "–"
    number = count(duration_ms) if duration_ms >= _TENTHS_BELOW_MS else f"{duration_ms:.1f}"
    return f"{number} ms"


def _badge(stand_in: str | None, *, played: bool) -> str:
    if played:
        return "local stand-in"
    return "" if stand_in is None else f"{stand_in}, a stand-in"


def _served(figures: "Sequence[RegionFigures]") -> dict[str, str | None]:
    return {each.region: each.served_by for each in figures}


def _state(figures: "RegionFigures", told: "RegionState | None") -> State:
    """Return how a Region stands. What the cluster says of itself goes before what we met there."""
    ours = OK if figures.state == "ok" else AWAY
    if told is None:
        return ours
    if not told.up:
        return DOWN
    if told.cut_off:
        return CUT_OFF
    if not told.can_commit:
        return NO_QUORUM
    return OK if ours is OK else RETURNING


def _witness_state(told: "RegionState | None") -> State:
    if told is None:
        return UNSEEN
    if not told.up:
        return DOWN
    return CUT_OFF if told.cut_off else OK


def _lines(figures: "Sequence[RegionFigures]") -> list[tuple[str, Sequence[str]]]:
    return [
        ("its fans go to", [each.served_by or "nobody" for each in figures]),
        ("commit p50", [latency(each.commit_ms_p50) for each in figures]),
        ("commit p99", [latency(each.commit_ms_p99) for each in figures]),
        ("commits", [count(each.commits) for each in figures]),
        ("conflicts", [count(each.conflicts) for each in figures]),
        ("retries", [count(each.retries) for each in figures]),
        ("unanswered", [count(each.unknown) for each in figures]),
    ]


def _said(seen: "Seen", states: Mapping[str, State], witness: State) -> tuple[str, str]:
    """Return the panel's sentences, and their tone."""
    nobody = _nobody_sells(seen)
    told = [
        f"{each.region} {_trouble(each, states[each.region])}{'' if nobody else _fans(each)}"
        for each in seen.figures
        if states[each.region] is not OK
    ]
    if nobody:
        told.append("Nobody can buy now, and nothing is written.")
    elif witness in {DOWN, CUT_OFF}:
        needs = "a commit now needs both other Regions."
        told.append(f"The witness Region {WITNESS_REGION} is {witness.word}: {needs}")
    if told:
        return " ".join(told), "bad"
    if seen.problem:
        return "Both endpoints take commits. How the cluster behind them stands is unknown.", "none"
    whole = "All three Regions are well" if seen.status else "Both Regions are well"
    return f"{whole}: each serves its own fans.", "good"


def _nobody_sells(seen: "Seen") -> bool:
    """Say whether no Region commits: the cluster knows it before anybody has tried."""
    if all(each.served_by is None for each in seen.figures):
        return True
    return seen.status is not None and not any(each.can_commit for each in seen.status.regions)


def _trouble(figures: "RegionFigures", state: State) -> str:
    if state is DOWN:
        return "is down."
    if state is CUT_OFF:
        return "is cut off from the others: it answers, and can commit nothing."
    if state is NO_QUORUM:
        return "has no quorum: it reaches too few Regions to commit anything."
    if state is RETURNING:
        return "is coming back."
    return f"is away ({figures.state.rstrip('.')})."


def _fans(figures: "RegionFigures") -> str:
    if figures.served_by is None:
        return " Nobody serves its fans."
    if figures.served_by == figures.region:
        return " This server has met no error there yet."
    return f" Its fans are served by {figures.served_by}."


def _buttons(told: "RegionState") -> list[Button]:
    region = told.region
    return [
        Button(kind="region-down", region=region, words="Take down")
        if told.up
        else Button(kind="region-up", region=region, words="Bring back"),
        Button(kind="rejoin", region=region, words="Rejoin")
        if told.cut_off
        else Button(kind="cut-off", region=region, words="Cut off"),
    ]


def _links(status: "ClusterStatus") -> list[tuple[str, str]]:
    return [
        (f"{link.one} {link.other}", f"{link.one} ⇄ {link.other}, now {count(link.rtt_ms)} ms")
        for link in status.links
    ]


def _planned(fault: "FaultState") -> str:
    what = ONE_SHOT.get(fault.kind, fault.kind)
    where = fault.region or "any Region"
    left = "" if fault.left is None else f"{count(fault.left)} to come, "
    return f"{what}, {where}: {left}{count(fault.done)} happened"


def _happened(done: Mapping[str, int]) -> str:
    """Return what has happened since the cluster started, the most frequent first."""
    ordered = sorted(done.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{kind} {count(number)}" for kind, number in ordered if number)
