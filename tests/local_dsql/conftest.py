"""A real local cluster in a process of its own, and a table of one's own for every test."""

import itertools
from collections.abc import AsyncIterator

import pytest_asyncio
from tests.local_dsql.clients import plain, session

from worldseat.local_dsql.descriptor import Descriptor

_numbers = itertools.count(1)


@pytest_asyncio.fixture
async def table(at: Descriptor) -> AsyncIterator[str]:
    """A table `(id int primary key, value int)` with 1 => 10 and 2 => 20; its name."""
    name = f"test_{next(_numbers)}"
    async with session(at) as connection:
        await connection.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, value int)")
        await connection.execute(f"INSERT INTO {name} VALUES (1, 10), (2, 20)")
    yield name
    behind = await plain(at)  # Whatever became of the endpoints.
    try:
        await behind.execute(f"DROP TABLE {name} CASCADE")
    finally:
        await behind.close()
