"""The pages: what the services say, put into the templates. They read without JavaScript."""

from collections.abc import Awaitable, Sequence
from functools import partial

from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from worldseat.domain.errors import UnknownEvent
from worldseat.domain.event import Event, Ticket
from worldseat.domain.run import Run
from worldseat.domain.seats import Mode
from worldseat.ports.store import Store
from worldseat.services.codes import CODES
from worldseat.services.comparison import Stage
from worldseat.services.floor import FloorView
from worldseat.web.acceptances import acceptance_page
from worldseat.web.compare_page import compare_chart, compare_page
from worldseat.web.context import Context, Handler
from worldseat.web.events import newest_entries
from worldseat.web.fans import Fan
from worldseat.web.judgements import Asked, Judgements
from worldseat.web.problems import KINDS, Problem, WebError
from worldseat.web.query import Id, path_id, query
from worldseat.web.regions import look
from worldseat.web.regions_page import regions_page
from worldseat.web.shapes import Asked as Query
from worldseat.web.templating import HERE, environment
from worldseat.web.views import command_center as center
from worldseat.web.views import fan as fan_view
from worldseat.web.views.backend import Choice, choose
from worldseat.web.views.explained import EXPLAINED
from worldseat.web.views.proof import proof
from worldseat.web.views.trouble import Trouble, tried

RUNS_SHOWN = 50
RUNS_PROVED = 1_000
"""How many of the newest runs the Proof panel groups; it says so when there are more."""


class HomeQuery(Query, frozen=True):
    """Which event, whose floor, and whether only the panels are wanted (for a live page)."""

    event: Id | UnsetType = UNSET
    store: Id | UnsetType = UNSET
    part: Id | UnsetType = UNSET


def routes(context: Context) -> list[BaseRoute]:
    """Return the routes of all pages, and of what they load."""
    pages: dict[str, Handler] = {
        "/": partial(command_center, Judgements(context.services.witness)),
        "/events/{event_id}": fan_page,
        "/compare": partial(compare_page, environment()),
        "/compare.svg": partial(compare_chart, environment()),
        "/proof": proof_page,
        "/regions": partial(regions_page, environment()),
        "/acceptance/{report_id}": partial(acceptance_page, environment()),
        "/problems/{code}": problem_page,
    }
    return [
        *(Route(path, partial(page, context)) for path, page in pages.items()),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]


async def command_center(judgements: Judgements, context: Context, request: Request) -> Response:
    """The command center, or with `part=panels` those of its panels that a run changes."""
    asked = query(request, HomeQuery)
    events = await context.services.onsale.events()
    event = _event(events, asked.event)
    stores = context.services.stores
    chosen = choose(stores, None if asked.store is UNSET else asked.store)
    fan, cookie = _visitor(context, request)
    page = center.view(
        await _found(context, judgements, event, events, chosen, fan),
        chosen=chosen,
        stores=stores,
        regions=context.services.settings.regions,
        visitor=_shown(context, fan),
        comparing_id=_comparing(context, event),
    )
    template = "panels.html" if asked.part == "panels" else "command_center.html"
    return _html(template, cookie, page=page)


async def fan_page(context: Context, request: Request) -> Response:
    """One event as a fan sees it: the floor, Buy, My tickets."""
    event = await context.services.onsale.event(path_id(request, "event_id", UnknownEvent))
    fan, cookie = _visitor(context, request)
    product = next(iter(context.services.stores.values()))
    page = fan_view.view(
        event,
        floor=await tried(_floor(context, event, product)),
        tickets=await tried(_tickets(context, fan)),
        product=product,
        visitor=_shown(context, fan),
    )
    return _html("event.html", cookie, page=page)


async def proof_page(context: Context, request: Request) -> Response:
    """What is claimed, beside the measured runs that carry it."""
    services = context.services
    events = await services.onsale.events()
    runs = await services.stampedes.runs(None, RUNS_PROVED)
    reports = [(each.title, await services.witness.judge(each.event_id)) for each in events]
    page = proof(
        runs=runs,
        limit=RUNS_PROVED,
        reports=reports,
        codes=CODES.values(),
        stores=services.stores,
        accepted=await tried(services.acceptances.newest()),
        url=str(request.base_url).rstrip("/"),
    )
    return _html("proof.html", page=page)


async def problem_page(_context: Context, request: Request) -> Response:
    """What a problem code means, and what to do."""
    code = request.path_params["code"]
    if code not in KINDS:
        raise WebError("not-found", f"There is no problem called {code[:60]!r}.")
    return _html(
        "problem.html", code=code, kind=KINDS[code], explained=EXPLAINED[code], problem=None
    )


def error_page(problem: Problem) -> Response:
    """Return the page that a browser shows when a page could not be made."""
    code = problem.type.removeprefix("/problems/")
    return _html(
        "problem.html",
        status=problem.status,
        code=code,
        kind=KINDS.get(code, KINDS["error"]),
        problem=problem,
    )


async def _found(
    context: Context,
    judgements: Judgements,
    event: Event,
    events: Sequence[Event],
    chosen: Choice,
    fan: Fan,
) -> center.Found:
    services = context.services
    runs = await tried(services.stampedes.runs(event.event_id, RUNS_SHOWN))
    floor = await tried(_floor(context, event, chosen.shown))
    newest = center.newest_of(runs, chosen.stores[:1])
    asked = _asked(event, newest[0] if newest else None, floor)
    return center.Found(
        event=event,
        events=events,
        floor=floor,
        story=await tried(services.headline.story(event.event_id)),
        runs=runs,
        judged=await tried(judgements.newest(asked)),
        tickets=await tried(_tickets(context, fan)),
        log=await tried(newest_entries(context, event)),
        regions=await look(services),
    )


def _asked(event: Event, run: Run | None, floor: FloorView | Trouble) -> Asked:
    """Return what the Witness shall judge: the floor, and the seat of this round's newest run."""
    seat = run.seat if run is not None and run.plan.round_id == event.current_round_id else None
    change = "" if isinstance(floor, Trouble) else floor.change
    newest = f"{run.plan.run_id} {run.status}" if run is not None else ""
    return Asked(
        event_id=event.event_id, seat=seat, state=f"{event.current_round_id} {change} {newest}"
    )


def _floor(context: Context, event: Event, store: Store) -> Awaitable[FloorView]:
    return context.services.feed.floor(event.event_id, store.name)


def _tickets(context: Context, fan: Fan) -> Awaitable[list[Ticket]]:
    return context.services.shop.tickets(fan.fan_id)


def _event(events: Sequence[Event], asked: str | UnsetType) -> Event:
    """Return the event asked for, or else the oldest rehearsal, or else the oldest event."""
    if asked is not UNSET:
        found = next((each for each in events if each.event_id == asked), None)
        if found is None:
            raise UnknownEvent(f"There is no event {asked!r}.")
        return found
    if not events:
        raise UnknownEvent(
            "There is no event yet.", next_step="Make one: worldseat event create --help."
        )
    return next((each for each in events if each.mode is Mode.REHEARSAL), events[0])


def _comparing(context: Context, event: Event) -> str | None:
    """Return the comparison that this event's page should follow."""
    newest = context.services.comparisons.newest()
    if newest is None or newest.stage is not Stage.RUNNING or newest.event_id != event.event_id:
        return None
    return newest.comparison_id


def _visitor(context: Context, request: Request) -> tuple[Fan, str | None]:
    """Return the fan whom the cookie proves, or a new one with the cookie to be set."""
    fan = context.fans.read(request.scope)
    if fan is not None:
        return fan, None
    return context.fans.issue(request.scope)


def _shown(context: Context, fan: Fan) -> fan_view.Visitor:
    return fan_view.Visitor(name=fan.name, region=context.services.shop.region_of(fan.fan_id))


def _html(
    template: str, cookie: str | None = None, *, status: int = 200, **values: object
) -> Response:
    text = environment().get_template(template).render(**values)
    return HTMLResponse(text, status, {"set-cookie": cookie} if cookie else None)
