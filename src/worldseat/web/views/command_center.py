"""The command center: everything that one look at `/` needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.run import BUYERS_MAX, BUYERS_MIN, SPREAD_MS_MAX, RunStatus
from worldseat.domain.seats import Mode
from worldseat.web.views import run as run_view
from worldseat.web.views import stub, tickets, witness
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
    from worldseat.web.shapes import LogEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One database that Break it can be fired at."""

    name: str
    title: str
    checked: bool
    for_sale: bool


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
    store: str
    store_title: str
    for_sale: bool
    visitor: Visitor
    limits: "Mapping[str, int]"
    target: str
    floor: FloorPicture | Trouble
    tickets: Sequence[tickets.TicketLine] | Trouble
    verdict: run_view.Verdict | None
    running_id: str | None
    scoreboard: run_view.Scoreboard | Trouble | None
    witness: witness.WitnessView | Trouble | None
    judging: bool
    log: "Sequence[LogEntry] | Trouble"


def newest_of(runs: "Sequence[Run] | Trouble", store: str) -> "Run | None":
    """Return the newest run against a store."""
    if isinstance(runs, Trouble):
        return None
    return next((run for run in runs if run.plan.store == store), None)


def view(
    found: Found,
    *,
    chosen: "Store",
    stores: "Mapping[str, Store]",
    regions: Sequence[str],
    visitor: Visitor,
) -> CommandCenter:
    """Return the page. `chosen` is the backend whose floor is shown and where Break it fires."""
    event, floor = found.event, found.floor
    product = next(iter(stores.values()))
    listed: Sequence[tickets.TicketLine] | Trouble = (
        found.tickets
        if isinstance(found.tickets, Trouble)
        else tickets.lines(found.tickets, event_id=event.event_id, round_id=event.current_round_id)
    )
    owned = set() if isinstance(listed, Trouble) or chosen is not product else tickets.mine(listed)
    newest = newest_of(found.runs, chosen.name)
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
        backends=[_backend(each, chosen) for each in stores.values()],
        store=chosen.name,
        store_title=chosen.title,
        for_sale=chosen is product,
        visitor=visitor,
        limits={"low": BUYERS_MIN, "high": BUYERS_MAX, "spread": SPREAD_MS_MAX},
        target=_target(event, drawn),
        floor=drawn,
        tickets=listed,
        verdict=_verdict(found.runs, newest, chosen),
        running_id=_running(newest),
        scoreboard=found.runs if isinstance(found.runs, Trouble) else _scored(found.runs, chosen),
        witness=_witness(found.judged),
        judging=not isinstance(found.judged, Trouble) and found.judged.pending,
        log=found.log,
    )


def _backend(store: "Store", chosen: "Store") -> Backend:
    return Backend(
        name=store.name,
        title=store.title,
        checked=store is chosen,
        for_sale=store.role == "product",
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


def _verdict(
    runs: "Sequence[Run] | Trouble", newest: "Run | None", chosen: "Store"
) -> run_view.Verdict | None:
    if isinstance(runs, Trouble):
        return run_view.Verdict(tone="none", text=runs.message)
    return None if newest is None else run_view.verdict(newest, chosen.title)


def _running(run: "Run | None") -> str | None:
    return run.plan.run_id if run is not None and run.status is RunStatus.RUNNING else None


def _scored(runs: "Sequence[Run]", chosen: "Store") -> run_view.Scoreboard | None:
    over = (run for run in runs if run.plan.store == chosen.name and run.result is not None)
    newest = next(over, None)
    ledger = run_view.OP_LOG if chosen.role == "product" else "its ledger"
    return None if newest is None else run_view.scoreboard(newest, ledger=ledger)
