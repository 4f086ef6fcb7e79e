"""The server itself: it stops at once, and no peer can make it wait or grow."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2
import pytest
import pytest_asyncio
from starlette.types import Message, Receive, Scope, Send

from worldseat.web import connection
from worldseat.web.server import Server, bind

from .conftest import Address, serving

STOP_WITHIN_S = 1.0


class Endless:
    """An application whose answers go on until it is closed, as live streams do."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.begun = asyncio.Event()
        self.open = 0

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] == "/deaf":
            await asyncio.Event().wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.open += 1
        self.begun.set()
        try:
            if scope["path"] == "/flood":
                while True:
                    await send(part(b"x" * 65_536, more=True))
            await send(part(b"begun", more=True))
            await self.closed.wait()
            await send(part(b"ended", more=False))
        finally:
            self.open -= 1


def part(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer before the body is read, as a refusal does."""
    await send(
        {"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]}
    )
    await send(part(b"no", more=False))


Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[Address, bytes], Awaitable[Peer]]


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    """Open a connection and send something; all are closed when the test is over."""
    opened: list[asyncio.StreamWriter] = []

    async def connect(address: Address, request: bytes) -> Peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
        opened.append(writer)
        writer.write(request)
        await writer.drain()
        return reader, writer

    yield connect
    for writer in opened:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_it_stops_at_once_with_streams_open(connect: Connect) -> None:
    app = Endless()
    async with serving(app, app.closed.set) as (server, address):
        readers = [
            (await connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"))[0] for _ in range(50)
        ]
        for reader in readers:
            await reader.readuntil(b"begun")
        began = time.perf_counter()
        server.stop()
        for reader in readers:
            assert b"ended" in await reader.read()
    assert time.perf_counter() - began < STOP_WITHIN_S
    assert app.open == 0


async def test_it_stops_at_once_although_a_request_hangs_and_a_peer_does_not_read(
    connect: Connect,
) -> None:
    app = Endless()
    async with serving(app, app.closed.set) as (server, address):
        deaf = await connect(address, b"GET /deaf HTTP/1.1\r\nhost: x\r\n\r\n")
        await connect(address, b"GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
        idle = await connect(address, b"")
        half = await connect(address, b"GET / HTTP/1.1\r\nho")
        await app.begun.wait()
        began = time.perf_counter()
        server.stop()
        for reader, _ in (deaf, idle, half):
            with contextlib.suppress(ConnectionResetError):
                await reader.read()
    assert time.perf_counter() - began < STOP_WITHIN_S


async def test_it_stops_at_once_although_the_feed_does_not_close(connect: Connect) -> None:
    app = Endless()

    async def never() -> None:
        await asyncio.Event().wait()

    listener = bind("127.0.0.1", 0)
    server = Server(app, never)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    address = Address(url="", port=listener.getsockname()[1])
    reader, _ = await connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b"begun")
    began = time.perf_counter()
    server.stop()
    await running
    assert time.perf_counter() - began < STOP_WITHIN_S


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
        left = asyncio.create_task(receive())
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


PROGRAM = textwrap.dedent("""
    import asyncio, sys
    import uvloop
    from types import SimpleNamespace
    from worldseat.web.server import serve

    closed = None

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        await closed.wait()
        await send({"type": "http.response.body", "body": b""})

    async def main():
        global closed
        closed = asyncio.Event()

        async def on_stop():
            closed.set()

        settings = SimpleNamespace(host="127.0.0.1", port=0)
        ready = lambda host, port: print(port, flush=True)
        await serve(app, settings, on_stop, on_ready=ready)
        print("stopped cleanly", flush=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
""")


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("in_background", [False, True])
async def test_a_signal_stops_the_process(
    connect: Connect, number: signal.Signals, *, in_background: bool
) -> None:
    """Also one that a shell's `&` has told to ignore SIGINT."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_ignore_interrupts if in_background else None,  # noqa: PLW1509 - no threads yet
    )
    assert process.stdout is not None
    port = int(await asyncio.to_thread(process.stdout.readline))
    address = Address(url="", port=port)
    readers = [(await connect(address, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"))[0] for _ in range(5)]
    for reader in readers:
        await reader.readuntil(b"begun")
    began = time.perf_counter()
    os.kill(process.pid, number)
    status = await asyncio.to_thread(process.wait, 10)
    took_s = time.perf_counter() - began
    assert (status, process.stdout.read()) == (0, "stopped cleanly\n")
    assert took_s < STOP_WITHIN_S
    process.stdout.close()
