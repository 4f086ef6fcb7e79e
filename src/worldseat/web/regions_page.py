"""The Regions page: the panel of the command center by itself. It asks no database."""

from typing import Literal

import jinja2
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from worldseat.web.context import Context
from worldseat.web.query import query
from worldseat.web.regions import look
from worldseat.web.shapes import Asked
from worldseat.web.views import regions as view


class RegionsQuery(Asked, frozen=True):
    """Whether only the panel is wanted, for a page that is open already."""

    part: Literal["panel"] | UnsetType = UNSET


async def regions_page(
    templates: jinja2.Environment, context: Context, request: Request
) -> Response:
    """The whole page, or only the panel: what an open page reads once a second."""
    template = (
        "regions.html" if query(request, RegionsQuery).part is UNSET else "regions_panel.html"
    )
    services = context.services
    page = view.RegionsPage(
        regions=view.view(await look(services), stand_in=services.store.stand_in)
    )
    return HTMLResponse(templates.get_template(template).render(page=page))
