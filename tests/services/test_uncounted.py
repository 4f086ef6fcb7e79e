"""A run on a foil whose committed rows are gone: an end without counts, and never a zero."""

from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database

from worldseat.domain.event import Event
from worldseat.domain.run import BUYERS, Cell, Plan, Run, RunStatus
from worldseat.domain.seats import Code, SeatKey
from worldseat.ports.store import NotCommitted, Store, StoreError, StoreLost, StoreSetup, Tally
from worldseat.services import settling
from worldseat.services.fence import Fence
from worldseat.services.recovery import Recovery
from worldseat.services.stampede import LEASE, Stampedes
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores.dsql.control import ReadCommittedControl
from worldseat.system import SystemChance, SystemClock

CELL = Cell(store="control", code=Code.NAIVE)


class Forgetful(ReadCommittedControl):
    """A foil that cannot count: it raises what `errors` holds, one after the other."""

    errors: list[StoreError]

    async def tally(self, run_id: str, key: SeatKey) -> Tally:
        if self.errors:
            raise self.errors.pop(0)
        return await super().tally(run_id, key)


@pytest_asyncio.fixture
async def foil(settings: Settings, database: Database) -> AsyncIterator[Forgetful]:
    made = Forgetful(
        StoreSetup(
            regions=settings.regions,
            urls=database.urls,
            home=settings.home,
            process="test:uncounted",
            chance=SystemChance(),
        )
    )
    made.errors = []
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def stampedes(
    services: Services, settings: Settings, foil: Forgetful, monkeypatch: pytest.MonkeyPatch
) -> Stampedes:
    monkeypatch.setattr(settling, "SETTLE_PAUSE_S", 0.01)
    return Stampedes(
        services.store,
        {**services.stores, foil.name: foil},
        settings.regions,
        git_commit="test",
        clock=SystemClock(),
        chance=SystemChance(),
    )


async def fired(stampedes: Stampedes, event: Event, cell: Cell = CELL) -> Run:
    begun = await stampedes.start(event_id=event.event_id, cell=cell)
    return await stampedes.wait(begun.plan.run_id)


async def test_a_lost_run_ends_at_once_without_counts_and_gives_the_lease_back(
    stampedes: Stampedes, foil: Forgetful, event: Event, services: Services
) -> None:
    foil.errors = [StoreLost("the emulator ended")]
    run = await fired(stampedes, event)
    assert run.status is RunStatus.INTERRUPTED
    result = run.result
    assert result is not None
    assert result.uncounted == "the emulator ended"
    assert result.oversold is None
    assert (result.confirmed, result.log_committed, result.seat_table_shows) == (0, 0, 0)
    # What the buyers were told is known all the same.
    assert result.app_believed + result.refused + result.errors + result.unknown == BUYERS
    assert result.app_believed > 1
    assert "cannot be counted" in result.verdict
    assert foil.errors == []
    assert await services.store.lease_holder(LEASE) is None
    after = await fired(stampedes, event, Cell(store="dsql", code=Code.NAIVE))
    assert after.result is not None
    assert after.result.confirmed == 1


async def test_a_foil_that_comes_back_in_time_is_counted(
    stampedes: Stampedes, foil: Forgetful, event: Event
) -> None:
    foil.errors = [NotCommitted("away")] * (settling.COUNT_ATTEMPTS - 1)
    run = await fired(stampedes, event)
    assert run.status is RunStatus.DONE
    assert run.result is not None
    assert run.result.uncounted == ""
    assert run.result.confirmed > 1


async def test_a_foil_that_stays_away_does_not_hold_the_lease_for_long(
    stampedes: Stampedes, foil: Forgetful, event: Event, services: Services
) -> None:
    foil.errors = [NotCommitted("away")] * 50
    run = await fired(stampedes, event)
    assert run.status is RunStatus.INTERRUPTED
    assert run.result is not None
    assert run.result.uncounted == "away"
    assert len(foil.errors) == 50 - settling.COUNT_ATTEMPTS
    assert await services.store.lease_holder(LEASE) is None


def plan_on(event: Event, store: str) -> Plan:
    return Plan(
        run_id=SystemChance().new_id("run"),
        event_id=event.event_id,
        round_id=event.current_round_id,
        seat_index=0,
        store=store,
        stand_in="test",
        code=Code.NAIVE,
        arrival=CELL.arrival,
        buyers=4,
        seed=1,
        regions=("us-east-1", "us-east-2"),
        git_commit="test",
    )


async def recovered(services: Services, plan: Plan, stores: dict[str, Store]) -> Run:
    await services.store.begin_run(plan, "A1")
    chance = SystemChance()
    fence = Fence(services.store, plan.regions, clock=SystemClock(), chance=chance)
    recovery = Recovery(services.store, stores, fence, clock=SystemClock(), holder="recovery-test")
    assert await recovery.settle_all() == 0
    found = await services.store.run(plan.run_id)
    assert found is not None
    return found


@pytest.mark.parametrize("error", [StoreLost("its memory is gone"), NotCommitted("away")])
async def test_recovery_does_not_wait_for_a_foil(
    services: Services, foil: Forgetful, event: Event, error: StoreError
) -> None:
    foil.errors = [error]
    run = await recovered(services, plan_on(event, foil.name), {foil.name: foil})
    assert run.status is RunStatus.INTERRUPTED
    assert run.result is not None
    assert (run.result.uncounted, run.result.oversold) == (str(error), None)
    assert run.result.unknown == 4


async def test_recovery_counts_a_foils_run_in_the_foil(
    services: Services, foil: Forgetful, event: Event, sql: asyncpg.Connection
) -> None:
    counted: list[str] = []

    class Counting(Forgetful):
        async def tally(self, run_id: str, key: SeatKey) -> Tally:
            counted.append(run_id)
            return replace(await super().tally(run_id, key), lag_ms_p50=3.0)

    foil.__class__ = Counting
    plan = plan_on(event, foil.name)
    run = await recovered(services, plan, {foil.name: foil})
    assert counted == [plan.run_id]
    assert run.result is not None
    assert (run.result.uncounted, run.result.lag_ms_p50) == ("", 3.0)


async def test_a_run_on_a_foil_that_was_removed_is_settled_too(
    services: Services, event: Event
) -> None:
    run = await recovered(services, plan_on(event, "removed"), {})
    assert run.result is not None
    assert run.result.uncounted == "the store removed is not installed any more"
