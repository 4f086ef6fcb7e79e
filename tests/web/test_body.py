"""Bodies that are too long, too slow, cut short: bounded before they are understood."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import msgspec
import pytest
from starlette.types import Message

from worldseat.domain.event import Event
from worldseat.web import body
from worldseat.web.body import read_json
from worldseat.web.problems import WebError
from worldseat.web.shapes import MeBody, StampedeBody

from .conftest import problem

Client = httpx2.AsyncClient

JSON = {"content-type": "application/json"}
KEY = {"idempotency-key": "body"}


async def test_a_body_too_large_is_refused_unread(fan: Client, event: Event) -> None:
    path = f"/api/events/{event.event_id}/claims"
    large = b'{"seats": ["' + b"A" * 10_000_000 + b'"]}'
    problem(await fan.post(path, content=large, headers=JSON | KEY), 413, "too-large")
    problem(await fan.post("/api/me", content=large, headers=JSON), 413, "too-large")
    just = b'{"name": "' + b" " * (64 * 1024 - 12) + b'"}'
    assert len(just) == 64 * 1024
    problem(await fan.post("/api/me", content=just, headers=JSON), 422, "wrong-shape")
    problem(await fan.post("/api/me", content=just + b" ", headers=JSON), 413, "too-large")


async def test_a_body_without_a_length_is_cut_off(fan: Client) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 8_192

    async with asyncio.timeout(5):
        answer = await fan.post("/api/me", content=endless(), headers=JSON)
    problem(answer, 413, "too-large")
    assert sent <= 10


async def test_a_body_that_says_that_it_is_too_large_is_not_even_begun() -> None:
    async def receive() -> Message:
        message = "the body was asked for"
        raise AssertionError(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"65537")]
    with pytest.raises(WebError, match="longer than 64 kB"):
        await read_json({"headers": headers}, receive, msgspec.json.Decoder(MeBody))


async def test_a_body_that_stops_coming_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body, "_READ_WITHIN_S", 0.05)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    headers = [(b"content-type", b"application/json"), (b"content-length", b"10")]
    with pytest.raises(WebError) as refused:
        await read_json({"headers": headers}, receive, msgspec.json.Decoder(MeBody))
    assert refused.value.code == "too-slow"


async def test_a_body_that_is_cut_short_is_no_request() -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b'{"name": ', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    headers = [(b"content-type", b"application/json")]
    with pytest.raises(WebError) as refused:
        await read_json({"headers": headers}, receive, msgspec.json.Decoder(MeBody))
    assert refused.value.code == "bad-json"


def test_to_json_60_point_0_is_an_integer() -> None:
    decoder = msgspec.json.Decoder(StampedeBody)
    assert body.decode('{"event_id": "evt_1", "buyers": 60.0}', decoder).buyers == 60
