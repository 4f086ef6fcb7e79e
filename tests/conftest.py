"""One real embedded PostgreSQL for the whole test run; every test sells its own event."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from tests.visits import browser, make_hall, new_fan, site

from worldseat import bootstrap
from worldseat.domain.event import Event
from worldseat.domain.seats import Mode
from worldseat.domain.venue_file import read_venue
from worldseat.embedded import EmbeddedPostgres
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.venues import venue_text

__all__ = ["browser", "make_hall", "new_fan", "site"]

MakeEvent = Callable[[Mode], Awaitable[Event]]


@pytest_asyncio.fixture(scope="session")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """A real server, owned by the test run."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("pg"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def settings(database: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings that reach the test server through two Regions."""
    home: Path = tmp_path_factory.mktemp("home")
    return Settings(home=home, database_urls=dict.fromkeys(REGIONS, database.url))


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
async def sql(database: EmbeddedPostgres, services: Services) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection to the same database: another program, with its own counting."""
    connection = await asyncpg.connect(database.url)
    yield connection
    await connection.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests last: while Playwright is open no other event loop can run here."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
