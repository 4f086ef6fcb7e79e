"""Health and figures of each Region: well, away, and while the server itself leaves."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
import pytest_asyncio
from tests.behind import Database
from tests.wire import CuttingProxy

from worldseat import bootstrap
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.web.app import create_app
from worldseat.web.leaving import Leaving

EAST_1, EAST_2 = REGIONS

Lines = dict[str, CuttingProxy]


@pytest_asyncio.fixture
async def lines(database: Database, services: Services) -> AsyncIterator[Lines]:
    """The way to each Region."""
    async with CuttingProxy(database.url) as first, CuttingProxy(database.url) as second:
        yield {EAST_1: first, EAST_2: second}


@pytest_asyncio.fixture
async def probe(lines: Lines, settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A program that asks a WorldSeat which reaches each Region through a line of its own."""
    urls = {region: line.url for region, line in lines.items()}
    async with bootstrap.services(replace(settings, database_urls=urls), work=False) as running:
        transport = httpx2.ASGITransport(app=create_app(running))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


async def test_health_says_who_serves_whom(probe: httpx2.AsyncClient, lines: Lines) -> None:
    await lines[EAST_1].away()
    answer = await probe.get("/healthz")
    health = answer.json()
    assert (answer.status_code, health["status"]) == (200, "degraded")
    assert health["region"] is None
    state = health["regions"][EAST_1].pop("state")
    assert "FileNotFoundError" in state
    assert health["regions"] == {
        EAST_1: {"served_by": EAST_2, "can_commit": False},
        EAST_2: {"state": "ok", "served_by": EAST_2, "can_commit": True},
    }
    figures = (await probe.get("/metrics")).text
    assert 'worldseat_region_well{region="us-east-1"} 0.0' in figures
    assert 'worldseat_region_served_by{endpoint="us-east-2",region="us-east-1"} 1.0' in figures
    assert 'worldseat_region_served_by{endpoint="us-east-1",region="us-east-1"} 0.0' in figures

    await lines[EAST_2].away()
    answer = await probe.get("/healthz")
    health = answer.json()
    assert (answer.status_code, health["status"]) == (503, "down")
    assert [each["served_by"] for each in health["regions"].values()] == [None, None]

    for line in lines.values():
        await line.restore()
    answer = await probe.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


async def test_health_is_told_in_time_while_a_region_hangs(
    probe: httpx2.AsyncClient, lines: Lines
) -> None:
    lines[EAST_1].freeze()
    answer = await probe.get("/healthz")
    assert answer.json()["status"] == "degraded"
    assert answer.elapsed.total_seconds() < 3
    assert answer.json()["regions"][EAST_1]["served_by"] == EAST_2


def asking(running: Services, leaving: Leaving) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=create_app(running, leaving))
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def test_health_says_at_once_that_the_server_leaves(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = Leaving(drain_s=60)
    async with asking(services, leaving) as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (200, "ok")
        leaving.begun = True
        # It asks nobody: a database that hangs must not hide that this server goes.
        monkeypatch.setattr(services.store, "health", None)
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.json()["status"]) == (503, "draining")


async def test_health_and_the_panel_say_where_the_server_stands(services: Services) -> None:
    stands = replace(services, settings=replace(services.settings, region=EAST_2))
    async with asking(stands, Leaving()) as client:
        assert (await client.get("/healthz")).json()["region"] == EAST_2
        assert "This server stands in us-east-2: it serves" in (await client.get("/regions")).text
    async with asking(services, Leaving()) as client:
        assert "This server stands" not in (await client.get("/regions")).text
