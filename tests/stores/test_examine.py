"""What the doctor tries at an endpoint: each fault is found at its step, with how to mend it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database
from tests.one_store import setup_at

from worldseat.local_dsql import authority, descriptor
from worldseat.local_dsql.control import Control
from worldseat.local_dsql.launch import Launch
from worldseat.ports.onsale import EndpointCheck
from worldseat.settings import REGIONS
from worldseat.stores.dsql import DsqlStore, examine
from worldseat.stores.dsql.endpoint import as_user
from worldseat.stores.dsql.migrate import migrate_through

EAST_1, EAST_2 = REGIONS
STEPS = ["address", "reachable", "way in", "isolation", "commits", "clock"]

Urls = dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The folder of a local cluster that runs, with the schema in place."""
    folder = tmp_path_factory.mktemp("cluster")
    launch = Launch(folder, delays=False)
    found = await launch.start()
    await migrate_through([found.url(EAST_1)], report=lambda _: None)
    yield folder
    await launch.stop()


@pytest.fixture
def urls(home: Path) -> Urls:
    found = descriptor.read(home)
    assert found is not None
    return {region: found.url(region) for region in REGIONS}


@pytest_asyncio.fixture
async def control(home: Path) -> AsyncIterator[Control]:
    found = descriptor.read(home)
    assert found is not None
    control = Control(found.control)
    yield control
    await control.order("clear")


async def steps_of(urls: Urls, region: str = EAST_1) -> list[EndpointCheck]:
    store = DsqlStore(replace(setup_at(""), urls=urls))
    return [check for check in await store.examine() if check.region == region]


def at(urls: Urls, change: Callable[[str], str]) -> Urls:
    return {**urls, EAST_1: change(urls[EAST_1])}


def word(url: str, name: str, value: str) -> str:
    """Say another value for one word of an address."""
    (old,) = parse_qs(urlsplit(url).query)[name]
    return url.replace(f"{name}={quote(old)}", f"{name}={quote(value)}")


def failed(checks: list[EndpointCheck]) -> EndpointCheck:
    """Return the step that failed: the last one, and the only one."""
    *before, last = checks
    assert all(check.ok for check in before)
    assert not last.ok
    assert last.mend
    return last


async def test_an_endpoint_that_is_well_passes_every_step(urls: Urls) -> None:
    for region in REGIONS:
        checks = await steps_of(urls, region)
        assert [check.check for check in checks] == STEPS
        assert all(check.ok for check in checks), checks
        assert checks[2].seen == "TLS verified, token accepted, as admin"


async def test_a_plain_address_is_tried_without_what_only_dsql_has(
    database: Database, services: object
) -> None:
    checks = await steps_of(dict.fromkeys(REGIONS, database.url))
    assert [check.check for check in checks] == STEPS[2:]
    assert all(check.ok for check in checks)


@pytest.mark.parametrize(
    ("change", "step", "seen"),
    [
        (lambda url: url.replace(".dsql.us-east-1.", ".sql.us-east-1."), "address", "not the name"),
        (lambda url: url.replace(".us-east-1.", ".us-east-2."), "address", "is in us-east-2"),
        # Refused by the resolver itself: no name is asked for outside.
        (lambda url: word(url, "address", "no..name"), "address", "UnicodeError"),
        (lambda url: word(url, "address", "127.0.0.9"), "reachable", "ConnectionRefused"),
        (lambda url: as_user(url, "stranger"), "way in", "28"),
        (lambda url: url.replace("/postgres?", "/another?"), "way in", "3D000"),
    ],
    ids=["no endpoint", "wrong Region", "no such name", "nobody", "user", "database"],
)
async def test_each_fault_is_found_at_its_step(
    urls: Urls, change: Callable[[str], str], step: str, seen: str
) -> None:
    checks = await steps_of(at(urls, change))
    last = failed(checks)
    assert last.check == step
    assert seen in last.seen, last
    # A fault of one Region is no fault of the other.
    assert all(check.ok for check in await steps_of(at(urls, change), EAST_2))


async def test_an_endpoint_that_cannot_prove_who_it_is_is_not_trusted(
    urls: Urls, tmp_path: Path
) -> None:
    authority.server_context(tmp_path, list(REGIONS))
    (stranger,) = tmp_path.glob("ca.pem")
    last = failed(await steps_of(at(urls, lambda url: word(url, "ca_file", str(stranger)))))
    assert (last.check, "CERTIFICATE_VERIFY_FAILED" in last.seen) == ("way in", True)
    assert "cannot prove" in last.mend


async def test_credentials_of_somebody_else_are_told_as_such(urls: Urls, tmp_path: Path) -> None:
    strange = tmp_path / "credentials"
    strange.write_text(
        "[worldseat-local]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = no\n"
    )
    last = failed(await steps_of(at(urls, lambda url: word(url, "credentials_file", str(strange)))))
    assert (last.check, "token was refused" in last.mend) == ("way in", True)
    assert "dsql:DbConnectAdmin" in last.mend


async def test_a_role_that_is_not_let_in_is_told_who_lets_it_in(urls: Urls) -> None:
    last = failed(await steps_of(at(urls, lambda url: as_user(url, "stranger"))))
    assert "dsql:DbConnect on this cluster and `worldseat cluster grant` let" in last.mend
    assert "in as stranger" in last.mend


async def test_a_region_that_is_down_or_cannot_commit(urls: Urls, control: Control) -> None:
    await control.order("region-down", region=EAST_1)
    last = failed(await steps_of(urls))
    assert (last.check, "make run" in last.mend) == ("reachable", True)
    await control.order("region-up", region=EAST_1)
    await control.order("cut-off", region=EAST_1)
    checks = await steps_of(urls)
    (commits,) = [check for check in checks if not check.ok]
    assert commits.check == "commits"
    assert commits.seen.startswith("25006")
    assert "worldseat local clear" in commits.mend


async def test_a_schema_that_is_not_there_is_told_as_such(database: Database) -> None:
    admin = await asyncpg.connect(database.url)
    await admin.execute("CREATE DATABASE no_schema")
    checks = await steps_of(
        dict.fromkeys(REGIONS, database.url.replace("/postgres?", "/no_schema?"))
    )
    await admin.execute("DROP DATABASE no_schema (FORCE)")
    await admin.close()
    (wrong,) = [check for check in checks if not check.ok]
    assert (wrong.check, "worldseat migrate" in wrong.mend) == ("commits", True)


@pytest.mark.parametrize("ahead_s", [-60, 60])
async def test_a_clock_that_is_far_off_is_told(
    urls: Urls, monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    class Elsewhen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Elsewhen":
            return super().now(tz) + timedelta(seconds=ahead_s)

    monkeypatch.setattr(examine, "datetime", Elsewhen)
    (wrong,) = [check for check in await steps_of(urls) if not check.ok]
    assert wrong.check == "clock"
    assert ("ahead" in wrong.seen) is (ahead_s < 0)
    assert "NTP" in wrong.mend
