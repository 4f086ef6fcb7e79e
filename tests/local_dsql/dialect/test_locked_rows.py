"""The rows that a lock is said to be on are those that PostgreSQL locks."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from tests.behind import Database

from worldseat.local_dsql.dialect import read
from worldseat.local_dsql.dialect.rewrite import answer_from_snapshot, locked_rows

Connection = Any

_LOCKS = [
    ("SELECT name FROM seat WHERE id = $1 FOR UPDATE", (1,)),
    ("SELECT * FROM dialect.seat AS s WHERE s.id > $1 FOR KEY SHARE", (2,)),
    ("SELECT name AS n FROM seat WHERE id <> $1 ORDER BY n NULLS FIRST LIMIT 1 FOR UPDATE", (1,)),
    ("SELECT name, id FROM seat WHERE id <> $1 ORDER BY 2 DESC LIMIT 2 FOR UPDATE", (1,)),
    ("SELECT 5, id AS five FROM seat WHERE id > $1 ORDER BY 1, five DESC LIMIT 1 FOR UPDATE", (1,)),
    ("SELECT id FROM seat WHERE id > $1 ORDER BY price DESC OFFSET 1 FOR UPDATE NOWAIT", (1,)),
    ("SELECT id FROM seat WHERE id > $1 FOR UPDATE OF seat SKIP LOCKED", (2,)),
]


@pytest.mark.parametrize(("sql", "values"), _LOCKS)
async def test_the_locked_rows_are_those_that_the_statement_answers(
    tables: Connection, sql: str, values: Sequence[object]
) -> None:
    (statement,) = read(sql)
    rewritten = locked_rows(statement)
    unlocked = answer_from_snapshot(statement, lambda _table: ())
    assert rewritten is not None
    assert unlocked is not None
    assert "FOR" not in unlocked
    async with tables.transaction(isolation="repeatable_read"):
        answers = [tuple(row) for row in await tables.fetch(unlocked, *values)]
        assert await tables.fetchval("SELECT pg_current_xact_id_if_assigned()") is None
        assert answers == [tuple(row) for row in await tables.fetch(sql, *values)]
        rows = await tables.fetch(rewritten, *values)
        assert len(rows) == len(answers)
        for (table, ctid), answer in zip(rows, answers, strict=True):
            assert table == "seat"
            listed = sql.partition("FROM")[0]
            again = f"{listed} FROM {table} AS s WHERE ctid = $1::text::tid"
            assert tuple(await tables.fetchrow(again, ctid)) == answer


_JOINED = [
    ("SELECT 1 FROM seat, other WHERE seat.id = other.id FOR UPDATE", {"seat": 2, "other": 3}),
    ("SELECT 1 FROM seat AS s JOIN other AS o USING (id) FOR UPDATE OF s", {"seat": 2}),
    (
        "SELECT 1 FROM seat AS s JOIN other USING (id) FOR UPDATE OF s FOR KEY SHARE OF other",
        {"seat": 2, "other": 3},
    ),
    (
        "SELECT 1 FROM seat AS s JOIN other USING (id) FOR UPDATE OF s FOR KEY SHARE",
        {"seat": 2, "other": 3},
    ),
    ("SELECT 1 FROM seat LEFT JOIN other USING (id) FOR UPDATE OF seat", {"seat": 4}),
    ("SELECT 1 FROM other AS o, other AS p WHERE o.id = p.id FOR UPDATE", {"other": 3}),
    ("SELECT 1 FROM seat JOIN generate_series(2, 3) AS g ON g = id FOR UPDATE", {"seat": 2}),
    ("SELECT 1 FROM seat, (SELECT 3 AS x) AS q WHERE id = x FOR UPDATE OF seat", {"seat": 1}),
    ("WITH other AS (SELECT 1 AS x) TABLE seat FOR UPDATE", {"seat": 4}),
    ("WITH w AS (SELECT 1 AS x) SELECT 1 FROM w, seat WHERE id > x FOR UPDATE", {"seat": 3}),
    (
        "SELECT word AS w FROM seat JOIN other USING (id) ORDER BY w LIMIT 1 FOR UPDATE",
        {"seat": 1, "other": 1},
    ),
    ('SELECT 1 FROM "Weird Table" AS "T", other WHERE id = 3 FOR UPDATE',
     {'"Weird Table"': 3, "other": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "counts"), _JOINED)
async def test_the_locked_rows_of_a_join_are_listed_once(
    tables: Connection, sql: str, counts: dict[str, int]
) -> None:
    (statement,) = read(sql)
    rewritten = locked_rows(statement)
    assert rewritten is not None
    async with tables.transaction(isolation="repeatable_read"):
        found = await tables.fetch(rewritten)
        # What PostgreSQL has locked carries our transaction's number.
        ours = "WHERE xmax::text = txid_current()::text"
        marked = {
            table: await tables.fetchval(f"SELECT count(*) FROM {table} {ours}") for table in counts
        }
    assert Counter(row["table"] for row in found) == counts
    assert marked == counts


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM (SELECT * FROM seat) AS s FOR UPDATE",
        "SELECT 1 FROM seat, (SELECT * FROM other) AS o FOR UPDATE",
        "SELECT 1 FROM seat, (SELECT * FROM other) AS o FOR UPDATE OF o",
        "SELECT 1 FROM seat WHERE id IN (SELECT id FROM other FOR UPDATE) FOR UPDATE",
        "EXPLAIN ANALYZE SELECT 1 FROM seat FOR UPDATE",
        "SELECT (SELECT 1 FROM seat FOR UPDATE)",
        "SELECT * FROM seat ORDER BY 2 LIMIT 1 FOR UPDATE",
        "SELECT id FROM seat ORDER BY -1 LIMIT 1 FOR UPDATE",
        "SELECT id FROM seat ORDER BY 2 LIMIT 1 FOR UPDATE",
        "WITH x AS (SELECT * FROM seat FOR UPDATE) SELECT * FROM x",
        "SELECT name FROM seat",
    ],
)
def test_other_locks_are_not_listed_row_by_row(sql: str) -> None:
    (statement,) = read(sql)
    assert locked_rows(statement) is None


async def test_skip_locked_skips_nothing(tables: Connection, database: Database) -> None:
    (statement,) = read("SELECT id FROM dialect.seat WHERE id = 1 FOR UPDATE SKIP LOCKED")
    assert "LOCKED" not in statement.sql
    assert statement.lock == "UPDATE"
    assert [row["id"] for row in await tables.fetch(statement.sql)] == [1]
