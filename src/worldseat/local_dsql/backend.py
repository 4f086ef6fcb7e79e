"""One connection to the PostgreSQL behind the cluster: bytes out, whole messages back."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from worldseat.local_dsql import wire

Sink = Callable[[bytes], None]


class BackendLost(Exception):
    """The connection to the database behind ended; what was under way is rolled back there."""


class BackendRefused(Exception):
    """The database behind did not accept the connection; `answer` is its ErrorResponse."""

    def __init__(self, answer: bytes) -> None:
        fields = wire.error_fields(answer)
        super().__init__(f"{fields.get('C')} {fields.get('M')}")
        self.answer = answer


class Backend(asyncio.Protocol):
    """A session of the embedded server. One exchange at a time, in the order they were asked."""

    def __init__(self) -> None:
        self.parameters: list[bytes] = []
        """ParameterStatus messages of the start, as they came."""
        self.key: bytes = b""
        """The BackendKeyData message: what a cancel request names."""
        self.on_parameter: Sink = self.parameters.append
        """Called with a ParameterStatus message."""
        self.on_lost: Callable[[], None] = _ignore
        """Called when the connection has ended."""
        self._transport: asyncio.Transport | None = None
        self._splitter = wire.Splitter()
        self._answers: list[bytes] = []
        self._sink: Sink | None = None
        self._end: bytes = b"Z"
        self._waiting: asyncio.Future[None] | None = None
        self._lost = False
        # Others may ask a transaction to let go while its session prepares a statement.
        self._turn = asyncio.Lock()

    # the loop's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Collect or hand on what came; wake whoever waits when the exchange is over."""
        sink, end = self._sink, self._end
        for found in self._splitter.feed(data):
            kind = found[:1]
            if kind == b"S":
                self.on_parameter(found)
                continue
            if kind == b"A":
                continue
            if sink is None or kind in end:
                self._answers.append(found)
            else:
                sink(found)
            if kind in end:
                self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Wake whoever waits: nothing more comes."""
        self._lost = True
        self._wake()
        self.on_lost()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    # the session's side

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost

    def pause(self) -> None:
        """Read nothing more until `resume`: the client cannot keep up."""
        if self._transport is not None and not self._lost:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._lost:
            self._transport.resume_reading()

    def write(self, data: bytes) -> None:
        """Send bytes that ask for no answer of their own (the data of a COPY)."""
        if self._transport is not None:
            self._transport.write(data)

    async def exchange(
        self, data: bytes, sink: Sink | None = None, *, end: bytes = b"Z"
    ) -> list[bytes]:
        """Send bytes and return the answers up to the first of the kinds in `end`.

        With a sink, all but that last one go there as they come. Raises BackendLost.
        """
        async with self._turn:
            if self._lost or self._transport is None:
                raise BackendLost
            self._answers, self._sink, self._end = [], sink, end
            self._waiting = asyncio.get_running_loop().create_future()
            self._transport.write(data)
            try:
                await self._waiting
            finally:
                self._waiting = None
            if not self._answers or self._answers[-1][:1] not in end:
                raise BackendLost
            return self._answers

    def close(self) -> None:
        """Leave, in an orderly way; whatever is open is rolled back."""
        if self._transport is not None and not self._lost:
            self._transport.write(wire.message(b"X"))
            self._transport.close()


async def connect(socket: Path, values: dict[str, str], prepared: Sequence[bytes]) -> Backend:
    """Open a session; `prepared` are Parse messages that it begins with.

    Raises BackendRefused, BackendLost, or OSError when nobody listens.
    """
    loop = asyncio.get_running_loop()
    _, backend = await loop.create_unix_connection(Backend, str(socket))
    answers = await backend.exchange(wire.startup(values), end=b"ZE")
    if answers[-1][:1] == b"E":
        backend.close()
        raise BackendRefused(answers[-1])
    backend.key = next(found for found in answers if found[:1] == b"K")
    if prepared:
        answers = await backend.exchange(b"".join(prepared) + wire.SYNC)
        for found in answers:
            if found[:1] == b"E":
                raise BackendRefused(found)
    return backend


def _ignore() -> None:
    """Nobody is to be told."""
