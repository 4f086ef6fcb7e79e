"""Conflicts appear at COMMIT, and a doomed statement answers as its snapshot has it.

In every case one session takes its snapshot, the other commits, and then the first one writes.
"""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.local_dsql.clients import rows, session, state_of, two_sessions

from worldseat.local_dsql.descriptor import Descriptor

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"
OVERTAKE = "UPDATE {t} SET value = 99 WHERE id = 1"


async def overtaken(one: Any, other: Any, table: str, by: str = OVERTAKE) -> None:
    """Begin and read in one session, and commit a change in the other."""
    await one.execute(BEGIN)
    await one.fetch(f"SELECT * FROM {table}")
    await other.execute(by.format(t=table))


STALE = {
    "update": ("UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
    "update of two, one of them stale": ("UPDATE {t} SET value = value + 1", "UPDATE 2"),
    "update on a condition that only the snapshot fulfils": (
        "UPDATE {t} SET value = 11 WHERE id = 1 AND value = 10",
        "UPDATE 1",
    ),
    "delete": ("DELETE FROM {t} WHERE id = 1", "DELETE 1"),
    "delete by value": ("DELETE FROM {t} WHERE value = 10", "DELETE 1"),
    "update joined with itself": (
        "UPDATE {t} a SET value = b.value FROM {t} b WHERE b.id = 2 AND a.id = 1",
        "UPDATE 1",
    ),
}


@pytest.mark.parametrize("name", STALE)
async def test_a_stale_write_is_answered_and_the_conflict_comes_at_commit(
    at: Descriptor, table: str, name: str
) -> None:
    sql, tag = STALE[name]
    async with two_sessions(at) as (one, other):
        await overtaken(one, other, table)
        assert await one.execute(sql.format(t=table)) == tag
        assert await state_of(one.execute("COMMIT")) == "40001"
        assert await rows(other, f"SELECT value FROM {table} ORDER BY id") == [(99,), (20,)]


async def test_returning_is_answered_from_the_snapshot(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        await overtaken(one, other, table)
        changed = await rows(
            one,
            f"UPDATE {table} SET value = value + $1 WHERE id = $2 RETURNING *, value - 1 AS less",
            5,
            1,
        )
        assert changed == [(1, 15, 14)]
        gone = await rows(one, f"DELETE FROM {table} WHERE id = $1 RETURNING value", 1)
        assert gone == [(10,)]
        assert await state_of(one.execute("COMMIT")) == "40001"


async def test_it_never_says_that_there_are_no_rows(at: Descriptor, table: str) -> None:
    """What a purchase does: it would read `no rows` as `taken`."""
    async with two_sessions(at) as (one, other):
        taking = await one.prepare(
            f"UPDATE {table} SET value = $2 WHERE id = $1 AND value = 10 RETURNING id"
        )
        await overtaken(one, other, table)
        assert await taking.fetchval(1, 11) == 1
        assert await state_of(one.execute("COMMIT")) == "40001"
        # In the next snapshot it is taken, and that is final.
        await one.execute(BEGIN)
        assert await taking.fetchval(1, 11) is None
        assert await one.execute("COMMIT") == "COMMIT"


async def test_work_goes_on_in_a_doomed_transaction_and_nothing_of_it_stays(
    at: Descriptor, table: str
) -> None:
    async with two_sessions(at) as (one, other):
        await overtaken(one, other, table)
        await one.execute(f"UPDATE {table} SET value = 11 WHERE id = 1")
        assert await one.execute(f"INSERT INTO {table} VALUES (3, 30)") == "INSERT 0 1"
        assert await one.execute(f"UPDATE {table} SET value = 31 WHERE id = 3") == "UPDATE 1"
        assert await rows(one, f"SELECT value FROM {table} WHERE id = 3") == [(31,)]
        assert await state_of(one.execute("COMMIT")) == "40001"
        assert await rows(one, f"SELECT id FROM {table} ORDER BY id") == [(1,), (2,)]


async def test_a_write_that_was_overtaken_after_its_answer_dooms_too(
    at: Descriptor, table: str
) -> None:
    async with two_sessions(at) as (one, other):
        await one.execute(BEGIN)
        assert await one.execute(f"UPDATE {table} SET value = 11 WHERE id = 1") == "UPDATE 1"
        assert await other.execute(f"UPDATE {table} SET value = 12 WHERE id = 1") == "UPDATE 1"
        assert await rows(one, f"SELECT value FROM {table} WHERE id = 2") == [(20,)]
        assert await one.execute(f"INSERT INTO {table} VALUES (3, 30)") == "INSERT 0 1"
        assert await state_of(one.execute("COMMIT")) == "40001"
        assert await rows(other, f"SELECT value FROM {table} ORDER BY id") == [(12,), (20,)]


async def test_who_commits_first_wins_whoever_wrote_first(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        for each in (one, other):
            await each.execute(BEGIN)
        await one.execute(f"UPDATE {table} SET value = 11 WHERE id = 1")
        await other.execute(f"UPDATE {table} SET value = 12 WHERE id = 1")
        assert await other.execute("COMMIT") == "COMMIT"
        assert await state_of(one.execute("COMMIT")) == "40001"


async def test_a_rolled_back_writer_hurts_nobody(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        for each in (one, other):
            await each.execute(BEGIN)
        await one.execute(f"UPDATE {table} SET value = 11 WHERE id = 1")
        await other.execute(f"UPDATE {table} SET value = 12 WHERE id = 1")
        await one.execute("ROLLBACK")
        assert await other.execute("COMMIT") == "COMMIT"


async def test_own_writes_are_seen(at: Descriptor, table: str) -> None:
    """Also while another writer is about, so that they are done anew for each statement."""
    async with two_sessions(at) as (one, other):
        await other.execute(BEGIN)
        await other.execute(f"UPDATE {table} SET value = 21 WHERE id = 2")
        await one.execute(BEGIN)
        await one.execute(f"INSERT INTO {table} VALUES (3, 30)")
        await one.execute(f"UPDATE {table} SET value = value + 1 WHERE id = 3")
        await one.execute(f"UPDATE {table} SET value = value + 1 WHERE id = 3")
        assert await rows(one, f"SELECT value FROM {table} WHERE id = 3") == [(32,)]
        assert await state_of(one.execute(f"INSERT INTO {table} VALUES (3, 0)")) == "23505"
        await one.execute("ROLLBACK")
        await other.execute("COMMIT")


async def test_the_same_key_inserted_twice(at: Descriptor, table: str) -> None:
    """Unseen in the snapshot: a conflict at COMMIT. Seen: 23505, at the statement."""
    async with two_sessions(at) as (one, other):
        await overtaken(one, other, table, "INSERT INTO {t} VALUES (3, 30)")
        assert await one.execute(f"INSERT INTO {table} VALUES (3, 31)") == "INSERT 0 1"
        assert await state_of(one.execute("COMMIT")) == "40001"
        await one.execute(BEGIN)
        assert await state_of(one.execute(f"INSERT INTO {table} VALUES (3, 31)")) == "23505"
        await one.execute("ROLLBACK")


async def test_two_who_insert_the_same_key_do_not_wait_for_each_other(
    at: Descriptor, table: str
) -> None:
    async with two_sessions(at) as (one, other):
        for each in (one, other):
            await each.execute(BEGIN)
            async with asyncio.timeout(1):
                assert await each.execute(f"INSERT INTO {table} VALUES (3, 30)") == "INSERT 0 1"
        assert await other.execute("COMMIT") == "COMMIT"
        assert await state_of(one.execute("COMMIT")) == "40001"


async def test_a_statement_that_cannot_be_answered_conflicts_at_once(
    at: Descriptor, table: str
) -> None:
    async with two_sessions(at) as (one, other):
        await overtaken(one, other, table)
        sql = (
            f"WITH changed AS (UPDATE {table} SET value = 11 WHERE id = 1 RETURNING id) "
            f"INSERT INTO {table} SELECT id + 10, 0 FROM changed RETURNING id"
        )
        assert await state_of(one.fetch(sql)) == "40001"
        assert await state_of(one.execute("SELECT 1")) == "25P02"
        assert await one.execute("COMMIT") == "ROLLBACK"


async def test_outside_of_a_transaction_the_statement_itself_is_told(
    at: Descriptor, table: str
) -> None:
    """Sixty at once on one row: each is told at once, and what was told 'done' was done."""
    async with two_sessions(at) as (one, other):
        told = {"ok": 0, "40001": 0}

        async def press(connection: Any) -> None:
            for _ in range(30):
                sql = f"UPDATE {table} SET value = value + 1 WHERE id = 1"
                told[await state_of(connection.execute(sql))] += 1

        await asyncio.gather(press(one), press(other))
        assert await rows(one, f"SELECT value FROM {table} WHERE id = 1") == [(10 + told["ok"],)]


async def test_many_at_once_lose_no_update(at: Descriptor, table: str) -> None:
    """Read, think, write: the counter ends at as many as were told that they committed."""
    told = {"ok": 0, "40001": 0}

    async def press(region: str) -> None:
        async with session(at, region) as connection:
            for _ in range(6):
                await connection.execute(BEGIN)
                value = await connection.fetchval(f"SELECT value FROM {table} WHERE id = 1")
                tag = await connection.execute(
                    f"UPDATE {table} SET value = $1 WHERE id = 1", value + 1
                )
                assert tag == "UPDATE 1"
                told[await state_of(connection.execute("COMMIT"))] += 1

    await asyncio.gather(*(press(f"us-east-{1 + number % 2}") for number in range(10)))
    async with session(at) as connection:
        assert await rows(connection, f"SELECT value FROM {table} WHERE id = 1") == [
            (10 + told["ok"],)
        ]
    assert told["ok"] >= 6
    assert told["40001"] >= 6


async def test_executemany_in_a_transaction_conflicts_at_commit(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        await overtaken(one, other, table)
        await one.executemany(
            f"UPDATE {table} SET value = $2 WHERE id = $1", [(1, 11), (2, 21), (7, 0)]
        )
        assert await state_of(one.execute("COMMIT")) == "40001"
        assert await rows(other, f"SELECT value FROM {table} ORDER BY id") == [(99,), (20,)]


async def test_executemany_alone_is_one_transaction(at: Descriptor, table: str) -> None:
    async with session(at) as one:
        with pytest.raises(asyncpg.UniqueViolationError):
            await one.executemany(f"INSERT INTO {table} VALUES ($1, 0)", [(3,), (4,), (1,)])
        assert await rows(one, f"SELECT count(*) FROM {table}") == [(2,)]
        await one.executemany(f"INSERT INTO {table} VALUES ($1, 0)", [(3,), (4,), (5,)])
        assert await rows(one, f"SELECT count(*) FROM {table}") == [(5,)]


LOCKED = [
    ("SELECT value FROM {t} WHERE id = 1 FOR UPDATE", "UPDATE {t} SET value = 9 WHERE id = 1"),
    ("SELECT id FROM {t} WHERE id = 1 FOR KEY SHARE", "DELETE FROM {t} WHERE id = 1"),
]


@pytest.mark.parametrize(("lock", "write"), LOCKED)
async def test_a_locked_row_belongs_to_the_conflict_set(
    at: Descriptor, table: str, lock: str, write: str
) -> None:
    """Recorded both ways: occ_for_update_vs_write, occ_for_key_share_vs_delete."""
    async with two_sessions(at) as (one, other):
        for first_to_commit, second in ((0, 1), (1, 0)):
            both = (one, other)
            for each in both:
                await each.execute(BEGIN)
            assert len(await one.fetch(lock.format(t=table))) == 1
            await other.execute(write.format(t=table))
            assert await both[first_to_commit].execute("COMMIT") == "COMMIT"
            assert await state_of(both[second].execute("COMMIT")) == "40001"


async def test_a_stale_lock_is_answered_from_the_snapshot(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        await overtaken(one, other, table)
        found = await rows(one, f"SELECT value FROM {table} WHERE id = 1 FOR UPDATE")
        assert found == [(10,)]
        assert await state_of(one.execute("COMMIT")) == "40001"


async def test_readers_are_never_told_of_conflicts(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        await overtaken(one, other, table)
        assert await rows(one, f"SELECT value FROM {table} WHERE id = 1") == [(10,)]
        assert await one.execute("COMMIT") == "COMMIT"


async def test_what_one_region_commits_the_other_reads_at_once(at: Descriptor, table: str) -> None:
    async with two_sessions(at) as (one, other):
        for value in range(100):
            await one.execute(f"UPDATE {table} SET value = $1 WHERE id = 1", value)
            assert await other.fetchval(f"SELECT value FROM {table} WHERE id = 1") == value


async def test_a_random_default_that_was_told_is_what_is_committed(at: Descriptor) -> None:
    """Or nothing is: with another writer about, the default is given anew and would differ."""
    async with two_sessions(at) as (one, other):
        await one.execute(
            "CREATE TABLE test_random (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int)"
        )
        for crowded in (False, True):
            if crowded:
                await other.execute(BEGIN)
                await other.execute("UPDATE test_random SET n = n + 1")
            await one.execute(BEGIN)
            await one.execute("DELETE FROM test_random WHERE n = 7")
            told = await one.fetchval("INSERT INTO test_random (n) VALUES (1) RETURNING id")
            ended = await state_of(one.execute("COMMIT"))
            there = await one.fetchval("SELECT count(*) FROM test_random WHERE id = $1", told)
            assert there == (1 if ended == "ok" else 0)
            assert crowded or ended == "ok"
        await other.execute("ROLLBACK")
        await one.execute("DROP TABLE test_random")


async def test_two_who_add_rows_with_random_keys_both_commit(at: Descriptor) -> None:
    """What was told is committed, though both are open at once: nobody else sees a new row."""
    async with two_sessions(at) as (one, other):
        await one.execute(
            "CREATE TABLE test_added (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int)"
        )
        for each in (one, other):
            await each.execute(BEGIN)
        told = [
            await each.fetchval("INSERT INTO test_added (n) VALUES (1) RETURNING id")
            for each in (one, other, one, other)
        ]
        for each in (other, one):
            assert await each.execute("COMMIT") == "COMMIT"
        assert {row[0] for row in await rows(one, "SELECT id FROM test_added")} == set(told)
        await one.execute("DROP TABLE test_added")
