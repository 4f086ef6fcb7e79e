"""The two example events: on one machine they are there at once, on AWS nobody has ordered them."""

import pytest

from worldseat import bootstrap
from worldseat.bootstrap import whole
from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.services.onsale import OnSale
from worldseat.settings import Settings
from worldseat.stores.dsql import DsqlStore


@pytest.mark.parametrize(("stand_in", "made"), [(LOCAL_CLUSTER, 1), (None, 0)])
async def test_they_are_made_on_a_stand_in_only(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, stand_in: str | None, made: int
) -> None:
    times = 0

    async def seed(_onsale: OnSale) -> None:
        nonlocal times
        times += 1

    async def what_stands_in(_store: DsqlStore) -> str | None:
        return stand_in

    monkeypatch.setattr(whole, "seed", seed)
    monkeypatch.setattr(DsqlStore, "_what_stands_in", what_stands_in)
    async with bootstrap.services(settings, work=False) as services:
        assert services.store.stand_in == stand_in
    assert times == made
