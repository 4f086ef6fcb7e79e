"""The service's limits, with its SQLSTATEs; the slow ones on a cluster whose limits are smaller."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from tests.local_dsql.clients import rows, session, state_of
from tests.patience import until

from worldseat.local_dsql.descriptor import Descriptor
from worldseat.local_dsql.launch import Launch

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"


@pytest_asyncio.fixture(scope="module")
async def small(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Descriptor]:
    """A cluster with small limits."""
    limits = "--transaction-s 0.4 --session-s 1.5 --connects-per-s 1 --connects-burst 5"
    words = tuple(limits.split())
    launch = Launch(tmp_path_factory.mktemp("small") / "dsql", delays=False, words=words)
    yield await launch.start()
    await launch.stop()


WAYS_TO_3001 = {
    "insert": "INSERT INTO {t} SELECT g, 0 FROM generate_series(10, 3010) g",
    "update": "UPDATE {t} SET value = 1",
    "delete": "DELETE FROM {t}",
    "with": "WITH gone AS (DELETE FROM {t} RETURNING id) SELECT count(*) FROM gone",
    "on conflict": "INSERT INTO {t} SELECT id, 1 FROM {t} ON CONFLICT (id) DO UPDATE SET value = 2",
}


@pytest.mark.parametrize("way", WAYS_TO_3001)
@pytest.mark.parametrize("alone", [True, False])
async def test_3001_rows_are_too_many_however_they_are_written(
    at: Descriptor, table: str, way: str, *, alone: bool
) -> None:
    async with session(at) as one:
        if way != "insert":
            for first in (10, 2000):
                series = f"generate_series({first}, {first + 1500})"
                await one.execute(f"INSERT INTO {table} SELECT g, 0 FROM {series} g")
        before = await rows(one, f"SELECT count(*), sum(value) FROM {table}")
        if not alone:
            await one.execute(BEGIN)
        with pytest.raises(asyncpg.PostgresError, match=r"^transaction row limit exceeded$") as met:
            await one.execute(WAYS_TO_3001[way].format(t=table))
        assert met.value.sqlstate == "54000"
        if not alone:
            assert await state_of(one.execute("SELECT 1")) == "25P02"
            await one.execute("ROLLBACK")
        assert await rows(one, f"SELECT count(*), sum(value) FROM {table}") == before


async def test_rows_are_counted_over_the_whole_transaction(at: Descriptor, table: str) -> None:
    """Exactly 3,000 are allowed (recorded: row_cap_boundary), whoever else writes meanwhile."""
    async with session(at) as one, session(at, "us-east-2") as other:
        for crowded in (False, True):
            if crowded:
                await other.execute(BEGIN)
                await other.execute(f"UPDATE {table} SET value = 21 WHERE id = 2")
            await one.execute(BEGIN)
            await one.execute(f"INSERT INTO {table} SELECT g, 0 FROM generate_series(10, 2009) g")
            await one.execute(f"DELETE FROM {table} WHERE id BETWEEN 10 AND 1008")
            await one.execute(f"UPDATE {table} SET value = 1 WHERE id = 1")
            sql = f"UPDATE {table} SET value = 2 WHERE id = 1"
            assert await state_of(one.execute(sql)) == "54000"
            await one.execute("ROLLBACK")
        await other.execute("ROLLBACK")


async def test_cascades_count(at: Descriptor, table: str) -> None:
    async with session(at) as one:
        await one.execute(
            f"CREATE TABLE {table}_child (id int PRIMARY KEY, "
            f"parent int REFERENCES {table} (id) ON DELETE CASCADE)"
        )
        for first in (0, 2000):
            await one.execute(
                f"INSERT INTO {table}_child SELECT g, 1 "
                f"FROM generate_series({first}, {first + 1499}) g"
            )
        assert await state_of(one.execute(f"DELETE FROM {table} WHERE id = 1")) == "54000"
        await one.execute(f"DELETE FROM {table}_child WHERE id = 0")
        assert await one.execute(f"DELETE FROM {table} WHERE id = 1") == "DELETE 1"
        await one.execute(f"DROP TABLE {table}_child")


async def test_bytes_are_counted(at: Descriptor) -> None:
    async with session(at) as one:
        await one.execute("CREATE TABLE test_bytes (id int PRIMARY KEY, body bytea)")
        body = bytes(range(256)) * 2048
        await one.execute(BEGIN)
        for number in range(19):
            await one.execute("INSERT INTO test_bytes VALUES ($1, $2)", number, body)
        with pytest.raises(asyncpg.PostgresError, match="size limit 10mb exceeded") as met:
            await one.execute("INSERT INTO test_bytes VALUES ($1, $2)", 19, body + body)
        assert met.value.sqlstate == "54000"
        await one.execute("ROLLBACK")
        await one.execute("DROP TABLE test_bytes")


@pytest.mark.slow
async def test_a_transaction_has_its_age(small: Descriptor) -> None:
    async with session(small) as one:
        await one.execute(BEGIN)
        assert await one.fetchval("SELECT 1") == 1
        await asyncio.sleep(0.5)
        with pytest.raises(asyncpg.PostgresError, match=r"age limit of 0\.4s exceeded") as met:
            await one.fetchval("SELECT 1")
        assert met.value.sqlstate == "54000"
        assert await one.execute("COMMIT") == "ROLLBACK"


async def test_a_session_has_its_age_and_a_transaction_at_its_end_may_finish(
    small: Descriptor,
) -> None:
    async with session(small) as one:
        await asyncio.sleep(1.3)
        await one.execute(BEGIN)
        await asyncio.sleep(0.3)
        assert await one.execute("COMMIT") == "COMMIT"
        await until(one.is_closed)


async def test_connections_are_accepted_at_a_rate(small: Descriptor) -> None:
    ends = []
    for _ in range(8):
        try:
            async with session(small, "us-east-2"):
                ends.append("ok")
        except asyncpg.PostgresError as error:
            ends.append(f"{error.sqlstate} {error}")
    assert ends.count("ok") in {5, 6}
    assert set(ends) == {"ok", "53400 Unable to accept connection, rate exceeded."}
