"""The files and folders of one embedded PostgreSQL, which nobody else can tamper with."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from worldseat.embedded.errors import EmbeddedError

PORT = 5432  # Names the socket file; nothing listens on TCP.
_SOCKET_PATH_BYTES_MAX = 106  # sun_path has 108 bytes; one for the NUL, one to spare.


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The places of one server. `name` identifies it among all processes of the machine."""

    lock: Path
    data: Path
    sockets: Path
    log: Path
    name: str

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's own record of its process and state."""
        return self.data / "postmaster.pid"

    @property
    def socket_lock(self) -> Path:
        """PostgreSQL's lock beside its socket."""
        return self.sockets / f".s.PGSQL.{PORT}.lock"


def short_hash(home: Path) -> str:
    """A name for this home and account that is the same in every process."""
    return hashlib.sha256(f"{home}\0{os.geteuid()}".encode()).hexdigest()[:12]


def make_layout(home: Path, place: Path, *, uid: int, gid: int) -> Layout:
    """Make the folders and return their places.

    `home` holds the lock; `place` holds what PostgreSQL writes, and is `home` itself unless that
    account cannot reach it. The folders belong to `uid` and `gid`.

    Raises:
        EmbeddedError: a folder belongs to somebody else or is open to others.
    """
    name = f"worldseat-{short_hash(home)}"
    sockets = _socket_folder(place, name)
    if not sockets.is_relative_to(home):
        record_elsewhere(home, sockets)
    for folder in (sockets, place / "log"):
        private_folder(folder, uid=uid, gid=gid)
    return Layout(
        lock=home / "owner.lock",
        data=place / "data",
        sockets=sockets,
        log=place / "log" / "postgres.log",
        name=name,
    )


def _socket_folder(place: Path, name: str) -> Path:
    beside = place / "s"
    length = len(os.fsencode(beside / f".s.PGSQL.{PORT}"))
    # A comma separates hosts in a connection address, so such a path cannot be named in one.
    if length <= _SOCKET_PATH_BYTES_MAX and "," not in str(beside):
        return beside
    return Path(tempfile.gettempdir()) / name


def private_folder(folder: Path, *, uid: int, gid: int, mode: int = 0o700) -> None:
    """Make `folder`, or check that the one that is there is ours and shut to others.

    Raises:
        EmbeddedError: it is a link, or belongs to another account, or others may write to it.
    """
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    found = folder.lstat()
    ours = found.st_uid in {uid, os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or not ours or found.st_mode & 0o022:
        raise EmbeddedError(
            "Cannot start PostgreSQL",
            why=f"{folder} is not a folder of this account that only it can write to",
            remedy="Somebody else made it: remove it and start again.",
        )
    if os.geteuid() == 0 and (found.st_uid, found.st_gid) != (uid, gid):
        os.chown(folder, uid, gid)
    if stat.S_IMODE(found.st_mode) != mode:
        folder.chmod(mode)


def record_elsewhere(home: Path, folder: Path) -> None:
    """Note in `home` a folder that had to be outside of it, so that `make clean` can remove it."""
    note = home / "elsewhere"
    known = note.read_text().splitlines() if note.exists() else []
    if str(folder) not in known:
        note.write_text("".join(f"{line}\n" for line in [*known, str(folder)]))
