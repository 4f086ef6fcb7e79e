"""The API's answers for machines: health, figures, and the description of the API itself."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from worldseat import __version__
from worldseat.web import metrics
from worldseat.web.answers import json_answer
from worldseat.web.context import Context
from worldseat.web.shapes import Health

_ANSWER_WITHIN_S = 2.0


async def show_health(context: Context, _request: Request) -> Response:
    """Whether fans can buy now: 200 as long as one Region answers, else 503."""
    services = context.services
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            regions = dict(await services.store.health())
    except TimeoutError:
        regions = dict.fromkeys(services.settings.regions, "no answer in time")
    well = [state == "ok" for state in regions.values()]
    status = "ok" if all(well) else "degraded" if any(well) else "down"
    health = Health(
        status=status, regions=regions, stand_in=services.store.stand_in, version=__version__
    )
    return json_answer(health, status=200 if any(well) else 503)


async def show_metrics(context: Context, _request: Request) -> Response:
    """Figures in Prometheus's text format."""
    return Response(context.metrics.exposition(), headers={"content-type": metrics.CONTENT_TYPE})
