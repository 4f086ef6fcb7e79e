"""The negative control: one isolation level lower, the very same harness must oversell.

A zero of the product says something only because of this.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database

from worldseat.domain.event import Event
from worldseat.domain.run import Cell, Run
from worldseat.domain.seats import Code
from worldseat.domain.verdict import Fault, Sources
from worldseat.ports.store import StoreSetup
from worldseat.services.stampede import Stampedes
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores.dsql.control import ReadCommittedControl
from worldseat.system import SystemChance, SystemClock

BURSTS = 10
BUYERS = 60


@pytest_asyncio.fixture
async def control(
    services: Services, settings: Settings, database: Database
) -> AsyncIterator[Stampedes]:
    """The same harness with a second store: the product's adapter at READ COMMITTED."""
    lowered = ReadCommittedControl(
        StoreSetup(
            regions=settings.regions,
            urls=database.urls,
            home=settings.home,
            process="test:control",
            chance=SystemChance(),
        )
    )
    await lowered.open()
    yield Stampedes(
        services.store,
        {**services.stores, lowered.name: lowered},
        settings.regions,
        git_commit="test",
        clock=SystemClock(),
        chance=SystemChance(),
    )
    await lowered.close()


async def burst(control: Stampedes, event: Event, code: Code) -> Run:
    begun = await control.start(
        event_id=event.event_id,
        cell=Cell(store="control", code=code, buyers=BUYERS),
        seat="A1",
    )
    return await control.wait(begun.plan.run_id)


async def sales(sql: asyncpg.Connection, run: Run) -> int:
    found = await sql.fetchval(
        "SELECT count(*) FROM op_log WHERE run_id = $1 AND kind = 'sell'", run.plan.run_id
    )
    return int(found)


async def test_naive_code_oversells_in_every_burst_at_read_committed(
    control: Stampedes, services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    for _ in range(BURSTS):
        run = await burst(control, event, Code.NAIVE)
        result = run.result
        assert result is not None
        sold = await sales(sql, run)
        assert sold > 1
        assert (result.confirmed, result.oversold) == (sold, sold - 1)
        assert result.in_flight_max >= 55
        sources = Sources(
            run_id=run.plan.run_id,
            app_believed=result.app_believed,
            unknown=result.unknown,
            log_committed=result.log_committed,
            seat_table_shows=result.seat_table_shows,
        )
        # Everybody was told that it is theirs, everybody is in the log, and the table shows one.
        assert sources.equation == f"{sold} = {sold} ≠ 1"
        assert not sources.agree
        assert f"Seat A1 was sold {sold} times." in result.violations
        assert any(f"the log holds {sold} sales" in each for each in result.violations)
        assert result.verdict.startswith(f"Seat A1 was sold {sold} times.")
    report = await services.witness.judge(event.event_id, seat="A1")
    forks = [each for each in report.violations if each.fault is Fault.FORK]
    assert len(forks) == BURSTS
    assert all(each.seat == "A1" and len(each.op_ids) > 1 for each in forks)
    assert not report.clean


async def test_all_sixty_win_when_all_sixty_read_before_the_first_writes(
    control: Stampedes, event: Event, sql: asyncpg.Connection
) -> None:
    best = max([await burst(control, event, Code.NAIVE) for _ in range(3)], key=_confirmed)
    assert _confirmed(best) == await sales(sql, best) >= BUYERS - 5


def _confirmed(run: Run) -> int:
    assert run.result is not None
    return run.result.confirmed


async def test_conditional_code_does_not_oversell_even_there(
    control: Stampedes, event: Event, sql: asyncpg.Connection
) -> None:
    for _ in range(3):
        run = await burst(control, event, Code.CONDITIONAL)
        assert run.result is not None
        assert await sales(sql, run) == run.result.confirmed == 1
        assert (run.result.oversold, run.result.violations) == (0, [])
        assert run.result.in_flight_max >= 55


async def test_the_product_does_not_oversell_with_what_oversells_there(
    control: Stampedes, services: Services, event: Event, sql: asyncpg.Connection
) -> None:
    """The same event, seat and harness; only the store's name in the request differs."""
    lowered = await burst(control, event, Code.NAIVE)
    begun = await control.start(
        event_id=event.event_id,
        cell=Cell(store=services.store.name, code=Code.NAIVE, buyers=BUYERS),
        seat="A1",
    )
    product = await control.wait(begun.plan.run_id)
    assert await sales(sql, lowered) > 1
    assert await sales(sql, product) == 1


def test_the_control_is_no_store_that_anybody_can_choose(services: Services) -> None:
    assert "control" not in services.stores
    with pytest.raises(AttributeError):
        _ = services.stores["dsql"].control  # type: ignore[attr-defined]
