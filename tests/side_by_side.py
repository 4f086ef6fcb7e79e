"""Programs run side by side: the first has the screen, the others say it all in the end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.patience import until

# One more than there are cores: tests in a browser mostly wait, for pages and for one another.
AT_ONCE = len(os.sched_getaffinity(0)) + 1
# A Ctrl-C reaches the programs too. So long they may take to end by it before they are told again.
END_S = 3.0
KILL_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, where; `title` names it on the screen."""

    title: str
    command: Sequence[str | Path]
    folder: Path
    variables: Mapping[str, str]


async def run(programs: Sequence[Program], logs: Path) -> list[int]:
    """Run all, a few at once and in their order; return their exit statuses.

    Each but the first writes to a file under `logs`. When this is cancelled, or told to end by
    SIGTERM, they are interrupted as by Ctrl-C and waited for.
    """
    running = asyncio.current_task()
    assert running is not None
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, running.cancel)
    slots = asyncio.Semaphore(AT_ONCE)
    files = [None, *(logs / f"{each.title}.log" for each in programs[1:])]
    took: dict[str, float] = {}

    async def one(program: Program, file: Path | None) -> int:
        async with slots:
            began = time.monotonic()
            try:
                return await _run(program, file)
            finally:
                took[program.title] = time.monotonic() - began

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(one(program, file))
                for program, file in zip(programs, files, strict=True)
            ]
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    statuses = [task.result() for task in tasks]
    for file in filter(None, files):
        say(file.read_text(encoding="utf-8", errors="replace").rstrip())
    for program, status in zip(programs, statuses, strict=True):
        say(f"{program.title}: exit status {status} after {took[program.title]:.0f} s")
    return statuses


def say(text: str) -> None:
    """Write a line to the screen at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def _run(program: Program, file: Path | None) -> int:
    out = file.open("wb") if file else None
    try:
        # In one step: a start that could be cancelled half way would leave a process to itself.
        process = subprocess.Popen(
            program.command,
            cwd=program.folder,
            env=program.variables,
            stdin=subprocess.DEVNULL if out else None,
            stdout=out,
            stderr=out,
        )
        try:
            return await asyncio.to_thread(process.wait)
        except asyncio.CancelledError:
            await _end(process)
            raise
    finally:
        if out:
            out.close()


async def _end(process: subprocess.Popen[bytes]) -> None:
    for within_s, number in ((END_S, signal.SIGINT), (KILL_S, signal.SIGKILL)):
        try:
            await until(lambda: process.poll() is not None, within_s=within_s)
        except TimeoutError:
            process.send_signal(number)
