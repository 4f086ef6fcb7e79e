"""One client's connection: its bytes as messages, with limits on what waits in either direction."""

import asyncio
from collections.abc import Callable
from typing import cast

from worldseat.local_dsql import wire

WAITING_BYTES_MAX = 8 * 1024 * 1024
"""When a client has sent so much that was not yet looked at, nothing more is read from it."""


class Gone(Exception):
    """The client has left."""


class Line(asyncio.Protocol):
    """A connection after TLS. First raw bytes (the startup message), then messages."""

    def __init__(self) -> None:
        self.on_full: Callable[[], None] = _ignore
        """Called when the client cannot keep up with what is sent."""
        self.on_room: Callable[[], None] = _ignore
        """Called when it can again, or is gone."""
        self._transport: asyncio.Transport | None = None
        self._raw = bytearray()
        self._in_messages = False
        self._splitter = wire.Splitter()
        self._messages: list[bytes] = []
        self._waiting_bytes = 0
        self._paused = False
        self._gone = False
        self._wake: asyncio.Future[None] | None = None

    # the loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep what came, and wake whoever waits for it."""
        if self._in_messages:
            self._take(data)
        else:
            self._raw += data
        self._notify()

    def _take(self, data: bytes) -> None:
        try:
            whole = self._splitter.feed(data)
        except wire.TooLarge:
            self.abort()
            return
        self._messages.extend(whole)
        # Of whole messages only: the rest of one that has begun must come.
        self._waiting_bytes += sum(map(len, whole))
        if self._waiting_bytes > WAITING_BYTES_MAX and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Wake whoever waits: nothing more comes."""
        self._gone = True
        self.on_room()
        self._notify()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self.on_full()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.on_room()

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # the session's side

    @property
    def transport(self) -> asyncio.Transport:
        """The transport under it. Raises Gone before there is one."""
        if self._transport is None:
            raise Gone
        return self._transport

    async def startup(self) -> tuple[int, bytes]:
        """Return the code and the body of the next message without a kind. Raises Gone."""
        length = int.from_bytes(await self._exactly(4), "big")
        if not 8 <= length <= 10_000:  # noqa: PLR2004 - code and length; PostgreSQL's own limit.
            self.abort()
            raise Gone
        body = await self._exactly(length - 4)
        return int.from_bytes(body[:4], "big"), body[4:]

    def begin_messages(self) -> None:
        """From here on all that comes are messages."""
        self._in_messages = True
        self._take(bytes(self._raw))

    async def receive(self) -> list[bytes]:
        """Return the messages that have come, one at least. Raises Gone."""
        while not self._messages:
            await self._more()
        messages, self._messages = self._messages, []
        self._waiting_bytes = 0
        if self._paused:
            self._paused = False
            self.transport.resume_reading()
        return messages

    def send(self, data: bytes) -> None:
        """Send bytes; nothing happens when the client has left."""
        if not self._gone:
            self.transport.write(data)

    def close(self) -> None:
        """Send what waits to be sent, then close."""
        if not self._gone:
            self.transport.close()

    def abort(self) -> None:
        """Break the connection at once."""
        if self._transport is not None:
            self._transport.abort()
            self._gone = True
            self._notify()

    async def _exactly(self, count: int) -> bytes:
        while len(self._raw) < count:
            await self._more()
        found = bytes(self._raw[:count])
        del self._raw[:count]
        return found

    async def _more(self) -> None:
        if self._gone:
            raise Gone
        self._wake = asyncio.get_running_loop().create_future()
        try:
            await self._wake
        finally:
            self._wake = None


def _ignore() -> None:
    """Nobody is to be told."""
