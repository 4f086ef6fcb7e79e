"""The isolation cases that a DSQL engineer recorded, through the cluster's two endpoints.

They are those of the acceptance run; one session runs in each Region. Told to the PostgreSQL behind
without the cluster, they end otherwise: they tell the two apart.
"""

import pytest
from tests.local_dsql.clients import plain, session, two_sessions

from worldseat.acceptance.hermitage import CASES, CONFLICT, tell, wanted
from worldseat.local_dsql.descriptor import Descriptor

PATIENCE_S = 0.6
"""Nobody waits for anybody: what is not answered at once has been blocked."""

THE_SAME_ON_POSTGRES = {name for name in CASES if not any(s[2] == CONFLICT for s in CASES[name])}
"""Where nothing conflicts, REPEATABLE READ on one PostgreSQL does the same."""


@pytest.mark.parametrize("name", CASES)
async def test_a_case_ends_as_recorded(at: Descriptor, table: str, name: str) -> None:
    async with two_sessions(at) as (one, other), session(at, "us-east-2") as third:
        ended = await tell({1: one, 2: other, 3: third}, CASES[name], table, patience_s=PATIENCE_S)
    assert ended == wanted(CASES[name])


@pytest.mark.parametrize("name", CASES)
async def test_plain_postgresql_ends_otherwise_where_there_is_a_conflict(
    at: Descriptor, table: str, name: str
) -> None:
    connections = {number: await plain(at) for number in (1, 2, 3)}
    try:
        ended = await tell(connections, CASES[name], table, patience_s=PATIENCE_S)
    finally:
        for connection in connections.values():
            connection.terminate()
    same = ended == wanted(CASES[name])
    assert same == (name in THE_SAME_ON_POSTGRES)
