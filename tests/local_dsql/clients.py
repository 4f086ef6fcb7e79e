"""Clients of the local cluster, as a test uses them: two sessions told what to do in turn."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from worldseat.local_dsql.descriptor import Descriptor
from worldseat.stores.dsql import access

Connection = asyncpg.Connection


@asynccontextmanager
async def session(at: Descriptor, region: str = "us-east-1", **words: Any) -> AsyncIterator[Any]:
    """Open a session through a Region's endpoint, as the product does."""
    connection = await access.connect(at.url(region), **words)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


@asynccontextmanager
async def two_sessions(at: Descriptor) -> AsyncIterator[tuple[Any, Any]]:
    """Open one session in each Region."""
    async with session(at, "us-east-1") as one, session(at, "us-east-2") as other:
        yield one, other


async def plain(at: Descriptor) -> Any:
    """Open a session with the PostgreSQL behind, past the cluster: the control."""
    return await asyncpg.connect(at.postgres_url)


async def state_of(awaitable: Any) -> str:
    """Return the SQLSTATE that something ends with, or `ok`. A broken connection is raised."""
    try:
        await awaitable
    except asyncpg.PostgresConnectionError:
        raise
    except asyncpg.PostgresError as error:
        return error.sqlstate or "?"
    return "ok"


async def rows(connection: Any, sql: str, *values: object) -> Sequence[tuple[Any, ...]]:
    """Return what a query gives, as tuples."""
    return [tuple(record) for record in await connection.fetch(sql, *values)]
