"""Regions that go, a quorum that is lost, and faults on request: each really happens, counted."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from tests.local_dsql.clients import plain, rows, session, state_of, two_sessions
from tests.patience import until

from worldseat.local_dsql.control import Control
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.ports.cluster import BadOrder

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"
BROKEN = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)


@pytest_asyncio.fixture
async def control(at: Descriptor) -> AsyncIterator[Control]:
    """Orders; in the end all is well again."""
    orders = Control(at.control)
    yield orders
    await orders.order("clear")


async def write(connection: Any, table: str, value: int) -> str:
    """Write in a transaction; return what COMMIT ends with."""
    await connection.execute(BEGIN)
    await connection.execute(f"UPDATE {table} SET value = $1 WHERE id = 1", value)
    return await state_of(connection.execute("COMMIT"))


async def value_of(at: Descriptor, table: str) -> int:
    """Look past the cluster."""
    behind = await plain(at)
    try:
        found: int = await behind.fetchval(f"SELECT value FROM {table} WHERE id = 1")
        return found
    finally:
        await behind.close()


async def test_a_region_that_is_down_breaks_its_clients_and_accepts_none(
    at: Descriptor, control: Control, table: str
) -> None:
    async with two_sessions(at) as (one, other):
        await control.order("region-down", region="us-east-1")
        with pytest.raises(BROKEN):
            await one.fetchval("SELECT 1")
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            async with session(at, "us-east-1"):
                pass
        assert await write(other, table, 7) == "ok"
        await control.order("region-up", region="us-east-1")
        async with session(at, "us-east-1") as again:
            assert await rows(again, f"SELECT value FROM {table} WHERE id = 1") == [(7,)]


@pytest.mark.parametrize("alone", [True, False])
async def test_a_region_that_is_cut_off_cannot_commit_and_says_so(
    at: Descriptor, control: Control, table: str, *, alone: bool
) -> None:
    """In a transaction, and as a statement by itself. The other side goes on."""
    async with two_sessions(at) as (one, other):
        await control.order("cut-off", region="us-east-1")
        sql = f"UPDATE {table} SET value = 7 WHERE id = 1"
        ended = await state_of(one.execute(sql)) if alone else await write(one, table, 7)
        assert ended == "25006"
        assert await value_of(at, table) == 10
        assert await rows(one, f"SELECT value FROM {table} WHERE id = 1") == [(10,)]
        assert await write(other, table, 8) == "ok"
        await control.order("rejoin", region="us-east-1")
        assert await write(one, table, 9) == "ok"


async def test_the_text_of_a_lost_quorum_names_what_is_reached(
    at: Descriptor, control: Control, table: str
) -> None:
    async with session(at, "us-east-1") as one:
        await control.order("cut-off", region="us-east-1")
        with pytest.raises(asyncpg.PostgresError, match="us-east-1 reaches 1 of 3 Regions"):
            await one.execute(f"UPDATE {table} SET value = 7 WHERE id = 1")
    state = next(each for each in (await control.status()).regions if each.region == "us-east-1")
    assert (state.cut_off, state.can_commit) == (True, False)
    assert state.refused >= 1


async def test_two_of_three_are_a_quorum_and_one_is_not(
    at: Descriptor, control: Control, table: str
) -> None:
    async with two_sessions(at) as (one, other):
        await control.order("region-down", region="us-west-2")
        assert await write(one, table, 7) == "ok"
        await control.order("region-down", region="us-east-1")
        assert await write(other, table, 8) == "25006"
        assert await rows(other, f"SELECT value FROM {table} WHERE id = 1") == [(7,)]
        await control.order("region-up", region="us-west-2")
        assert await write(other, table, 9) == "ok"


async def test_a_commit_waits_for_the_nearest_region_and_nothing_else_does(
    at: Descriptor, control: Control, table: str
) -> None:
    loop = asyncio.get_running_loop()
    await control.order("slow", region="us-east-1", other="us-east-2", ms=300)
    await control.order("slow", region="us-east-1", other="us-west-2", ms=1_000)
    async with session(at, "us-east-1") as one:
        await one.execute(BEGIN)
        began = loop.time()
        await one.execute(f"UPDATE {table} SET value = 7 WHERE id = 1")
        await one.fetch(f"SELECT * FROM {table}")
        written = loop.time()
        await one.execute("COMMIT")
        committed = loop.time()
        await control.order("region-down", region="us-east-2")
        await one.execute(f"UPDATE {table} SET value = 8 WHERE id = 1")
        farther = loop.time()
    assert written - began < 0.28
    assert 0.3 <= committed - written < 0.95
    assert farther - committed >= 1


async def test_a_region_lost_while_a_commit_is_under_way_does_not_apply_it(
    at: Descriptor, control: Control, table: str
) -> None:
    for link in ("us-east-2", "us-west-2"):
        await control.order("slow", region="us-east-1", other=link, ms=300)
    async with session(at, "us-east-1") as one:
        under_way = asyncio.create_task(write(one, table, 7))
        await asyncio.sleep(0.15)
        await control.order("region-down", region="us-east-1")
        with pytest.raises(BROKEN):
            await under_way
    await asyncio.sleep(0.3)
    assert await value_of(at, table) == 10


DROPS = {"drop-before": 10, "drop-after": 7}


@pytest.mark.parametrize("kind", DROPS)
@pytest.mark.parametrize("alone", [True, False])
async def test_a_connection_dropped_at_commit(
    at: Descriptor, control: Control, table: str, kind: str, *, alone: bool
) -> None:
    before = (await control.status()).done.get(kind, 0)
    await control.order(kind, region="us-east-1", mark=table)
    async with session(at, "us-east-1") as one:
        sql = f"UPDATE {table} SET value = 7 WHERE id = 1"
        with pytest.raises(BROKEN):
            await (one.execute(sql) if alone else write(one, table, 7))
    assert await value_of(at, table) == DROPS[kind]
    assert (await control.status()).done[kind] == before + 1


async def test_a_mark_chooses_the_transaction(at: Descriptor, control: Control) -> None:
    async with session(at) as one:
        await one.execute("CREATE TABLE test_marked (name text PRIMARY KEY)")
        await control.order("drop-before", mark="the chosen one")
        await one.execute("INSERT INTO test_marked VALUES ($1)", "another")
        with pytest.raises(BROKEN):
            await one.execute("INSERT INTO test_marked VALUES ($1)", "this is the chosen one")
    async with session(at) as one:
        assert await rows(one, "SELECT name FROM test_marked") == [("another",)]
        await one.execute("DROP TABLE test_marked")


@pytest.mark.parametrize("kind", ["hold", "hold-and-drop"])
async def test_a_commit_that_is_held_applies_when_it_is_released(
    at: Descriptor, control: Control, table: str, kind: str
) -> None:
    await control.order(kind, mark=table)
    async with session(at) as one:
        under_way = asyncio.create_task(write(one, table, 7))
        if kind == "hold":
            await asyncio.sleep(0.2)
            assert not under_way.done()
        else:
            with pytest.raises(BROKEN):
                await under_way
        assert await value_of(at, table) == 10
        await control.order("release")
        if kind == "hold":
            assert await under_way == "ok"

    async def applied() -> bool:
        return await value_of(at, table) == 7

    await until(applied)


async def test_a_storm_of_conflicts_and_an_unavailable_server(
    at: Descriptor, control: Control, table: str
) -> None:
    async with session(at) as one:
        await control.order("storm", count=2, mark=table)
        assert [await write(one, table, 7) for _ in range(3)] == ["40001", "40001", "ok"]
        await control.order("unavailable", count=2, mark=table)
        assert await state_of(one.execute(f"UPDATE {table} SET value = 8")) == "XX000"
        await one.execute(BEGIN)
        assert await state_of(one.execute(f"UPDATE {table} SET value = 8")) == "XX000"
        await one.execute("ROLLBACK")
    assert await value_of(at, table) == 7


async def test_a_pause_answers_nothing_until_it_ends(
    at: Descriptor, control: Control, table: str
) -> None:
    async with two_sessions(at) as (one, other):
        await control.order("pause", region="us-east-1", ms=0)
        waiting = asyncio.create_task(one.fetchval("SELECT 1"))
        assert await other.fetchval("SELECT 1") == 1
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await control.order("resume", region="us-east-1")
        assert await waiting == 1
        await control.order("pause", region="us-east-1", ms=150)
        assert await one.fetchval("SELECT 1") == 1


BAD = [
    {"kind": "explode"},
    {"kind": "region-down"},
    {"kind": "region-down", "region": "eu-west-1"},
    {"kind": "drop-before", "region": "us-west-2"},
    {"kind": "storm", "count": 0},
    {"kind": "slow", "region": "us-east-1", "other": "us-east-1", "ms": 1},
    {"kind": "slow", "region": "us-east-1", "other": "us-east-2"},
    {"kind": "pause", "ms": -1},
]


@pytest.mark.parametrize("order", BAD, ids=str)
async def test_a_bad_order_changes_nothing(
    at: Descriptor, control: Control, order: dict[str, Any]
) -> None:
    before = await control.status()
    with pytest.raises(BadOrder):
        await control.order(**order)
    after = await control.status()
    assert (after.faults, after.links) == (before.faults, before.links)
    assert [each.up for each in after.regions] == [True, True, True]
