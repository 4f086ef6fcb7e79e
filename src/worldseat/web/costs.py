"""The API's answer about money: what tickets cost on the product's database."""

from typing import Annotated

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from worldseat.services.costs import TICKETS, TICKETS_MAX, costs
from worldseat.web.answers import json_answer
from worldseat.web.context import Context
from worldseat.web.query import query
from worldseat.web.shapes import MatrixQuery


class CostsQuery(MatrixQuery, frozen=True):
    """How many tickets, and how many buyers press for a seat where they press."""

    tickets: Annotated[int, Meta(ge=1, le=TICKETS_MAX)] = TICKETS


async def show_costs(context: Context, request: Request) -> Response:
    """What so many tickets cost in each code, from stored runs."""
    asked = query(request, CostsQuery)
    services = context.services
    found = costs(
        await services.matrix.runs(), services.store, tickets=asked.tickets, buyers=asked.buyers
    )
    return json_answer(found)
