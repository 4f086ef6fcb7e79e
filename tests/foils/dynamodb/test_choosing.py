"""Where the foil runs, what it says when something is missing, and that the product goes on."""

import os
from pathlib import Path

import pytest
from tests.foils.dynamodb.foil import sales_counted_elsewhere, setup_in

from worldseat import bootstrap
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code
from worldseat.ports.store import StoreMissing
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores import dynamodb
from worldseat.stores.dynamodb.store import DynamoStore

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow


async def test_without_an_emulator_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLDSEAT_MINISTACK_BIN", str(tmp_path / "nothing"))
    with pytest.raises(StoreMissing, match="WORLDSEAT_MINISTACK_BIN"):
        await DynamoStore(setup_in(tmp_path), on_aws=False).open()


def aws_settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Choose AWS, with these variables and no others of AWS."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WORLDSEAT_FOIL_DYNAMODB", "aws")
    nowhere = {"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}
    for name, value in {**nowhere, **variables}.items():
        monkeypatch.setenv(name, value)


async def test_on_aws_nothing_stands_in_and_no_lag_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws_settings(monkeypatch)
    store = DynamoStore(setup_in(tmp_path))
    await store.open()
    assert store.stand_in is None
    assert not store.lag_is_chosen
    assert store.tables is not None
    assert await store.tables.where() == "AWS, us-east-1 and us-east-2"
    await store.close()


async def test_what_was_put_in_the_place_of_aws_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws_settings(monkeypatch, AWS_ENDPOINT_URL="http://localhost:4566")
    store = DynamoStore(setup_in(tmp_path))
    await store.open()
    assert store.stand_in == "what answers at localhost, which is not AWS"
    assert store.tables is not None
    assert await store.tables.where() == "localhost (not AWS), us-east-1 and us-east-2"


async def test_settings_of_aws_that_do_not_hold_together_are_told_and_stop_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws_settings(monkeypatch, AWS_PROFILE="of-nobody")
    with pytest.raises(StoreMissing, match=r"ProfileNotFound.*of-nobody"):
        await DynamoStore(setup_in(tmp_path)).open()


async def test_without_the_extra_the_product_starts_and_says_what_is_missing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamodb, "find_spec", lambda _: None)
    with pytest.raises(StoreMissing, match=r"pip install 'worldseat\[dynamodb\]'"):
        dynamodb.register()
    async with bootstrap.services(settings, work=False) as running:
        assert "dynamodb" not in running.stores
        assert running.store.name == "dsql"
        assert "pip install 'worldseat[dynamodb]'" in running.missing["dynamodb"]


async def test_break_it_fires_at_the_foil_as_at_the_product(
    services: Services, foil: DynamoStore, event: Event
) -> None:
    for seat in (None, "A1"):
        begun = await services.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store=foil.name, code=Code.NAIVE, arrival=Arrival(), buyers=24),
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
