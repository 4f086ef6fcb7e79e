"""A proxy between WorldSeat and its database that can cut a connection exactly at COMMIT.

It listens on a Unix socket of its own, so an address that names its folder as `host` goes through
it. A cut is planned for the COMMIT of the transaction that carries a mark: an op_id, for example.
"""

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

from worldseat.domain import ids

_SOCKET = ".s.PGSQL.5432"
_READ_BYTES = 65_536


class Cut(Enum):
    """What becomes of a COMMIT. The client sees the same each time: it was sent, no answer came."""

    NOT_APPLIED = "the COMMIT never reaches the server"
    APPLIED = "the server commits, and only its answer is lost"
    HELD_BACK = "the line breaks, and the COMMIT arrives when the test lets it through"
    SLOW = "the line holds, and the COMMIT arrives when the test lets it through"


@dataclass(slots=True, eq=False)
class _Line:
    """One connection through the proxy. `mark`: what the open transaction was marked with."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    answers: asyncio.StreamReader
    mark: bytes | None = None
    losing_answers: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    buffer: bytearray = field(default_factory=bytearray)
    started: bool = False

    def break_off(self) -> None:
        """Break both halves at once, whatever is in flight."""
        for half in (self.client, self.server):
            half.transport.abort()

    def messages(self, data: bytes) -> list[bytes]:
        """Return the whole messages of PostgreSQL's protocol that are complete with this data."""
        self.buffer += data
        found: list[bytes] = []
        while True:
            # The first message has a length and no type; all others have a type before it.
            kind = 1 if self.started else 0
            if len(self.buffer) < kind + 4:
                return found
            length = kind + int.from_bytes(self.buffer[kind : kind + 4], "big")
            if len(self.buffer) < length:
                return found
            found.append(bytes(self.buffer[:length]))
            del self.buffer[:length]
            self.started = True


class CuttingProxy:
    """Forwards everything, until a test plans a cut or takes the database away."""

    def __init__(self, database_url: str) -> None:
        parts = urlsplit(database_url)
        self._upstream = str(Path(parse_qs(parts.query)["host"][0]) / _SOCKET)
        self._folder = tempfile.TemporaryDirectory(prefix="wire-")
        self.url = f"postgresql://{parts.username}@/postgres?host={quote(self._folder.name)}"
        self.cuts_made: list[Cut] = []
        self.held = asyncio.Event()
        self.let_through = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._planned: dict[bytes, list[Cut]] = {}
        self._lines: set[_Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.restore()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.let_through.set()
        self.thaw()
        await self.away()
        self._folder.cleanup()

    def plan(self, mark: str, *cuts: Cut) -> None:
        """Cut the next COMMITs of transactions that send `mark`, in this order."""
        self._planned[mark.encode()] = list(cuts)

    def plan_for(self, fan_id: str, key: str, *cuts: Cut) -> str:
        """Cut the COMMITs of a fan's claim; return its op_id. The void of the claim counts too."""
        op_id = ids.op_id(ids.claim_id(fan_id, key), 0)
        self.plan(op_id, *cuts)
        return op_id

    async def away(self) -> None:
        """Break what is open and accept nothing more: the database cannot be reached."""
        if self._server is not None:
            self._server.close()
            self._server = None
            Path(self._folder.name, _SOCKET).unlink()
        for line in tuple(self._lines):
            line.break_off()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def freeze(self) -> None:
        """Hold everything on the way: the database hangs, and breaks nothing."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let it flow again."""
        self._flowing.set()

    async def restore(self) -> None:
        """Accept connections (again)."""
        path = Path(self._folder.name, _SOCKET)
        self._server = await asyncio.start_unix_server(self._accept, path)

    def _accept(self, asked: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(asked, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, asked: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_unix_connection(self._upstream)
        line = _Line(client=client, server=server, answers=answers)
        self._lines.add(line)
        back = asyncio.create_task(self._answer(line))
        try:
            with suppress(OSError):
                await self._ask(line, asked)
        finally:
            self._lines.discard(line)
            line.break_off()
            await back

    async def _ask(self, line: _Line, asked: asyncio.StreamReader) -> None:
        while data := await asked.read(_READ_BYTES):
            await self._flowing.wait()
            for message in line.messages(data):
                cut = self._cut_at(line, message)
                if cut is Cut.NOT_APPLIED:
                    return
                if cut is Cut.HELD_BACK:
                    line.client.transport.abort()
                if cut in {Cut.HELD_BACK, Cut.SLOW}:
                    self.held.set()
                    await self.let_through.wait()
                line.losing_answers = cut in {Cut.APPLIED, Cut.HELD_BACK}
                line.answered.clear()
                line.server.write(message)
                if cut is not None:
                    await line.answered.wait()
                if line.losing_answers:
                    return
            await line.server.drain()

    async def _answer(self, line: _Line) -> None:
        with suppress(OSError):
            while data := await line.answers.read(_READ_BYTES):
                line.answered.set()
                if line.losing_answers:
                    break
                line.client.write(data)
                await line.client.drain()
        line.answered.set()
        line.break_off()

    def _cut_at(self, line: _Line, message: bytes) -> Cut | None:
        if message.startswith(b"Q") and b"BEGIN" in message:
            line.mark = None
        line.mark = next((mark for mark in self._planned if mark in message), line.mark)
        if line.mark is None or not message.startswith(b"Q") or b"COMMIT" not in message:
            return None
        cuts = self._planned[line.mark]
        line.mark = None
        if not cuts:
            return None
        self.cuts_made.append(cuts[0])
        return cuts.pop(0)
