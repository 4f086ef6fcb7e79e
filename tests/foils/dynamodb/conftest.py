"""One foil for the whole folder, and one process that plays AWS. Without the extra: nothing."""

import itertools
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from worldseat.services.wiring import Services

if TYPE_CHECKING:
    from tests.foils.dynamodb.wiretap import Tap

    from worldseat.stores.dynamodb.emulator import Emulator
    from worldseat.stores.dynamodb.store import DynamoStore

if find_spec("aiobotocore") is None or find_spec("ministack") is None:
    collect_ignore_glob = ["test_*.py"]

_accounts = itertools.count(1)


@pytest_asyncio.fixture(scope="session")
async def foil(services: Services) -> "DynamoStore":
    """The foil as the services have it, started: on one pair of emulators."""
    from tests.foils.dynamodb.foil import fresh_key  # noqa: PLC0415 - only with the extra.

    from worldseat.stores.dynamodb.store import DynamoStore  # noqa: PLC0415

    found = services.stores["dynamodb"]
    assert isinstance(found, DynamoStore)
    await found.seat(fresh_key())
    return found


@pytest_asyncio.fixture(scope="session")
async def _cloud(tmp_path_factory: pytest.TempPathFactory) -> "AsyncIterator[Emulator]":
    from worldseat.stores.dynamodb.emulator import Emulator, find_program  # noqa: PLC0415

    emulator = Emulator(find_program(), "us-east-1", tmp_path_factory.mktemp("cloud"))
    await emulator.launch()
    yield emulator
    emulator.kill()


@pytest.fixture
def cloud(_cloud: "Emulator", monkeypatch: pytest.MonkeyPatch) -> str:
    """An account of its own at what plays AWS: both Regions, and its replicas, in one process.

    It is reached as AWS is: by the default chain of settings and credentials. Return the account.
    """
    account = f"{next(_accounts):012d}"
    for name, value in {
        "AWS_ENDPOINT_URL_DYNAMODB": _cloud.url,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "played",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    return account


@pytest.fixture
def tap(monkeypatch: pytest.MonkeyPatch) -> "Tap":
    """See every call of every client that is made from now on."""
    from tests.foils.dynamodb.wiretap import Tap  # noqa: PLC0415 - only with the extra.

    return Tap(monkeypatch)
