"""The foil in AWS's mode, on a process that plays AWS: its own replicas, the default chain."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.foils.dynamodb.descriptions import Told
from tests.foils.dynamodb.foil import fire, key_of, left_running, plan, setup_in
from tests.foils.dynamodb.wiretap import Tap

from worldseat.domain.seats import Code, SeatStatus
from worldseat.ports.store import NotCommitted
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import store as module
from worldseat.stores.dynamodb.aws_tables import AwsTables
from worldseat.stores.dynamodb.store import DynamoStore


@pytest_asyncio.fixture
async def on_aws(cloud: str, tmp_path: Path) -> AsyncIterator[DynamoStore]:
    """The foil on what plays AWS, with its tables made."""
    await AwsTables(REGIONS, wait_s=0).create(Told())
    store = DynamoStore(setup_in(tmp_path), on_aws=True)
    await store.open()
    yield store
    await store.close()
    assert left_running(tmp_path) == []


async def test_runs_are_fired_and_counted_also_by_a_process_that_comes_later(
    on_aws: DynamoStore, tmp_path: Path
) -> None:
    run = plan(Code.NAIVE, buyers=8)
    fired = await fire(on_aws, run)
    tally = await on_aws.tally(run.run_id, key_of(run))
    assert tally.holders == sum(each.reason == "sold" for each in fired.operations) > 1
    assert tally.seat.status is SeatStatus.SOLD
    assert tally.lag_ms_p50 is None
    assert await on_aws.sold_in_run(tally.seat)
    await on_aws.reopen(tally.seat, run_id="run_next")
    assert (await on_aws.seat(tally.seat.key)).status is SeatStatus.OPEN
    later = DynamoStore(setup_in(tmp_path), on_aws=True)
    assert (await later.tally(run.run_id, key_of(run))).holders == tally.holders
    await later.close()


async def test_a_run_needs_tables_that_are_ready(cloud: str, tmp_path: Path) -> None:
    store = DynamoStore(setup_in(tmp_path), on_aws=True)
    said = "seats_naive in us-east-1: it does not exist.*See: worldseat foil status"
    with pytest.raises(NotCommitted, match=said):
        await fire(store, plan(Code.NAIVE, buyers=2))
    await store.close()


@pytest.mark.slow
async def test_regions_that_do_not_become_equal_give_no_count(
    on_aws: DynamoStore, tap: Tap, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan(Code.CONDITIONAL, buyers=2)
    await fire(on_aws, run)
    monkeypatch.setattr(module, "COUNTED_WITHIN_S", 0.2)
    # The first Region is asked before the second, and shows no seat.
    turns = itertools.cycle([True, False])
    empty = {"Items": [], "Count": 0, "ScannedCount": 0}
    tap.plant("Query", (200, empty), times=50, when=lambda _: next(turns))
    with pytest.raises(NotCommitted, match="the Regions still differ"):
        await on_aws.tally(run.run_id, key_of(run))
