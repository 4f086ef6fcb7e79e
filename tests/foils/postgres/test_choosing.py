"""Where the foil runs, what it makes there and when, and what it says if there is nothing."""

import asyncio
import tomllib
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.foils.postgres.foil import (
    REGION,
    databases,
    drop,
    elsewhere,
    fire,
    fresh_key,
    key_of,
    opened,
    plan,
    setup_at,
)

from worldseat.domain.seats import Code
from worldseat.embedded import EmbeddedPostgres
from worldseat.ports.store import NotCommitted, Store, StoreMissing
from worldseat.settings import REGIONS
from worldseat.stores.postgres import ReadCommittedStore, RepeatableReadStore, making
from worldseat.stores.postgres.place import WHERE_ENV, Place
from worldseat.stores.postgres.store import PostgresStore

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow

kinds = pytest.mark.parametrize("kind", [ReadCommittedStore, RepeatableReadStore])

_SERVERS_OF_ITS_OWN = {"worldseat_foil_postgres", "worldseat_foil_postgres_repeatable_read"}


def at(url: str, *, database: str = "postgres", role: str | None = None) -> str:
    """The same server under another database or role."""
    parts = urlsplit(url)
    netloc = parts.netloc if role is None else f"{role}@"
    return parts._replace(netloc=netloc, path=f"/{database}").geturl()


@kinds
async def test_it_says_what_it_is(database: EmbeddedPostgres, kind: type[PostgresStore]) -> None:
    async with opened(kind, database.url) as store:
        as_the_port_asks: Store = store
        assert as_the_port_asks.role == "foil"
        assert as_the_port_asks.regions == REGIONS[:1]
        assert not as_the_port_asks.in_headline
        assert not as_the_port_asks.lag_is_chosen
        assert store.tables is None
        assert store.stand_in == f"{await database.describe()} itself"
        assert store.level in store.title


def test_both_are_registered_under_their_own_names() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    entries = project["project"]["entry-points"]["worldseat.stores"]
    for kind in (ReadCommittedStore, RepeatableReadStore):
        module, _, function = entries[kind.name].partition(":")
        assert getattr(import_module(module), function)() is kind


@kinds
async def test_without_a_server_it_says_what_to_set(kind: type[PostgresStore]) -> None:
    with pytest.raises(StoreMissing, match=WHERE_ENV):
        await kind(setup_at(None)).open()


@pytest.mark.parametrize(
    "address",
    [
        "mysql://root@127.0.0.1/x",
        "127.0.0.1:5432",
        "postgresql://ada:hush@127.0.0.1:1/x",
        "postgresql://ada:hush@127.0.0.1:port/x",
        "postgresql://ada:hush@[half/x",
        "postgresql:///x?host=/nowhere&password=hush",
    ],
)
async def test_an_address_that_does_not_work_is_told_without_its_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WHERE_ENV, address)
    store = ReadCommittedStore(setup_at(None))
    with pytest.raises(StoreMissing, match=WHERE_ENV) as told:
        await store.open()
    assert "hush" not in str(told.value)
    await store.close()


async def test_an_address_of_a_database_that_is_not_there_makes_none(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WHERE_ENV, at(database.url, database="nobodys"))
    with pytest.raises(StoreMissing, match="3D000"):
        await ReadCommittedStore(setup_at(None)).open()
    assert "nobodys" not in await databases(database.url)


@kinds
async def test_its_database_is_made_when_it_is_first_used_and_not_before(
    database: EmbeddedPostgres, kind: type[PostgresStore]
) -> None:
    await drop(database.url, kind)
    before = await databases(database.url)
    async with opened(kind, database.url) as store:
        assert await databases(database.url) == before
        assert store.stand_in
        await store.floor("evt_x", "rehearsal-1")
        assert await databases(database.url) == before | {kind.own}
    async with elsewhere(database.url, kind.own) as connection:
        assert await connection.fetchval("SELECT current_setting('server_encoding')") == "UTF8"


async def test_each_level_has_tables_of_its_own(foil: PostgresStore, strict: PostgresStore) -> None:
    run = plan(Code.CONDITIONAL, buyers=2)
    await fire(foil, run)
    assert [seat.key for seat in await foil.floor(run.event_id, run.round_id)].count(key_of(run))
    assert key_of(run) not in [seat.key for seat in await strict.floor(run.event_id, run.round_id)]


async def test_many_that_use_it_first_at_once_make_it_once(database: EmbeddedPostgres) -> None:
    async def use() -> None:
        async with opened(ReadCommittedStore, database.url) as store:
            await store.seat(fresh_key())
            async with store.bench(plan(), REGION, 2):
                await store.floor("evt_x", "rehearsal-1")

    for _ in range(2):
        await drop(database.url, ReadCommittedStore)
        await asyncio.gather(*(use() for _ in range(6)))


async def test_a_database_that_another_process_made_a_moment_ago_is_good(
    database: EmbeddedPostgres,
) -> None:
    place = Place(url=database.url, database=ReadCommittedStore.own, schema="public")
    for _ in range(2):
        await making._make_database(place, ReadCommittedStore.own)


async def test_tables_that_two_make_at_once_are_made_once(database: EmbeddedPostgres) -> None:
    """The database is there already, so all of them meet at the tables."""

    async def use() -> None:
        async with opened(ReadCommittedStore, database.url) as store:
            await store.seat(fresh_key())

    for _ in range(2):
        await use()
        async with elsewhere(database.url, ReadCommittedStore.own) as connection:
            await connection.execute("DROP SCHEMA public CASCADE")
        await asyncio.gather(*(use() for _ in range(6)))


async def test_at_an_address_of_ones_own_it_keeps_to_a_schema_of_its_own(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with elsewhere(database.url) as connection:
        await connection.execute("CREATE DATABASE somebodys")
    theirs = at(database.url, database="somebodys")
    async with elsewhere(theirs) as connection:
        await connection.execute("CREATE TABLE seats_naive (theirs text)")
    monkeypatch.setenv(WHERE_ENV, theirs)
    before = await databases(database.url)
    for kind, holders in ((ReadCommittedStore, 60), (RepeatableReadStore, 1)):
        async with opened(kind, None) as store:
            run = plan(Code.NAIVE)
            await fire(store, run)
            counted = (await store.tally(run.run_id, key_of(run))).holders
            assert 1 < counted <= holders if holders > 1 else counted == 1
            async with elsewhere(theirs) as connection:
                assert counted == await connection.fetchval(
                    f"SELECT count(*) FROM {kind.own}.sales_naive WHERE run_id = $1",
                    run.run_id,
                )
    assert await databases(database.url) == before
    async with elsewhere(theirs) as connection:
        assert await connection.fetchval("SELECT count(*) FROM public.seats_naive") == 0
        schemas = await connection.fetch(
            "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'worldseat%'"
        )
    assert {record[0] for record in schemas} == _SERVERS_OF_ITS_OWN


async def test_a_database_of_ones_own_that_is_dropped_is_not_made_again(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with elsewhere(database.url) as connection:
        await connection.execute("CREATE DATABASE brief")
        monkeypatch.setenv(WHERE_ENV, at(database.url, database="brief"))
        async with opened(ReadCommittedStore, None) as store:
            await store.seat(fresh_key())
            await connection.execute("DROP DATABASE brief WITH (FORCE)")
            before = await databases(database.url)
            with pytest.raises(NotCommitted, match="3D000"):
                await store.seat(fresh_key())
            assert await databases(database.url) == before


async def test_a_role_that_may_make_nothing_is_told_until_somebody_makes_the_schema(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ReadCommittedStore.own
    async with elsewhere(database.url) as connection:
        await connection.execute("CREATE DATABASE guarded")
        await connection.execute("CREATE ROLE visitor LOGIN")
    monkeypatch.setenv(WHERE_ENV, at(database.url, database="guarded", role="visitor"))
    async with opened(ReadCommittedStore, None) as store:
        run = plan(buyers=2)
        with pytest.raises(NotCommitted, match="42501 permission denied"):
            await fire(store, run)
        async with elsewhere(at(database.url, database="guarded")) as connection:
            await connection.execute(f"CREATE SCHEMA {own} AUTHORIZATION visitor")
        await fire(store, run)
        assert (await store.tally(run.run_id, key_of(run))).holders >= 1


async def test_a_server_without_room_for_all_buyers_fires_at_nobody(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with elsewhere(database.url) as connection:
        await connection.execute("CREATE DATABASE narrow CONNECTION LIMIT 10")
        await connection.execute("CREATE ROLE narrow LOGIN")
        await connection.execute("GRANT CREATE ON DATABASE narrow TO narrow")
    monkeypatch.setenv(WHERE_ENV, at(database.url, database="narrow", role="narrow"))
    async with opened(ReadCommittedStore, None) as store:
        run = plan()
        with pytest.raises(NotCommitted, match="53300"):
            await fire(store, run)
        assert (await store.tally(run.run_id, key_of(run))).holders == 0
