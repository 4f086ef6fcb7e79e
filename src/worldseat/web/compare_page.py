"""The Compare page and its chart: what every database did to one seat, and measuring it anew."""

from collections.abc import Mapping
from typing import Annotated, Literal

import jinja2
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from worldseat.domain.run import LAG_MS_MAX, Arrival, Reach
from worldseat.domain.seats import Code
from worldseat.web.answers import comparison_answer
from worldseat.web.context import Context
from worldseat.web.problems import WebError
from worldseat.web.query import Id, query
from worldseat.web.shapes import ComparisonAnswer, MatrixQuery
from worldseat.web.views import compare as view
from worldseat.web.views.cell_runs import Wanted
from worldseat.web.views.chart import chart
from worldseat.web.views.measuring import now_of

SVG = "image/svg+xml"

_Words = Annotated[str, Meta(min_length=1, max_length=200)]


class CompareQuery(MatrixQuery, frozen=True):
    """Which size of stampedes, whose runs to list, and whether only a part of the page is wanted.

    The runs of a cell are named by what it is, and by what it ran `on`: a stand-in, or `AWS`.
    """

    store: Id | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    arrival: _Words | UnsetType = UNSET
    reach: Reach | UnsetType = UNSET
    lag: Annotated[int, Meta(ge=0, le=LAG_MS_MAX)] | UnsetType = UNSET
    on: _Words | UnsetType = UNSET
    part: Literal["panels", "now"] | UnsetType = UNSET


async def compare_page(
    templates: jinja2.Environment, context: Context, request: Request
) -> Response:
    """The whole page, or what changes of it while a comparison runs."""
    services = context.services
    asked = query(request, CompareQuery)
    newest = await _newest(context)
    if asked.part == "now":
        return HTMLResponse(templates.get_template("compare_now.html").render(now=now_of(newest)))
    runs = await services.matrix.runs()
    page = view.view(
        table=await services.acceptances.with_aws(
            services.matrix.table_of(runs, buyers=asked.buyers)
        ),
        runs=runs,
        wanted=_wanted(asked),
        stores=services.stores,
        missing=services.missing,
        events=await services.onsale.events(),
        newest=newest,
        url=str(request.base_url).rstrip("/"),
    )
    template = "compare_panels.html" if asked.part == "panels" else "compare.html"
    return HTMLResponse(templates.get_template(template).render(page=page))


async def compare_chart(
    templates: jinja2.Environment, context: Context, request: Request
) -> Response:
    """The chart alone, to be kept or printed: a picture that carries its own words and colours."""
    services = context.services
    asked = query(request, MatrixQuery)
    table = await services.acceptances.with_aws(await services.matrix.table(buyers=asked.buyers))
    drawn = chart(table, services.stores)
    return Response(templates.get_template("compare.svg").render(chart=drawn), media_type=SVG)


async def _newest(context: Context) -> ComparisonAnswer | None:
    """Return the comparison that was started last in this process, whoever started it."""
    made = context.services.comparisons.newest()
    return None if made is None else await comparison_answer(made, context.services)


def _wanted(asked: CompareQuery) -> Wanted:
    """Return what the listed runs shall be like, in the words of the domain."""
    arrival: Arrival | UnsetType = UNSET
    if asked.arrival is not UNSET:
        try:
            arrival = Arrival.parse(asked.arrival)
        except ValueError as error:
            raise WebError("wrong-shape", f"In the query: {error}.") from error
    named: Mapping[str, object] = {
        "store": asked.store,
        "code": asked.code,
        "arrival": arrival,
        "reach": asked.reach,
        "lag": asked.lag,
        "on": asked.on,
    }
    return {name: value for name, value in named.items() if value is not UNSET}
