"""A part of the foil is killed in mid-run: a clear error, and nothing is left running."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.stores_dynamodb.foil import fire, ground_of, key_of, left_running, plan, setup_in

from worldseat.domain.run import Outcome
from worldseat.domain.seats import Code
from worldseat.ports.store import StoreError
from worldseat.stores.dynamodb.store import DynamoStore

_HOLD = """
import asyncio, pathlib, sys
from tests.stores_dynamodb.foil import fresh_key, setup_in
from worldseat.stores.dynamodb.store import DynamoStore
async def main():
    store = DynamoStore(setup_in(pathlib.Path(sys.argv[1])), on_aws=False)
    await store.open()
    await store.seat(fresh_key())
    print("up", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest_asyncio.fixture
async def foil(tmp_path: Path) -> AsyncIterator[DynamoStore]:
    """A foil of its own to break."""
    store = DynamoStore(setup_in(tmp_path), lag_ms=0, on_aws=False)
    await store.open()
    yield store
    await store.close()
    assert left_running(tmp_path) == []


async def gone(home: Path) -> bool:
    for _ in range(100):
        if not left_running(home):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_nothing_runs_before_it_is_used_and_all_of_it_on_loopback_after(
    foil: DynamoStore, tmp_path: Path
) -> None:
    assert left_running(tmp_path) == []
    await foil.seat(key_of(plan(Code.NAIVE)))
    assert len(left_running(tmp_path)) == 2
    pids = {each.pid for each in ground_of(foil).emulators}
    assert pids == set(left_running(tmp_path))
    asked = await asyncio.to_thread(
        subprocess.run, ["ss", "-ltnpH"], capture_output=True, text=True
    )
    listening = asked.stdout
    mine = [line for line in listening.splitlines() if any(f"pid={pid}," in line for pid in pids)]
    assert len(mine) == 2
    assert all(line.split()[3].startswith("127.0.0.1:") for line in mine)


async def test_an_emulator_killed_in_mid_run_is_told_and_the_foil_starts_afresh(
    foil: DynamoStore, tmp_path: Path
) -> None:
    run = plan(Code.CONDITIONAL, spread_ms=1_500)

    def kill(answered: int) -> None:
        if answered == 20:
            pid = ground_of(foil).emulators[1].pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)

    fired = await fire(foil, run, on_answer=kill)
    assert len(fired.operations) == 60
    assert any(each.reason == "unavailable" for each in fired.operations)
    assert await gone(tmp_path)
    with pytest.raises(StoreError, match="emulator of us-east-2 ended with -9"):
        await foil.tally(run.run_id, key_of(run))
    # Afresh, and what was lost is still not counted as zero.
    again = plan(Code.CONDITIONAL)
    await fire(foil, again)
    assert (await foil.tally(again.run_id, key_of(again))).holders == 2
    with pytest.raises(StoreError, match="is lost"):
        await foil.tally(run.run_id, key_of(run))


async def test_a_replicator_that_stops_in_mid_run_is_told(
    foil: DynamoStore, tmp_path: Path
) -> None:
    foil.set_lag(1_000)
    run = plan(Code.NAIVE)
    fired = await fire(foil, run)
    assert any(each.outcome is Outcome.OK for each in fired.operations)
    replicator = ground_of(foil).replicator
    assert replicator is not None
    assert replicator._work is not None
    replicator._work.cancel()
    with pytest.raises(StoreError, match="the replicator between the emulated Regions stopped"):
        await foil.tally(run.run_id, key_of(run))
    assert await gone(tmp_path)


async def test_emulators_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert parent.stdout is not None
    line = await asyncio.to_thread(_line_with, parent.stdout, "up")
    assert line == "up\n"
    assert len(left_running(tmp_path)) == 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert await gone(tmp_path)


def _line_with(stream: "object", word: str) -> str:
    for line in stream:  # type: ignore[attr-defined]
        if line.strip() == word:
            return str(line)
    return ""
