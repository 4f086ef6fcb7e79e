"""DDL, its jobs, and what the rest of the cluster is told of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from tests.local_dsql.clients import plain, rows, session, state_of, two_sessions

from worldseat.local_dsql.descriptor import Descriptor

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"


@pytest_asyncio.fixture
async def one(at: Descriptor) -> AsyncIterator[Any]:
    async with session(at) as connection:
        yield connection


async def test_open_transactions_of_others_are_told_oc001(at: Descriptor, table: str) -> None:
    """At their next statement or at COMMIT, whether they wrote or not; nothing of them stays."""
    async with two_sessions(at) as (changer, writer), session(at) as reader:
        await writer.execute(BEGIN)
        await writer.execute(f"UPDATE {table} SET value = 7 WHERE id = 1")
        await reader.execute(BEGIN)
        await reader.fetch(f"SELECT * FROM {table}")
        async with asyncio.timeout(2):
            await changer.execute(f"ALTER TABLE {table} ADD COLUMN later int")
        with pytest.raises(asyncpg.PostgresError, match="OC001") as told:
            await writer.execute("COMMIT")
        assert told.value.sqlstate == "40001"
        assert await state_of(reader.fetch("SELECT 1")) == "40001"
        assert await reader.execute("COMMIT") == "ROLLBACK"
        assert await rows(changer, f"SELECT value FROM {table} WHERE id = 1") == [(10,)]


async def test_one_change_of_the_schema_per_transaction_and_no_rows_with_it(
    one: Any, table: str
) -> None:
    """Recorded: two_ddl_one_txn, ddl_then_dml."""
    change, write = f"ALTER TABLE {table} ADD COLUMN n int", f"INSERT INTO {table} VALUES (3, 30)"
    index = f"CREATE INDEX ASYNC {table}_by_value ON {table} (value)"
    texts = {
        (change, change): "multiple ddl statements not supported in a transaction",
        (change, index): "multiple ddl statements not supported in a transaction",
        (index, change): "multiple ddl statements not supported in a transaction",
        (change, write): "ddl and dml are not supported in the same transaction",
        (write, change): "ddl and dml are not supported in the same transaction",
        (write, index): "ddl and dml are not supported in the same transaction",
    }
    for (first, second), text in texts.items():
        await one.execute(BEGIN)
        await one.execute(first)
        with pytest.raises(asyncpg.FeatureNotSupportedError, match=text):
            await one.execute(second)
        assert await state_of(one.execute("SELECT 1")) == "25P02"
        assert await one.execute("COMMIT") == "ROLLBACK"
        with pytest.raises(asyncpg.FeatureNotSupportedError, match=text):
            await one.execute(f"{first}; {second}")
        # Nothing stays open of a text that failed half way.
        assert await one.execute(f"UPDATE {table} SET value = value") == "UPDATE 2"
        async with asyncio.timeout(1):
            assert await rows(one, f"SELECT id FROM {table} ORDER BY id") == [(1,), (2,)]


async def test_what_follows_a_refused_text_is_committed(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        text = f"UPDATE {table} SET value = 5 WHERE id = 1; CREATE TABLE no_such (id int)"
        assert await state_of(one.execute(text)) == "0A000"
        assert await one.execute(f"UPDATE {table} SET value = 6 WHERE id = 2") == "UPDATE 1"
        assert await rows(other, f"SELECT value FROM {table} ORDER BY id") == [(10,), (6,)]


async def test_an_index_is_built_in_the_background_and_waited_for(one: Any, table: str) -> None:
    job = await one.fetchval(f"CREATE UNIQUE INDEX ASYNC {table}_key ON {table} (value)")
    assert len(job) == 26
    await one.execute(f"CALL sys.wait_for_job('{job}')")
    found = await one.fetchrow(
        "SELECT status, job_type, object_name FROM sys.jobs WHERE job_id=$1", job
    )
    assert tuple(found) == ("completed", "INDEX_BUILD", f"{table}_key")
    assert await one.fetchval(
        f"SELECT indisvalid FROM pg_index WHERE indexrelid='{table}_key'::regclass"
    )
    assert await state_of(one.execute(f"INSERT INTO {table} VALUES (3, 10)")) == "23505"


async def test_a_build_that_fails_says_why_and_leaves_an_index_that_is_not_valid(
    one: Any, table: str
) -> None:
    await one.execute(f"UPDATE {table} SET value = 1")
    job = await one.fetchval(f"CREATE UNIQUE INDEX ASYNC {table}_key ON {table} (value)")
    await one.execute(f"CALL sys.wait_for_job('{job}')")
    status, details = await one.fetchrow(
        "SELECT status, details FROM sys.jobs WHERE job_id=$1", job
    )
    assert status == "failed"
    assert "could not create unique index" in details
    valid = f"SELECT indisvalid FROM pg_index WHERE indexrelid='{table}_key'::regclass"
    assert await one.fetchval(valid) is False


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("CREATE INDEX ASYNC i ON no_such_table (value)", "42P01"),
        ("CREATE INDEX ASYNC {t}_pkey ON {t} (value)", "42P07"),
        ("CREATE INDEX i ON {t} (value)", "0A000"),
        ("CALL sys.wait_for_job('abc')", "22P02"),
        ("CALL sys.wait_for_job('aaaaaaaaaaaaaaaaaaaaaaaaaa')", "22023"),
        ("ALTER TABLE {t} DROP COLUMN id", "0A000"),
        ("AWS IAM GRANT admin TO 'arn:aws:iam::111122223333:role/x'", "0A000"),
        ("AWS IAM GRANT no_such_role TO 'arn:aws:iam::111122223333:role/x'", "42704"),
    ],
)
async def test_what_cannot_be_done_is_refused(one: Any, table: str, sql: str, state: str) -> None:
    assert await state_of(one.execute(sql.format(t=table))) == state


async def test_a_job_of_a_transaction_begins_when_it_commits(one: Any, table: str) -> None:
    for end, count in (("ROLLBACK", 0), ("COMMIT", 1)):
        await one.execute(BEGIN)
        job = await one.fetchval(f"CREATE INDEX ASYNC {table}_{end} ON {table} (value)")
        await one.execute(end)
        assert await one.fetchval("SELECT count(*) FROM sys.jobs WHERE job_id = $1", job) == count
        if count:  # No table goes while its index is built.
            await one.execute(f"CALL sys.wait_for_job('{job}')")


async def test_a_constraint_is_validated_in_the_background(one: Any, table: str) -> None:
    await one.execute(f"ALTER TABLE {table} ADD CONSTRAINT small CHECK (value < 15) NOT VALID")
    job = await one.fetchval(f"ALTER TABLE ASYNC {table} VALIDATE CONSTRAINT small")
    await one.execute(f"CALL sys.wait_for_job('{job}')")
    assert await one.fetchval("SELECT status FROM sys.jobs WHERE job_id = $1", job) == "failed"
    await one.execute(f"DELETE FROM {table} WHERE value > 15")
    job = await one.fetchval(f"ALTER TABLE ASYNC {table} VALIDATE CONSTRAINT small")
    await one.execute(f"CALL sys.wait_for_job('{job}')")
    assert await one.fetchval("SELECT status FROM sys.jobs WHERE job_id = $1", job) == "completed"


async def test_a_setting_outlives_the_writes_around_it(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        await other.execute(BEGIN)
        await other.execute(f"UPDATE {table} SET value = 21 WHERE id = 2")
        await one.execute(BEGIN)
        await one.execute(f"UPDATE {table} SET value = 11 WHERE id = 1")
        await one.execute("SET timezone = 'Europe/Berlin'")
        assert await one.fetchval("SHOW timezone") == "Europe/Berlin"
        assert await one.execute("COMMIT") == "COMMIT"
        assert await one.fetchval("SHOW timezone") == "Europe/Berlin"
        await other.execute("ROLLBACK")


async def test_a_deferred_constraint_is_told_as_what_it_is(one: Any, table: str) -> None:
    child = f"{table}_child"
    await one.execute(
        f"CREATE TABLE {child} (id int PRIMARY KEY, parent int "
        f"REFERENCES {table} (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    await one.execute(BEGIN)
    await one.execute(f"INSERT INTO {child} VALUES (1, 99)")
    assert await state_of(one.execute("COMMIT")) == "23503"
    await one.execute(f"DROP TABLE {child}")


async def test_a_view_can_be_locked(one: Any, table: str) -> None:
    await one.execute(f"CREATE VIEW {table}_view AS SELECT * FROM {table}")
    await one.execute(BEGIN)
    assert len(await one.fetch(f"SELECT * FROM {table}_view FOR UPDATE")) == 2
    assert await one.execute("COMMIT") == "COMMIT"
    await one.execute(f"DROP VIEW {table}_view")


async def test_a_lock_outside_of_a_transaction_waits_for_nobody(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        await one.execute(BEGIN)
        await one.execute(f"UPDATE {table} SET value = 11 WHERE id = 1")
        async with asyncio.timeout(1):
            found = await rows(other, f"SELECT value FROM {table} WHERE id = 1 FOR UPDATE")
        assert found == [(10,)]
        assert await one.execute("COMMIT") == "COMMIT"


async def test_a_message_of_nine_megabytes_arrives(at: Descriptor) -> None:
    async with session(at) as one:
        async with asyncio.timeout(10):
            assert await one.fetchval("SELECT length($1::bytea)", bytes(9_000_000)) == 9_000_000


async def test_rows_that_were_told_may_come_in_another_order(at: Descriptor) -> None:
    async with two_sessions(at) as (one, other):
        await one.execute("CREATE TABLE test_order (id int PRIMARY KEY, n int)")
        await one.execute("INSERT INTO test_order SELECT g, 0 FROM generate_series(1, 60) g")
        for turn in range(5):
            await other.execute(BEGIN)
            await other.execute("UPDATE test_order SET n = n + 1 WHERE id = 60")
            await one.execute(BEGIN)
            told = await one.fetch("UPDATE test_order SET n = n + 1 WHERE id < 52 RETURNING *")
            assert len(told) == 51, turn
            assert await one.execute("COMMIT") == "COMMIT"
            assert await other.execute("COMMIT") == "COMMIT"
        await one.execute("DROP TABLE test_order")


async def test_chains_are_refused(one: Any) -> None:
    await one.execute("BEGIN")
    assert await state_of(one.execute("COMMIT AND CHAIN")) == "0A000"
    assert await one.execute("ROLLBACK") == "ROLLBACK"


async def test_a_database_killed_behind_is_told_to_those_who_wait_for_nothing(
    at: Descriptor,
) -> None:
    async with session(at) as one:
        pid = await one.fetchval("SELECT pg_backend_pid()")
        behind = await plain(at)
        await behind.execute("SELECT pg_terminate_backend($1)", pid)
        await behind.close()
        async with asyncio.timeout(2):
            while not one.is_closed():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
