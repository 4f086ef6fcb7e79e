"""A relay before a real endpoint: what it passes on, what it breaks, and where."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from tests.local_dsql.clients import session

from worldseat.acceptance.relay import Cut, Relay
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.stores.dsql import access
from worldseat.stores.dsql.endpoint import as_user, parse, through

LOST = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)
LARGE = 3_000_000


@pytest_asyncio.fixture
async def relay(at: Descriptor) -> AsyncIterator[Relay]:
    """A relay before us-east-1."""
    opened = Relay(at.url("us-east-1"))
    await opened.open()
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def table(at: Descriptor) -> AsyncIterator[str]:
    """An empty table."""
    async with session(at) as line:
        await line.execute("CREATE TABLE relayed (id int PRIMARY KEY)")
    yield "relayed"
    async with session(at) as line:
        await line.execute("DROP TABLE relayed")


async def rows(at: Descriptor) -> list[int]:
    async with session(at, "us-east-2") as line:
        return [record["id"] for record in await line.fetch("SELECT id FROM relayed ORDER BY id")]


async def test_tls_token_and_much_data_pass_through_untouched(relay: Relay) -> None:
    line = await access.connect(relay.url)
    told = await line.fetchval("SELECT length($1::text)", "x" * LARGE)
    got = await line.fetchval(f"SELECT repeat('y', {LARGE})")
    await line.close()
    assert told == len(got) == LARGE
    assert LARGE < relay.load.bytes_up < 1.1 * LARGE
    assert LARGE < relay.load.bytes_down < 1.1 * LARGE
    assert relay.load.messages > 5


@pytest.mark.parametrize("cut", Cut)
async def test_a_cut_is_before_the_statement_or_after_it(
    at: Descriptor, relay: Relay, table: str, cut: Cut
) -> None:
    line = await access.connect(relay.url)
    await line.execute("INSERT INTO relayed VALUES (1)")
    planned = relay.plan(cut, 2)
    await line.execute("INSERT INTO relayed VALUES (2)")
    assert not planned.done
    with pytest.raises(LOST):
        await line.execute("INSERT INTO relayed VALUES (3)")
    assert planned.done
    assert line.is_closed()
    assert await rows(at) == ([1, 2] if cut is Cut.BEFORE else [1, 2, 3])
    # It was one cut, and the way is open again.
    line = await access.connect(relay.url)
    await line.execute("INSERT INTO relayed VALUES (4)")
    await line.close()


@pytest.mark.parametrize("cut", Cut)
async def test_what_is_to_be_done_then_is_done_once_it_was_cut(relay: Relay, cut: Cut) -> None:
    line = await access.connect(relay.url)
    relay.plan(cut, 1, then=relay.cut_off)
    with pytest.raises(LOST):
        await line.fetchval("SELECT 1")
    assert relay.is_cut_off
    with pytest.raises(LOST):
        await access.connect(relay.url)


async def test_a_forgotten_cut_does_not_happen(relay: Relay) -> None:
    line = await access.connect(relay.url)
    planned = relay.plan(Cut.BEFORE, 1)
    relay.forget()
    assert await line.fetchval("SELECT 1") == 1
    assert not planned.done
    await line.close()


async def test_a_region_that_is_cut_off_breaks_and_refuses_until_it_is_healed(
    relay: Relay,
) -> None:
    line = await access.connect(relay.url)
    relay.cut_off()
    with pytest.raises(LOST):
        await line.fetchval("SELECT 1")
    with pytest.raises(LOST):
        await access.connect(relay.url)
    assert relay.refused > 0
    relay.heal()
    line = await access.connect(relay.url)
    assert await line.fetchval("SELECT 1") == 1
    await line.close()


async def test_nobody_behind_a_relay_is_a_lost_connection(at: Descriptor) -> None:
    # Port 1 is nobody's.
    relay = Relay(through(at.url("us-east-1"), address="127.0.0.1", port=1))
    await relay.open()
    try:
        with pytest.raises(LOST):
            await access.connect(relay.url)
    finally:
        await relay.close()


async def test_a_closed_relay_leaves_nothing_open(at: Descriptor) -> None:
    relay = Relay(at.url("us-east-1"))
    await relay.open()
    line: Any = await access.connect(relay.url)
    await relay.close()
    with pytest.raises(LOST):
        await line.fetchval("SELECT 1")
    with suppress(*LOST):
        await line.close()
    with pytest.raises(OSError, match=r"."):
        await access.connect(relay.url)


def test_an_address_by_way_of_somebody_keeps_everything_else() -> None:
    url = "postgresql://clerk@abc.dsql.us-east-1.on.aws/postgres?ca_file=/a%20b/ca.pem&profile=p"
    before, after = parse(url), parse(through(url, address="127.0.0.1", port=6543))
    assert (after.address, after.port) == ("127.0.0.1", 6543)
    same = ("host", "region", "user", "database", "ca_file", "credentials_file", "profile")
    assert [getattr(after, name) for name in same] == [getattr(before, name) for name in same]


def test_an_address_for_another_role_keeps_everything_else() -> None:
    url = "postgresql://admin@abc.dsql.us-east-1.on.aws:5433/postgres?address=10.0.0.1"
    assert parse(as_user(url, "a@b")).user == "a@b"
    assert as_user(as_user(url, "clerk"), "admin") == url
    nobody = "postgresql://abc.dsql.us-east-1.on.aws:5433/postgres"
    assert parse(as_user(nobody, "clerk")).user == "clerk"
