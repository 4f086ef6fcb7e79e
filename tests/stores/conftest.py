"""The product store by itself: on the test database, and through a line that can be cut."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tests.cluster_line import ClusterLine
from tests.one_store import fresh_process, opened

from worldseat.local_dsql.descriptor import Descriptor
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores.dsql import DsqlStore


@pytest_asyncio.fixture
async def store(settings: Settings, services: Services) -> AsyncIterator[DsqlStore]:
    """A second store on the test run's cluster, with the schema in place."""
    async with opened(settings.database_urls) as running:
        yield running


@pytest_asyncio.fixture
async def proxy(breakable: Descriptor, services: Services) -> AsyncIterator[ClusterLine]:
    """The way to the test database, which a test can cut."""
    async with ClusterLine(breakable) as running:
        yield running


@pytest.fixture
def process() -> str:
    """A name for one store, by which its lanes are found."""
    return fresh_process()
