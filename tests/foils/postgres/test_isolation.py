"""Each store's transactions run at its own level, and it refuses to measure when they do not."""

from typing import Any

import pytest
from tests.foils.postgres.foil import opened, plan, setup_at, writers

from worldseat import bootstrap
from worldseat.embedded import EmbeddedPostgres
from worldseat.ports.store import NotCommitted, StoreRefused
from worldseat.settings import Settings
from worldseat.stores.postgres import ReadCommittedStore, RepeatableReadStore, connections
from worldseat.stores.postgres.store import PostgresStore

LEVELS = {ReadCommittedStore: "read committed", RepeatableReadStore: "repeatable read"}

kinds = pytest.mark.parametrize("kind", list(LEVELS))


@kinds
@pytest.mark.parametrize("default", ["read committed", "repeatable read", "serializable"])
async def test_the_level_is_the_one_claimed_whatever_the_servers_default(
    database: EmbeddedPostgres, kind: type[PostgresStore], default: str
) -> None:
    url = f"{database.url}&default_transaction_isolation={default.replace(' ', '%20')}"
    async with opened(kind, url) as store, writers(store, plan(), 1) as (writer,):
        connection: Any = writer._connection  # type: ignore[attr-defined]
        assert await connection.fetchval("SHOW default_transaction_isolation") == default
        async with writer.transaction():
            assert await connection.fetchval("SHOW transaction_isolation") == LEVELS[kind]
    assert store.guarantees.isolation.upper().find(LEVELS[kind].upper()) >= 0
    assert store.adapter_source[0] == f"BEGIN ISOLATION LEVEL {LEVELS[kind].upper()}"


@kinds
async def test_a_store_whose_level_was_altered_refuses(
    database: EmbeddedPostgres, kind: type[PostgresStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "begin_at", lambda _: "BEGIN ISOLATION LEVEL SERIALIZABLE")
    store = kind(setup_at(database.url))
    with pytest.raises(StoreRefused, match=f"run at serializable, and not at {LEVELS[kind]}"):
        await store.open()
    await store.close()


async def test_each_connection_is_asked_before_anybody_buys_on_it(
    database: EmbeddedPostgres,
) -> None:
    async with opened(ReadCommittedStore, database.url) as store:
        await store.floor("evt_x", "rehearsal-1")
        assert store._connections is not None
        # From here on as if a pooler in between had dropped the level.
        store._connections.begin = "BEGIN"
        with pytest.raises(NotCommitted, match="run at repeatable read, and not at read committed"):
            async with store.bench(plan(), store.regions[0], 2):
                pytest.fail("nobody may fire")


async def test_the_product_starts_and_says_why_such_a_foil_is_missing(
    settings: Settings, database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSEAT_FOIL_POSTGRES", database.url)
    monkeypatch.setattr(connections, "begin_at", lambda _: "BEGIN")
    async with bootstrap.services(settings, work=False) as running:
        assert "postgres" not in running.stores
        assert "not at read committed" in running.missing["postgres"]
        # The embedded server's default is this one's level.
        assert "postgres-repeatable-read" in running.stores
