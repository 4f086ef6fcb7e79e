"""The client's end of a session: what comes from it, and what is collected to be sent."""

from collections import deque
from collections.abc import Callable

from worldseat.local_dsql import wire
from worldseat.local_dsql.exchange import Unit
from worldseat.local_dsql.line import Line

OUT_BYTES = 256 * 1024
"""So much is collected before it is sent on."""


class Client:
    """Messages from a line, and answers to it."""

    def __init__(self, line: Line) -> None:
        self.drop: Callable[[], None] = line.abort
        """Break the connection without a word."""
        self._line = line
        self._inbox: deque[bytes] = deque()
        self._out: list[bytes] = []
        self._out_bytes = 0

    async def next(self) -> bytes:
        """Return the next message. Raises Gone."""
        while not self._inbox:
            self._inbox.extend(await self._line.receive())
        return self._inbox.popleft()

    def emit(self, found: bytes) -> None:
        """Collect an answer."""
        self._out.append(found)
        self._out_bytes += len(found)
        if self._out_bytes > OUT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was collected."""
        if self._out:
            self._line.send(b"".join(self._out))
            self._out.clear()
            self._out_bytes = 0

    def part(self, last_words: bytes) -> None:
        """Say why, and close."""
        self._line.send(last_words)
        self._line.close()

    def hand_on(self, unit: Unit) -> Callable[[bytes], None]:
        """Return what passes a unit's answers on, without those that were not asked for."""
        unasked = b"123n" if unit.simple else b"123" if unit.bound_before else b"13"

        def hand_on(found: bytes) -> None:
            if found[0] not in unasked:
                self.emit(found)

        return hand_on

    def tell(self, unit: Unit, tag: str, *, column: str = "", value: str | None = None) -> None:
        """Answer a statement that was played here: its tag, and one text at most."""
        if not unit.simple and not unit.bound_before:
            self.emit(wire.BIND_COMPLETE)
        if unit.described and column:
            self.emit(wire.text_columns([column]))
        elif unit.described and not unit.simple:
            self.emit(wire.NO_DATA)
        if value is not None:
            self.emit(wire.text_row([value]))
        self.emit(wire.complete(tag) if tag else wire.EMPTY_QUERY)
