"""The way in to DSQL, against an endpoint that checks name and token as the service does."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
import uvloop
from botocore.session import Session
from tests.behind import Database
from tests.stores.fake_endpoint import HOST, NAMES, FakeEndpoint

from worldseat import telemetry
from worldseat.local_dsql import authority, credentials
from worldseat.ports.store import NotCommitted
from worldseat.stores.dsql import access, signing

LOOPS = [pytest.param(asyncio.run, id="asyncio"), pytest.param(uvloop.run, id="uvloop")]


@pytest_asyncio.fixture
async def endpoint(tmp_path: Path) -> AsyncIterator[FakeEndpoint]:
    fake = FakeEndpoint(tmp_path / "cluster")
    tls = authority.server_context(fake.home, NAMES)
    credentials.known(fake.home)
    server = await asyncio.start_server(fake.answer, "127.0.0.1", 0, ssl=tls)
    fake.port = server.sockets[0].getsockname()[1]
    async with server:
        yield fake


@pytest.fixture(autouse=True)
def nobody_signs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An account without any AWS credentials; nothing looks for them on the network."""
    monkeypatch.setattr(signing, "_signers", {})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


async def log_in(url: str, **keywords: Any) -> None:
    connection = await access.connect(url, timeout=10, **keywords)
    await connection.close()


@pytest.mark.parametrize("run", LOOPS)
async def test_the_name_is_the_endpoints_though_the_connection_goes_to_an_address(
    endpoint: FakeEndpoint, run: Callable[[Any], None]
) -> None:
    await asyncio.to_thread(run, log_in(endpoint.url))
    (login,) = endpoint.logins
    assert (login.name, login.alpn) == (HOST, "postgresql")
    assert (login.user, login.database) == ("admin", "postgres")
    assert login.token.startswith(f"{HOST}/?Action=DbConnectAdmin&")
    assert "X-Amz-Expires=60&" in login.token


@pytest.mark.parametrize("run", LOOPS)
async def test_a_server_that_is_not_the_endpoint_never_sees_a_token(
    endpoint: FakeEndpoint, run: Callable[[Any], None], tmp_path: Path
) -> None:
    authority.server_context(tmp_path / "other", NAMES)
    distrusting = endpoint.url.replace("cluster/ca.pem", "other/ca.pem")
    assert distrusting != endpoint.url
    for url, said in (
        (endpoint.url.replace(HOST, "b" + HOST[1:]), "not valid for 'b"),
        (distrusting, "certificate verify failed"),
    ):
        with pytest.raises(ssl.SSLCertVerificationError, match=said):
            await asyncio.to_thread(run, log_in(url))
    assert endpoint.logins == []


async def test_a_ca_file_is_told_by_its_name_when_it_is_missing(endpoint: FakeEndpoint) -> None:
    (endpoint.home / authority.CA_FILE).unlink()
    with pytest.raises(FileNotFoundError, match=r"ca\.pem"):
        await log_in(endpoint.url)


async def test_every_connection_of_a_pool_shows_a_token_of_its_own(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [datetime(2026, 11, 24, tzinfo=UTC)]

    def later(**_: object) -> datetime:
        moments.append(moments[-1] + timedelta(minutes=2))
        return moments[-1].replace(tzinfo=None)

    monkeypatch.setattr("botocore.auth.get_current_datetime", later)
    endpoint.now = lambda: moments[-1]

    connect: Any = access.connect
    pool = await asyncpg.create_pool(endpoint.url, connect=connect, min_size=0, max_size=3)
    try:
        for _ in range(3):
            await pool.acquire()
    finally:
        pool.terminate()
    assert len({login.token for login in endpoint.logins}) == 3


async def test_a_custom_role_signs_the_action_of_roles(endpoint: FakeEndpoint) -> None:
    await log_in(endpoint.url.replace("admin@", "app@"))
    assert endpoint.logins[0].token.startswith(f"{HOST}/?Action=DbConnect&")
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="access denied"):
        await log_in(endpoint.url.replace("admin@", "nobody@"))


async def test_keys_and_authority_that_were_made_anew_are_found(endpoint: FakeEndpoint) -> None:
    await log_in(endpoint.url)
    (endpoint.home / credentials.FILE).unlink()
    # The file of a cluster that was started anew under running clients.
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await log_in(endpoint.url)
    await log_in(endpoint.url)
    (endpoint.home / "server.pem").unlink()
    tls = authority.server_context(endpoint.home, NAMES)
    server = await asyncio.start_server(endpoint.answer, "127.0.0.1", 0, ssl=tls)
    endpoint.port = server.sockets[0].getsockname()[1]
    async with server:
        await log_in(endpoint.url)


async def test_without_a_file_the_default_chain_signs(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((key_id, secret),) = credentials.known(endpoint.home).items()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret.secret)
    url = endpoint.url.partition("&credentials_file=")[0]
    assert "profile" not in url
    await log_in(url)
    # Who signs for one address does not sign for another.
    await log_in(endpoint.url)
    monkeypatch.setattr(signing, "_signers", {})
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody else's")
    await log_in(endpoint.url)
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
        await log_in(url)


async def test_nobody_to_sign_as_is_said_and_nothing_is_sent(endpoint: FakeEndpoint) -> None:
    chain = endpoint.url.partition("&credentials_file=")[0]
    for url, said in (
        (chain, r"no token for .* without credentials; looked in AWS's default chain"),
        (f"{chain}&profile=none", "profile none: The config profile"),
        (f"{endpoint.url}x", "credentials, profile worldseat-localx: there are none"),
        (endpoint.url.replace("cluster/credentials", "nothing"), "there are none"),
    ):
        with pytest.raises(NotCommitted, match=said):
            await log_in(url)
    assert endpoint.logins == []
    # Found as soon as there are some: nothing remembers that there were none.
    await log_in(endpoint.url)


async def test_credentials_that_take_long_to_find_do_not_hold_up_anything_else(
    endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    ((key_id, secret),) = credentials.known(endpoint.home).items()
    found = tmp_path / "found.json"
    found.write_text(
        f'{{"Version": 1, "AccessKeyId": "{key_id}", "SecretAccessKey": "{secret.secret}"}}'
    )
    slow = tmp_path / "slow"
    slow.write_text(f"#!/bin/sh\nsleep 0.5\ncat '{found}'\n")
    slow.chmod(0o700)
    (tmp_path / "config").write_text(f"[profile slow]\ncredential_process = {slow}\n")
    url = f"{endpoint.url.partition('&credentials_file=')[0]}&profile=slow"
    asked_at = time.perf_counter()
    with pytest.raises(TimeoutError):
        await access.connect(url, timeout=0.1)
    assert time.perf_counter() - asked_at < 0.4
    # The thread goes on looking; what follows is the second look.
    await signing.look_again(access.parse(url))
    opening = [asyncio.create_task(log_in(url)) for _ in range(8)]
    started = before = time.perf_counter()
    gaps = []
    while not all(task.done() for task in opening):
        await asyncio.sleep(0.005)
        gaps.append(time.perf_counter() - before)
        before += gaps[-1]
    await asyncio.gather(*opening)
    assert before - started > 0.5
    assert max(gaps) < 0.4


async def test_a_token_is_what_aws_own_client_makes(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = datetime(2026, 11, 24, 12, 0, 0)  # noqa: DTZ001 - as botocore keeps it.
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: moment)
    for user, name in (("admin", "admin_auth"), ("app", "auth")):
        there = replace(access.parse(endpoint.url), user=user)
        ours = await signing.token(there, life_s=77)
        ((key_id, secret),) = credentials.known(endpoint.home).items()
        session = Session()
        session.set_credentials(key_id, secret.secret)
        client = session.create_client("dsql", region_name="us-east-1")
        theirs = getattr(client, f"generate_db_connect_{name}_token")(HOST, "us-east-1", 77)
        assert ours == theirs


async def test_a_token_that_reaches_a_log_opens_nothing(endpoint: FakeEndpoint) -> None:
    token = await signing.token(access.parse(endpoint.url))
    signature = token.rpartition("=")[2]
    assert re.fullmatch("[0-9a-f]{64}", signature)
    for told in (f"cannot log in with {token!r}", f"{token}&more", token.encode()):
        assert signature not in str(telemetry.redact(None, "", {"event": "x", "told": told}))


async def test_plain_postgresql_is_connected_to_as_its_address_says(
    database: Database,
) -> None:
    connection = await access.connect(database.url, timeout=10)
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()
