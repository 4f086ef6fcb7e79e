"""The live stream of an event: server-sent events, one reader per request.

The feed numbers what changes and keeps each reader's queue short; here it only becomes text. A
stream ends when the reader goes away (the server cuts off one that stopped reading), or when the
feed closes: that is how the server stops within a second although no stream ends by itself.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from worldseat.domain.errors import UnknownEvent
from worldseat.services.floor import Notice
from worldseat.web.context import Context
from worldseat.web.problems import WebError
from worldseat.web.query import path_id

CONTENT_TYPE = "text/event-stream"
STREAMS_MAX = 5_000
_RETRY = b"retry: 1000\n\n"
_LAST_ID_MAX = 100


async def open_stream(context: Context, request: Request) -> Response:
    """The floor now, then what changes, as it changes."""
    event_id = path_id(request, "event_id", UnknownEvent)
    last_id = request.headers.get("last-event-id", "")
    usable = 1 <= len(last_id) <= _LAST_ID_MAX and last_id.isascii() and last_id.isprintable()
    return EventStream(context, event_id, last_id if usable else None)


class EventStream(Response):
    """An answer that goes on until somebody ends it."""

    media_type = CONTENT_TYPE

    def __init__(self, context: Context, event_id: str, last_id: str | None) -> None:
        super().__init__()
        self._context = context
        self._event_id = event_id
        self._last_id = last_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until one of the three ends comes."""
        if self._context.metrics.streams_now >= STREAMS_MAX:
            raise WebError("too-many-streams", f"{STREAMS_MAX:,} viewers are connected already.")
        with self._context.metrics.open_stream():
            if scope["method"] == "HEAD":
                await self._head(send)
            else:
                await self._until_gone(receive, send)

    async def _head(self, send: Send) -> None:
        async with self._context.services.feed.subscribe(self._event_id, None):
            await _start(send)
            await send({"type": "http.response.body", "body": b""})

    async def _until_gone(self, receive: Receive, send: Send) -> None:
        pump = asyncio.create_task(self._pump(send))
        gone = asyncio.create_task(_disconnected(receive))
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pump, gone):
                task.cancel()
            await asyncio.wait({pump, gone})
        if not pump.cancelled():
            pump.result()

    async def _pump(self, send: Send) -> None:
        async with self._context.services.feed.subscribe(self._event_id, self._last_id) as notices:
            await _start(send)
            await send({"type": "http.response.body", "body": _RETRY, "more_body": True})
            async for notice in notices:
                body = frame(notice)
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _start(send: Send) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"x-accel-buffering", b"no"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def frame(notice: Notice) -> bytes:
    """Return the notice as one server-sent event. Its data is JSON, so it is a single line."""
    parts = [b"event: ", notice.event.encode(), b"\n"]
    if notice.id is not None:
        parts += [b"id: ", notice.id.encode(), b"\n"]
    parts += [b"data: ", notice.data, b"\n\n"]
    return b"".join(parts)
