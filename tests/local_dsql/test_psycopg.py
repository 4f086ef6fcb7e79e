"""A driver written by somebody else: psycopg 3 over libpq, with its own idea of the protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from worldseat.local_dsql.descriptor import Descriptor
from worldseat.stores.dsql import access, signing

Connect = Callable[..., Any]


@pytest.fixture
def connect(at: Descriptor) -> Connect:
    """Open a connection through a Region, verified in full."""

    @asynccontextmanager
    async def connected(region: str = "us-east-1", **words: Any) -> AsyncIterator[Any]:
        url = at.url(region)
        asked = parse_qs(urlsplit(url).query)
        there = access.parse(url)
        connection = await psycopg.AsyncConnection.connect(
            host=there.host,
            hostaddr=there.address,
            port=there.port,
            user=there.user,
            dbname=there.database,
            password=await signing.token(there),
            sslmode="verify-full",
            sslrootcert=asked["ca_file"][0],
            **words,
        )
        async with connection:
            yield connection

    return connected


async def fetched(connection: Any, sql: str, *values: object) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = await (await connection.execute(sql, values)).fetchall()
    return found


@pytest.mark.parametrize("threshold", [None, 0], ids=["unnamed", "prepared"])
async def test_a_stale_update_is_answered_and_the_conflict_comes_at_commit(
    connect: Connect, table: str, threshold: int | None
) -> None:
    async with connect(prepare_threshold=threshold) as one, connect("us-east-2") as other:
        assert await fetched(one, f"SELECT value FROM {table} WHERE id = %s", 1) == [(10,)]
        await other.execute(f"UPDATE {table} SET value = 99 WHERE id = 1")
        await other.commit()
        done = await one.execute(f"UPDATE {table} SET value = %s WHERE id = %s", (11, 1))
        assert (done.rowcount, done.statusmessage) == (1, "UPDATE 1")
        with pytest.raises(psycopg.errors.SerializationFailure, match="OC000"):
            await one.commit()
        assert await fetched(one, f"SELECT value FROM {table} WHERE id = %s", 1) == [(99,)]
        await one.commit()


async def test_a_pipeline_that_was_overtaken(connect: Connect, table: str) -> None:
    async with connect() as one, connect("us-east-2", autocommit=True) as other:
        await fetched(one, f"SELECT value FROM {table} WHERE id = %s", 1)
        await other.execute(f"UPDATE {table} SET value = 99 WHERE id = 1")

        async def at_once() -> None:
            async with one.pipeline():
                done = await one.execute(
                    f"UPDATE {table} SET value = %s WHERE id = 1 RETURNING value", (11,)
                )
                added = await one.execute(f"INSERT INTO {table} VALUES (%s, %s)", (3, 30))
                assert await done.fetchall() == [(11,)]
                assert added.rowcount == 1
                await one.commit()

        with pytest.raises(psycopg.errors.SerializationFailure):
            await at_once()
        await one.rollback()
        assert await fetched(one, f"SELECT id, value FROM {table} ORDER BY id") == [
            (1, 99),
            (2, 20),
        ]


async def test_executemany_that_was_overtaken(connect: Connect, table: str) -> None:
    async with connect() as one, connect("us-east-2", autocommit=True) as other:
        await fetched(one, f"SELECT value FROM {table}")
        await other.execute(f"UPDATE {table} SET value = 99 WHERE id = 1")
        async with one.cursor() as cursor:
            await cursor.executemany(
                f"UPDATE {table} SET value = %s WHERE id = %s", [(11, 1), (21, 2), (0, 7)]
            )
            assert cursor.rowcount == 2
        with pytest.raises(psycopg.errors.SerializationFailure):
            await one.commit()


async def test_a_pipeline_outside_of_a_transaction(connect: Connect, table: str) -> None:
    async with connect(autocommit=True) as one, one.pipeline():
        for number in range(3, 8):
            await one.execute(f"INSERT INTO {table} VALUES (%s, 0)", (number,))
        counted = await one.execute(f"SELECT count(*) FROM {table}")
        assert await counted.fetchone() == (7,)


async def test_an_error_in_a_pipeline_is_told_once_and_the_session_goes_on(
    connect: Connect, table: str
) -> None:
    async with connect(autocommit=True) as one:

        async def at_once() -> None:
            async with one.pipeline():
                await one.execute(f"INSERT INTO {table} VALUES (3, 0)")
                await one.execute("SELECT 1 / 0")
                await one.execute(f"INSERT INTO {table} VALUES (4, 0)")

        with pytest.raises(psycopg.errors.DivisionByZero):
            await at_once()
        assert await fetched(one, "SELECT 1") == [(1,)]


async def test_copy_in_and_out(connect: Connect, table: str) -> None:
    async with connect(autocommit=True) as one, one.cursor() as cursor:
        async with cursor.copy(f"COPY {table} FROM STDIN") as copy:
            for number in range(100, 2100):
                await copy.write_row((number, number))
        async with cursor.copy(f"COPY (SELECT * FROM {table} WHERE id >= 100) TO STDOUT") as copy:
            assert len([row async for row in copy.rows()]) == 2000

        async def too_many() -> None:
            async with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for number in range(5000, 8001):
                    await copy.write_row((number, number))

        with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="row limit"):
            await too_many()
        assert await fetched(one, f"SELECT count(*) FROM {table}") == [(2002,)]


async def test_copy_that_the_client_gives_up(connect: Connect, table: str) -> None:
    async with connect(autocommit=True) as one, one.cursor() as cursor:

        async def give_up() -> None:
            async with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                await copy.write_row((100, 100))
                raise psycopg.errors.QueryCanceled

        with pytest.raises(psycopg.errors.QueryCanceled):
            await give_up()
        assert await fetched(one, f"SELECT count(*) FROM {table}") == [(2,)]


async def test_a_statement_is_cancelled(connect: Connect) -> None:
    async with connect(autocommit=True) as one:
        endless = "SELECT count(*) FROM generate_series(1, 2000000000)"
        task = asyncio.create_task(one.execute(endless))
        await asyncio.sleep(0.2)
        await one.cancel_safe()
        with pytest.raises(psycopg.errors.QueryCanceled):
            await task
        assert await fetched(one, "SELECT 1") == [(1,)]


async def test_nested_transactions_are_refused(connect: Connect) -> None:
    async with connect() as one, one.transaction():
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="SAVEPOINT"):
            async with one.transaction():
                pass


async def test_rows_come_piece_by_piece(connect: Connect) -> None:
    async with connect(autocommit=True) as one, one.cursor() as cursor:
        found = [row async for row in cursor.stream("SELECT generate_series(1, 20000)")]
    assert len(found) == 20_000


async def test_a_wrong_password_and_a_wrong_name(at: Descriptor) -> None:
    there = access.parse(at.url("us-east-1"))
    words: dict[str, Any] = {
        "hostaddr": there.address,
        "port": there.port,
        "user": "admin",
        "dbname": "postgres",
        "sslrootcert": there.ca_file,
    }
    with pytest.raises(psycopg.OperationalError, match="access denied"):
        await psycopg.AsyncConnection.connect(
            host=there.host, password="wrong", sslmode="verify-full", **words
        )
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        await psycopg.AsyncConnection.connect(
            host="other.dsql.us-east-1.on.aws", password="wrong", sslmode="verify-full", **words
        )
    with pytest.raises(psycopg.OperationalError, match="TLS is required"):
        await psycopg.AsyncConnection.connect(
            host=there.host, password="wrong", **{**words, "sslrootcert": "", "sslmode": "disable"}
        )
