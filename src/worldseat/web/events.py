"""The API's answers about events: what sells, how its floor looks, what happened last."""

from collections.abc import Iterable, Iterator

from msgspec.json import Decoder
from starlette.requests import Request
from starlette.responses import Response

from worldseat.domain.errors import Unavailable, UnknownEvent
from worldseat.domain.event import Event
from worldseat.domain.run import Run
from worldseat.domain.seats import Kind, LogRow
from worldseat.ports.store import StoreError
from worldseat.web.answers import event_answer, json_answer
from worldseat.web.body import read_json
from worldseat.web.context import Context
from worldseat.web.query import path_id, query
from worldseat.web.shapes import (
    EventsAnswer,
    FloorQuery,
    LogAnswer,
    LogEntry,
    Nothing,
    RoundAnswer,
)

LOG_ENTRIES = 20

_nothing = Decoder(Nothing)


async def list_events(context: Context, _request: Request) -> Response:
    """All events, oldest first."""
    events = await context.services.onsale.events()
    return json_answer(EventsAnswer([event_answer(event, with_chart=False) for event in events]))


async def show_event(context: Context, request: Request) -> Response:
    """One event with its chart."""
    event = await context.services.onsale.event(path_id(request, "event_id", UnknownEvent))
    return json_answer(event_answer(event, with_chart=True))


async def show_floor(context: Context, request: Request) -> Response:
    """All seats of an event as they are now, two bits each."""
    event_id = path_id(request, "event_id", UnknownEvent)
    asked = query(request, FloorQuery)
    return json_answer(await context.services.feed.floor(event_id, asked.store))


async def open_round(context: Context, request: Request) -> Response:
    """Reset the floor: a new round with all seats open. Older rounds stay as they are."""
    event_id = path_id(request, "event_id", UnknownEvent)
    await read_json(request.scope, request.receive, _nothing)
    round_id = await context.services.onsale.reset(event_id)
    return json_answer(RoundAnswer(event_id=event_id, round_id=round_id), status=201)


async def show_log(context: Context, request: Request) -> Response:
    """What happened last in an event's current round, from committed rows and stored runs."""
    event = await context.services.onsale.event(path_id(request, "event_id", UnknownEvent))
    return json_answer(LogAnswer(await newest_entries(context, event)))


async def newest_entries(context: Context, event: Event) -> list[LogEntry]:
    """Return what happened last in an event's current round. Raises Unavailable."""
    services = context.services
    try:
        rows = await services.store.newest_of_round(
            event.event_id, event.current_round_id, LOG_ENTRIES
        )
    except StoreError as error:
        raise Unavailable("The log cannot be read right now.", operator=str(error)) from error
    runs = await services.stampedes.runs(event.event_id, LOG_ENTRIES)
    return log_entries(event, rows, runs)


def log_entries(event: Event, rows: Iterable[LogRow], runs: Iterable[Run]) -> list[LogEntry]:
    """Return the newest entries of an event's log, newest first."""
    found = [*_of_rows(event, rows), *_of_runs(event, runs)]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:LOG_ENTRIES]


def _of_rows(event: Event, rows: Iterable[LogRow]) -> Iterator[LogEntry]:
    for row in rows:
        seat = event.chart.label(row.key.seat_index)
        who = f"a buyer of {row.run_id}" if row.run_id else "a fan"
        text, kind = {
            Kind.SELL: (f"{seat} sold to {who} in {row.region}", "sale"),
            Kind.RELEASE: (f"{seat} reopened by {row.run_id or 'a release'}", "release"),
            Kind.VOID: (f"{seat} not sold: a lost attempt was voided in {row.region}", "void"),
        }[row.kind]
        yield LogEntry(at=row.recorded_at, text=text, kind=kind, region=row.region)


def _of_runs(event: Event, runs: Iterable[Run]) -> Iterator[LogEntry]:
    for run in runs:
        if run.plan.round_id != event.current_round_id:
            continue
        plan = run.plan
        fired = (
            f"{plan.run_id}: {plan.buyers:,} buyers at {run.seat} "
            f"on {plan.store}, {plan.code}, {plan.arrival.text}"
        )
        yield LogEntry(at=run.started_at, text=f"{fired}: fired", kind="run", region=None)
        if run.finished_at is not None:
            yield LogEntry(
                at=run.finished_at, text=f"{fired}: {_outcome(run)}", kind="run", region=None
            )


def _outcome(run: Run) -> str:
    result = run.result
    if result is None:
        return "interrupted"
    if result.oversold is None:
        return "nobody confirmed, no result"
    return f"{result.confirmed:,} confirmed, oversold {result.oversold:,}"
