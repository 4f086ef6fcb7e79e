"""A round that has sold, in the real database."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from tests.witness.a_round import Round

from worldseat import bootstrap
from worldseat.domain.event import Event
from worldseat.services.wiring import Services
from worldseat.settings import Settings


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    """Services with lanes of their own: a row that one test deletes is a hole in no other's."""
    async with bootstrap.services(settings, work=False) as running:
        yield running


@pytest.fixture
async def round_(services: Services, sql: asyncpg.Connection, event: Event) -> Round:
    made = Round(services=services, sql=sql, event=event)
    await made.stampede("A1")
    await services.shop.buy(
        fan_id="fan_ada", key=event.event_id, event_id=event.event_id, seats=["A2"]
    )
    await made.stampede("A3")
    await made.stampede("A3")
    return made
