"""The product store by itself: on the test database, and through a line that can be cut."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.one_store import fresh_process, opened
from tests.wire import CuttingProxy

from worldseat.embedded import EmbeddedPostgres
from worldseat.services.wiring import Services
from worldseat.stores.dsql import DsqlStore


@pytest_asyncio.fixture
async def store(database: EmbeddedPostgres, services: Services) -> AsyncIterator[DsqlStore]:
    """A second store on the test database, with the schema in place."""
    async with opened(database.url) as running:
        yield running


@pytest_asyncio.fixture
async def proxy(database: EmbeddedPostgres, services: Services) -> AsyncIterator[CuttingProxy]:
    """The way to the test database, which a test can cut."""
    async with CuttingProxy(database.url) as running:
        yield running


@pytest.fixture
def process() -> str:
    """A name for one store, by which its lanes are found."""
    return fresh_process()
