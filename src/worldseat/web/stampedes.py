"""The API's answers about stampedes: fire one, follow it, read its history."""

from msgspec import UNSET
from msgspec.json import Decoder
from starlette.requests import Request
from starlette.responses import Response

from worldseat.domain.errors import UnknownRun
from worldseat.domain.run import Arrival, Cell
from worldseat.web.answers import json_answer, run_answer
from worldseat.web.body import read_json
from worldseat.web.context import Context
from worldseat.web.problems import WebError
from worldseat.web.query import path_id, query
from worldseat.web.shapes import CellBody, EventQuery, RunsAnswer, StampedeBody

JSON_LINES = "application/jsonl"

_stampede = Decoder(StampedeBody)


async def fire(context: Context, request: Request) -> Response:
    """Fire a stampede. The answer comes as soon as the run is on record; the run goes on."""
    body = await read_json(request.scope, request.receive, _stampede)
    run = await context.services.stampedes.start(
        event_id=body.event_id,
        cell=cell_of(body),
        seat=body.seat,
        seed=body.seed,
    )
    location = f"/api/stampedes/{run.plan.run_id}"
    return json_answer(run_answer(run), status=202, headers={"location": location})


async def show_run(context: Context, request: Request) -> Response:
    """One stampede, with its progress while it runs."""
    run, progress = await context.services.stampedes.run(path_id(request, "run_id", UnknownRun))
    return json_answer(run_answer(run, progress))


async def list_runs(context: Context, request: Request) -> Response:
    """Stampedes, newest first, of one event or of all."""
    asked = query(request, EventQuery)
    event_id = None if asked.event_id is UNSET else asked.event_id
    if event_id is not None:
        await context.services.onsale.event(event_id)
    runs = await context.services.stampedes.runs(event_id)
    return json_answer(RunsAnswer([run_answer(run) for run in runs]))


async def show_history(context: Context, request: Request) -> Response:
    """A run's history, one JSON object per line."""
    run_id = path_id(request, "run_id", UnknownRun)
    history = await context.services.stampedes.history(run_id)
    return Response(history, media_type=JSON_LINES)


def cell_of(body: CellBody) -> Cell:
    """Return what is to be fired. Raises WebError for an arrival that nobody can read."""
    try:
        arrival = Arrival.parse(body.arrival)
    except ValueError as error:
        raise WebError("wrong-shape", f"{str(error).capitalize()}.") from error
    return Cell(
        store=body.store,
        code=body.code,
        arrival=arrival,
        reach=body.reach,
        lag_ms=body.lag_ms,
        buyers=body.buyers,
    )
