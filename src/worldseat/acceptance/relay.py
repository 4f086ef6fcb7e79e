"""A relay on this machine in front of a Region's endpoint: what a client can do to its own line.

TLS passes through untouched, so the relay cannot read what is said. It can count, break and refuse:
that is enough to lose a Region, or an answer, anywhere on the way to it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import cast

from worldseat.acceptance.load import Load
from worldseat.stores.dsql.endpoint import parse, through

LOOPBACK = "127.0.0.1"
ANSWER_WITHIN_S = 10.0
"""So long a swallowed answer is waited for, before the connection is broken anyhow."""

_BUFFER_BYTES = 1_000_000


class Cut(StrEnum):
    """Where a connection breaks: before a packet is passed on, or before its answer is."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(slots=True, kw_only=True)
class PlannedCut:
    """Cut the first connection that sends its `at`-th packet (from 1) from now on.

    `then` is done as soon as it is cut.
    """

    cut: Cut
    at: int
    then: Callable[[], None] | None = None
    done: bool = False
    counts: "dict[_Inner, int]" = field(default_factory=dict)


class Relay:
    """One Region's line. `url` leads through it, `leads_to` is the endpoint's own address."""

    def __init__(self, leads_to: str) -> None:
        self.leads_to = leads_to
        self.messages = 0
        self.bytes_up = 0
        self.bytes_down = 0
        self.refused = 0
        self.is_cut_off = False
        self._there = parse(leads_to)
        self._server: asyncio.Server | None = None
        self._lines: set[_Inner] = set()
        self._planned: PlannedCut | None = None
        self.url = leads_to

    async def open(self) -> None:
        """Listen on a port of this machine. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Inner(self), LOOPBACK, 0, backlog=512)
        port = self._server.sockets[0].getsockname()[1]
        self.url = through(self.leads_to, address=LOOPBACK, port=port)

    async def close(self) -> None:
        """Break everything and stop listening."""
        if self._server is not None:
            self._server.close()
            self._break_all()
            await self._server.wait_closed()
            self._server = None

    def cut_off(self) -> None:
        """Lose the Region: break what is open, accept nothing until it is healed."""
        self.is_cut_off = True
        self._break_all()

    def heal(self) -> None:
        """Have the Region back."""
        self.is_cut_off = False

    def plan(self, cut: Cut, at: int, *, then: Callable[[], None] | None = None) -> PlannedCut:
        """Plan one cut in the place of any other; what it returns tells whether it happened."""
        self._planned = PlannedCut(cut=cut, at=at, then=then)
        return self._planned

    def forget(self) -> None:
        """Let no planned cut happen any more."""
        self._planned = None

    @property
    def load(self) -> Load:
        """What went through so far; writing transactions are for others to count."""
        return Load(messages=self.messages, bytes_up=self.bytes_up, bytes_down=self.bytes_down)

    def _break_all(self) -> None:
        for line in tuple(self._lines):
            line.break_off()

    # the lines' side

    @property
    def address(self) -> tuple[str, int]:
        """Where the endpoint really is."""
        return self._there.address, self._there.port

    def joined(self, line: "_Inner") -> None:
        """Take note of a connection, or refuse it."""
        if self.is_cut_off:
            self.refused += 1
            line.break_off()
        else:
            self._lines.add(line)

    def left(self, line: "_Inner") -> None:
        """Take note of a connection's end."""
        self._lines.discard(line)

    def passing(self, line: "_Inner", size: int) -> PlannedCut | None:
        """Count a packet to the endpoint; return the cut that is to happen there, if one is."""
        self.messages += 1
        self.bytes_up += size
        planned = self._planned
        if planned is None:
            return None
        count = planned.counts[line] = planned.counts.get(line, 0) + 1
        if count < planned.at:
            return None
        planned.done = True
        self._planned = None
        return planned

    def answered(self, size: int) -> None:
        """Count what came from the endpoint."""
        self.bytes_down += size


class _End(asyncio.Protocol):
    """One end of a relayed connection: hands what comes to the other one."""

    def __init__(self) -> None:
        self.other: _End | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=_BUFFER_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - both ends go alike.
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)


class _Inner(_End):
    """The client's end; it opens the other one."""

    def __init__(self, relay: Relay) -> None:
        super().__init__()
        self._relay = relay
        self._opening: asyncio.Task[None] | None = None
        self._waiting = b""
        self._swallows: PlannedCut | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._relay.joined(self)
        if self.transport is not None and not self.transport.is_closing():
            self._opening = asyncio.create_task(self._open())

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.left(self)
        if self._opening is not None:
            self._opening.cancel()
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, self.other = await loop.create_connection(lambda: _Outer(self), *self._relay.address)
        except OSError:
            self.break_off()
            return
        # What the client said meanwhile.
        self.other.write(self._waiting)

    def data_received(self, data: bytes) -> None:
        if self._swallows:
            return
        planned = self._relay.passing(self, len(data))
        if planned is not None and planned.cut is Cut.BEFORE:
            self._cut(planned)
            return
        if self.other is None:
            self._waiting += data
        else:
            self.other.write(data)
        if planned is not None:
            # What the packet asks for is done, and its answer is lost: broken off at once, the
            # endpoint might not even have read it.
            self._swallows = planned
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(ANSWER_WITHIN_S, self._cut, planned)

    def back(self, data: bytes) -> None:
        """Hand the endpoint's answer on, or lose it."""
        self._relay.answered(len(data))
        if self._swallows:
            self._cut(self._swallows)
        else:
            self.write(data)

    def _cut(self, planned: PlannedCut) -> None:
        self.break_off()
        if planned.then is not None:
            planned.then()

    def break_off(self) -> None:
        """Break both ends at once."""
        for end in (self, self.other):
            if end is not None and end.transport is not None:
                end.transport.abort()


class _Outer(_End):
    """The endpoint's end."""

    def __init__(self, inner: _Inner) -> None:
        super().__init__()
        self.inner = inner
        self.other = inner

    def data_received(self, data: bytes) -> None:
        self.inner.back(data)
