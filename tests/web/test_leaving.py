"""A server that leaves: it drains when told to, and cuts off no claim under way."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Receive, Scope, Send
from tests.patience import until

from worldseat.web import server as module
from worldseat.web.leaving import Leaving
from worldseat.web.server import Server, bind

from .conftest import Address, Connect, Endless, part

AT_ALL_WITHIN_S = 20.0
"""Far longer than what ends by itself takes, far shorter than what it must not wait for."""
GET = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """What hangs and is no claim is cut off sooner, so that the tests are."""
    monkeypatch.setattr(module, "_GRACE_S", 0.02)


class Selling(Endless):
    """Answers that go on, and claims at /claim that are answered once `committed` is set."""

    def __init__(self, leaving: Leaving) -> None:
        super().__init__()
        self.leaving = leaving
        self.committed = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != "/claim":
            await super().__call__(scope, receive, send)
            return
        with self.leaving.claim():
            await self.committed.wait()
            await send({"type": "http.response.start", "status": 201, "headers": []})
            await send(part(b"sold", more=False))


class Place:
    """A server in this process, the application on it, and what both know of its end."""

    def __init__(self, drain_s: float) -> None:
        self.leaving = Leaving(drain_s)
        self.app = Selling(self.leaving)
        self.listener = bind("127.0.0.1", 0)
        self.server = Server(self.app, self._end_streams, leaving=self.leaving)
        self.running = asyncio.create_task(self.server.serve(sockets=[self.listener]))
        self.address = Address(url="", port=self.listener.getsockname()[1])

    async def _end_streams(self) -> None:
        self.app.closed.set()


@asynccontextmanager
async def place(drain_s: float = 0) -> AsyncIterator[Place]:
    there = Place(drain_s)
    try:
        yield there
    finally:
        there.server.told(signal.SIGINT)
        there.server.told(signal.SIGINT)
        await there.running


async def claim(there: Place, connect: Connect) -> asyncio.StreamReader:
    before = there.leaving.claims
    reader, _ = await connect(there.address, GET % b"/claim")
    await until(lambda: there.leaving.claims > before)
    return reader


async def cut_off(there: Place, waiting: asyncio.StreamReader) -> None:
    """Wait until the server has gone; whoever still waited has got no answer."""
    async with asyncio.timeout(AT_ALL_WITHIN_S):
        with contextlib.suppress(ConnectionResetError):
            assert await waiting.read() == b""
        await there.running


async def test_after_sigterm_it_serves_on(connect: Connect) -> None:
    async with place(drain_s=600) as there:
        stream, _ = await connect(there.address, GET % b"/stream")
        await stream.readuntil(b"begun")
        there.server.told(signal.SIGTERM)
        assert there.leaving.begun
        assert not there.running.done()
        # New ones are served as before: a load balancer may not have noticed yet.
        late, _ = await connect(there.address, GET % b"/stream")
        await late.readuntil(b"begun")
        assert not there.app.closed.is_set()


async def test_once_it_has_drained_it_ends_by_itself(connect: Connect) -> None:
    async with place(drain_s=0.01) as there:
        stream, _ = await connect(there.address, GET % b"/stream")
        await stream.readuntil(b"begun")
        there.server.told(signal.SIGTERM)
        assert b"ended" in await stream.read()
        await there.running


@pytest.mark.parametrize(
    "second", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
async def test_a_second_signal_ends_the_draining(connect: Connect, second: signal.Signals) -> None:
    async with place(drain_s=600) as there:
        stream, _ = await connect(there.address, GET % b"/stream")
        await stream.readuntil(b"begun")
        there.server.told(signal.SIGTERM)
        there.server.told(second)
        async with asyncio.timeout(AT_ALL_WITHIN_S):
            assert b"ended" in await stream.read()
            await there.running


async def test_ctrl_c_never_drains(connect: Connect) -> None:
    async with place(drain_s=600) as there:
        stream, _ = await connect(there.address, GET % b"/stream")
        await stream.readuntil(b"begun")
        there.server.told(signal.SIGINT)
        async with asyncio.timeout(AT_ALL_WITHIN_S):
            await there.running
    assert there.leaving.begun


async def test_a_claim_under_way_is_answered_before_it_goes(connect: Connect) -> None:
    async with place() as there:
        waiting = await claim(there, connect)
        deaf, _ = await connect(there.address, GET % b"/deaf")
        there.server.told(signal.SIGTERM)
        # Long past the grace that all others have; nobody new is let in meanwhile.
        await asyncio.sleep(0.3)
        with pytest.raises(ConnectionRefusedError):
            await connect(there.address, GET % b"/claim")
        assert not there.running.done()
        there.app.committed.set()
        assert b"201" in await waiting.readline()
        assert b"sold" in await waiting.read()
        with contextlib.suppress(ConnectionResetError):
            assert await deaf.read() == b""
        await there.running


async def test_another_signal_cuts_off_even_a_claim(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLAIMS_WITHIN_S", 600)
    async with place() as there:
        waiting = await claim(there, connect)
        there.server.told(signal.SIGTERM)
        await until(lambda: not there.server.servers[0].is_serving())
        there.server.told(signal.SIGTERM)
        await cut_off(there, waiting)
    assert there.leaving.claims == 0


@pytest.mark.slow
async def test_a_claim_that_is_never_answered_is_waited_for_so_long_and_no_longer(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLAIMS_WITHIN_S", 0.05)
    async with place() as there:
        waiting = await claim(there, connect)
        there.server.told(signal.SIGTERM)
        await cut_off(there, waiting)
