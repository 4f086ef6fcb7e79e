"""The foil's own database and tables: made when the foil is first used, and again if they vanish.

Safe for two processes at once.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from worldseat.stores.postgres import failures, sql
from worldseat.stores.postgres.connections import Connections, FoilConnection, single
from worldseat.stores.postgres.place import Place

log = structlog.get_logger(__name__)

# The second: another process is making it in this very moment, and both meet in the catalog.
_EXISTS_ALREADY = frozenset({"42P04", "23505"})


@asynccontextmanager
async def made(place: Place, connections: Connections) -> AsyncIterator[FoilConnection]:
    """Hold a connection to a database that has the tables. Raises StoreError.

    What the driver raises in the block is translated as if nothing was committed, so what the block
    commits must be safe to commit twice.
    """
    if place.database is not None and not await _is_there(connections):
        await _make_database(place, place.database)
    async with connections.hold() as connection:
        try:
            if not await connection.fetchval(sql.IS_MADE):
                await _make_tables(place, connection)
            yield connection
        except failures.DRIVER_ERRORS as error:
            raise failures.before_commit(error) from error


async def _is_there(connections: Connections) -> bool:
    try:
        async with connections.hold():
            return True
    except failures.NoDatabase:
        return False


async def _make_database(place: Place, database: str) -> None:
    async with single(place) as connection:
        try:
            # Nobody is ever connected to template0, which is what making a copy of it needs.
            await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE template0')
        except asyncpg.PostgresError as error:
            if error.sqlstate not in _EXISTS_ALREADY:
                raise
        else:
            log.info("foil.database_made", database=database)


async def _make_tables(place: Place, connection: FoilConnection) -> None:
    async with connection.transaction(isolation="read_committed"):
        await connection.execute(sql.TAKE_TURNS)
        # Looked up first: who may make tables in a schema may not always make a schema.
        if not await connection.fetchval(sql.HAS_SCHEMA, place.schema):
            await connection.execute(f'CREATE SCHEMA "{place.schema}"')
        if not await connection.fetchval(sql.HAS_LEDGER):
            # Marks of runs whose ledger is gone would make zeros of what was lost.
            await connection.execute(sql.FORGET_MARKS)
        await connection.execute(sql.TABLES)
    log.info("foil.tables_made", schema=place.schema)
