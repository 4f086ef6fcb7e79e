"""With the product broken on purpose, on a cluster that is well, a run fails and names the promise.

And with the role of least privilege given one privilege too many.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import uvloop
from tests.acceptance.conftest import Accept
from tests.behind import Database

from worldseat import bootstrap
from worldseat.acceptance import served
from worldseat.cli import endpoints_file
from worldseat.domain.acceptance import Standing
from worldseat.local_dsql import credentials
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.services.fence import Fence, Resolution
from worldseat.services.shop import Shop
from worldseat.settings import REGIONS, Settings
from worldseat.stores.dsql.regions import Regions

pytestmark = pytest.mark.slow

UNMAPPED = "DELETE FROM sys.iam_pg_role_mappings WHERE pg_role_name = 'worldseat_app'"


@pytest.fixture
def endpoints(at: Descriptor, tmp_path: Path) -> str:
    """A file with the addresses of the test run's cluster."""
    file = tmp_path / "endpoints.json"
    endpoints_file.write(file, {region: at.url(region) for region in REGIONS})
    return str(file)


def test_a_fence_that_guesses_is_found(
    accept: Accept, endpoints: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def guess(*_: object, **__: object) -> Resolution:
        return Resolution.VOID

    monkeypatch.setattr(Fence, "resolve", guess)
    done = accept("--endpoints", endpoints, "--runs", "1", "--only", "fence")
    assert done.status == 1
    assert "BROKEN fence: op_log as us-east-1 shows it" in done.err
    assert "was refused and is in it" in done.err


def test_a_shop_that_never_goes_elsewhere_is_found(
    accept: Accept, endpoints: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_home(shop: Any, home: str) -> Any:
        return lambda: shop._store.writer(home)

    # Both know the way: the shop asks the other Region's writers, and the store its endpoint.
    monkeypatch.setattr(Regions, "_own_first", lambda _, region: (region,))
    monkeypatch.setattr(Shop, "_writers", at_home)
    done = accept("--endpoints", endpoints, "--runs", "1", "--only", "region-loss")
    assert done.status == 1
    assert done.promise("region-loss").standing is Standing.BROKEN, done.err
    assert "BROKEN region-loss: " in done.err


def test_stampedes_that_all_come_through_one_endpoint_hold_nothing(
    accept: Accept, endpoints: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "WITHIN_S", 0.5)
    monkeypatch.setattr(Regions, "_own_first", lambda *_: REGIONS)
    done = accept("--endpoints", endpoints, "--runs", "1", "--only", "stampedes")
    promise = done.promise("stampedes")
    assert promise.standing is Standing.NOT_TRIED
    assert promise.seen == "Could not be tried: us-east-2 does not serve its own fans: ok."
    assert not done.report.stampedes


@pytest.fixture
def app_role(settings: Settings, database: Database) -> Iterator[str]:
    """The role that runs the product, for whoever signs here; taken away at the end."""
    role = "worldseat_app"
    uvloop.run(bootstrap.grant(settings, role=role, arn=credentials.ARN, report=lambda _: None))
    yield role
    behind(database, UNMAPPED, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def behind(database: Database, *statements: str) -> None:
    """Say something to the PostgreSQL behind."""

    async def say() -> Any:
        line = await asyncpg.connect(database.url)
        try:
            for sql in statements:
                await line.execute(sql)
        finally:
            await line.close()

    uvloop.run(say())


def test_a_role_that_may_rewrite_the_log_is_found(
    accept: Accept, endpoints: str, app_role: str, database: Database
) -> None:
    words = ("--endpoints", endpoints, "--runs", "1", "--only", "least-privilege")
    promise = accept(*words).promise("least-privilege")
    assert promise.standing is Standing.HELD, promise
    assert promise.tried == 12
    tokens = accept(*words[:-1], "tokens").promise("tokens")
    assert tokens.standing is Standing.HELD
    assert "us-east-1: admin's token for a role" in {case.name for case in tokens.cases}
    behind(database, f"GRANT UPDATE ON op_log TO {app_role}")
    done = accept(*words)
    assert done.status == 1
    assert "BROKEN least-privilege: us-east-1: UPDATE op_log as worldseat_app" in done.err
    # What it may make is taken away again.
    behind(database, f"GRANT CREATE ON SCHEMA public TO {app_role}")
    done = accept(*words)
    assert "BROKEN least-privilege: us-east-1: UPDATE op_log" in done.err
    promise = done.promise("least-privilege")
    made = [case.seen for case in promise.cases if ": CREATE TABLE as" in case.name]
    assert made == ["allowed: CREATE TABLE"] * len(REGIONS), promise
    assert "is left" not in promise.seen
    behind(database, f"REVOKE CREATE ON SCHEMA public FROM {app_role}")
    # Whoever may not log in as the role asks the catalog.
    behind(database, UNMAPPED)
    done = accept(*words)
    assert "UPDATE op_log as worldseat_app, by the catalog" in done.err
    behind(database, f"REVOKE UPDATE ON op_log FROM {app_role}")
    assert accept(*words).promise("least-privilege").standing is Standing.HELD
