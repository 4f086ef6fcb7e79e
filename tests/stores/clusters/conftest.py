"""An account for each test, and a driver that tries again at once."""

import pytest
from botocore.retries.standard import ExponentialBackoff
from tests.stores.clusters.played import Played, Told


@pytest.fixture
def aws() -> Played:
    return Played()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
