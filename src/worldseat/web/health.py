"""The API's answers for machines: health, figures, and the description of the API itself."""

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from worldseat import __version__
from worldseat.ports.onsale import RegionFigures
from worldseat.web import metrics
from worldseat.web.answers import json_answer
from worldseat.web.context import Context
from worldseat.web.shapes import Health, RegionHealth

_ANSWER_WITHIN_S = 2.0


async def show_health(context: Context, _request: Request) -> Response:
    """Whether fans can buy now: 200 as long as one Region answers and commits, else 503.

    A server that is about to stop says 503 at once, whatever the database would say.
    """
    store, leaving = context.services.store, context.leaving.begun
    if not leaving:
        # When one endpoint keeps us waiting, what is known of each so far is the answer.
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                await store.health()
    regions = {each.region: _region(each) for each in store.region_figures()}
    well = [each.can_commit for each in regions.values()]
    status = "ok" if all(well) else "degraded" if any(well) else "down"
    health = Health(
        status="draining" if leaving else status,
        region=context.services.settings.region,
        regions=regions,
        stand_in=store.stand_in,
        version=__version__,
    )
    return json_answer(health, status=200 if any(well) and not leaving else 503)


def _region(figures: RegionFigures) -> RegionHealth:
    return RegionHealth(
        state=figures.state, served_by=figures.served_by, can_commit=figures.state == "ok"
    )


async def show_metrics(context: Context, _request: Request) -> Response:
    """Figures in Prometheus's text format."""
    return Response(context.metrics.exposition(), headers={"content-type": metrics.CONTENT_TYPE})
