"""Orders over the control socket: one line asked, one answered, whatever was sent."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from worldseat.local_dsql import control
from worldseat.local_dsql.control import LINE_BYTES_MAX, Control, served
from worldseat.ports.cluster import BadOrder, ClusterStatus, LinkState

STANDS = ClusterStatus(
    regions=[],
    links=[LinkState(one="us-east-1", other="us-east-2", rtt_ms=12.0, cut=False)],
    faults=[],
    done={"storm": 3},
)
WORDS = {"region": "us-east-1", "other": "us-east-2", "count": 2, "ms": 1.5, "mark": "evt_1"}


class Clerk:
    """A cluster that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def status(self) -> ClusterStatus:
        return STANDS

    async def order(self, kind: str, **words: Any) -> ClusterStatus:
        if kind == "explode":
            raise BadOrder("It does not explode.")
        self.told.append((kind, words))
        return STANDS


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


@pytest_asyncio.fixture
async def path(clerk: Clerk, tmp_path: Path) -> AsyncIterator[Path]:
    """Where the clerk takes orders."""
    where = tmp_path / "control.sock"
    async with served(where, clerk):
        yield where
    assert not where.exists()


async def sent(path: Path, line: bytes) -> bytes:
    """Send bytes as any program could; return all that comes back."""
    answers, orders = await asyncio.open_unix_connection(path)
    orders.write(line)
    orders.write_eof()
    try:
        return await answers.read()
    finally:
        orders.close()


async def test_an_order_arrives_with_all_its_words(path: Path, clerk: Clerk) -> None:
    orders = Control(str(path))
    assert await orders.status() == STANDS
    assert await orders.order("slow", **WORDS) == STANDS  # type: ignore[arg-type]
    assert await orders.order("clear") == STANDS
    assert clerk.told == [("slow", WORDS), ("clear", dict.fromkeys(WORDS))]


async def test_a_bad_order_comes_back_with_its_reason(path: Path, clerk: Clerk) -> None:
    with pytest.raises(BadOrder, match=r"^It does not explode\.$"):
        await Control(str(path)).order("explode")
    assert clerk.told == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"do": "dance"}\n', "Ask for `status`"),
        (b'{"do": "status"\n', "truncated"),
        (b"not json\n", "JSON"),
        (b'{"do": "order", "kind": "clear", "why": "so"}\n', "why"),
        (b'{"do": "order", "kind": "storm", "count": "two"}\n', "count"),
    ],
)
async def test_what_is_no_order_is_refused_in_words(
    path: Path, clerk: Clerk, line: bytes, said: str
) -> None:
    told = json.loads(await sent(path, line))
    assert told["ok"] is False
    assert said in told["error"]
    assert clerk.told == []


async def test_several_lines_are_answered_one_by_one(path: Path) -> None:
    answers = await sent(path, b'{"do": "status"}\n' * 2 + b'{"do": "order", "kind": "clear"}\n')
    lines = [json.loads(each) for each in answers.splitlines()]
    assert [each["ok"] for each in lines] == [True] * 3


async def test_a_line_without_end_is_not_read_for_ever(path: Path) -> None:
    assert await sent(path, b"x" * (LINE_BYTES_MAX * 2)) == b""
    assert (await Control(str(path)).status()).done == {"storm": 3}


async def test_only_its_own_account_may_open_the_socket(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_nobody_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        await Control(str(tmp_path / "nobody.sock")).status()


@pytest.mark.parametrize("answers", [True, False], ids=["hangs up", "says nothing"])
async def test_a_cluster_that_does_not_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, answers: bool
) -> None:
    monkeypatch.setattr(control, "ANSWER_S", 0.2)
    callers: list[asyncio.StreamWriter] = []

    def meet(_: asyncio.StreamReader, caller: asyncio.StreamWriter) -> None:
        callers.append(caller)
        if answers:
            caller.close()

    server = await asyncio.start_unix_server(meet, tmp_path / "deaf.sock")
    with pytest.raises(ConnectionResetError if answers else TimeoutError):
        await Control(str(tmp_path / "deaf.sock")).status()
    server.close()
    for caller in callers:
        caller.close()
        await caller.wait_closed()
