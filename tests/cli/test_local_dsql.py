"""`worldseat local-dsql` as a person runs it: for any program, until Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import psycopg
import pytest

from worldseat import local_dsql

Done = subprocess.CompletedProcess[str]

OPEN_S = 20.0
STOP_S = 2.0
LAST_LINE = "Ctrl-C stops it."
HOSTS = re.compile(r"[a-z2-7]{26}\.dsql\.us-east-[12]\.on\.aws")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a cluster's files are; its database is made once for all tests."""
    return tmp_path_factory.mktemp("alone")


def environment() -> dict[str, str]:
    """Return what a program of somebody else has: nothing of WorldSeat's settings."""
    return {"PATH": os.defpath, "PYTHONUNBUFFERED": "1"}


def command(name: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "worldseat", name, *words)


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command in a session of its own; yield it with what it said when it was open."""
    process = subprocess.Popen(
        command("local-dsql", "--home", str(folder / "dsql"), "--no-delays"),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    try:
        yield process, welcome(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def welcome(process: subprocess.Popen[str]) -> str:
    lines: Queue[str] = Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)

    Thread(target=read, daemon=True).start()
    said = ""
    ends = time.monotonic() + OPEN_S
    while LAST_LINE not in said and time.monotonic() < ends:
        try:
            said += lines.get(timeout=0.2)
        except Empty:
            assert process.poll() is None, f"it ended before it was open: {said}"
    assert LAST_LINE in said
    return said


def run(*words: str) -> Done:
    return subprocess.run(
        command(*words), capture_output=True, text=True, timeout=30, check=False, env=environment()
    )


def way_in(folder: Path, region: str) -> dict[str, Any]:
    done = run("db-url", "--region", region, "--json", "--home", str(folder))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def connect(found: dict[str, Any]) -> psycopg.Connection[Any]:
    """Connect as a program does that knows nothing but what `db-url --json` says."""
    return psycopg.connect(
        host=found["host"],
        hostaddr=found["address"],
        port=found["port"],
        user=found["user"],
        dbname=found["database"],
        password=found["token"],
        sslmode="verify-full",
        sslrootcert=found["ca_file"],
        autocommit=True,
    )


def programs() -> list[str]:
    """The Python programs that the cluster's README shows."""
    text = (Path(local_dsql.__file__).parent / "README.md").read_text()
    found: list[str] = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found


def left_of(folder: Path) -> list[str]:
    """Every living process that names the folder: the cluster's, and its PostgreSQL's."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and str(folder).encode() in words:
            found.append(words.replace(b"\0", b" ").decode())
    return found


@pytest.mark.slow
def test_it_says_how_to_connect_and_a_client_of_each_region_gets_in(folder: Path) -> None:
    with started(folder) as (_, said):
        east, ohio = (way_in(folder, region) for region in ("us-east-1", "us-east-2"))
        assert HOSTS.findall(said) == [east["host"], ohio["host"]]
        for found in (east, ohio):
            assert f"at 127.0.0.1, port {found['port']}" in said
            assert found["token"] not in said
        # The commands that it names find this cluster.
        assert f"worldseat db-url --region us-east-2 --json --home {folder}\n" in said
        assert f"worldseat local status --home {folder}\n" in said
        assert "us-west-2  ok, witness" in run("local", "status", "--home", str(folder)).stdout
        with connect(east) as one, connect(ohio) as other:
            one.execute("CREATE TABLE kept (id int PRIMARY KEY)")
            one.execute("INSERT INTO kept VALUES (7)")
            assert other.execute("SELECT id FROM kept").fetchall() == [(7,)]


def test_ctrl_c_ends_it_soon_and_leaves_no_process_and_every_commit(folder: Path) -> None:
    with started(folder) as (process, said):
        connection = connect(way_in(folder, "us-east-1"))
        connection.execute("CREATE TABLE IF NOT EXISTS stays (id int PRIMARY KEY)")
        connection.execute("INSERT INTO stays VALUES (1) ON CONFLICT DO NOTHING")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO stays VALUES (2)")
        assert left_of(folder) != []
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=10)
        took_s = time.monotonic() - began
        assert (status, left_of(folder)) == (0, [])
        assert took_s < STOP_S
        with pytest.raises(psycopg.OperationalError):
            connection.execute("COMMIT")
        connection.close()
    assert run("db-url", "--json", "--home", str(folder)).returncode == 1
    # Started again it is the same cluster, at the same place, for clients that wait for it.
    with started(folder) as (_, again):
        assert again == said
        with connect(way_in(folder, "us-east-2")) as other:
            assert other.execute("SELECT id FROM stays").fetchall() == [(1,)]


def test_a_second_one_on_the_same_home_says_that_one_runs(folder: Path) -> None:
    with started(folder):
        second = run("local-dsql", "--home", str(folder / "dsql"))
        assert second.returncode == 2
        said = "".join(second.stderr.split())  # Wherever the terminal breaks its lines.
        assert f"onerunsalreadyin{folder / 'dsql'}." in said
        assert "Usethatone,orchooseanother--home." in said
        # The first is not hurt by it.
        with connect(way_in(folder, "us-east-1")) as one:
            assert one.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.slow
def test_the_programs_that_its_readme_shows_run(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "var").symlink_to(folder)
    # A copy of the tree has no command of its own.
    command = tmp_path / "bin" / "worldseat"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m worldseat "$@"\n')
    command.chmod(0o755)
    said = []
    with started(folder):
        for program in programs():
            done = subprocess.run(
                (sys.executable, "-W", "error", "-c", program),
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
                cwd=tmp_path,
                env={"PATH": f"{command.parent}{os.pathsep}{os.defpath}"},
            )
            assert done.returncode == 0, done.stderr
            said.append(done.stdout)
    assert said == ["('admin',)\n", "repeatable read\n"]
