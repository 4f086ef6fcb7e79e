"""The API's answers about the truth: the Witness's report and the headline."""

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from worldseat.web.answers import json_answer, story_answer
from worldseat.web.context import Context
from worldseat.web.query import query
from worldseat.web.shapes import OneEventQuery, WitnessQuery


async def show_verdict(context: Context, request: Request) -> Response:
    """The Witness's report on a round, judged now, and on one seat of it if asked."""
    asked = query(request, WitnessQuery)
    report = await context.services.witness.judge(
        asked.event_id,
        round_id=None if asked.round_id is UNSET else asked.round_id,
        seat=None if asked.seat is UNSET else asked.seat,
    )
    return json_answer(report)


async def show_headline(context: Context, request: Request) -> Response:
    """The newest like-for-like runs of the product and the foils."""
    asked = query(request, OneEventQuery)
    await context.services.onsale.event(asked.event_id)
    return json_answer(story_answer(await context.services.headline.story(asked.event_id)))
