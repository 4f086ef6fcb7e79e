"""Where the foil runs, what it says when something is missing, and that the product goes on."""

from pathlib import Path

import pytest
from tests.stores_dynamodb.foil import BUYERS, sales_counted_elsewhere, setup_in

from worldseat import bootstrap
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code
from worldseat.ports.store import StoreMissing, StoreRefused
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores import dynamodb
from worldseat.stores.dynamodb.store import DynamoStore


async def test_without_an_emulator_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSEAT_MINISTACK_BIN", str(tmp_path / "nothing"))
    with pytest.raises(StoreMissing, match="WORLDSEAT_MINISTACK_BIN"):
        await DynamoStore(setup_in(tmp_path), on_aws=False).open()


async def test_on_aws_nothing_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLDSEAT_FOIL_DYNAMODB", "aws")
    store = DynamoStore(setup_in(tmp_path))
    await store.open()
    assert store.stand_in is None
    await store.close()


@pytest.mark.parametrize("text", ["soon", "-1", "60001", "nan"])
def test_a_lag_that_cannot_be_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSEAT_FOIL_LAG_MS", text)
    with pytest.raises(StoreRefused, match="0 to 60000"):
        DynamoStore(setup_in(tmp_path))


async def test_without_the_extra_the_product_starts_and_says_what_is_missing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dynamodb, "find_spec", lambda _: None)
    with pytest.raises(StoreMissing, match=r"pip install 'worldseat\[dynamodb\]'"):
        dynamodb.register()
    async with bootstrap.services(settings, work=False) as running:
        assert set(running.stores) == {"dsql"}
    said = capsys.readouterr()
    assert "worldseat[dynamodb]" in said.out + said.err


async def test_break_it_fires_at_the_foil_as_at_the_product(
    services: Services, event: Event
) -> None:
    foil = services.stores["dynamodb"]
    assert isinstance(foil, DynamoStore)
    for seat in (None, "A1"):
        begun = await services.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store=foil.name, code=Code.NAIVE, arrival=Arrival(), buyers=BUYERS),
            seat=seat,
        )
        run = await services.stampedes.wait(begun.plan.run_id)
        assert run.seat == "A1"
        assert run.result is not None
        assert run.result.confirmed == sales_counted_elsewhere(foil, run.plan.run_id) > 1
        assert run.result.oversold == run.result.confirmed - 1
        assert run.result.seat_table_shows == 1
        assert run.result.unknown == run.result.errors == 0
        assert f"Seat A1 was sold {run.result.confirmed} times." in run.result.violations
    await foil.close()
