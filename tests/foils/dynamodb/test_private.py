"""The emulators are of this process alone: on loopback, with nobody's settings, ended with it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from botocore import exceptions as boto
from tests.foils.dynamodb.foil import left_running
from tests.patience import until

from worldseat.settings import REGIONS
from worldseat.stores.dynamodb.clients import connect

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow

SECRET = "s3cr3tofsomebody"  # noqa: S105 - made up, to be found again.
POISON = {
    "AWS_ACCESS_KEY_ID": f"AKIA{SECRET}",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_SESSION_TOKEN": f"token{SECRET}",
    "AWS_PROFILE": f"profile{SECRET}",
    "AWS_ENDPOINT_URL": f"http://{SECRET}.invalid",
    "AWS_ENDPOINT_URL_DYNAMODB": f"http://{SECRET}.invalid",
    "AWS_SDK_UA_APP_ID": f"app{SECRET}",
    "AWS_EXECUTION_ENV": f"env{SECRET}",
    "AWS_BEARER_TOKEN_DYNAMODB": f"bearer{SECRET}",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_CA_BUNDLE": f"/{SECRET}/ca.pem",
    "AWS_MAX_ATTEMPTS": "9",
    "HTTP_PROXY": f"http://{SECRET}:9",
    "http_proxy": f"http://{SECRET}:9",
}

_RUN = """
import asyncio, pathlib, sys
from tests.foils.dynamodb.foil import fire, key_of, plan, setup_in
from worldseat.domain.seats import Code
from worldseat.stores.dynamodb.store import DynamoStore
async def main():
    store = DynamoStore(setup_in(pathlib.Path(sys.argv[1])))
    await store.open()
    run = plan(Code.CONDITIONAL, buyers=4)
    await fire(store, run)
    print("holders", (await store.tally(run.run_id, key_of(run))).holders, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def poisoned(home: Path) -> dict[str, str]:
    """Settings that must not be used, and files that cannot be read without a complaint."""
    files = {}
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        file = home / name
        file.write_text(f"not a settings file {SECRET}\n")
        files[name] = str(file)
    return POISON | files


@pytest.fixture
def _poison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in poisoned(tmp_path).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_poison")
async def test_no_setting_of_aws_is_sent() -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        endpoints = dict.fromkeys(REGIONS, f"http://127.0.0.1:{port}")
        async with connect(REGIONS, endpoints, streams=True) as clients:
            for client in clients.tables.values():
                with pytest.raises(boto.ClientError):
                    await client.describe_table(TableName="any")
            for client in clients.streams.values():
                with pytest.raises(boto.ClientError):
                    await client.describe_stream(StreamArn="arn:" + "a" * 40)
    assert len(asked) == 4
    for request in asked:
        assert SECRET.encode() not in request
        assert b"Credential=emulated/" in request


async def test_emulators_know_no_setting_listen_on_loopback_and_end_with_their_process(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    root = Path(__file__).parents[3]
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _RUN, str(home)),
        stdout=asyncio.subprocess.PIPE,
        cwd=root,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(root), **poisoned(tmp_path)},
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(20):
            said = b""
            while b"holders" not in said:
                said = await child.stdout.readline()
                assert said, "it ended"
        assert said == b"holders 2\n"
        emulators = left_running(home)
        assert len(emulators) == 2
        for pid in emulators:
            known = Path(f"/proc/{pid}/environ").read_bytes().decode()
            names = {line.partition("=")[0] for line in known.split("\0") if line}
            assert SECRET not in known
            assert not [name for name in names if name.startswith("AWS_")]
        await check_loopback(emulators)
    finally:
        child.kill()
        await child.communicate()
    await until(lambda: left_running(home) == [], within_s=2)


async def check_loopback(pids: list[int]) -> None:
    """See that each of them listens on one port, of this machine only."""
    asked = await asyncio.create_subprocess_exec("ss", "-ltnpH", stdout=asyncio.subprocess.PIPE)
    listening = (await asked.communicate())[0].decode().splitlines()
    mine = [line for line in listening if any(f"pid={pid}," in line for pid in pids)]
    assert len(mine) == len(pids)
    assert all(line.split()[3].startswith("127.0.0.1:") for line in mine)
