"""Any other program finds the local cluster, and logs in to it, by what the commands say."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from worldseat import telemetry
from worldseat.cli import app
from worldseat.embedded.binaries import find_binaries
from worldseat.local_dsql import descriptor
from worldseat.local_dsql.descriptor import Descriptor

Done = subprocess.CompletedProcess[str]
Here = Callable[..., Done]

with_psql = pytest.mark.skipif(shutil.which("psql") is None, reason="there is no psql here")


@pytest.fixture
def home(at: Descriptor) -> Path:
    """The folder of a WorldSeat whose local cluster runs."""
    return Path(at.ca_file).parents[1]


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Run a command in this process."""
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)

    def run(*words: str, home: Path = home) -> Done:
        status = app.run([*words, "--home", str(home)])
        out, err = capsys.readouterr()
        return Done(words, status, out, " ".join(err.split()))

    return run


def psql(*words: str, home: Path, path: str = os.defpath) -> Done:
    """Run `worldseat psql` as a process of its own, for it becomes psql."""
    return subprocess.run(
        [sys.executable, "-m", "worldseat", "psql", "--home", str(home), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": path, "LC_ALL": "C"},
    )


def their_own(words: Mapping[str, str], *more: str) -> Done:
    """Run the system's psql, told by its own variables."""
    return subprocess.run(
        ["psql", "-XAtc", "SELECT current_user", *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": os.defpath, "LC_ALL": "C", **words},
    )


@with_psql
def test_json_has_all_that_a_client_needs(here: Here, home: Path) -> None:
    done = here("db-url", "--region", "us-east-2", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    written = descriptor.read(home / "dsql")
    assert written is not None
    assert (
        found.items()
        >= {
            **asdict_of(written.endpoints["us-east-2"]),
            "region": "us-east-2",
            "running": True,
            "user": "admin",
            "database": "postgres",
            "ca_file": written.ca_file,
            "url": written.url("us-east-2"),
        }.items()
    )
    variables = {
        "PGHOST": found["host"],
        "PGHOSTADDR": found["address"],
        "PGPORT": str(found["port"]),
        "PGUSER": found["user"],
        "PGDATABASE": found["database"],
        "PGPASSWORD": found["token"],
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": found["ca_file"],
    }
    assert their_own(variables).stdout == "admin\n"
    # Each of them is needed.
    for missing in ("PGHOSTADDR", "PGPASSWORD", "PGSSLROOTCERT", "PGUSER"):
        without = {name: value for name, value in variables.items() if name != missing}
        assert their_own(without).returncode == 2, missing


def asdict_of(endpoint: descriptor.Endpoint) -> dict[str, Any]:
    return {name: getattr(endpoint, name) for name in endpoint.__struct_fields__}


@with_psql
def test_the_address_and_a_token_let_psql_in_and_only_the_token_is_secret(here: Here) -> None:
    address = here("db-url")
    assert "X-Amz" not in address.stdout + address.stderr
    assert "worldseat psql --region us-east-1 --home" in address.stderr
    words = parse_qs(urlsplit(address.stdout).query)
    assert words["sslmode"] == ["verify-full"]
    token = here("db-url", "--token").stdout
    assert token.count("\n") == 1
    assert "X-Amz-Expires=900&" in token
    url = address.stdout.strip()
    assert their_own({"PGPASSWORD": token.strip()}, url).stdout == "admin\n"
    refused = their_own({"PGPASSWORD": token.strip()[:-1]}, url)
    assert "unable to accept connection, access denied" in refused.stderr


@with_psql
@pytest.mark.parametrize("region", ["us-east-1", "us-east-2"])
def test_psql_is_logged_in_and_takes_its_own_words(home: Path, region: str) -> None:
    done = psql("--region", region, "-XAt", "-c", "\\conninfo", "-c", "SELECT 6 * 7", home=home)
    assert done.returncode == 0, done.stderr
    assert f".dsql.{region}.on.aws" in done.stdout
    assert "SSL connection" in done.stdout
    assert done.stdout.endswith("\n42\n")


@with_psql
def test_psql_shows_its_token_to_nobody_and_its_status_is_ours(home: Path) -> None:
    done = psql("-XAtc", r'\! tr "\0" " " < /proc/$PPID/cmdline', home=home)
    assert "psql -XAtc" in done.stdout
    assert "X-Amz" not in done.stdout
    assert psql("-XAtc", "SELEC 1", home=home).returncode == 1


def test_what_is_missing_for_psql_is_said(
    here: Here, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "There is no psql on this machine. Install it" in here("psql").stderr
    monkeypatch.setenv("PATH", f"{find_binaries().bin_dir}{os.pathsep}{os.defpath}")
    done = here("psql", "-c", "SELECT 1")
    assert done.returncode == 2
    assert "psql was built without TLS, which Aurora DSQL demands." in done.stderr


def test_a_cluster_that_is_down_is_said_to_be(here: Here, home: Path, tmp_path: Path) -> None:
    written = descriptor.read(home / "dsql")
    assert written is not None
    (tmp_path / "dsql").mkdir()
    away = {
        name: msgspec.structs.replace(endpoint, port=1)
        for name, endpoint in written.endpoints.items()
    }
    descriptor.write(tmp_path / "dsql", msgspec.structs.replace(written, endpoints=away))
    done = here("db-url", "--json", home=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["running"] is False
    assert "Nothing listens there now: start WorldSeat with `make run`." in done.stderr
    assert here("psql", "-c", "SELECT 1", home=tmp_path).returncode == 2


@pytest.mark.parametrize("command", ["db-url", "psql"])
def test_where_nothing_was_ever_started_that_is_said(
    here: Here, tmp_path: Path, command: str
) -> None:
    done = here(command, home=tmp_path / "none")
    assert done.returncode == 2
    assert f"No database was ever started in {tmp_path / 'none'}." in done.stderr
    assert not (tmp_path / "none").exists()
    assert "There is no Region 'mars'." in here(command, "--region", "mars").stderr


def test_plain_postgresql_has_no_token(here: Here) -> None:
    url = "postgresql://someone@localhost:6543/other"
    words = ("--us-east-1-url", url, "--us-east-2-url", url)
    assert here("db-url", *words).stdout == f"{url}\n"
    found = json.loads(here("db-url", "--json", *words).stdout)
    assert (found["token"], found["host"], found["port"]) == (None, "localhost", 6543)
    refused = here("db-url", "--token", *words)
    assert refused.returncode == 2
    assert "plain PostgreSQL, which takes no token" in refused.stderr
