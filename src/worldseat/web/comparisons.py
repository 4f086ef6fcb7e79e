"""The API's answers about comparisons: fire one, follow it, stop it, read the matrix."""

from msgspec.json import Decoder
from starlette.requests import Request
from starlette.responses import Response

from worldseat.domain.errors import UnknownComparison
from worldseat.web.answers import comparison_answer, json_answer, matrix_answer
from worldseat.web.body import read_json
from worldseat.web.context import Context
from worldseat.web.query import path_id, query
from worldseat.web.shapes import (
    ComparisonBody,
    MatrixQuery,
    Nothing,
)
from worldseat.web.stampedes import cell_of

_comparison = Decoder(ComparisonBody)
_nothing = Decoder(Nothing)


async def compare(context: Context, request: Request) -> Response:
    """Fire a comparison. The answer comes at once; the runs go on one after the other."""
    body = await read_json(request.scope, request.receive, _comparison)
    made = await context.services.comparisons.start(
        event_id=body.event_id,
        cells=[cell_of(each) for each in body.cells],
        runs=body.runs,
        top_up=body.top_up,
        seat=body.seat,
        seed=body.seed,
    )
    location = f"/api/comparisons/{made.comparison_id}"
    answer = await comparison_answer(made, context.services)
    return json_answer(answer, status=202, headers={"location": location})


async def show_comparison(context: Context, request: Request) -> Response:
    """How far a comparison has come."""
    found = context.services.comparisons.look(_id(request))
    return json_answer(await comparison_answer(found, context.services))


async def stop_comparison(context: Context, request: Request) -> Response:
    """Fire nothing more of a comparison."""
    await read_json(request.scope, request.receive, _nothing)
    found = context.services.comparisons.stop(_id(request))
    return json_answer(await comparison_answer(found, context.services))


async def show_matrix(context: Context, request: Request) -> Response:
    """The matrix of all stored runs with so many buyers."""
    asked = query(request, MatrixQuery)
    services = context.services
    table = await services.matrix.table(buyers=asked.buyers)
    return json_answer(matrix_answer(await services.acceptances.with_aws(table)))


def _id(request: Request) -> str:
    return path_id(request, "comparison_id", UnknownComparison)
