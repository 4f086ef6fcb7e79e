"""Tables with every kind of column that a rewrite may meet."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from tests.behind import Database

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS dialect;
SET search_path TO dialect, public;
CREATE DOMAIN "Short" AS character varying(3);
CREATE TABLE seat (
    id integer PRIMARY KEY,
    name character varying(20),
    price numeric(8, 2) DEFAULT 9.5,
    body jsonb,
    at timestamp with time zone,
    "Odd ""Name" text,
    small smallint,
    code "Short"
);
CREATE TABLE "Weird Table" ("select" bigint, "UPPER" text);
CREATE TABLE other (id integer, word text);
INSERT INTO seat VALUES
    (1, 'one', 1.25, '{"a": 1}', '2026-01-02 03:04:05.678+00', 'x', 1, 'abc'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, 'it''s \\three', -3, '[1, null]', 'infinity', '', -3, ''),
    (4, 'four', 99999.99, '"é"', '1999-12-31 23:59:59+00', 'x', 32000, 'z');
INSERT INTO "Weird Table" VALUES (1, 'a'), (2, 'b'), (NULL, NULL);
INSERT INTO other VALUES (1, 'uno'), (1, 'ein'), (3, 'tre'), (NULL, NULL);
"""


@pytest_asyncio.fixture(scope="module")
async def tables(database: Database) -> AsyncIterator[Any]:
    """A connection to tables with every kind of column that a rewrite may meet."""
    connection = await asyncpg.connect(database.url)
    await connection.execute(_SCHEMA)
    yield connection
    await connection.execute("DROP SCHEMA dialect CASCADE")
    await connection.close()
