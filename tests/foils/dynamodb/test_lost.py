"""What a run committed can be gone. Then it is lost: an empty ledger must never become a zero."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.foils.dynamodb.foil import (
    fire,
    ground_of,
    key_of,
    kill_emulator,
    left_running,
    order_for,
    plan,
    purchase,
    setup_in,
)
from tests.patience import until

from worldseat.domain import ids
from worldseat.domain.seats import Code
from worldseat.ports.store import NotCommitted, StoreLost
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import ledger, replicator
from worldseat.stores.dynamodb import store as module
from worldseat.stores.dynamodb.store import DynamoStore

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[DynamoStore]:
    """A foil of its own to break."""
    store = DynamoStore(setup_in(tmp_path), on_aws=False)
    await store.open()
    yield store
    await store.close()
    assert left_running(tmp_path) == []


async def test_a_run_of_another_process_is_lost_and_nothing_is_started_to_find_out(
    own: DynamoStore, tmp_path: Path
) -> None:
    run = plan(Code.NAIVE)
    with pytest.raises(StoreLost, match=f"{run.run_id} committed is lost: the emulators"):
        await own.tally(run.run_id, key_of(run))
    assert left_running(tmp_path) == []


async def test_a_run_is_fired_on_one_pair_of_emulators_or_it_is_lost(
    own: DynamoStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, broken = plan(Code.CONDITIONAL, buyers=4), plan(Code.CONDITIONAL, buyers=4)
    await fire(own, counted)
    assert (await own.tally(counted.run_id, key_of(counted))).holders == 2
    async with own.bench(broken, REGIONS[0], 1):
        kill_emulator(own, 0)
        with pytest.raises(NotCommitted, match="emulator of us-east-1 ended with -9"):
            async with own.bench(broken, REGIONS[1], 1):
                pass
    for run in (broken, counted):
        with pytest.raises(StoreLost, match="is lost: the DynamoDB emulator of us-east-1 ended"):
            await own.tally(run.run_id, key_of(run))
    # Afresh: the old runs are lost for good, new ones are counted.
    again = plan(Code.CONDITIONAL, buyers=4)
    await fire(own, again)
    assert (await own.tally(again.run_id, key_of(again))).holders == 2
    with pytest.raises(StoreLost):
        await own.tally(counted.run_id, key_of(counted))

    async def broken_off(*_: object) -> None:
        kill_emulator(own, 1)
        message = "no answer"
        raise NotCommitted(message)

    # It breaks in the very moment of the count.
    monkeypatch.setattr(ledger, "rows_of_run", broken_off)
    with pytest.raises(StoreLost, match="emulator of us-east-2 ended with -9"):
        await own.tally(again.run_id, key_of(again))
    await own.close()
    with pytest.raises(StoreLost, match="they keep nothing"):
        await own.tally(again.run_id, key_of(again))
    assert left_running(tmp_path) == []


async def test_runs_have_the_lag_of_their_own_plan(foil: DynamoStore) -> None:
    achieved = []
    for lag_ms in (400, 0):
        run = plan(Code.CONDITIONAL, buyers=4, lag_ms=lag_ms)
        await fire(foil, run)
        tally = await foil.tally(run.run_id, key_of(run))
        assert tally.holders == 2
        achieved.append(tally.lag_ms_p50)
    slow, fast = achieved
    assert slow is not None
    assert fast is not None
    assert slow >= 400 > fast


async def test_a_count_waits_for_the_lag_that_was_chosen_besides_its_own_patience(
    foil: DynamoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COUNTED_WITHIN_S", 0.7)
    run = plan(Code.CONDITIONAL, buyers=2, lag_ms=900)
    async with purchase(foil, run, REGIONS[0]) as tx:
        order = order_for(key_of(run), "fan_lag", run=run.run_id)
        assert await tx.write_seat_if(order, unchanged_since=ids.ROOT)
        await tx.append_sale(order, replaces=ids.ROOT)
    assert (await foil.tally(run.run_id, key_of(run))).holders == 1


async def test_a_release_is_not_held_up_by_the_lag_of_the_run_before(foil: DynamoStore) -> None:
    run = plan(Code.CONDITIONAL, buyers=2, lag_ms=2_000)
    await fire(foil, run)
    sold = (await foil.tally(run.run_id, key_of(run))).seat
    began = time.monotonic()
    await foil.reopen(sold, run_id="run_next")
    assert time.monotonic() - began < 1.8


async def test_while_somebody_writes_or_counts_the_streams_are_read_often(
    foil: DynamoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicator, "IDLE_PAUSE_S", 60.0)
    # By now both readers sleep, for as long as nobody wakes them.
    await asyncio.sleep(0.3)
    run = plan(Code.CONDITIONAL, buyers=2)
    async with asyncio.timeout(10):
        async with purchase(foil, run, REGIONS[0]) as tx:
            assert await tx.write_seat_if(
                order_for(key_of(run), "fan_awake", run=run.run_id), unchanged_since=ids.ROOT
            )
            await until(lambda: replicated(foil, run.run_id))
        assert (await foil.tally(run.run_id, key_of(run))).holders == 0


def replicated(store: DynamoStore, run_id: str) -> bool:
    """Whether a write of the run has reached the other Region."""
    return ground_of(store).lag_ms_p50(run_id) is not None
