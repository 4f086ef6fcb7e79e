"""Real processes that leave while fans buy and watch: nothing is lost, and others take over."""

import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from tests.cluster_line import ClusterLine
from tests.patience import until
from tests.wire import Cut

from worldseat.domain.event import Event
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.services.wiring import Services

from .outside import closed, health, new_fan, words
from .test_up import Running, up

pytestmark = pytest.mark.slow


@dataclass
class Stream:
    """A browser's live stream, read line by line."""

    running: Running
    event: Event
    last_id: str = ""

    def __post_init__(self) -> None:
        self.connection = HTTPConnection("127.0.0.1", self.running.port, timeout=30)
        headers = {"last-event-id": self.last_id} if self.last_id else {}
        self.connection.request("GET", f"/api/events/{self.event.event_id}/stream", None, headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200

    def notices(self) -> Iterator[tuple[str, dict[str, object]]]:
        """Give each notice until the server ends the stream."""
        name = ""
        while line := self.answer.readline():
            word, _, value = line.decode().rstrip("\n").partition(": ")
            if word == "event":
                name = value
            elif word == "id":
                self.last_id = value
            elif word == "data":
                yield name, json.loads(value)

    def close(self) -> None:
        self.answer.close()
        self.connection.close()

    def floor(self) -> dict[str, object]:
        """Return the whole floor with which the stream begins."""
        name, data = next(self.notices())
        assert name == "floor"
        return data


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


@pytest_asyncio.fixture
async def line(breakable: Descriptor, services: Services) -> AsyncIterator[ClusterLine]:
    async with ClusterLine(breakable) as running:
        yield running


async def sold(sql: asyncpg.Connection, event: Event) -> list[str]:
    found = await sql.fetch(
        "SELECT fan_id FROM op_log WHERE event_id = $1 AND kind = 'sell'", event.event_id
    )
    return [row[0] for row in found]


async def ended(process_ended: Callable[[], int | None]) -> int:
    await until(lambda: process_ended() is not None, within_s=20)
    status = process_ended()
    assert status is not None
    return status


async def test_a_claim_whose_commit_is_out_is_answered_before_the_process_goes(
    tmp_path: Path,
    line: ClusterLine,
    event: Event,
    pool: ThreadPoolExecutor,
    sql: asyncpg.Connection,
) -> None:
    with up(tmp_path / "one", before=words(line.urls)) as running:
        fan = new_fan(running)
        line.plan(fan.fan_id, Cut.SLOW)
        claim = pool.submit(fan.claim, running, event, "A1")
        await line.held.wait()
        running.process.send_signal(signal.SIGTERM)
        await until(lambda: closed(running))
        # All others have been cut off by now; this one is waited for.
        with pytest.raises(TimeoutError):
            await until(lambda: running.process.poll() is not None, within_s=0.7)
        assert not claim.done()
        line.let_through.set()
        status, answer = claim.result(timeout=20)
        assert (status, answer["replayed"]) == (201, False)
        assert await ended(running.process.poll) == 0
    assert await sold(sql, event) == [fan.fan_id]


async def test_a_claim_that_is_cut_off_all_the_same_is_resolved_elsewhere_by_its_key(
    tmp_path: Path,
    line: ClusterLine,
    event: Event,
    pool: ThreadPoolExecutor,
    sql: asyncpg.Connection,
) -> None:
    with (
        up(tmp_path / "one", before=words(line.urls)) as first,
        up(tmp_path / "two", before=words(line.urls)) as second,
    ):
        fan = new_fan(first)
        line.plan(fan.fan_id, Cut.SLOW)
        claim: Future[tuple[int, dict[str, object]]] = pool.submit(fan.claim, first, event, "A1")
        await line.held.wait()
        first.process.send_signal(signal.SIGTERM)
        await until(lambda: closed(first))
        first.process.send_signal(signal.SIGTERM)
        assert await ended(first.process.poll) == 0
        with pytest.raises(OSError):  # noqa: PT011 - the connection broke, however it is told.
            claim.result(timeout=20)
        line.let_through.set()
        status, answer = fan.claim(second, event, "A1")
        assert status == 201, answer
        status, again = fan.claim(second, event, "A1")
        assert (status, again["tickets"]) == (201, answer["tickets"])
    assert await sold(sql, event) == [fan.fan_id]


async def test_while_it_drains_it_serves_and_then_its_viewers_go_on_elsewhere(
    tmp_path: Path, services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    urls = services.settings.database_urls
    draining = words(urls, WORLDSEAT_DRAIN_S="600", WORLDSEAT_REGION="us-east-1")
    staying = words(urls, WORLDSEAT_REGION="us-east-2")
    with (
        up(tmp_path / "one", before=draining) as first,
        up(tmp_path / "two", before=staying) as second,
    ):
        assert first.get("/healthz")["region"] == "us-east-1"
        fan = new_fan(first)
        watched = Stream(first, event)
        assert watched.floor()["sold_count"] == 0
        first.process.send_signal(signal.SIGTERM)
        await until(lambda: health(first) == (503, "draining"))
        assert health(second) == (200, "ok")
        # Whoever comes now, before the load balancer has seen it, is served as ever.
        assert fan.claim(first, event, "A1")[0] == 201
        for name, data in watched.notices():
            if name == "seats":
                assert data["sold_count"] == 1
                break
        first.process.send_signal(signal.SIGTERM)
        assert list(dict.fromkeys(name for name, _ in watched.notices())) in ([], ["beat"])
        assert await ended(first.process.poll) == 0
        watched.close()
        assert watched.last_id
        # Another process numbers its frames in its own way: it gives the whole floor.
        assert fan.claim(second, event, "A2")[0] == 201
        with closing(Stream(second, event, watched.last_id)) as elsewhere:
            assert elsewhere.floor()["sold_count"] == 2
    regions = await sql.fetch(
        "SELECT region FROM op_log WHERE event_id = $1 ORDER BY recorded_at", event.event_id
    )
    assert [row[0] for row in regions] == ["us-east-1", "us-east-2"]
