"""A relay on this machine makes no stand-in of AWS, and no AWS of a stand-in (design: honesty)."""

from collections.abc import Mapping

import pytest
from tests.acceptance.conftest import Accept

from worldseat.acceptance.relay import Relay
from worldseat.bootstrap import acceptance
from worldseat.cli import endpoints_file
from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.ports.store import StoreSetup
from worldseat.settings import REGIONS, Settings
from worldseat.stores.dsql import DsqlStore
from worldseat.system import SystemChance

ON_AWS = {
    region: f"postgresql://admin@{'a' * 26}.dsql.{region}.on.aws/postgres" for region in REGIONS
}


async def what_stands_in(settings: Settings, lead_to: Mapping[str, str]) -> str | None:
    """Open a store through relays that are said to lead somewhere; they lead to the cluster."""
    relays = {region: Relay(url) for region, url in settings.database_urls.items()}
    for relay in relays.values():
        await relay.open()
    store = DsqlStore(
        StoreSetup(
            regions=REGIONS,
            urls={region: relay.url for region, relay in relays.items()},
            home=settings.home,
            process="test",
            chance=SystemChance(),
            lead_to=lead_to,
        )
    )
    try:
        await store.open()
        return store.stand_in
    finally:
        await store.close()
        for relay in relays.values():
            await relay.close()


async def test_where_a_relay_leads_says_what_stands_in(settings: Settings) -> None:
    assert await what_stands_in(settings, ON_AWS) is None
    assert await what_stands_in(settings, settings.database_urls) == LOCAL_CLUSTER
    one_local = {**ON_AWS, "us-east-2": settings.database_urls["us-east-2"]}
    assert await what_stands_in(settings, one_local) == LOCAL_CLUSTER


def test_a_run_says_where_its_relays_lead(
    accept: Accept, at: Descriptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Seen(Exception):
        pass

    seen: list[StoreSetup] = []

    def store(setup: StoreSetup) -> DsqlStore:
        seen.append(setup)
        raise Seen

    urls = {region: at.url(region) for region in REGIONS}
    monkeypatch.setattr(endpoints_file, "read", lambda _: urls)
    monkeypatch.setattr(acceptance, "DsqlStore", store)
    with pytest.raises(Seen):
        accept("--endpoints", "any")
    assert seen[0].lead_to == urls
    assert not set(seen[0].urls.values()) & set(urls.values())
