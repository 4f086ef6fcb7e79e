"""An asynchronous index is one that PostgreSQL builds beside the work of others."""

import asyncpg
import pytest
from tests.behind import Database

from worldseat.local_dsql.dialect import Refused, read
from worldseat.local_dsql.dialect.background import concurrently


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('CREATE INDEX ASYNC "I x" ON t (a)', 'CREATE INDEX "I x" ON background.t USING btree (a)'),
        (
            (
                "CREATE UNIQUE INDEX ASYNC i ON background.t (a, (lower(b)) NULLS FIRST)"
                " INCLUDE (c) NULLS NOT DISTINCT WHERE b <> 'it''s' AND a > 1 + 2 * 3"
            ),
            (
                "CREATE UNIQUE INDEX i ON background.t USING btree (a, lower(b) NULLS FIRST)"
                " INCLUDE (c) NULLS NOT DISTINCT"
                " WHERE ((b <> 'it''s'::text) AND (a > (1 + (2 * 3))))"
            ),
        ),
    ],
)
async def test_the_index_is_the_one_that_was_asked_for(
    database: Database, text: str, shown: str
) -> None:
    (statement,) = read(text)
    build = concurrently(statement)
    assert "CONCURRENTLY" in build.sql
    connection = await asyncpg.connect(database.url)
    try:
        await connection.execute("CREATE SCHEMA background; SET search_path TO background")
        await connection.execute("CREATE TABLE t (a int, b text, c int)")
        await connection.execute(build.sql)
        found = await connection.fetchval(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'background'"
        )
        await connection.execute("DROP SCHEMA background CASCADE")
    finally:
        await connection.close()
    assert found == shown


def test_whether_it_may_be_there_already_is_told() -> None:
    (statement,) = read("CREATE INDEX ASYNC IF NOT EXISTS i ON t (a)")
    assert concurrently(statement).if_not_exists
    (statement,) = read("CREATE INDEX ASYNC i ON t (a)")
    assert not concurrently(statement).if_not_exists


def test_what_is_nested_too_deeply_to_be_rewritten_is_refused() -> None:
    (statement,) = read(f"CREATE INDEX ASYNC i ON t (({' + '.join(['a'] * 80)}))")
    with pytest.raises(Refused) as caught:
        concurrently(statement)
    assert caught.value.sqlstate == "54001"
