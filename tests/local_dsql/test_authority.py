"""The cluster's certificate: whom it convinces, whom it does not, and when it is made anew."""

import asyncio
import ipaddress
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from worldseat.local_dsql import authority

NAMES = tuple(f"abcdefghijklmnopqrstuvwxyz.dsql.us-east-{n}.on.aws" for n in (1, 2))

Asked = asyncio.Queue[str | None]


@asynccontextmanager
async def listening(context: ssl.SSLContext) -> AsyncIterator[tuple[int, Asked]]:
    """Answer everybody at a port of 127.0.0.1 over TLS, and note the names that they ask for."""
    asked: Asked = asyncio.Queue()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.put_nowait(authority.indicated_name(writer.transport))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], asked


def trusting(home: Path) -> ssl.SSLContext:
    """A client as strict as Python 3.13's: it also refuses what RFC 5280 does not allow."""
    context = ssl.create_default_context(cafile=home / authority.CA_FILE)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


async def ask(port: int, name: str | None, context: ssl.SSLContext) -> ssl.SSLObject:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.close()
    return tls


@pytest.mark.parametrize("name", [*NAMES, "localhost", "127.0.0.1"])
async def test_a_client_that_trusts_the_authority_verifies_every_name(
    tmp_path: Path, name: str
) -> None:
    async with listening(authority.server_context(tmp_path, NAMES)) as (port, asked):
        await ask(port, name, trusting(tmp_path))
        # An address is not a name: TLS does not send it.
        assert await asked.get() == (None if name == "127.0.0.1" else name)


async def test_others_are_not_convinced(tmp_path: Path) -> None:
    async with listening(authority.server_context(tmp_path / "a", NAMES)) as (port, _):
        authority.server_context(tmp_path / "b", NAMES)
        with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
            await ask(port, NAMES[0], ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError, match="certificate"):
            await ask(port, NAMES[0], trusting(tmp_path / "b"))
        for other in ("b" + NAMES[0][1:], "dsql.us-east-1.on.aws", "example.org"):
            with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
                await ask(port, other, trusting(tmp_path / "a"))


async def test_a_client_that_sends_no_name_is_let_in_and_known_for_it(tmp_path: Path) -> None:
    async with listening(authority.server_context(tmp_path, NAMES)) as (port, asked):
        context = trusting(tmp_path)
        context.check_hostname = False
        await ask(port, "", context)
        assert await asked.get() is None


async def test_old_tls_is_refused_and_postgresql_is_agreed_on(tmp_path: Path) -> None:
    async with listening(authority.server_context(tmp_path, NAMES)) as (port, _):
        client = trusting(tmp_path)
        client.set_alpn_protocols(["postgresql"])
        tls = await ask(port, NAMES[0], client)
        assert tls.selected_alpn_protocol() == "postgresql"
        assert tls.version() == "TLSv1.3"
        client.maximum_version = ssl.TLSVersion.TLSv1_2
        assert (await ask(port, NAMES[0], client)).version() == "TLSv1.2"
        client.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            client.maximum_version = ssl.TLSVersion.TLSv1_1
        client.set_ciphers("DEFAULT:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await ask(port, NAMES[0], client)


def files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.iterdir()}


def test_it_is_made_once_and_for_this_account_only(tmp_path: Path) -> None:
    home = tmp_path / "cluster"
    authority.server_context(home, NAMES)
    made = files(home)
    assert set(made) == {authority.CA_FILE, "server.pem", ".tls.lock"}
    authority.server_context(home, NAMES[::-1])
    assert files(home) == made
    assert home.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}


def test_no_key_that_could_sign_another_name_is_kept(tmp_path: Path) -> None:
    authority.server_context(tmp_path, NAMES)
    keys = b"".join(files(tmp_path).values()).count(b"PRIVATE KEY-----") // 2
    assert keys == 1
    ca = x509.load_pem_x509_certificate((tmp_path / authority.CA_FILE).read_bytes())
    only = ca.extensions.get_extension_for_class(x509.NameConstraints)
    assert only.critical
    assert only.value.excluded_subtrees is None
    assert [name.value for name in only.value.permitted_subtrees or ()] == [
        *NAMES,
        "localhost",
        ipaddress.IPv4Network("127.0.0.1/32"),
    ]


@pytest.mark.parametrize("life", [timedelta(days=29), timedelta(days=31)])
def test_it_is_renewed_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, life: timedelta
) -> None:
    monkeypatch.setattr(authority, "LIFE", life)
    authority.server_context(tmp_path, NAMES)
    made = files(tmp_path)
    authority.server_context(tmp_path, NAMES)
    assert (files(tmp_path) != made) == (life < authority.RENEWED_BEFORE)


async def test_other_names_get_another_certificate(tmp_path: Path) -> None:
    authority.server_context(tmp_path, NAMES)
    old = trusting(tmp_path)
    async with listening(authority.server_context(tmp_path, NAMES[:1])) as (port, _):
        await ask(port, NAMES[0], trusting(tmp_path))
        with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
            await ask(port, NAMES[1], trusting(tmp_path))
        with pytest.raises(ssl.SSLCertVerificationError):
            await ask(port, NAMES[0], old)


@pytest.mark.parametrize("lost", [authority.CA_FILE, "server.pem"])
@pytest.mark.parametrize("how", ["removed", "emptied", "of another cluster", "cut short"])
async def test_what_was_lost_or_damaged_is_made_anew(tmp_path: Path, lost: str, how: str) -> None:
    authority.server_context(tmp_path, NAMES)
    path = tmp_path / lost
    if how == "removed":
        path.unlink()
    elif how == "of another cluster":
        authority.server_context(tmp_path / "other", NAMES)
        shutil.copy(tmp_path / "other" / lost, path)
    else:
        content = path.read_bytes()
        path.write_bytes(content[100:] if how == "cut short" else b"")
    async with listening(authority.server_context(tmp_path, NAMES)) as (port, _):
        await ask(port, NAMES[0], trusting(tmp_path))


_TOGETHER = """
import sys
from pathlib import Path
from worldseat.local_dsql import authority
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    home = Path(sys.argv[1]) / str(number)
    authority.server_context(home, sys.argv[3:])
    print((home / "server.pem").read_text())
"""


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    homes = 25
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _TOGETHER, str(tmp_path), str(homes), *NAMES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    seen = {each.communicate()[0] for each in started}
    assert seen == {
        "".join(f"{(tmp_path / str(n) / 'server.pem').read_text()}\n" for n in range(homes))
    }
