"""The services on the test database, a second process's stand-in, and lines that can be cut."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from tests.cluster_line import ClusterLine

from worldseat import bootstrap
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.services.wiring import Services
from worldseat.settings import Settings

_fans = itertools.count(1)


@pytest.fixture
def fresh_fan() -> Callable[[], str]:
    """Make fans that have never bought anything."""
    return lambda: f"fan_{next(_fans):04d}"


@pytest.fixture
def fan(fresh_fan: Callable[[], str]) -> str:
    """One such fan."""
    return fresh_fan()


@pytest_asyncio.fixture
async def proxy(breakable: Descriptor, services: Services) -> AsyncIterator[ClusterLine]:
    """The way to the test database, which a test can cut."""
    async with ClusterLine(breakable) as running:
        yield running


@asynccontextmanager
async def through(
    proxy: ClusterLine, settings: Settings, *, work: bool = False
) -> AsyncIterator[Services]:
    """Start services that reach the test database through the proxy."""
    async with bootstrap.services(
        replace(settings, database_urls=proxy.urls), work=work
    ) as running:
        yield running


@pytest_asyncio.fixture
async def cuttable(proxy: ClusterLine, settings: Settings) -> AsyncIterator[Services]:
    """Services whose lines can be cut, without background work."""
    async with through(proxy, settings) as running:
        yield running


@pytest_asyncio.fixture
async def elsewhere(settings: Settings, services: Services) -> AsyncIterator[Services]:
    """A second process's stand-in: services of their own on the same database."""
    async with bootstrap.services(settings, work=False) as running:
        yield running
