"""The HTTP server: uvicorn with a stop that takes less than a second, and loses no claim.

uvicorn waits for open requests when it stops, and a live stream never ends by itself. So the feed
is closed first, which ends every stream, and whatever still hangs after that is cut off; all but a
claim, whose COMMIT may be on its way. After SIGTERM a server may first go on serving for a while,
so that a load balancer sees it leave.
"""

import asyncio
import contextlib
import resource
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import structlog
import uvicorn
from starlette.types import ASGIApp

from worldseat.web.connection import SPARE_CONNECTIONS, BoundedConnection
from worldseat.web.leaving import Leaving

if TYPE_CHECKING:
    from worldseat.settings import Settings

BACKLOG = 2_048
CONNECTIONS_MAX = 8_000
OTHER_FILES = 256
"""Open files that are no connections of ours: the database's, logs, the program itself."""
KEEP_ALIVE_S = 20
_GRACE_S = 0.3
CLAIMS_WITHIN_S = 8.0
"""How long claims under way are waited for: longer than a COMMIT waits for its answer (6 s)."""
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = structlog.stdlib.get_logger(__name__)

OnStop = Callable[[], Awaitable[None]]
OnReady = Callable[[str, int], None]


async def serve(
    app: ASGIApp,
    settings: "Settings",
    on_stop: OnStop,
    *,
    on_ready: OnReady | None = None,
    leaving: Leaving | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. `on_stop` is awaited first and must end every live stream.

    `leaving` is what the application knows of that end, too. `on_ready` is told the address once
    connections are accepted, which with port 0 nobody knows before. Raises OSError if the address
    cannot be bound. Run it on a uvloop loop.
    """
    limit = connection_limit()
    with bind(settings.host, settings.port) as listener:
        server = Server(app, on_stop, on_ready, connections_max=limit, leaving=leaving)
        await server.serve(sockets=[listener])


def connection_limit() -> int:
    """Return how many connections this process may hold, after asking the system for enough.

    A server that runs out of files cannot reach its database either, so it must stop earlier.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + SPARE_CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return max(min(CONNECTIONS_MAX, soft - SPARE_CONNECTIONS - OTHER_FILES), SPARE_CONNECTIONS)


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError if the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Connections inherit it. asyncio's own loop sets it only on sockets that name their protocol,
    # and without it an answer in two writes waits 40 ms for the peer's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class Server(uvicorn.Server):
    """A uvicorn server that stops at once, or after it has drained."""

    def __init__(
        self,
        app: ASGIApp,
        on_stop: OnStop,
        on_ready: OnReady | None = None,
        *,
        connections_max: int = CONNECTIONS_MAX,
        leaving: Leaving | None = None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedConnection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=connections_max,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_S,
            )
        )
        self._on_stop = on_stop
        self._on_ready = on_ready
        self._leaving = leaving or Leaving()
        self._hurried = asyncio.Event()

    def told(self, number: int) -> None:
        """Do what a signal says: leave, now or once drained; one more hurries what goes on."""
        leaving = self._leaving
        if self.should_exit:
            self._hurried.set()
        elif number == signal.SIGTERM and leaving.drain_s and not leaving.begun:
            leaving.begun = True
            _log.info("draining", for_s=leaving.drain_s)
            asyncio.get_running_loop().call_later(leaving.drain_s, self.stop)
        else:
            self.stop()

    def stop(self) -> None:
        """Begin to stop."""
        self._leaving.begun = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets=sockets)
        if self._on_ready is not None and sockets:
            host, port = sockets[0].getsockname()[:2]
            self._on_ready(host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the live streams, let other requests finish for a moment, cut off the rest.

        A claim is let finish: while its COMMIT is out, nobody else can tell its fan what became of
        it. Cut off all the same, it is resolved by the same key wherever the fan asks again.
        """
        await self._end_streams()
        ended = asyncio.create_task(super().shutdown(sockets=sockets))
        await asyncio.wait({ended}, timeout=_GRACE_S)
        if self._leaving.claims:
            await self._finish_claims()
            await asyncio.wait({ended}, timeout=_GRACE_S)
        if not ended.done():
            self._cut_off()
        await ended

    async def _finish_claims(self) -> None:
        _log.info("waiting for claims under way", count=self._leaving.claims)
        ends = {
            asyncio.create_task(self._leaving.no_claims()),
            asyncio.create_task(self._hurried.wait()),
        }
        await asyncio.wait(ends, timeout=CLAIMS_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        for task in ends:
            task.cancel()
        await asyncio.wait(ends)

    async def _end_streams(self) -> None:
        try:
            async with asyncio.timeout(_GRACE_S):
                await self._on_stop()
        except TimeoutError:
            _log.warning("live streams did not end in time")

    def _cut_off(self) -> None:
        _log.warning("connections cut off at stop", count=len(self.server_state.connections))
        self.force_exit = True
        for connection in list(self.server_state.connections):
            if isinstance(connection, BoundedConnection):
                connection.transport.abort()
        for task in list(self.server_state.tasks):
            task.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM, also where a shell's `&` has set them to be ignored."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Only the main thread can take signals; whoever runs us elsewhere calls stop().
            return
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in _STOP_SIGNALS}
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self.told, number)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
