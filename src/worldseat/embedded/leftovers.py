"""What a server left behind that did not stop in an orderly way, and how to clear it.

Only the process that holds the owner's lock may call `clear_leftovers`: then no other server for
this folder can be starting. A process belongs to the folder when its command line carries the
layout's name, which PostgreSQL is started with and shows in the titles of all its processes. Any
account may read command lines, and no process is signalled on the word of a stale pid file alone.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from worldseat.embedded.errors import EmbeddedError
from worldseat.embedded.layout import Layout

_STATUS_LINE = 7  # The eighth line of postmaster.pid.
_POLL_S = 0.02
# A server is on its way out already: the kernel signalled it when its owner died. A backend whose
# server was killed notices that when it next looks, which a busy one does not.
_SERVER_GRACE_S = 1.0
_BACKEND_GRACE_S = 0.2
_ESCALATION = ((signal.SIGQUIT, 0.7), (signal.SIGKILL, 1.0))


@dataclass(frozen=True, slots=True)
class PidFile:
    """What postmaster.pid says."""

    pid: int
    ready: bool


def read_pid_file(layout: Layout) -> PidFile | None:
    """Read postmaster.pid; None when there is none or it is being written."""
    try:
        lines = layout.pid_file.read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    ready = len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
    return PidFile(pid, ready)


def running_server(layout: Layout) -> PidFile | None:
    """The live server of this folder, or None; `ready` says whether it accepts connections."""
    found = read_pid_file(layout)
    return found if found is not None and _belongs(found.pid, layout) else None


def clear_leftovers(layout: Layout) -> None:
    """End every process of an earlier server of this folder, then remove its lock files. Blocks.

    Raises:
        EmbeddedError: a process could not be ended within 3 s.
    """
    # The server first: it takes its backends along. Then those that outlived a killed server.
    for find, grace_s in ((_servers, _SERVER_GRACE_S), (_processes, _BACKEND_GRACE_S)):
        if not _end(partial(find, layout), grace_s=grace_s):
            raise EmbeddedError(
                "Cannot start PostgreSQL",
                why=f"processes of an earlier server do not end: {find(layout)}",
                remedy="End them by hand, then start again.",
            )
    for stale in (layout.pid_file, layout.socket_lock):
        stale.unlink(missing_ok=True)


def wait_until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Ask until it is true or the time is up; return the last answer. Blocks."""
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_S)
    return True


def _end(find: Callable[[], list[int]], *, grace_s: float) -> bool:
    if wait_until(lambda: not find(), grace_s):
        return True
    for signal_number, patience_s in _ESCALATION:
        for pid in find():
            with suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        if wait_until(lambda: not find(), patience_s):
            return True
    return False


def _servers(layout: Layout) -> list[int]:
    found = running_server(layout)
    return [] if found is None else [found.pid]


def _processes(layout: Layout) -> list[int]:
    pids = (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())
    return [pid for pid in pids if _belongs(pid, layout)]


def _belongs(pid: int, layout: Layout) -> bool:
    try:
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    # "…/postgres\0-D\0…\0-c\0cluster_name=NAME\0…", or for a child "postgres: NAME: checkpointer ".
    program = command_line.split(b"\0", 1)[0]
    title = f"postgres: {layout.name}: ".encode()
    argument = f"\0cluster_name={layout.name}\0".encode()
    return command_line.startswith(title) or (
        program.endswith(b"/postgres") and argument in command_line
    )
