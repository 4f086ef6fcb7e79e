"""The cluster's process as other processes see it: start it, or attach to the one that runs.

Among the processes that use one home, the first owns the cluster: it starts its process, starts it
again when it dies, and stops it. The others are attached; when the owner goes, one takes over.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from worldseat.embedded.errors import EmbeddedError
from worldseat.embedded.ownership import Ownership
from worldseat.local_dsql import descriptor
from worldseat.local_dsql.descriptor import Descriptor

OnEvent = Callable[[str, dict[str, object]], None]

# Another process comes up, ends, or gives its lock back, and tells nobody: it is looked at.
_POLL_S = 0.02
_WATCH_OWNED_S = 0.1
_WATCH_ATTACHED_S = 0.3
_STOP_S = 3.0
_LOG_TAIL_BYTES = 2_000
_LOG_BYTES_MAX = 4_000_000
"""A log that is larger begins anew with the next start."""
# The kernel ends the cluster when the thread that started it ends, so kill -9 of this process stops
# it in an orderly way. When the parent was gone before that took hold, do not start.
_GUARD = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"'


class Launch:
    """A local cluster in a process of its own, under `home`. Use it on the event loop's thread.

    `on_event` is told `cluster.started`, `cluster.attached`, `cluster.died`, `cluster.took_over`,
    `cluster.restarted` and `cluster.restart_failed`, each with fields; it must not block or raise.
    """

    def __init__(
        self,
        home: Path,
        *,
        delays: bool = True,
        words: tuple[str, ...] = (),
        on_event: OnEvent = lambda _name, _fields: None,
    ) -> None:
        self._home = home
        self._words = ("--home", str(home), *(() if delays else ("--no-delays",)), *words)
        self._on_event = on_event
        self._ownership = Ownership(home / "owner.lock")
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self.restart_count = 0
        """How often this process brought the cluster back, takeovers included."""

    @property
    def owned(self) -> bool:
        """Whether this process owns the cluster."""
        return self._ownership.held

    async def start(self, *, deadline_s: float = 30.0) -> Descriptor:
        """Own the cluster and start it, or attach; return how to reach it. Raises EmbeddedError."""
        began = time.monotonic()
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            found = await self._own_or_attach(until=began + deadline_s)
        except BaseException:  # Also when it is cancelled: nothing that was started stays.
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._supervise(), name="local-dsql")
        name = "cluster.started" if self.owned else "cluster.attached"
        self._on_event(name, {"took_ms": round((time.monotonic() - began) * 1000)})
        return found

    async def stop(self) -> None:
        """Stop supervising, and stop the cluster if this process owns it. Idempotent."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        process, self._process = self._process, None
        if process is not None:
            await _end(process)
        self._ownership.release()

    async def _own_or_attach(self, *, until: float) -> Descriptor:
        while not self._ownership.try_acquire():
            found = descriptor.read(self._home)
            if found is not None and await _answers(found):
                return found
            if time.monotonic() >= until:
                raise EmbeddedError(
                    "Cannot attach to the local cluster",
                    why=f"another process owns {self._home}, but its cluster does not answer",
                    remedy="Wait until that process is up, or stop it.",
                )
            await asyncio.sleep(_POLL_S)
        return await self._launch(until=until)

    async def _launch(self, *, until: float) -> Descriptor:
        running = descriptor.read(self._home)
        while running is not None and await _answers(running):
            if running.ends_with is None:
                return running  # Somebody started it by itself.
            # The process that took it along is gone, for it held the lock: it ends just now.
            if time.monotonic() >= until:
                raise self._failure("the one before it does not end")
            await asyncio.sleep(_POLL_S)
        process = self._spawn()
        self._process = process
        try:
            while True:
                found = descriptor.read(self._home)
                if found is not None and found.pid == process.pid:
                    return found
                if process.poll() is not None:
                    raise self._failure(f"it ended with status {process.returncode}")
                if time.monotonic() >= until:
                    raise self._failure("it was not ready in time")
                await asyncio.sleep(_POLL_S)
        except BaseException:  # Also when it is cancelled: no process is left to itself.
            self._process = None
            await _end(process)
            raise

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [
            *("setpriv", "--pdeathsig", "TERM", "sh", "-c", _GUARD, "sh", str(os.getpid())),
            *(sys.executable, "-m", "worldseat.local_dsql", *self._words),
            *("--ends-with", str(os.getpid())),
        ]
        large = self._log.exists() and self._log.stat().st_size > _LOG_BYTES_MAX
        with self._log.open("wb" if large else "ab") as log:
            # Its own session: Ctrl-C in a terminal must reach us only, and we stop it.
            return subprocess.Popen(  # noqa: S603 - the words are ours, no shell expands them.
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def _log(self) -> Path:
        return self._home / "cluster.log"

    def _failure(self, why: str) -> EmbeddedError:
        tail = self._log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
        return EmbeddedError(
            "Cannot start the local DSQL cluster",
            why=f"{why}; its log ends:\n{tail}",
            remedy=f"The whole log is {self._log}.",
        )

    async def _supervise(self) -> None:
        """Bring the cluster back whenever it is gone, for as long as this process lives."""
        while True:
            if self.owned:
                await asyncio.sleep(_WATCH_OWNED_S)
                if not await self._runs():
                    status = None if self._process is None else self._process.returncode
                    self._on_event("cluster.died", {"status": status})
                    await self._bring_back()
            else:
                await asyncio.sleep(_WATCH_ATTACHED_S)
                if self._ownership.try_acquire():
                    self._on_event("cluster.took_over", {})
                    await self._bring_back()

    async def _runs(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        running = descriptor.read(self._home)
        return running is not None and await _answers(running)

    async def _bring_back(self) -> None:
        began = time.monotonic()
        try:
            await self._launch(until=began + 30.0)
        except (EmbeddedError, OSError) as error:
            # A full disk or a slow recovery may pass: the next look tries again.
            self._on_event("cluster.restart_failed", {"error": str(error)})
            return
        self.restart_count += 1
        down_ms = round((time.monotonic() - began) * 1000)
        self._on_event("cluster.restarted", {"down_ms": down_ms})


async def _answers(found: Descriptor) -> bool:
    """Say whether the cluster that wrote this takes orders."""
    try:
        _, writer = await asyncio.open_unix_connection(found.control)
    except OSError:
        return False
    writer.close()
    return True


async def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        process.send_signal(number)
        until = time.monotonic() + _STOP_S
        while process.poll() is None and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
