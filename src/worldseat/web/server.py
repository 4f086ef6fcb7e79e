"""The HTTP server: uvicorn with a stop that takes less than a second.

uvicorn waits for open requests when it stops, and a live stream never ends by itself. So the feed
is closed first, which ends every stream, and whatever still hangs after that is cut off.
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

if TYPE_CHECKING:
    from worldseat.settings import Settings

BACKLOG = 2_048
CONNECTIONS_MAX = 8_000
OTHER_FILES = 256
"""Open files that are no connections of ours: the database's, logs, the program itself."""
KEEP_ALIVE_S = 20
_GRACE_S = 0.3
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_log = structlog.stdlib.get_logger(__name__)

OnStop = Callable[[], Awaitable[None]]
OnReady = Callable[[str, int], None]


async def serve(
    app: ASGIApp, settings: "Settings", on_stop: OnStop, *, on_ready: OnReady | None = None
) -> None:
    """Serve until SIGINT or SIGTERM. `on_stop` is awaited first and must end every live stream.

    `on_ready` is told the address once connections are accepted, which with port 0 nobody knows
    before. Raises OSError if the address cannot be bound. Run it on a uvloop loop.
    """
    limit = connection_limit()
    with bind(settings.host, settings.port) as listener:
        await Server(app, on_stop, on_ready, connections_max=limit).serve(sockets=[listener])


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
    """A uvicorn server that stops at once."""

    def __init__(
        self,
        app: ASGIApp,
        on_stop: OnStop,
        on_ready: OnReady | None = None,
        *,
        connections_max: int = CONNECTIONS_MAX,
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

    def stop(self) -> None:
        """Begin to stop; what SIGINT and SIGTERM call."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets=sockets)
        if self._on_ready is not None and sockets:
            host, port = sockets[0].getsockname()[:2]
            self._on_ready(host, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the live streams, let other requests finish for a moment, cut off the rest."""
        await self._end_streams()
        ended = asyncio.create_task(super().shutdown(sockets=sockets))
        await asyncio.wait({ended}, timeout=_GRACE_S)
        if not ended.done():
            self._cut_off()
        await ended

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
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
