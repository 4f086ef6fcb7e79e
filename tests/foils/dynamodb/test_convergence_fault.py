"""The check of convergence counts only if it fails where the Regions do not converge."""

import pytest
from tests.foils.dynamodb.foil import key_of, order_for, plan, purchase

from worldseat.domain import ids
from worldseat.domain.seats import Code
from worldseat.ports.store import StoreError
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import items, store
from worldseat.stores.dynamodb.replicator import TIME, Link, Version
from worldseat.stores.dynamodb.store import DynamoStore

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow


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
    monkeypatch.setattr(store, "COUNTED_WITHIN_S", 0.5)
    # A floor of its own: this one stays unequal, and other tests must not see it.
    run = plan(Code.NAIVE, lag_ms=300, round_id="rehearsal-666")
    key = key_of(run)
    for region in REGIONS:
        async with purchase(foil, run, region) as tx:
            await tx.write_seat(order_for(key, f"fan_{region}", region=region))
            await tx.append_sale(order_for(key, f"fan_{region}", region=region), replaces=ids.ROOT)
    with pytest.raises(StoreError, match="the Regions still differ"):
        await foil.tally(run.run_id, key)
