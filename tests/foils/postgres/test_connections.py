"""How many connections the foil holds, and when it lets go of them."""

import asyncio
from typing import Any

import pytest
from tests.foils.postgres.foil import (
    REGION,
    elsewhere,
    fresh_key,
    opened,
    plan,
)
from tests.patience import until

from worldseat.embedded import EmbeddedPostgres
from worldseat.ports.store import Bench, NotCommitted
from worldseat.stores.postgres import ReadCommittedStore

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow


async def test_connections_are_open_before_anybody_fires_and_no_more_than_asked(
    database: EmbeddedPostgres,
) -> None:
    async with opened(ReadCommittedStore, database.url) as store:
        async with elsewhere(database.url) as other:
            open_now = (
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'worldseat foil' AND datname = $1"
            )
            before = await other.fetchval(open_now, store.own)
            async with store.bench(plan(), REGION, 20) as bench:
                assert await other.fetchval(open_now, store.own) == before + 20
                async with bench.writer(), bench.writer():
                    pass
        async with (
            store.bench(plan(), REGION, 1) as narrow,
            narrow.writer() as first,
        ):
            waiting = asyncio.create_task(_take(narrow))
            done, _ = await asyncio.wait([waiting], timeout=0.1)
            assert not done
            # A connection that is lost makes room at once: its buyer goes on with another.
            with pytest.raises(NotCommitted):
                await _lose(first)
            await asyncio.wait_for(waiting, 2)


async def _take(bench: Bench) -> None:
    async with bench.writer():
        pass


async def _lose(writer: Any) -> None:
    async with writer.transaction() as tx:
        writer._connection.terminate()
        await tx.read_seat(fresh_key())


async def test_every_connection_is_closed_in_the_end(database: EmbeddedPostgres) -> None:
    before = await _backends(database.url)
    async with opened(ReadCommittedStore, database.url) as store:
        async with store.bench(plan(), REGION, 64):
            pass
        assert len(await _backends(database.url) - before) == 64

    async def none_left() -> bool:
        return await _backends(database.url) <= before

    await until(none_left, within_s=2)
    with pytest.raises(NotCommitted, match="closed"):
        await store.seat(fresh_key())


async def _backends(url: str) -> set[int]:
    async with elsewhere(url) as connection:
        found = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'worldseat foil'"
        )
    return {record[0] for record in found}
