"""The web application on the real services, reached as a client would reach it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
import pytest_asyncio
from starlette.types import ASGIApp

from worldseat.services.wiring import Services
from worldseat.web.app import create_app
from worldseat.web.server import Server, bind

BASE = "http://127.0.0.1:8000"
_keys = itertools.count(1)


@dataclass(frozen=True)
class Address:
    """Where a test server listens."""

    url: str
    port: int


@asynccontextmanager
async def serving(
    app: ASGIApp, on_stop: Callable[[], object] | None = None
) -> AsyncIterator[tuple[Server, Address]]:
    """Serve an application on a free port of the loopback, in this very process."""

    async def stopping() -> None:
        if on_stop is not None:
            on_stop()

    listener = bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    ready = asyncio.Event()
    server = Server(app, stopping, lambda _host, _port: ready.set())
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await ready.wait()
    try:
        yield server, Address(url=f"http://127.0.0.1:{port}", port=port)
    finally:
        server.stop()
        await running


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
