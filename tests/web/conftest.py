"""The web application on the real services, reached as a client would reach it."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import msgspec
import pytest
import pytest_asyncio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worldseat.services.wiring import Services
from worldseat.web.app import create_app
from worldseat.web.problems import KINDS, Problem
from worldseat.web.server import CONNECTIONS_MAX, Server, bind

BASE = "http://127.0.0.1:8000"
_keys = itertools.count(1)


@dataclass(frozen=True)
class Address:
    """Where a test server listens."""

    url: str
    port: int


Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[Address, bytes], Awaitable[Peer]]


@asynccontextmanager
async def serving(
    app: ASGIApp,
    on_stop: Callable[[], object] | None = None,
    *,
    connections_max: int = CONNECTIONS_MAX,
) -> AsyncIterator[tuple[Server, Address]]:
    """Serve an application on a free port of the loopback, in this very process."""

    async def stopping() -> None:
        if on_stop is not None:
            on_stop()

    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    ready = asyncio.Event()
    server = Server(
        app, stopping, lambda _host, _port: ready.set(), connections_max=connections_max
    )
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await ready.wait()
    try:
        yield server, Address(url=f"http://127.0.0.1:{port}", port=port)
    finally:
        server.stop()
        await running


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


@pytest.fixture(scope="session")
def app(services: Services) -> ASGIApp:
    """The application."""
    return create_app(services)


@pytest_asyncio.fixture
async def anybody(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A program without cookies, on the same machine."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


@pytest_asyncio.fixture
async def fan(app: ASGIApp) -> AsyncIterator[httpx2.AsyncClient]:
    """A fan with a cookie."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        assert (await client.post("/api/me", json={"name": "Ada"})).status_code == 200
        yield client


@pytest_asyncio.fixture
async def server(app: ASGIApp) -> AsyncIterator[Address]:
    """A real server on the loopback."""
    async with serving(app) as (_, address):
        yield address


def fresh_key() -> str:
    """Return an idempotency key that no test has used."""
    return f"test-key-{next(_keys)}"


def problem(answer: httpx2.Response, status: int, code: str) -> Problem:
    """Check that the answer is this problem, well told."""
    assert answer.headers["content-type"] == "application/problem+json"
    told = msgspec.json.decode(answer.content, type=Problem)
    assert (answer.status_code, told.type) == (status, f"/problems/{code}"), told
    assert told.status == status
    assert told.title == KINDS[code].title
    assert len(told.detail) > 10
    assert told.detail.endswith((".", "?", "!"))
    assert len(told.next) > 5
    assert told.request_id == answer.headers["x-request-id"]
    return told


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
