"""A rewritten statement answers what the real one answers in the same snapshot.

Each case runs in one REPEATABLE READ transaction of a real PostgreSQL: first the rewritten SELECT,
then the statement itself, then a rollback.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.behind import Database
from tests.local_dsql.dialect.columns import columns_of
from tests.local_dsql.dialect.writes import CASES

from worldseat.local_dsql.dialect import read
from worldseat.local_dsql.dialect.rewrite import (
    answer_from_snapshot,
    insert_unless_there,
    locked_rows,
)

Connection = Any


async def _both(
    connection: Connection, sql: str, *values: object
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """The answers of the rewritten statement and of the real one, in one snapshot."""
    (statement,) = read(sql)
    known = await columns_of(connection, statement.written[0])
    rewritten = answer_from_snapshot(statement, lambda _table: known)
    assert rewritten is not None, sql
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        meant = await connection.prepare(rewritten)
        real = await connection.prepare(sql)
        assert [each.oid for each in meant.get_parameters()] == [
            each.oid for each in real.get_parameters()
        ], rewritten
        expected = [tuple(row) for row in await meant.fetch(*values)]
        rows = [tuple(row) for row in await real.fetch(*values)]
        if statement.returning:
            assert [(each.name, each.type.oid) for each in meant.get_attributes()] == [
                (each.name, each.type.oid) for each in real.get_attributes()
            ], rewritten
        else:
            rows = [(1,)] * int(real.get_statusmsg().split()[-1])
        return sorted(expected, key=repr), sorted(rows, key=repr)
    finally:
        await transaction.rollback()


@pytest.mark.parametrize(("sql", "values"), CASES, ids=[case[0].strip()[:60] for case in CASES])
async def test_the_answer_from_the_snapshot_is_the_answer_of_the_write(
    tables: Connection, sql: str, values: Sequence[object]
) -> None:
    expected, rows = await _both(tables, sql, *values)
    assert expected == rows


_NOT_FAITHFUL = [
    "WITH x AS (DELETE FROM other RETURNING id) UPDATE seat SET name = 'x' FROM x",
    "WITH x AS (DELETE FROM seat RETURNING id) DELETE FROM seat",
    "WITH seat AS (SELECT 1 AS id) UPDATE seat SET name = 'x'",
    "WITH x AS (UPDATE seat SET name = 'x' RETURNING id) SELECT * FROM x",
    "EXPLAIN ANALYZE DELETE FROM seat",
    "UPDATE seat SET name = word FROM other WHERE other.id = seat.id RETURNING word",
    "DELETE FROM seat USING other WHERE other.id = seat.id RETURNING seat.id",
    "UPDATE seat SET name = DEFAULT RETURNING name",
    "UPDATE seat SET (name, small) = (SELECT 'a', 1)",
    "UPDATE seat SET (name, small) = ROW ('a')",
    "UPDATE seat SET body['a'] = '1'",
    "UPDATE seat SET name = 'x' RETURNING ctid",
    "UPDATE seat SET name = 'x' RETURNING seat",
    "UPDATE seat AS s SET name = 'x' RETURNING to_jsonb(s)",
    "UPDATE dialect.seat SET name = 'x' RETURNING dialect.seat.name",
    "UPDATE seat SET unknown_column = 1",
    "INSERT INTO seat (id) VALUES (1) ON CONFLICT DO NOTHING",
    "INSERT INTO seat (id) VALUES (1) RETURNING price",
    "INSERT INTO seat (id) VALUES (1) RETURNING *",
    "INSERT INTO seat (id, price) VALUES (1, DEFAULT) RETURNING price",
    "INSERT INTO seat (id) VALUES (1) RETURNING (SELECT 1)",
    "INSERT INTO seat (id) OVERRIDING USER VALUE VALUES (1) RETURNING id",
    "INSERT INTO seat DEFAULT VALUES RETURNING id",
    "INSERT INTO seat (unknown_column) VALUES (1)",
    "INSERT INTO seat (body['a']) VALUES ('1')",
    "INSERT INTO seat (id, name, price) SELECT *, $1 FROM other",
    "INSERT INTO seat (id, name) VALUES (1)",
    "INSERT INTO seat (id, name) SELECT 1",
    "INSERT INTO seat (id, name) VALUES (1, 'a'), (2)",
    "INSERT INTO seat VALUES (1, 'a', 1, '1', NULL, '', 1, 'a', 'one too many')",
    "INSERT INTO seat SELECT * FROM seat",
]


@pytest.mark.parametrize("sql", _NOT_FAITHFUL)
async def test_where_no_faithful_answer_exists_there_is_none(tables: Connection, sql: str) -> None:
    (statement,) = read(sql)
    known = await columns_of(tables, "seat")
    assert answer_from_snapshot(statement, lambda _table: known) is None


@pytest.mark.parametrize(
    "text", ["UPDATE seat SET id = {} RETURNING id", "SELECT id FROM seat ORDER BY {} FOR UPDATE"]
)
def test_what_gets_too_deep_to_be_rewritten_has_no_answer(text: str) -> None:
    answers = set()
    for length in range(2, 80):
        (statement,) = read(text.format(" + ".join(["id"] * length)))
        answers.add(answer_from_snapshot(statement, lambda _table: [("id", "integer")]) is None)
        answers.add(locked_rows(statement) is None)
    assert answers == {False, True}


def test_a_table_that_the_caller_cannot_describe_gets_no_answer() -> None:
    (statement,) = read("UPDATE seat SET name = 'x'")
    assert answer_from_snapshot(statement, lambda _table: ()) is None


_EXPRESSIONS = {
    "id": ["id + 10", "$1"],
    "name": ["NULL", "'x'", "name || 'y'", "upper(name)", "$2", "left(name, 1) || id"],
    "price": ["price / 3", "NULL", "0.005", "id", "-price", "coalesce(price, 1) * 2"],
    "small": ["small::int / 2", "1.5", "NULL", "abs(small)", "length(name)"],
    "at": ["at - interval '1 hour'", "'2026-01-01'", "NULL", "date_trunc('day', at)"],
    "body": ["body || '[2]'", "NULL", "'{\"z\": 0}'", "jsonb_build_object('n', name)"],
    "code": ["'q'", "NULL", "left(name, 2)"],
}
_CONDITIONS = ["id = 1", "name IS NULL", "small > 0", "price < 2", "true", "body ? 'a'", "id = $1"]
_RETURNED = [
    "*",
    "id",
    "seat.name",
    "price::text AS p",
    "name || small",
    "small + price",
    "at",
    "body::text",
    "coalesce(code, name)",
    "id IS NULL",
    "seat.*",
    "name = code",
]


@st.composite
def _updates(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(sorted(_EXPRESSIONS)), min_size=1, unique=True))
    values = [f"{name} = {draw(st.sampled_from(_EXPRESSIONS[name]))}" for name in names]
    where = draw(st.lists(st.sampled_from(_CONDITIONS), min_size=1, max_size=3))
    joined = draw(st.sampled_from([" AND ", " OR ", " AND NOT "])).join(where)
    returned = draw(st.lists(st.sampled_from(_RETURNED), max_size=4))
    listed = f" RETURNING {', '.join(returned)}" if returned else ""
    # The parameters are always there, so that every statement takes the same two.
    both = "($1::int IS NOT NULL OR $2::varchar IS NULL)"
    return f"UPDATE seat SET {', '.join(values)} WHERE ({joined}) AND {both}{listed}"


@given(sql=_updates())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_update_is_answered_as_it_would_answer(tables: Connection, sql: str) -> None:
    try:
        expected, rows = await _both(tables, sql, 50, "é'\\")
    except asyncpg.UniqueViolationError:
        return  # `SET id = $1` for several rows: only the write can find that.
    assert expected == rows


async def test_an_insert_that_meets_a_key_that_the_snapshot_lacks_is_a_conflict(
    tables: Connection, database: Database
) -> None:
    (statement,) = read("INSERT INTO dialect.seat (id, name) VALUES ($1, 'n') RETURNING id, name")
    rewritten = insert_unless_there(statement)
    assert rewritten is not None
    other = await asyncpg.connect(database.url)
    try:
        transaction = tables.transaction(isolation="repeatable_read")
        await transaction.start()
        assert await tables.fetchval("SELECT count(*) FROM seat") == 4
        await other.execute("INSERT INTO dialect.seat (id) VALUES (77)")
        assert await tables.fetch(rewritten, 1) == []
        assert [tuple(row) for row in await tables.fetch(rewritten, 78)] == [(78, "n")]
        with pytest.raises(asyncpg.SerializationError):
            await tables.fetch(rewritten, 77)
        await transaction.rollback()
    finally:
        await other.execute("DELETE FROM dialect.seat WHERE id = 77")
        await other.close()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO seat (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x'",
        "UPDATE seat SET name = 'x'",
        "WITH x AS (INSERT INTO seat (id) VALUES (1) RETURNING id) SELECT * FROM x",
    ],
)
def test_only_a_plain_insert_is_made_to_give_way(sql: str) -> None:
    (statement,) = read(sql)
    assert insert_unless_there(statement) is None
