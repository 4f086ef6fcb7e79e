"""The command center: everything that one look at `/` needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.run import (
    BUYERS_MAX,
    BUYERS_MIN,
    LAG_MS_MAX,
    SPREAD_MS_MAX,
    RunStatus,
)
from worldseat.domain.seats import Mode
from worldseat.web.views import regions as regions_view
from worldseat.web.views import run as run_view
from worldseat.web.views import stub, tickets, witness
from worldseat.web.views.backend import Backend, Choice, backends
from worldseat.web.views.fan import Visitor
from worldseat.web.views.floor import FloorPicture, picture
from worldseat.web.views.story import StoryView, story
from worldseat.web.views.trouble import Trouble
from worldseat.web.views.words import money

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worldseat.domain.event import Event, Ticket
    from worldseat.domain.run import Run
    from worldseat.ports.store import Store
    from worldseat.services.floor import FloorView
    from worldseat.services.headline import Story
    from worldseat.web.judgements import Newest
    from worldseat.web.regions import Seen
    from worldseat.web.shapes import LogEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the services said, each part for itself: one that failed leaves the others whole."""

    event: "Event"
    events: "Sequence[Event]"
    floor: "FloorView | Trouble"
    story: "Story | Trouble"
    runs: "Sequence[Run] | Trouble"
    judged: "Newest | Trouble"
    tickets: "Sequence[Ticket] | Trouble"
    log: "Sequence[LogEntry] | Trouble"
    regions: "Seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandCenter:
    """The page's contents, panel by panel."""

    event_id: str
    live: bool
    price: str
    rehearsal_id: str | None
    links: Sequence[stub.EventLink]
    stub: stub.Stub
    story: StoryView | Trouble
    backends: Sequence[Backend]
    fired_at: Sequence[str]
    reaches: bool
    lagged: Sequence[str]
    """Which of those have a replication whose lag can be chosen."""
    store: str
    store_title: str
    for_sale: bool
    visitor: Visitor
    limits: "Mapping[str, int]"
    target: str
    floor: FloorPicture | Trouble
    tickets: Sequence[tickets.TicketLine] | Trouble
    verdicts: Sequence[run_view.Verdict]
    running_id: str | None
    comparing_id: str | None
    scores: Sequence[run_view.Scoreboard] | Trouble
    side_by_side: Sequence[tuple[str, Sequence[str], bool]]
    """The lines of all scores together: a label, a total for each, and whether it is loud."""
    witness: witness.WitnessView | Trouble | None
    judging: bool
    log: "Sequence[LogEntry] | Trouble"
    regions: regions_view.RegionsView


def newest_of(runs: "Sequence[Run] | Trouble", stores: "Sequence[Store]") -> "list[Run]":
    """Return the newest run against the first of these stores, and with it those of one press.

    A press gives all of its runs one seed and one seat. What was fired at another time has its
    own place, in the headline or in the comparison.
    """
    if isinstance(runs, Trouble):
        return []
    first = next((run for run in runs if run.plan.store == stores[0].name), None)
    if first is None:
        return []
    together = (
        next(
            (run for run in runs if run.plan.store == store.name and _of_one_press(run, first)),
            None,
        )
        for store in stores[1:]
    )
    return [first, *(run for run in together if run is not None)]


def _of_one_press(one: "Run", other: "Run") -> bool:
    return (one.plan.seed, one.seat) == (other.plan.seed, other.seat)


def view(
    found: Found,
    *,
    chosen: Choice,
    stores: "Mapping[str, Store]",
    regions: Sequence[str],
    visitor: Visitor,
    comparing_id: str | None = None,
) -> CommandCenter:
    """Return the page. `chosen` says whose floor is shown and where Break it fires."""
    event, floor = found.event, found.floor
    product = next(iter(stores.values()))
    listed: Sequence[tickets.TicketLine] | Trouble = (
        found.tickets
        if isinstance(found.tickets, Trouble)
        else tickets.lines(found.tickets, event_id=event.event_id, round_id=event.current_round_id)
    )
    known = [] if isinstance(listed, Trouble) or not chosen.for_sale else listed
    owned = tickets.mine(known)
    newest = newest_of(found.runs, chosen.stores)
    scores = found.runs if isinstance(found.runs, Trouble) else _scored(found.runs, chosen)
    drawn = floor if isinstance(floor, Trouble) else picture(event, floor, owned)
    return CommandCenter(
        event_id=event.event_id,
        live=event.mode is Mode.LIVE,
        price=money(event.price),
        rehearsal_id=_rehearsal(found.events),
        links=stub.links(found.events, event.event_id),
        stub=stub.stub(event, product, regions),
        story=found.story
        if isinstance(found.story, Trouble)
        else story(found.story, live=event.mode is Mode.LIVE),
        backends=backends(stores, chosen),
        fired_at=[store.name for store in chosen.stores],
        reaches=all(len(store.regions) > 1 for store in chosen.stores),
        lagged=[store.name for store in chosen.stores if store.lag_is_chosen],
        store=chosen.shown.name,
        store_title=chosen.shown.title,
        for_sale=chosen.for_sale,
        visitor=visitor,
        limits={
            "low": BUYERS_MIN,
            "high": BUYERS_MAX,
            "spread": SPREAD_MS_MAX,
            "lag": LAG_MS_MAX,
        },
        target=_target(event, drawn),
        floor=drawn,
        tickets=listed,
        verdicts=_verdicts(found.runs, newest, stores),
        running_id=_running(newest),
        comparing_id=comparing_id,
        scores=scores,
        side_by_side=[] if isinstance(scores, Trouble) else run_view.side_by_side(scores),
        witness=_witness(found.judged),
        judging=not isinstance(found.judged, Trouble) and found.judged.pending,
        log=found.log,
        regions=regions_view.view(found.regions, stand_in=product.stand_in),
    )


def _target(event: "Event", floor: FloorPicture | Trouble) -> str:
    """Return the seat that Break it aims at first: an open one, and none on a live on-sale."""
    if event.mode is Mode.LIVE or isinstance(floor, Trouble):
        return ""
    return floor.first_open or ""


def _witness(judged: "Newest | Trouble") -> witness.WitnessView | Trouble | None:
    if isinstance(judged, Trouble):
        return judged
    return None if judged.report is None else witness.view(judged.report)


def _rehearsal(events: "Sequence[Event]") -> str | None:
    return next((each.event_id for each in events if each.mode is Mode.REHEARSAL), None)


def _verdicts(
    runs: "Sequence[Run] | Trouble", newest: "Sequence[Run]", stores: "Mapping[str, Store]"
) -> list[run_view.Verdict]:
    if isinstance(runs, Trouble):
        return [run_view.Verdict(tone="none", text=runs.message)]
    return [run_view.verdict(run, stores[run.plan.store].title) for run in newest]


def _running(newest: "Sequence[Run]") -> str | None:
    running = (run.plan.run_id for run in newest if run.status is RunStatus.RUNNING)
    return next(running, None)


def _scored(runs: "Sequence[Run]", chosen: Choice) -> list[run_view.Scoreboard]:
    """Return the scoreboards of the newest press that is over."""
    found: list[run_view.Scoreboard] = []
    stores = {store.name: store for store in chosen.stores}
    for run in newest_of([run for run in runs if run.result is not None], chosen.stores):
        store = stores[run.plan.store]
        ledger = run_view.OP_LOG if store.role == "product" else "its ledger"
        board = run_view.scoreboard(run, title=store.title, ledger=ledger)
        if board is not None:
            found.append(board)
    return found
