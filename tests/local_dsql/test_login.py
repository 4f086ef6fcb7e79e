"""Who gets into a real cluster and who does not, and what those are told."""

import os
import shutil
import ssl
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from worldseat.local_dsql import credentials
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.stores.dsql import access, signing

DENIED = "^unable to accept connection, access denied"


async def enter(at: Descriptor, password: str, region: str = "us-east-1", **words: Any) -> str:
    """Log in with any password, by an address and a name of one's own choice; say as whom."""
    there = access.parse(at.url(region))
    login = dict[str, Any](host=there.address, port=there.port, user="admin", database="postgres")
    login |= {"password": password, "ssl": access._tls_of(there), "timeout": 10}
    connection = await asyncpg.connect(**{**login, **words})
    try:
        return str(await connection.fetchval("SELECT current_user"))
    finally:
        await connection.close()


async def token(at: Descriptor, region: str = "us-east-1", **otherwise: Any) -> str:
    return await signing.token(replace(access.parse(at.url(region)), **otherwise))


async def refused(at: Descriptor, password: str, **words: Any) -> str | None:
    """Expect the refusal of a token; return its hint."""
    with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match=DENIED) as caught:
        await enter(at, password, **words)
    assert caught.value.sqlstate == "28000"
    hint: str | None = caught.value.hint
    return hint


@pytest.mark.parametrize("direct_tls", [True, False])
async def test_a_fresh_token_opens_its_own_region_only(at: Descriptor, *, direct_tls: bool) -> None:
    for region, other in (("us-east-1", "us-east-2"), ("us-east-2", "us-east-1")):
        fresh = await token(at, region)
        assert await enter(at, fresh, region, direct_tls=direct_tls) == "admin"
        assert await refused(at, fresh, region=other, direct_tls=direct_tls) is None


async def test_a_changed_token_is_refused(at: Descriptor) -> None:
    good = await token(at)
    assert await enter(at, good) == "admin"
    for bad in (
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good[:-1],
        good.replace("Expires=60&", "Expires=61&"),
        good.replace(at.endpoints["us-east-1"].host, at.endpoints["us-east-2"].host),
        f"{good}&Action=DbConnectAdmin",
        "secret",
        good.replace("/?", "/?" + "x=y&" * 5_000),
    ):
        assert await refused(at, bad) is None


async def test_a_token_of_another_region_service_or_key_is_refused(at: Descriptor) -> None:
    assert await refused(at, await token(at, region="us-east-2", host="x")) is None
    host = at.endpoints["us-east-1"].host
    assert await refused(at, await token(at, "us-east-2", host=host)) is None


async def test_an_old_token_is_refused_with_the_hint_to_make_a_new_one(
    at: Descriptor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ago, hint in ((timedelta(seconds=90), "expired: "), (-timedelta(hours=1), "not yet curr")):
        then = (datetime.now(UTC) - ago).replace(tzinfo=None)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda then=then, **_: then)
        told = await refused(at, await token(at))
        assert told is not None
        assert told.startswith(f"Signature {hint}")


async def test_an_action_opens_only_its_own_kind_of_role(at: Descriptor) -> None:
    as_admin, as_role = await token(at), await token(at, user="clerk")
    assert await refused(at, as_role) == (
        "Wrong user to action mapping. user: admin, action: DbConnect"
    )
    assert await refused(at, as_admin, user="clerk") == (
        "Wrong user to action mapping. user: clerk, action: DbConnectAdmin"
    )
    # Nobody has granted it, and there is no such role.
    assert await refused(at, as_role, user="clerk") is None


async def test_a_role_is_entered_once_it_was_granted_and_no_more_when_revoked(
    at: Descriptor,
) -> None:
    as_role = await token(at, user="teller")
    admin = await access.connect(at.url("us-east-1"))
    try:
        await admin.execute("CREATE ROLE teller WITH LOGIN")
        assert await refused(at, as_role, user="teller") is None
        await admin.execute(f"AWS IAM GRANT teller TO '{credentials.ARN}'")
        assert await enter(at, as_role, user="teller") == "teller"
        assert await refused(at, as_role, user="clerk") is None
        await admin.execute(f"AWS IAM REVOKE teller FROM '{credentials.ARN}'")
        assert await refused(at, as_role, user="teller") is None
        await admin.execute("DROP ROLE teller")
    finally:
        await admin.close()


async def test_nothing_is_said_in_clear(at: Descriptor) -> None:
    with pytest.raises((asyncpg.PostgresError, ConnectionError)) as caught:
        await enter(at, await token(at), ssl=False)
    assert "access denied" not in str(caught.value)


async def test_another_database_is_none(at: Descriptor) -> None:
    with pytest.raises(asyncpg.InvalidCatalogNameError, match="tickets"):
        await enter(at, await token(at), database="tickets")


async def test_only_who_trusts_the_authority_sends_a_token(at: Descriptor) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await enter(at, await token(at), ssl=ssl.create_default_context())


@pytest.mark.skipif(shutil.which("psql") is None, reason="there is no psql here")
async def test_without_a_server_name_nobody_gets_in(at: Descriptor) -> None:
    endpoint = at.endpoints["us-east-1"]
    words = (
        f"host={endpoint.host} hostaddr={endpoint.address} port={endpoint.port} user=admin "
        f"dbname=postgres sslmode=verify-full sslrootcert={at.ca_file} sslsni="
    )
    environ = {"PATH": os.defpath, "LC_ALL": "C", "PGPASSWORD": await token(at)}

    def ask(sni: str) -> tuple[str, str]:
        done = subprocess.run(
            ["psql", words + sni, "-XAtc", "SELECT 1"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=environ,
        )
        return done.stdout, done.stderr

    assert "unable to accept connection, sni was not received" in ask("0")[1]
    assert ask("1") == ("1\n", "")
