"""One real local cluster for the whole test run; every test sells its own event."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database
from tests.visits import browser, make_hall, new_fan, site

from worldseat import bootstrap
from worldseat.domain.event import Event
from worldseat.domain.seats import Mode
from worldseat.domain.venue_file import read_venue
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.local_dsql.launch import Launch
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.venues import venue_text

__all__ = ["browser", "make_hall", "new_fan", "site"]


RECORD = "statements.jsonl"

MakeEvent = Callable[[Mode], Awaitable[Event]]


@pytest.fixture(scope="session")
def cluster_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the test run's cluster, as a WorldSeat's own would be."""
    return tmp_path_factory.mktemp("home")


@pytest_asyncio.fixture(scope="session")
async def at(cluster_home: Path) -> AsyncIterator[Descriptor]:
    """A real local cluster in a process of its own, without delays between its Regions."""
    words = ("--record", str(cluster_home / RECORD))
    launch = Launch(cluster_home / "dsql", delays=False, words=words)
    yield await launch.start()
    await launch.stop()


@pytest.fixture(scope="session")
def record(at: Descriptor, cluster_home: Path) -> Path:
    """Every statement that the cluster was sent so far, once, as JSON lines."""
    return cluster_home / RECORD


@pytest_asyncio.fixture(scope="session")
async def breakable(at: Descriptor, cluster_home: Path) -> AsyncIterator[Descriptor]:
    """A second cluster over the same PostgreSQL: when it goes, the first one's clients stay."""
    words = ("--postgres-home", str(cluster_home / "pg"))
    launch = Launch(cluster_home / "breakable", delays=False, words=words)
    yield await launch.start()
    await launch.stop()


@pytest.fixture(scope="session")
def database(at: Descriptor) -> Database:
    """The PostgreSQL behind the cluster: for other programs, which look past it."""
    return Database(url=at.postgres_url)


@pytest.fixture(scope="session")
def settings(at: Descriptor, cluster_home: Path) -> Settings:
    """Settings that reach the cluster through its two endpoints, by TLS and token."""
    return Settings(home=cluster_home, database_urls={each: at.url(each) for each in REGIONS})


@pytest_asyncio.fixture(scope="session")
async def services(settings: Settings) -> AsyncIterator[Services]:
    """All services, on the real database, with the seeded events."""
    async with bootstrap.services(settings) as running:
        yield running


@pytest.fixture
def make_event(services: Services) -> MakeEvent:
    """Create an event of one's own in the 96-seat hall."""

    async def make(mode: Mode = Mode.REHEARSAL) -> Event:
        chart, price = read_venue(venue_text("hall-96.json"))
        return await services.onsale.create(chart=chart, title="A TEST", price=price, mode=mode)

    return make


@pytest_asyncio.fixture
async def event(make_event: MakeEvent) -> Event:
    """A fresh rehearsal event."""
    return await make_event(Mode.REHEARSAL)


@pytest_asyncio.fixture
async def sql(database: Database, services: Services) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection to the same database: another program, with its own counting."""
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests last: while Playwright is open no other event loop can run here."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
