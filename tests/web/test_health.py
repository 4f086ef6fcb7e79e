"""Health and figures of each Region while one of them, or both, are away."""

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest_asyncio
from tests.behind import Database
from tests.wire import CuttingProxy

from worldseat import bootstrap
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.web.app import create_app

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
