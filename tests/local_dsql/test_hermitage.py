"""The isolation cases that a DSQL engineer recorded, through the cluster's two endpoints.

Source: marcbrooker/hermitage, dsql.md (2024-12-10). One session runs in each Region. The same
cases, told to the PostgreSQL behind without the cluster, end otherwise: they tell the two apart.
"""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.local_dsql.clients import plain, session, two_sessions

from worldseat.local_dsql.descriptor import Descriptor

Step = tuple[int, str, object]
"""Who says what, and what it must end with: rows, a tag, or an SQLSTATE."""

CONFLICT = "40001"
TEN_TWENTY = [(1, 10), (2, 20)]

CASES: dict[str, list[Step]] = {
    "G0 write cycles are prevented": [
        (1, "UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
        (2, "UPDATE {t} SET value = 12 WHERE id = 1", "UPDATE 1"),
        (1, "UPDATE {t} SET value = 21 WHERE id = 2", "UPDATE 1"),
        (1, "COMMIT", "COMMIT"),
        (1, "SELECT id, value FROM {t} ORDER BY id", [(1, 11), (2, 21)]),
        (2, "UPDATE {t} SET value = 22 WHERE id = 2", "UPDATE 1"),
        (2, "COMMIT", CONFLICT),
        (2, "SELECT id, value FROM {t} ORDER BY id", [(1, 11), (2, 21)]),
    ],
    "G1a aborted reads are prevented": [
        (1, "UPDATE {t} SET value = 101 WHERE id = 1", "UPDATE 1"),
        (2, "SELECT id, value FROM {t} ORDER BY id", TEN_TWENTY),
        (1, "ROLLBACK", "ROLLBACK"),
        (2, "SELECT id, value FROM {t} ORDER BY id", TEN_TWENTY),
        (2, "COMMIT", "COMMIT"),
    ],
    "G1b intermediate reads are prevented": [
        (1, "UPDATE {t} SET value = 101 WHERE id = 1", "UPDATE 1"),
        (2, "SELECT id, value FROM {t} ORDER BY id", TEN_TWENTY),
        (1, "UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
        (1, "COMMIT", "COMMIT"),
        (2, "SELECT id, value FROM {t} ORDER BY id", TEN_TWENTY),
        (2, "COMMIT", "COMMIT"),
    ],
    "G1c circular information flow is prevented": [
        (1, "UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
        (2, "UPDATE {t} SET value = 22 WHERE id = 2", "UPDATE 1"),
        (1, "SELECT value FROM {t} WHERE id = 2", [(20,)]),
        (2, "SELECT value FROM {t} WHERE id = 1", [(10,)]),
        (1, "COMMIT", "COMMIT"),
        (2, "COMMIT", "COMMIT"),
    ],
    "OTV no observed transaction vanishes": [
        (1, "UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
        (1, "UPDATE {t} SET value = 19 WHERE id = 2", "UPDATE 1"),
        (2, "UPDATE {t} SET value = 12 WHERE id = 1", "UPDATE 1"),
        (1, "COMMIT", "COMMIT"),
        (3, "SELECT value FROM {t} WHERE id = 1", [(11,)]),
        (2, "UPDATE {t} SET value = 18 WHERE id = 2", "UPDATE 1"),
        (3, "SELECT value FROM {t} WHERE id = 2", [(19,)]),
        (2, "COMMIT", CONFLICT),
        (3, "SELECT value FROM {t} WHERE id = 2", [(19,)]),
        (3, "SELECT value FROM {t} WHERE id = 1", [(11,)]),
        (3, "COMMIT", "COMMIT"),
    ],
    "PMP predicates see one snapshot": [
        (1, "SELECT id FROM {t} WHERE value = 30", []),
        (2, "INSERT INTO {t} (id, value) VALUES (3, 30)", "INSERT 0 1"),
        (2, "COMMIT", "COMMIT"),
        (1, "SELECT id FROM {t} WHERE value % 3 = 0", []),
        (1, "COMMIT", "COMMIT"),
    ],
    "PMP write predicates are prevented": [
        (1, "UPDATE {t} SET value = value + 10", "UPDATE 2"),
        (2, "DELETE FROM {t} WHERE value = 20", "DELETE 1"),
        (1, "COMMIT", "COMMIT"),
        (2, "COMMIT", CONFLICT),
    ],
    "P4 lost updates are prevented": [
        (1, "SELECT value FROM {t} WHERE id = 1", [(10,)]),
        (2, "SELECT value FROM {t} WHERE id = 1", [(10,)]),
        (1, "UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
        (2, "UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
        (1, "COMMIT", "COMMIT"),
        (2, "COMMIT", CONFLICT),
    ],
    "G-single read skew is prevented": [
        (1, "SELECT value FROM {t} WHERE id = 1", [(10,)]),
        (2, "SELECT value FROM {t} WHERE id = 1", [(10,)]),
        (2, "SELECT value FROM {t} WHERE id = 2", [(20,)]),
        (2, "UPDATE {t} SET value = 12 WHERE id = 1", "UPDATE 1"),
        (2, "UPDATE {t} SET value = 18 WHERE id = 2", "UPDATE 1"),
        (2, "COMMIT", "COMMIT"),
        (1, "SELECT value FROM {t} WHERE id = 2", [(20,)]),
        (1, "COMMIT", "COMMIT"),
    ],
    "G-single with predicates is prevented": [
        (1, "SELECT id FROM {t} WHERE value % 5 = 0 ORDER BY id", [(1,), (2,)]),
        (2, "UPDATE {t} SET value = 12 WHERE value = 10", "UPDATE 1"),
        (2, "COMMIT", "COMMIT"),
        (1, "SELECT id FROM {t} WHERE value % 3 = 0", []),
        (1, "COMMIT", "COMMIT"),
    ],
    "G-single with a write predicate is prevented": [
        (1, "SELECT value FROM {t} WHERE id = 1", [(10,)]),
        (2, "SELECT id, value FROM {t} ORDER BY id", TEN_TWENTY),
        (2, "UPDATE {t} SET value = 12 WHERE id = 1", "UPDATE 1"),
        (2, "UPDATE {t} SET value = 18 WHERE id = 2", "UPDATE 1"),
        (2, "COMMIT", "COMMIT"),
        (1, "DELETE FROM {t} WHERE value = 20", "DELETE 1"),
        (1, "COMMIT", CONFLICT),
    ],
    "G2-item write skew is not prevented": [
        (1, "SELECT value FROM {t} WHERE id IN (1, 2) ORDER BY id", [(10,), (20,)]),
        (2, "SELECT value FROM {t} WHERE id IN (1, 2) ORDER BY id", [(10,), (20,)]),
        (1, "UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
        (2, "UPDATE {t} SET value = 21 WHERE id = 2", "UPDATE 1"),
        (1, "COMMIT", "COMMIT"),
        (2, "COMMIT", "COMMIT"),
    ],
    "G2-item is prevented by FOR UPDATE": [
        (1, "SELECT value FROM {t} WHERE id = 2 FOR UPDATE", [(20,)]),
        (2, "SELECT value FROM {t} WHERE id = 1 FOR UPDATE", [(10,)]),
        (1, "UPDATE {t} SET value = 11 WHERE id = 1", "UPDATE 1"),
        (2, "UPDATE {t} SET value = 21 WHERE id = 2", "UPDATE 1"),
        (1, "COMMIT", "COMMIT"),
        (2, "COMMIT", CONFLICT),
    ],
    "G2 anti-dependency cycles are not prevented": [
        (1, "SELECT id FROM {t} WHERE value % 3 = 0", []),
        (2, "SELECT id FROM {t} WHERE value % 3 = 0", []),
        (1, "INSERT INTO {t} (id, value) VALUES (3, 30)", "INSERT 0 1"),
        (2, "INSERT INTO {t} (id, value) VALUES (4, 42)", "INSERT 0 1"),
        (1, "COMMIT", "COMMIT"),
        (2, "COMMIT", "COMMIT"),
        (1, "SELECT id, value FROM {t} WHERE value % 3 = 0 ORDER BY id", [(3, 30), (4, 42)]),
    ],
}

THE_SAME_ON_POSTGRES = {name for name in CASES if not any(s[2] == CONFLICT for s in CASES[name])}
"""Where nothing conflicts, REPEATABLE READ on one PostgreSQL does the same."""


async def tell(connections: dict[int, Any], steps: list[Step], table: str) -> list[object]:
    """Begin in all sessions, say every step, and return how each ended."""
    for number in (1, 2):
        await connections[number].execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    begun = {1, 2}
    ended: list[object] = []
    for number, sql, _ in steps:
        if number not in begun:
            begun.add(number)
            await connections[number].execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        ended.append(await _say(connections[number], sql.format(t=table)))
    return ended


async def _say(connection: Any, sql: str) -> object:
    try:
        # Nobody waits for anybody: what is not answered at once has been blocked.
        async with asyncio.timeout(0.6):
            if sql.startswith("SELECT"):
                return [tuple(record) for record in await connection.fetch(sql)]
            return await connection.execute(sql)
    except TimeoutError:
        return "blocked"
    except asyncpg.PostgresError as error:
        return error.sqlstate


@pytest.mark.parametrize("name", CASES)
async def test_a_case_ends_as_recorded(at: Descriptor, table: str, name: str) -> None:
    async with two_sessions(at) as (one, other), session(at, "us-east-2") as third:
        ended = await tell({1: one, 2: other, 3: third}, CASES[name], table)
    assert ended == [wanted for _, _, wanted in CASES[name]]


@pytest.mark.parametrize("name", CASES)
async def test_plain_postgresql_ends_otherwise_where_there_is_a_conflict(
    at: Descriptor, table: str, name: str
) -> None:
    connections = {number: await plain(at) for number in (1, 2, 3)}
    try:
        ended = await tell(connections, CASES[name], table)
    finally:
        for connection in connections.values():
            connection.terminate()
    same = ended == [wanted for _, _, wanted in CASES[name]]
    assert same == (name in THE_SAME_ON_POSTGRES)
