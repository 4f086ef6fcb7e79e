"""Programs side by side: their statuses are told, and none outlives an interruption."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.patience import until
from tests.side_by_side import Program, run

# Ends in good order when it is interrupted, as pytest does; also where these tests were started in
# the background of a script, which leaves SIGINT ignored.
ORDERLY = """
import pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
place = pathlib.Path(sys.argv[1])
try:
    place.with_suffix(".began").touch()
    time.sleep(60)
finally:
    place.with_suffix(".ended").touch()
"""


SAYS = """
import sys, time
time.sleep(float(sys.argv[1]))
print(sys.argv[2])
sys.exit(sys.argv[1] == "0")
"""


def program(tmp_path: Path, title: str, code: str, *words: str) -> Program:
    return Program(
        title=title,
        command=[sys.executable, "-c", code, *words],
        folder=tmp_path,
        variables={**os.environ},
    )


async def test_statuses_come_in_order_and_what_was_said_comes_in_the_end(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = [("0.2", "first"), ("0", "second"), ("0.1", "third"), ("0", "fourth")]
    programs = [program(tmp_path, words[1], SAYS, *words) for words in wanted]
    assert await run(programs, tmp_path) == [0, 1, 0, 1]
    out = capfd.readouterr().out
    said = [out.index(f"{words[1]}\n") for words in wanted]
    assert said == sorted(said)
    assert "second: exit status 1 after 0 s" in out


async def test_when_it_is_told_to_end_its_programs_end_in_good_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.side_by_side.END_S", 0.1)
    names = ["one", "two"]
    programs = [program(tmp_path, name, ORDERLY, str(tmp_path / name)) for name in names]
    task = asyncio.create_task(run(programs, tmp_path))
    await until(lambda: all((tmp_path / f"{name}.began").exists() for name in names))
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all((tmp_path / f"{name}.ended").exists() for name in names)
