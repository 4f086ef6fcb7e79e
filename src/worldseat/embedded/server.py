"""The embedded PostgreSQL as the rest of WorldSeat sees it."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from worldseat.embedded.binaries import find_binaries
from worldseat.embedded.cluster import SUPERUSER, ensure_cluster, server_version
from worldseat.embedded.errors import EmbeddedError
from worldseat.embedded.identity import Identity, choose_identity
from worldseat.embedded.layout import PORT, Layout, make_layout
from worldseat.embedded.leftovers import running_server
from worldseat.embedded.ownership import Ownership
from worldseat.embedded.postmaster import Postmaster

OnEvent = Callable[[str, dict[str, object]], None]

_WATCH_OWNED_S = 0.1
_WATCH_ATTACHED_S = 0.3
_ATTACH_POLL_S = 0.05
_RESTART_DEADLINE_S = 20.0
_RESTART_PAUSE_MAX_S = 2.0
_LOG_BYTES_MAX = 4_000_000


@dataclass(frozen=True, slots=True)
class _Ground:
    """What stays the same over all lives of the server."""

    identity: Identity
    layout: Layout
    ownership: Ownership


class EmbeddedPostgres:
    """One PostgreSQL server under `home`, reached through a Unix socket in a private folder.

    Among the processes that use one home, the first owns the server: it starts it, brings it back
    when it dies, and stops it. The others are attached; when the owner goes, one of them takes over
    and starts the server again. So clients must be ready to reconnect, always to the same `url`.

    `on_event` is told what happens (a name and its fields); it runs on the event loop and must
    neither block nor raise:

    - `postgres.started`, `postgres.attached`, `postgres.stopped`
    - `postgres.died` (pid, status), `postgres.took_over`: a restart follows
    - `postgres.restarted` (pid, down_ms, restart_count), `postgres.restart_failed` (error)
    - `postgres.data_put_aside` (path): an incomplete data folder was replaced by a new one
    - `postgres.supervision_failed` (error): unforeseen; the server is no longer brought back, and
      `stop()` will raise the same error
    """

    def __init__(self, home: Path, *, on_event: OnEvent | None = None) -> None:
        # Not resolved: a link may be what keeps the socket's path short.
        self._home = Path(os.path.abspath(home))  # noqa: PTH100
        self._on_event = on_event
        self._ground: _Ground | None = None
        self._postmaster: Postmaster | None = None
        self._watch: asyncio.Task[None] | None = None
        self._restart_count = 0

    @property
    def url(self) -> str:
        """The address for asyncpg and libpq, the same in every process and after every restart."""
        sockets = quote(str(self._started().layout.sockets), safe="")
        return f"postgresql://{SUPERUSER}@/postgres?host={sockets}&port={PORT}"

    @property
    def owned(self) -> bool:
        """Whether this process owns the server (the others are attached to it)."""
        return self._ground is not None and self._ground.ownership.held

    @property
    def server_pid(self) -> int | None:
        """The server's process id, or None while there is none."""
        if self._ground is None:
            return None
        found = running_server(self._ground.layout)
        return None if found is None else found.pid

    @property
    def restart_count(self) -> int:
        """How often this process brought the server back, takeovers included."""
        return self._restart_count

    async def describe(self) -> str:
        """The product and its version, for example "PostgreSQL 16.14"."""
        return await asyncio.to_thread(server_version, self._started().identity.binaries)

    async def start(self, *, deadline_s: float = 20.0) -> None:
        """Own the server and start it, or attach to the one that another living process owns.

        Returns when connections are accepted.

        Raises:
            EmbeddedError: that did not come about within `deadline_s`, or cannot on this machine.
        """
        if self._ground is not None:
            raise EmbeddedError(
                "Cannot start PostgreSQL twice",
                why="this object has started it already",
                remedy="Call stop() first.",
            )
        began = time.monotonic()
        self._ground = await asyncio.to_thread(_prepare, self._home)
        try:
            await self._own_or_attach(until=began + deadline_s)
        except BaseException:
            await self.stop()
            raise
        self._watch = asyncio.create_task(self._supervise(), name="embedded-postgres")
        name = "postgres.started" if self.owned else "postgres.attached"
        self._emit(name, pid=self.server_pid, took_ms=_ms_since(began))

    async def stop(self) -> None:
        """Stop supervising, and stop the server if this process owns it. Idempotent.

        Raises:
            Exception: whatever ended the supervision before, if something unforeseen did.
        """
        began = time.monotonic()
        watch, self._watch = self._watch, None
        ground, self._ground = self._ground, None
        try:
            if watch is not None:
                watch.cancel()
                await asyncio.wait([watch])
            if self._postmaster is not None:
                await self._postmaster.end()
                self._postmaster = None
                self._emit("postgres.stopped", took_ms=_ms_since(began))
        finally:
            if ground is not None:
                ground.ownership.release()
        if watch is not None and not watch.cancelled():
            watch.result()

    async def _own_or_attach(self, *, until: float) -> None:
        ground = self._started()
        while not ground.ownership.try_acquire():
            server = await asyncio.to_thread(running_server, ground.layout)
            if server is not None and server.ready:
                return
            if time.monotonic() >= until:
                raise EmbeddedError(
                    "Cannot attach to PostgreSQL",
                    why=f"another process owns {self._home}, but its server accepts no connections",
                    remedy="Wait until that process is up, or stop it.",
                )
            await asyncio.sleep(_ATTACH_POLL_S)
        await self._launch(deadline_s=max(until - time.monotonic(), 1.0))

    async def _launch(self, *, deadline_s: float) -> None:
        ground = self._started()
        until = time.monotonic() + deadline_s
        put_aside = await asyncio.to_thread(ensure_cluster, ground.layout, ground.identity)
        if put_aside is not None:
            self._emit("postgres.data_put_aside", path=str(put_aside))
        await asyncio.to_thread(_bound_log, ground.layout.log)
        self._started()  # stop() may have come meanwhile: then there must be no new server.
        self._postmaster = Postmaster(ground.layout, ground.identity)
        await self._postmaster.launch(deadline_s=max(until - time.monotonic(), 1.0))

    async def _supervise(self) -> None:
        """Bring the server back whenever it is gone, for as long as this process lives."""
        ground = self._started()
        try:
            while True:
                if ground.ownership.held:
                    await asyncio.sleep(_WATCH_OWNED_S)
                    await self._watch_server(ground.layout)
                else:
                    await asyncio.sleep(_WATCH_ATTACHED_S)
                    if ground.ownership.try_acquire():
                        self._emit("postgres.took_over")
                        await self._bring_back()
        except Exception as error:
            self._emit("postgres.supervision_failed", error=repr(error))
            raise

    async def _watch_server(self, layout: Layout) -> None:
        postmaster = self._postmaster
        status = None if postmaster is None else postmaster.exit_status()
        if postmaster is not None and status is not None:
            self._emit("postgres.died", pid=postmaster.pid, status=status)
            await self._bring_back()
        elif _is_large(layout.log):
            await asyncio.to_thread(_bound_log, layout.log)

    async def _bring_back(self) -> None:
        began = time.monotonic()
        pause_s = 0.1
        while True:
            try:
                await self._launch(deadline_s=_RESTART_DEADLINE_S)
            except (EmbeddedError, OSError) as error:
                # A full disk or a slow recovery may pass: report it and keep at it.
                self._emit("postgres.restart_failed", error=str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _RESTART_PAUSE_MAX_S)
                continue
            self._restart_count += 1
            self._emit(
                "postgres.restarted",
                pid=self.server_pid,
                down_ms=_ms_since(began),
                restart_count=self._restart_count,
            )
            return

    def _started(self) -> _Ground:
        if self._ground is None:
            raise EmbeddedError(
                "PostgreSQL has no address yet",
                why="it was not started, or was stopped",
                remedy="Call start() first.",
            )
        return self._ground

    def _emit(self, name: str, **fields: object) -> None:
        if self._on_event is not None:
            self._on_event(name, fields)


def _prepare(home: Path) -> _Ground:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity = choose_identity(find_binaries(), home)
    layout = make_layout(home, identity.place, uid=identity.uid, gid=identity.gid)
    return _Ground(identity, layout, Ownership(layout.lock))


def _is_large(log: Path) -> bool:
    return log.exists() and log.stat().st_size > _LOG_BYTES_MAX


def _bound_log(log: Path) -> None:
    """Keep the log at one file and one older one of limited size; the server may be writing it."""
    if _is_large(log):
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)  # The server appends, so it goes on at the start.


def _ms_since(began: float) -> float:
    return round((time.monotonic() - began) * 1000, 1)
