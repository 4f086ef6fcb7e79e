"""The check of convergence counts only if it fails where the Regions do not converge."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.stores_dynamodb.foil import fresh_key, order_for, setup_in

from worldseat.domain import ids
from worldseat.ports.store import StoreError
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import ground, items
from worldseat.stores.dynamodb.replicator import TIME, Link, Version
from worldseat.stores.dynamodb.store import DynamoStore


@pytest_asyncio.fixture
async def foil(tmp_path: Path) -> AsyncIterator[DynamoStore]:
    """A foil of its own, so that a planted fault harms no other test."""
    store = DynamoStore(setup_in(tmp_path), lag_ms=300, on_aws=False)
    await store.open()
    yield store
    await store.close()


async def test_a_replicator_that_does_not_stamp_swaps_the_regions(
    foil: DynamoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_stamp(link: Link, version: Version) -> None:
        return

    async def overwrite(link: Link, version: Version) -> bool:
        stamp = {TIME: {"N": str(version.stamp_us)}}
        await link._away.put_item(TableName=items.SEATS, Item={**version.item, **stamp})
        return True

    monkeypatch.setattr(Link, "_stamp", no_stamp)
    monkeypatch.setattr(Link, "_decided", overwrite)
    monkeypatch.setattr(ground, "DRAIN_S", 3.0)
    key = fresh_key()
    for region in REGIONS:
        async with (
            foil.bench(region, 1) as bench,
            bench.writer() as writer,
            writer.transaction() as tx,
        ):
            await tx.write_seat(order_for(key, f"fan_{region}", region=region))
            await tx.append_sale(order_for(key, f"fan_{region}", region=region), replaces=ids.ROOT)
    with pytest.raises(StoreError, match="the Regions still differ"):
        await foil.tally("run_t", key)
