"""The isolation cases that an engineer of DSQL recorded on the service, one session per Region.

Source: marcbrooker/hermitage, dsql.md (2024-12-10). Session 1 runs in one Region, sessions 2 and 3
in the other. The same cases, told to one PostgreSQL, end otherwise: they tell the two apart.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

Step = tuple[int, str, object]
"""Who says what, and what it must end with: rows, a tag, or an SQLSTATE."""

ROWS = ((1, 10), (2, 20))
"""What the table (id, value) holds before each case."""

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"
BLOCKED = "blocked"
CONFLICT = "40001"
TEN_TWENTY = [(1, 10), (2, 20)]

CASES: Mapping[str, Sequence[Step]] = {
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


async def tell(
    sessions: Mapping[int, Any], steps: Sequence[Step], table: str, *, patience_s: float
) -> list[object]:
    """Begin in all sessions, say every step, and return how each ended.

    Nobody waits for anybody on DSQL: what is not answered within `patience_s` counts as blocked.
    """
    begun = {1, 2}
    for number in sorted(begun):
        await sessions[number].execute(BEGIN)
    ended: list[object] = []
    for number, sql, _ in steps:
        if number not in begun:
            begun.add(number)
            await sessions[number].execute(BEGIN)
        ended.append(await _say(sessions[number], sql.format(t=table), patience_s))
    return ended


def wanted(steps: Sequence[Step]) -> list[object]:
    """Return how every step of a case must end."""
    return [ends for _, _, ends in steps]


async def _say(session: Any, sql: str, patience_s: float) -> object:
    try:
        async with asyncio.timeout(patience_s):
            if sql.startswith("SELECT"):
                return [tuple(record) for record in await session.fetch(sql)]
            return await session.execute(sql)
    except TimeoutError:
        return BLOCKED
    except asyncpg.PostgresError as error:
        return error.sqlstate
