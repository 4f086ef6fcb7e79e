"""The replicator stops between a run and its count: a clear error, and nothing is left running."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.foils.dynamodb.foil import (
    fire,
    ground_of,
    key_of,
    left_running,
    plan,
    setup_in,
)

from worldseat.domain.run import Outcome
from worldseat.domain.seats import Code
from worldseat.ports.store import StoreLost
from worldseat.stores.dynamodb.store import DynamoStore


@pytest_asyncio.fixture
async def foil(tmp_path: Path) -> AsyncIterator[DynamoStore]:
    """A foil of its own to break."""
    store = DynamoStore(setup_in(tmp_path), on_aws=False)
    await store.open()
    yield store
    await store.close()
    assert left_running(tmp_path) == []


async def gone(home: Path) -> bool:
    for _ in range(100):
        if not left_running(home):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_replicator_that_stops_in_mid_run_is_told(
    foil: DynamoStore, tmp_path: Path
) -> None:
    run = plan(Code.NAIVE, lag_ms=1_000, buyers=10)
    fired = await fire(foil, run)
    assert any(each.outcome is Outcome.OK for each in fired.operations)
    replicator = ground_of(foil).replicator
    assert replicator is not None
    assert replicator._work is not None
    replicator._work.cancel()
    with pytest.raises(StoreLost, match="the replicator between the emulated Regions stopped"):
        await foil.tally(run.run_id, key_of(run))
    assert await gone(tmp_path)
