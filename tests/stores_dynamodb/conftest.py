"""One pair of emulators for the whole folder. Without the extra there is nothing to test here."""

from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from worldseat.stores.dynamodb.store import DynamoStore

if find_spec("aiobotocore") is None or find_spec("ministack") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest_asyncio.fixture(scope="session")
async def _running(tmp_path_factory: pytest.TempPathFactory) -> "AsyncIterator[DynamoStore]":
    from tests.stores_dynamodb.foil import setup_in  # noqa: PLC0415 - only with the extra.

    from worldseat.stores.dynamodb.store import DynamoStore  # noqa: PLC0415

    store = DynamoStore(setup_in(tmp_path_factory.mktemp("foil")), lag_ms=0, on_aws=False)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def foil(_running: "DynamoStore") -> "DynamoStore":
    """The foil, with no lag asked for."""
    _running.set_lag(0)
    return _running
