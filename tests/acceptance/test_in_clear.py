"""What is made of the first answer to a login that is begun without TLS."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from worldseat.acceptance import in_clear
from worldseat.stores.dsql.endpoint import Endpoint

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[Endpoint]:
    async def client(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        await answer(reading, writing)
        writing.close()

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Endpoint(host="x", region="us-east-1", address="127.0.0.1", port=port)
    finally:
        server.close()


def saying(answer: bytes, heard: list[bytes]) -> Answer:
    async def said(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        size = await reading.readexactly(4)
        heard.append(size + await reading.readexactly(int.from_bytes(size) - 4))
        writing.write(answer)

    return said


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (b"R\0\0\0\x08\0\0\0\x03", in_clear.WILLING),
        (b"E\0\0\0\x04", in_clear.REFUSED),
        (b"", in_clear.ENDED),
        (b"S", "answered b'S' in clear"),
    ],
)
async def test_only_an_error_or_an_end_turns_one_away(answer: bytes, seen: str) -> None:
    heard: list[bytes] = []
    async with answering(saying(answer, heard)) as there:
        assert await in_clear.knock(there) == seen
    # Who, and where to; nothing that opens a door.
    words = b"\0\0\0\x25\0\x03\0\0user\0admin\0database\0postgres\0\0"
    assert heard == [len(words).to_bytes(4, "big") + words[4:]]


async def test_silence_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_clear, "WITHIN_S", 0.05)
    over = asyncio.Event()

    async def wait(_reading: asyncio.StreamReader, _writing: asyncio.StreamWriter) -> None:
        await over.wait()

    async with answering(wait) as there:
        seen = await in_clear.knock(there)
        over.set()
    assert seen.startswith("no answer")
    assert seen not in {in_clear.REFUSED, in_clear.ENDED}


async def test_where_nobody_listens_nothing_was_refused() -> None:
    async with answering(saying(b"", [])) as there:
        pass
    with pytest.raises(OSError, match=r"[Cc]onnect"):
        await in_clear.knock(there)
