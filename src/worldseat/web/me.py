"""The API's answers about the fan who asks."""

from msgspec import UNSET
from msgspec.json import Decoder
from starlette.requests import Request
from starlette.responses import Response

from worldseat.web.answers import json_answer
from worldseat.web.body import read_json
from worldseat.web.context import Context
from worldseat.web.fans import NAME_MAX, Fan, clean_name
from worldseat.web.problems import WebError
from worldseat.web.shapes import Me, MeBody, TicketsAnswer

_me = Decoder(MeBody)


async def show_me(context: Context, request: Request) -> Response:
    """Who the cookie says that asks."""
    return json_answer(_answer(context, context.fan(request)))


async def become(context: Context, request: Request) -> Response:
    """Become a fan, or change the label of the one that the cookie proves."""
    body = await read_json(request.scope, request.receive, _me)
    name = None if body.name is UNSET else _checked(body.name)
    fan, cookie = context.fans.issue(request.scope, name, fan=context.fans.read(request.scope))
    return json_answer(_answer(context, fan), headers={"set-cookie": cookie})


async def show_tickets(context: Context, request: Request) -> Response:
    """The fan's own tickets, from committed rows, newest first."""
    fan = context.fan(request)
    return json_answer(TicketsAnswer(await context.services.shop.tickets(fan.fan_id)))


def _answer(context: Context, fan: Fan) -> Me:
    region = context.services.shop.region_of(fan.fan_id)
    return Me(fan_id=fan.fan_id, name=fan.name, region=region)


def _checked(name: object) -> str:
    shown = clean_name(name) if isinstance(name, str) else None
    if shown is None:
        message = f"A name has 1 to {NAME_MAX} printable characters, at least one not a space."
        raise WebError("wrong-shape", message)
    return shown
