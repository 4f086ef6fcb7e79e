"""The product's own writes: what a doomed transaction answers for each of them."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database
from tests.local_dsql.dialect.columns import columns_of

import worldseat.stores.dsql
from worldseat.local_dsql.dialect import Kind, Statement, read
from worldseat.local_dsql.dialect.rewrite import answer_from_snapshot, insert_unless_there

_STORE = Path(worldseat.stores.dsql.__file__).parent
_WRITES = [
    statement
    for path in sorted((_STORE / "queries").glob("*.sql"))
    for statement in read(path.read_text())
    if statement.kind is Kind.WRITE
]


@pytest_asyncio.fixture(scope="module")
async def product(database: Database) -> AsyncIterator[Any]:
    """A connection to the product's tables, in a schema of their own."""
    connection = await asyncpg.connect(database.url)
    await connection.execute("CREATE SCHEMA product_writes; SET search_path TO product_writes")
    for path in sorted((_STORE / "migrations").rglob("*.sql")):
        if not path.name.endswith(".verify.sql"):
            await connection.execute("; ".join(each.sql for each in read(path.read_text())))
    yield connection
    await connection.execute("DROP SCHEMA product_writes CASCADE")
    await connection.close()


@pytest.mark.parametrize("statement", _WRITES, ids=[each.text for each in _WRITES])
async def test_a_write_can_be_answered_without_writing(product: Any, statement: Statement) -> None:
    known = await columns_of(product, statement.written[0])
    answer = answer_from_snapshot(statement, lambda _table: known)
    if "ON CONFLICT" in statement.text:
        assert answer is None
        assert insert_unless_there(statement) is None
        return
    assert answer is not None
    rewritten = [answer]
    if statement.tag == "INSERT":
        careful = insert_unless_there(statement)
        assert careful is not None
        rewritten.append(careful)
    real = await product.prepare(statement.sql)
    for sql in rewritten:
        meant = await product.prepare(sql)
        assert [each.oid for each in meant.get_parameters()] == [
            each.oid for each in real.get_parameters()
        ]


def test_the_purchase_is_among_them() -> None:
    assert {"seat", "op_log"} <= {table for each in _WRITES for table in each.written}
