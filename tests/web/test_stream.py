"""The live stream over a real connection: what a browser's EventSource would see."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from worldseat.domain.event import Event
from worldseat.services.floor import Notice
from worldseat.services.wiring import Services
from worldseat.web.stream import frame

from .conftest import Address, fresh_key


@dataclass(frozen=True)
class Told:
    """One server-sent event."""

    event: str
    id: str | None
    data: dict[str, Any]


@asynccontextmanager
async def following(
    address: Address, event: Event, last_id: str | None = None
) -> AsyncIterator[AsyncIterator[Told]]:
    headers = {} if last_id is None else {"last-event-id": last_id}
    path = f"{address.url}/api/events/{event.event_id}/stream"
    async with (
        asyncio.timeout(10),
        httpx2.AsyncClient() as client,
        client.stream("GET", path, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
        yield told(answer)


async def told(answer: httpx2.Response) -> AsyncIterator[Told]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "data" in fields:
            yield Told(fields["event"], fields.get("id"), json.loads(fields["data"]))
            fields = {}


async def until(notices: AsyncIterator[Told], event: str) -> Told:
    async for notice in notices:
        if notice.event == event:
            return notice
    message = f"the stream ended without {event}"
    raise AssertionError(message)


async def buy(services: Services, event: Event, seat: str) -> None:
    fan_id = "fan_" + "a" * 26
    await services.shop.buy(fan_id=fan_id, key=fresh_key(), event_id=event.event_id, seats=[seat])
    services.feed.nudge()


async def test_a_viewer_sees_the_floor_and_then_every_sale(
    server: Address, services: Services, event: Event
) -> None:
    await known(services, event)
    async with following(server, event) as notices:
        floor = await until(notices, "floor")
        assert floor.data["sold_count"] == 0
        assert floor.id == floor.data["change"]
        await buy(services, event, "A7")
        sold = await until(notices, "seats")
        assert sold.data["seats"] == [[6, 1]]
        assert sold.data["sold_count"] == 1
        assert sold.data["sales"][0]["seat"] == "A7"
        assert sold.id == sold.data["change"]
        beat = await until(notices, "beat")
        assert beat.data["change"] == sold.id


async def test_a_viewer_goes_on_where_it_was_cut_off(
    server: Address, services: Services, event: Event
) -> None:
    await known(services, event)
    async with following(server, event) as notices:
        last = await until(notices, "floor")
    async with following(server, event) as notices:
        await until(notices, "floor")
        await buy(services, event, "B1")
        await until(notices, "seats")
    async with following(server, event, last.id) as notices:
        missed = await anext(notices)
        assert (missed.event, missed.data["seats"]) == ("seats", [[12, 1]])


async def test_a_strange_id_gets_the_whole_floor(
    server: Address, services: Services, event: Event
) -> None:
    await known(services, event)
    for last_id in ("", "0", "other.1", "x" * 5_000, "a\tb", "feed.99999999999999999999"):
        async with following(server, event, last_id) as notices:
            assert (await anext(notices)).event == "floor"


async def test_a_viewer_who_leaves_is_forgotten(
    server: Address, services: Services, event: Event
) -> None:
    await known(services, event)
    before = services.feed.viewers
    async with following(server, event) as notices:
        await anext(notices)
        assert services.feed.viewers == before + 1
    async with asyncio.timeout(2):
        while services.feed.viewers > before:  # noqa: ASYNC110 - the feed tells nobody
            await asyncio.sleep(0.01)


async def test_head_ends_at_once(server: Address, services: Services, event: Event) -> None:
    await known(services, event)
    async with asyncio.timeout(2), httpx2.AsyncClient() as client:
        answer = await client.head(f"{server.url}/api/events/{event.event_id}/stream")
        # The same connection is free for the next request.
        assert (await client.get(f"{server.url}/healthz")).status_code == 200
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"


def test_a_frame_is_lines_and_a_blank_one() -> None:
    assert frame(Notice(event="beat", id=None, data=b"{}")) == b"event: beat\ndata: {}\n\n"
    assert frame(Notice(event="floor", id="e.1", data=b"{}")) == (
        b"event: floor\nid: e.1\ndata: {}\n\n"
    )


async def known(services: Services, event: Event) -> None:
    """Wait until the feed has met the event: it looks at the database ten times a second."""
    await asyncio.sleep(0.11)
    await services.feed.floor(event.event_id)
