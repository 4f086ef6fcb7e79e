"""The foil at both of its levels, on the real server of the test run."""

from collections.abc import AsyncIterator

import pytest_asyncio
from tests.foils.postgres.foil import opened

from worldseat.embedded import EmbeddedPostgres
from worldseat.stores.postgres import ReadCommittedStore, RepeatableReadStore
from worldseat.stores.postgres.store import PostgresStore


@pytest_asyncio.fixture(scope="session")
async def foil(database: EmbeddedPostgres) -> AsyncIterator[PostgresStore]:
    """READ COMMITTED."""
    async with opened(ReadCommittedStore, database.url) as store:
        yield store


@pytest_asyncio.fixture(scope="session")
async def strict(database: EmbeddedPostgres) -> AsyncIterator[PostgresStore]:
    """REPEATABLE READ."""
    async with opened(RepeatableReadStore, database.url) as store:
        yield store
