"""The embedded PostgreSQL, with a real server and real kills."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from worldseat.embedded import EmbeddedError, EmbeddedPostgres, identity, layout, server
from worldseat.embedded.binaries import find_binaries

BACK_S = 5.0
OWNER = """
import asyncio, signal, sys
from pathlib import Path
from worldseat.embedded import EmbeddedPostgres

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    postgres = EmbeddedPostgres(Path(sys.argv[1]))
    await postgres.start()
    print(postgres.server_pid, flush=True)
    await stop.wait()
    await postgres.stop()

asyncio.run(main())
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="about running as root")


@pytest.fixture
def home() -> Iterator[Path]:
    """A home with a short path, in a private folder as a root-owned clone may be."""
    folder = Path(tempfile.mkdtemp(prefix="ws-"))
    yield folder / "pg"
    for elsewhere in list(folder.glob("**/elsewhere")):
        for path in elsewhere.read_text().splitlines():
            shutil.rmtree(path)
    shutil.rmtree(folder)


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[tuple[EmbeddedPostgres, list[str]]]:
    events: list[str] = []
    postgres = EmbeddedPostgres(home, on_event=lambda name, _: events.append(name))
    await postgres.start()
    try:
        yield postgres, events
    finally:
        await postgres.stop()


@asynccontextmanager
async def owner_process(home: Path) -> AsyncIterator[tuple[subprocess.Popen[str], int]]:
    """Another process that owns the server; with the server's pid."""
    command = [sys.executable, "-c", OWNER, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, int(await asyncio.to_thread(process.stdout.readline))
        finally:
            process.kill()


async def ask(postgres: EmbeddedPostgres, sql: str) -> object:
    connection = await asyncpg.connect(postgres.url, timeout=5)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def sell(postgres: EmbeddedPostgres) -> None:
    await ask(postgres, "CREATE TABLE sale (seat text PRIMARY KEY)")
    await ask(postgres, "INSERT INTO sale VALUES ('F14')")


async def sold(postgres: EmbeddedPostgres) -> object:
    return await ask(postgres, "SELECT string_agg(seat, ',') FROM sale")


async def until(condition: Callable[[], bool], *, within_s: float) -> float:
    """Wait for it; return how long it took, in seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, f"not within {within_s} s"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def is_running(pid: int) -> bool:
    """Whether the process executes anything: a zombie that its parent left does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def test_is_postgresql_16_on_a_socket_only_and_keeps_its_data(home: Path) -> None:
    async with running(home) as (postgres, _):
        assert postgres.owned
        assert (await postgres.describe()).startswith("PostgreSQL 16.")
        assert await ask(postgres, "SHOW listen_addresses") == ""
        assert await ask(postgres, "SHOW default_transaction_isolation") == "repeatable read"
        assert await ask(postgres, "SHOW fsync") == "on"
        assert await ask(postgres, "SHOW data_checksums") == "on"
        assert await ask(postgres, "SHOW server_encoding") == "UTF8"
        assert stat.S_IMODE((home / "s").stat().st_mode) == 0o700
        await sell(postgres)
    assert postgres.server_pid is None
    async with running(home) as (postgres, events):
        assert await sold(postgres) == "F14"
    assert events == ["postgres.started", "postgres.stopped"]


async def test_stops_quickly_with_a_transaction_open_and_may_be_stopped_twice(home: Path) -> None:
    async with running(home) as (postgres, _):
        pid = postgres.server_pid
        assert pid is not None
        connection = await asyncpg.connect(postgres.url)
        await connection.execute("BEGIN")
        began = time.monotonic()
        await postgres.stop()
        assert time.monotonic() - began < 0.5
        assert not is_running(pid)
        connection.terminate()
        await postgres.stop()
        with pytest.raises(EmbeddedError, match="not started"):
            _ = postgres.url


async def test_a_killed_server_is_back_with_what_was_committed(home: Path) -> None:
    async with running(home) as (postgres, events):
        await sell(postgres)
        url, first = postgres.url, postgres.server_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: postgres.restart_count == 1, within_s=BACK_S)
        assert await sold(postgres) == "F14"
        assert postgres.url == url
        assert postgres.server_pid != first
        assert not Path(f"/proc/{first}").exists(), "the dead server was not reaped"
    assert events[1:3] == ["postgres.died", "postgres.restarted"]


async def test_a_killed_backend_ends_the_server_which_comes_back(home: Path) -> None:
    async with running(home) as (postgres, events):
        await sell(postgres)
        connection = await asyncpg.connect(postgres.url)
        os.kill(await connection.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
        await until(lambda: postgres.restart_count == 1, within_s=BACK_S)
        connection.terminate()
        assert await sold(postgres) == "F14"
    assert events[1:3] == ["postgres.died", "postgres.restarted"]


@pytest.mark.slow
async def test_a_busy_backend_that_outlives_its_server_does_not_delay_the_next(home: Path) -> None:
    async with running(home) as (postgres, _):
        connection = await asyncpg.connect(postgres.url)
        busy = asyncio.create_task(
            connection.execute("SELECT count(*) FROM generate_series(1, 1000000000)")
        )
        await asyncio.sleep(0.2)
        assert postgres.server_pid is not None
        os.kill(postgres.server_pid, signal.SIGKILL)
        await until(lambda: postgres.restart_count == 1, within_s=BACK_S)
        with pytest.raises(asyncpg.ConnectionDoesNotExistError):
            await busy


async def test_when_the_owner_is_killed_its_server_goes_and_another_may_start(home: Path) -> None:
    async with owner_process(home) as (owner, server_pid):
        owner.kill()
        await until(lambda: not is_running(server_pid), within_s=3)
        assert not (home / "data" / "postmaster.pid").exists(), "it did not stop in an orderly way"
    async with running(home) as (postgres, _):
        assert postgres.owned


@pytest.mark.parametrize("farewell", [signal.SIGKILL, signal.SIGTERM])
async def test_an_attached_process_takes_over_when_the_owner_goes(
    home: Path, farewell: signal.Signals
) -> None:
    async with owner_process(home) as (owner, server_pid), running(home) as (postgres, events):
        assert not postgres.owned
        assert postgres.server_pid == server_pid
        await sell(postgres)
        owner.send_signal(farewell)
        await until(lambda: postgres.restart_count == 1, within_s=BACK_S)
        assert postgres.owned
        assert await sold(postgres) == "F14"
    assert events[:3] == ["postgres.attached", "postgres.took_over", "postgres.restarted"]


@pytest.mark.slow
async def test_an_attached_process_leaves_the_server_alone_when_it_stops(home: Path) -> None:
    async with running(home) as (owner, _):
        async with running(home) as (attached, _):
            assert not attached.owned
            assert attached.url == owner.url
        assert await ask(owner, "SELECT 1") == 1


async def test_a_home_with_a_long_path_has_its_socket_elsewhere_and_says_where(home: Path) -> None:
    deep = home / ("a long name, with a comma" * 4)
    async with running(deep) as (postgres, _):
        assert await ask(postgres, "SELECT 1") == 1
        folder = Path((deep / "elsewhere").read_text().strip())
        assert folder.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.slow
async def test_a_socket_folder_of_somebody_else_is_refused(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = home / ("deep" * 30)
    home.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    trap = home / f"worldseat-{layout.short_hash(deep)}"
    trap.mkdir()
    trap.chmod(0o777)
    with pytest.raises(EmbeddedError, match="only it can write"):
        await EmbeddedPostgres(deep).start()


async def test_a_half_made_data_folder_is_put_aside_and_made_anew(home: Path) -> None:
    (home / "data" / "base").mkdir(parents=True)
    (home / "data" / "PG_VERSION").write_text("16\n")
    (home / "data.new-123" / "base").mkdir(parents=True)
    async with running(home) as (postgres, events):
        assert await ask(postgres, "SELECT 1") == 1
    assert events[0] == "postgres.data_put_aside"
    assert (home / "data.incomplete-1" / "base").is_dir()
    assert not list(home.glob("data.new-*"))


@pytest.mark.slow
async def test_a_start_killed_in_the_middle_of_initdb_does_no_harm(home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(home)]) as process:
        await until(lambda: any(home.glob("data.new-*/global")), within_s=5)
        process.kill()
    assert not (home / "data").exists()
    async with running(home) as (postgres, events):
        assert await ask(postgres, "SELECT 1") == 1
    assert events[0] == "postgres.started"


@pytest.mark.slow
async def test_lock_files_that_name_an_innocent_process_neither_block_nor_harm_it(
    home: Path,
) -> None:
    async with running(home):
        pass
    with subprocess.Popen(["sleep", "60"]) as innocent:
        try:
            stale = f"{innocent.pid}\n{home / 'data'}\n0\n5432\n{home / 's'}\n\n0 0\nready\n"
            (home / "data" / "postmaster.pid").write_text(stale)
            (home / "s" / ".s.PGSQL.5432.lock").write_text(stale)
            async with running(home) as (postgres, _):
                assert await ask(postgres, "SELECT 1") == 1
            assert innocent.poll() is None
        finally:
            innocent.kill()


@pytest.mark.slow
async def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    async with running(home):
        pass
    (home / "data" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    with pytest.raises(EmbeddedError, match="its log ends"):
        await EmbeddedPostgres(home).start()
    # The lock is free again, so that a later start can try anew.
    shutil.rmtree(home / "data")
    async with running(home) as (postgres, _):
        assert postgres.owned


@pytest.mark.slow
async def test_data_of_another_major_version_is_refused_by_name(home: Path) -> None:
    async with running(home):
        pass
    (home / "data" / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 15"):
        await EmbeddedPostgres(home).start()


def test_a_named_folder_without_the_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="WORLDSEAT_POSTGRES_BIN"):
        find_binaries({"WORLDSEAT_POSTGRES_BIN": str(tmp_path)})


def test_the_log_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_LOG_BYTES_MAX", 10)
    log = tmp_path / "postgres.log"
    for text in ("one line of the log", "another line of the log"):
        log.write_text(text)
        server._bound_log(log)
        assert log.read_text() == ""
        assert (tmp_path / "postgres.log.1").read_text() == text


@as_root
async def test_as_root_no_account_is_added_and_no_folder_is_opened(home: Path) -> None:
    def of_parents() -> list[tuple[int, int]]:
        found = [parent.stat() for parent in home.parents]
        return [(stat.S_IMODE(parent.st_mode), parent.st_uid) for parent in found]

    before = of_parents(), Path("/etc/passwd").read_bytes()
    assert before[0][0] == (0o700, 0)
    async with running(home) as (postgres, _):
        assert await ask(postgres, "SELECT 1") == 1
        assert {path.stat().st_uid for path in home.glob("data/*")} == {0}
        status = Path(f"/proc/{postgres.server_pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in status, "the server has root's powers"
    assert before == (of_parents(), Path("/etc/passwd").read_bytes())


@pytest.mark.slow
@as_root
async def test_as_root_without_user_namespaces_it_runs_as_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(home) as (postgres, _):
        await sell(postgres)
    # From here on user namespaces are forbidden, and home is inside a folder of mode 0700.
    monkeypatch.setattr(identity, "_NAMESPACE", ("false",))
    open_folder = Path(tempfile.mkdtemp(prefix="ws-"))
    open_folder.chmod(0o755)
    monkeypatch.setattr(identity, "_REACHABLE_BASE", open_folder)
    try:
        async with running(home) as (postgres, _):
            assert Path(f"/proc/{postgres.server_pid}").stat().st_uid == 65534
            assert await ask(postgres, "SELECT 1") == 1
        home.parent.chmod(0o711)
        # Now home can be reached, with the data in it that root's account made.
        async with running(home) as (postgres, _):
            assert Path(f"/proc/{postgres.server_pid}").stat().st_uid == 65534
            assert await sold(postgres) == "F14"
    finally:
        noted = (home / "elsewhere").read_text().splitlines()
        assert all(Path(path).is_relative_to(open_folder) for path in noted)
        (home / "elsewhere").unlink()
        shutil.rmtree(open_folder)
