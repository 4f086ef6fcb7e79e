"""No peer can make a connection wait or grow without bounds."""

import asyncio
import contextlib

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from worldseat.web import connection

from .conftest import Connect, Endless, part, serving


async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer before the body is read, as a refusal does."""
    await send(
        {"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]}
    )
    await send(part(b"no", more=False))


async def test_a_head_without_an_end_is_refused(connect: Connect) -> None:
    async with serving(Endless()) as (_, address):
        reader, writer = await connect(address, b"GET / HTTP/1.1\r\n")
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                for number in range(10_000):
                    writer.write(b"x-%d: y\r\n" % number)
                    await writer.drain()
            assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")


async def test_one_header_without_an_end_is_refused(connect: Connect) -> None:
    async with serving(Endless()) as (_, address):
        reader, writer = await connect(address, b"GET / HTTP/1.1\r\nx: ")
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                for _ in range(100):
                    writer.write(b"y" * 4_096)
                    await writer.drain()
            assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")


async def test_a_head_that_does_not_come_is_not_waited_for(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HEAD_WITHIN_S", 0.1)
    app = Endless()
    async with serving(app, app.closed.set) as (_, address), asyncio.timeout(5):
        for sent in (b"", b"GET / HTTP/1.1\r\nhost"):
            reader, _ = await connect(address, sent)
            assert await reader.read() == b""
        # A request whose head has come is served for as long as it takes.
        reader, _ = await connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b"begun")
        await asyncio.sleep(0.3)
        assert app.open == 1


async def test_a_peer_that_does_not_read_is_cut_off(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WRITE_WITHIN_S", 0.1)

    gone = asyncio.Event()

    async def until_gone(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        left = asyncio.ensure_future(receive())
        while not left.done():
            await send(part(b"x" * 65_536, more=True))
            await asyncio.sleep(0)
        gone.set()

    async with serving(until_gone) as (_, address), asyncio.timeout(5):
        await connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await gone.wait()


async def test_the_sender_of_a_refused_body_can_read_the_answer() -> None:
    async with serving(refuse) as (_, address), httpx2.AsyncClient() as client:
        for _ in range(3):
            answer = await client.post(address.url, content=b"x" * 10_000_000)
            assert (answer.status_code, answer.content) == (413, b"no")


async def test_a_refused_body_is_not_read_for_ever(connect: Connect) -> None:
    async with serving(refuse) as (_, address):
        head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n"
        _, writer = await connect(address, head)
        sent = 0
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while sent < 10 * connection.DISCARD_MAX:
                writer.write(b"x" * 1_000_000)
                await writer.drain()
                sent += 1_000_000
        # What the two kernels hold between us comes on top of what the server read.
        assert sent < 2 * connection.DISCARD_MAX


async def test_one_connection_too_many_is_told_and_more_are_cut_off(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SPARE_CONNECTIONS", 1)
    app = Endless()
    get = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
    async with serving(app, app.closed.set, connections_max=4) as (_, address), asyncio.timeout(5):
        served = [(await connect(address, get))[0] for _ in range(3)]
        for reader in served:
            await reader.readuntil(b"begun")
        refused, _ = await connect(address, get)
        assert (await refused.readline()).startswith(b"HTTP/1.1 503 ")
        assert await refused.read() != b""
        waiting = [await connect(address, b"") for _ in range(2)]
        cut_off, _ = await connect(address, b"")
        with contextlib.suppress(ConnectionResetError):
            assert await cut_off.read() == b""
        assert len(waiting) == 2
