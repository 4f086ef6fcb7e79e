"""One life of the PostgreSQL server process: from its launch to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time

from worldseat.embedded.cluster import clean_environment
from worldseat.embedded.errors import EmbeddedError
from worldseat.embedded.identity import Identity
from worldseat.embedded.layout import PORT, Layout
from worldseat.embedded.leftovers import clear_leftovers, read_pid_file

_POLL_S = 0.01
# An orderly stop writes a checkpoint. When that takes longer than this, SIGQUIT stops at once; what
# was committed is in the log, and the next start replays it.
_FAST_STOP_S = 0.6
_IMMEDIATE_STOP_S = 1.0
_LOG_TAIL_BYTES = 2_000

# The kernel signals the server when the thread that started it ends, so kill -9 of this process
# stops PostgreSQL in an orderly way. When the parent was gone before that took hold, do not start.
_GUARD = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"'

_SETTINGS = {
    "listen_addresses": "",  # No TCP: only who may enter the socket's folder gets in.
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "400",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "default_transaction_isolation": "repeatable read",  # As in Aurora DSQL.
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    # Conflicts are everyday business here, and the client that meets one is told.
    "log_min_messages": "log",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",  # Needs no room in a container's small /dev/shm.
    # A crash of one backend ends the server, so that there is one way back: the supervisor's.
    "restart_after_crash": "off",
}


class Postmaster:
    """A server process that this process started.

    Create, launch and end it on the thread of the event loop: the kernel ties the server's life to
    the thread that started it.
    """

    def __init__(self, layout: Layout, identity: Identity) -> None:
        self._layout = layout
        self._identity = identity
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None before the launch."""
        return None if self._process is None else self._process.pid

    def exit_status(self) -> int | None:
        """None while it runs; once it has ended, its status (negative: the signal). Reaps it."""
        return 0 if self._process is None else self._process.poll()

    async def launch(self, *, deadline_s: float) -> None:
        """Start the server and wait until it accepts connections.

        Raises:
            EmbeddedError: it ended, or was not ready in time; it is then stopped.
        """
        until = time.monotonic() + deadline_s
        await asyncio.to_thread(clear_leftovers, self._layout)
        process = self._spawn()
        self._process = process
        try:
            while not self._is_ready(process.pid):
                if process.poll() is not None:
                    raise await self._failure(f"it ended with status {process.returncode}")
                if time.monotonic() >= until:
                    raise await self._failure(f"it was not ready within {deadline_s:g} s")
                await asyncio.sleep(_POLL_S)
        except BaseException:
            await self.end()
            raise

    async def end(self) -> None:
        """Stop the server, in an orderly way when that is quick. Idempotent; takes 2 s at most."""
        process = self._process
        if process is None:
            return
        for signal_number, patience_s in (
            (signal.SIGINT, _FAST_STOP_S),
            (signal.SIGQUIT, _IMMEDIATE_STOP_S),
            (signal.SIGKILL, _IMMEDIATE_STOP_S),
        ):
            if process.poll() is not None:
                return
            process.send_signal(signal_number)
            until = time.monotonic() + patience_s
            while process.poll() is None and time.monotonic() < until:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)

    def _is_ready(self, pid: int) -> bool:
        found = read_pid_file(self._layout)
        return found is not None and found.pid == pid and found.ready

    def _spawn(self) -> subprocess.Popen[bytes]:
        layout, identity = self._layout, self._identity
        sockets = str(layout.sockets).replace('"', '""')
        settings = {
            **_SETTINGS,
            "cluster_name": layout.name,
            "unix_socket_directories": f'"{sockets}"',
        }
        command = [
            *identity.wrapper,
            # After the wrapper: a change of account would undo it.
            *("setpriv", "--pdeathsig", "INT", "sh", "-c", _GUARD, "sh", str(os.getpid())),
            *(str(identity.binaries.postgres), "-D", str(layout.data)),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]
        with layout.log.open("ab") as log:
            try:
                # Its own session: Ctrl-C in a terminal must reach us only, and we stop it.
                return subprocess.Popen(  # noqa: S603 - the words are ours, no shell expands them.
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=layout.data,
                    env=clean_environment(),
                    start_new_session=True,
                )
            except OSError as error:
                raise EmbeddedError(
                    "Cannot start PostgreSQL",
                    why=str(error),
                    remedy="setpriv and sh are needed (Debian: apt-get install util-linux).",
                ) from error

    async def _failure(self, why: str) -> EmbeddedError:
        tail = await asyncio.to_thread(self._log_tail)
        return EmbeddedError(
            "Cannot start PostgreSQL",
            why=f"{why}; its log ends:\n{tail}",
            remedy=f"The whole log is {self._layout.log}.",
        )

    def _log_tail(self) -> str:
        return self._layout.log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
