"""A part of the foil, or the whole app, dies in mid-run: a clear end, and the product is unharmed.

Everything goes through the services, as pages and commands do.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from tests.foils.dynamodb.foil import APART_MS, ground_of, kill_emulator, left_running
from tests.foils.dynamodb.wiretap import Faults
from tests.patience import until

from worldseat import bootstrap
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.services import recovery
from worldseat.services.stampede import LEASE
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores.dynamodb.store import DynamoStore

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow

OVER_WITHIN_S = 5.0
"""How soon after the death of a part the run must be over and the product free to run again."""

SCRIPT = Path(__file__).with_name("whole_worldseat.py")
ROOT = Path(__file__).parents[3]


@pytest_asyncio.fixture
async def own(settings: Settings, tmp_path: Path) -> AsyncIterator[Services]:
    """Services on the test database, with a foil of their own to break."""
    home = Settings(home=tmp_path, database_urls=settings.database_urls)
    async with bootstrap.services(home, work=False) as running:
        yield running
    assert left_running(tmp_path) == []


def foil_of(services: Services) -> DynamoStore:
    foil = services.stores["dynamodb"]
    assert isinstance(foil, DynamoStore)
    return foil


def at(store: str, *, spread_ms: int = 0, buyers: int = 60) -> Cell:
    return Cell(
        store=store,
        code=Code.CONDITIONAL,
        arrival=Arrival(spread_ms=spread_ms),
        buyers=buyers,
    )


async def fired_into(services: Services, event: Event, death: Callable[[], None]) -> Run:
    """Fire at the foil, have a part of it die in the middle, and see the run end soon."""
    begun = await services.stampedes.start(
        event_id=event.event_id, cell=at("dynamodb", spread_ms=1_000), seat="A1"
    )
    run_id = begun.plan.run_id

    async def in_the_middle() -> bool:
        _, progress = await services.stampedes.run(run_id)
        return progress is not None and progress.answered >= 15

    await until(in_the_middle)
    death()
    died = time.monotonic()
    run = await services.stampedes.wait(run_id)
    assert time.monotonic() - died < OVER_WITHIN_S
    assert await services.store.lease_holder(LEASE) is None
    return run


def check_uncounted(run: Run, why: str) -> None:
    assert run.status is RunStatus.INTERRUPTED
    assert run.result is not None
    assert why in run.result.uncounted
    assert why in run.result.verdict
    assert run.result.oversold is None
    assert (run.result.confirmed, run.result.log_committed) == (0, 0)


async def check_that_all_goes_on(services: Services, event: Event) -> None:
    """The product sells and is fired at; nothing of the foil runs; then the foil runs afresh."""
    bought = await services.shop.buy(
        fan_id="fan_unharmed", key=event.event_id, event_id=event.event_id, seats=["B2"]
    )
    assert [each.seat for each in bought.tickets] == ["B2"]
    product = await fire(services, event, at("dsql", buyers=20))
    assert product.result is not None
    assert (product.result.confirmed, product.result.oversold) == (1, 0)
    assert left_running(services.settings.home) == []
    foil = await fire(services, event, replace(at("dynamodb", buyers=20), lag_ms=APART_MS))
    assert foil.result is not None
    assert foil.result.confirmed == 2
    assert foil.result.uncounted == ""


async def fire(services: Services, event: Event, cell: Cell) -> Run:
    begun = await services.stampedes.start(event_id=event.event_id, cell=cell, seat="A1")
    run = await services.stampedes.wait(begun.plan.run_id)
    assert run.status is RunStatus.DONE
    return run


async def test_an_emulator_dies_in_mid_run(own: Services, event: Event) -> None:
    run = await fired_into(own, event, lambda: kill_emulator(foil_of(own), 1))
    check_uncounted(run, "the DynamoDB emulator of us-east-2 ended with -9")
    assert run.result is not None
    assert run.result.app_believed > 0
    assert run.result.errors > 0
    await check_that_all_goes_on(own, event)


@pytest.mark.slow
async def test_the_replicator_dies_in_mid_run(own: Services, event: Event) -> None:
    faults, planting = Faults(), ExitStack()

    def death() -> None:
        replicator = ground_of(foil_of(own)).replicator
        assert replicator is not None
        planting.enter_context(faults.in_the_way_of(replicator._links[0]._stream))
        faults.refuse("GetRecords", "ExpiredIteratorException")

    with planting:
        run = await fired_into(own, event, death)
    check_uncounted(run, "the replicator between the emulated Regions stopped: ExpiredIterator")
    await check_that_all_goes_on(own, event)


@pytest.mark.slow
async def test_the_whole_app_is_killed_in_mid_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "LOOK_AGAIN_S", 0.2)
    run_id = await killed_in_mid_run(tmp_path)
    foil_home = tmp_path / "dynamodb"
    await until(lambda: left_running(foil_home) == [], within_s=2)
    async with asyncio.timeout(30), bootstrap.services(Settings(home=tmp_path)) as services:

        async def settled() -> bool:
            run, _ = await services.stampedes.run(run_id)
            return run.status is not RunStatus.RUNNING

        await until(settled, within_s=15)
        run, _ = await services.stampedes.run(run_id)
        check_uncounted(run, "the emulators that held it have ended")
        assert run.result is not None
        assert run.result.unknown == run.plan.buyers
        # Nothing was started to find that out.
        assert left_running(foil_home) == []
        assert await services.store.lease_holder(LEASE) is None
        event = await services.onsale.event("evt_aurora-2026")
        again = await fire(services, event, replace(at("dynamodb"), lag_ms=APART_MS))
        assert again.result is not None
        assert again.result.confirmed == 2
    assert left_running(tmp_path) == []


async def killed_in_mid_run(home: Path) -> str:
    """Run a whole WorldSeat, kill it with signal 9 in the middle of a run, return the run's id."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, str(SCRIPT), str(home)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    run_id = ""
    try:
        async with asyncio.timeout(30):
            async for line in child.stdout:
                said = json.loads(line) if line.startswith(b"{") else {}
                run_id = said.get("run", run_id)
                if said.get("answered", 0) >= 10:
                    assert len(left_running(home / "dynamodb")) == 2
                    child.kill()
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
    assert run_id
    return run_id
