"""Under which account PostgreSQL runs.

PostgreSQL refuses to run as root. An ordinary account needs nothing. Root (and an account without
a passwd entry, which initdb refuses) enters a user namespace in which it is called `nobody`: its
files stay its own, and no mode of any folder changes. Where such namespaces are forbidden, as in
some containers, root hands the folder to the real `nobody`, and copies to a place that `nobody`
can reach what it cannot.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from worldseat.embedded.binaries import Binaries
from worldseat.embedded.errors import EmbeddedError
from worldseat.embedded.layout import private_folder, record_elsewhere, short_hash

_NOBODY = 65534  # The overflow account of Linux: it exists everywhere and owns nothing.
_NAMESPACE = ("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}")
_AS_NOBODY = ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups")
_PROBE_TIMEOUT_S = 10.0
_TRUE = Path("/bin/true")
_REACHABLE_BASE = Path("/var/lib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How to run PostgreSQL's programs, and where.

    `wrapper` is put before a command line, `uid` and `gid` own the files, and `place` is the folder
    for them.
    """

    wrapper: tuple[str, ...]
    uid: int
    gid: int
    binaries: Binaries
    place: Path


def choose_identity(binaries: Binaries, home: Path) -> Identity:
    """Choose the account for a server whose files belong in `home`, which exists.

    Raises:
        EmbeddedError: this account cannot run PostgreSQL on this machine.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0 and _has_account(uid):
        return Identity(wrapper=(), uid=uid, gid=gid, binaries=binaries, place=home)
    refusal = _probe(_NAMESPACE, home, binaries.postgres)
    if refusal is None:
        return Identity(wrapper=_NAMESPACE, uid=uid, gid=gid, binaries=binaries, place=home)
    if uid != 0:
        raise EmbeddedError(
            "Cannot start PostgreSQL",
            why=f"account {uid} has no passwd entry, and a user namespace failed: {refusal}",
            remedy="Run as an account with a passwd entry, or allow user namespaces.",
        )
    return _as_nobody(binaries, home)


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _probe(wrapper: tuple[str, ...], folder: Path, program: Path) -> str | None:
    """Try to enter `folder` and to run `program --version`; return why not, or None."""
    script = 'cd "$1" && exec "$2" --version'
    command = [*wrapper, "sh", "-c", script, "sh", str(folder), str(program)]
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours, no shell expands them.
            command, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr.strip() or f"exit {done.returncode}")


def _as_nobody(binaries: Binaries, home: Path) -> Identity:
    home.chmod(0o711)  # This folder is ours: others may walk through it, not list it.
    place = home
    if _probe(_AS_NOBODY, home, _TRUE) is not None:
        place = _outside(home)
    if _probe(_AS_NOBODY, place, binaries.postgres) is not None:
        binaries = _copy(binaries, _outside(home) / "programs")
    refusal = _probe(_AS_NOBODY, place, binaries.postgres)
    if refusal is not None:
        raise EmbeddedError(
            "Cannot start PostgreSQL",
            why=f"it refuses to run as root, and running it as nobody failed: {refusal}",
            remedy="Run WorldSeat as an ordinary account, or allow user namespaces.",
        )
    return Identity(wrapper=_AS_NOBODY, uid=_NOBODY, gid=_NOBODY, binaries=binaries, place=place)


def _outside(home: Path) -> Path:
    """A folder of root's that `nobody` can walk through, for what is out of its reach in `home`."""
    folder = _REACHABLE_BASE / f"worldseat-{short_hash(home)}"
    private_folder(folder, uid=0, gid=0, mode=0o711)
    record_elsewhere(home, folder)
    return folder


def _copy(binaries: Binaries, target: Path) -> Binaries:
    """Copy the programs with their libraries, once for each source, and make them readable."""
    target /= short_hash(binaries.bin_dir)
    if not target.exists():
        unfinished = target.with_name(f"{target.name}.new-{os.getpid()}")
        for part in binaries.parts:
            shutil.copytree(binaries.base / part, unfinished / part, symlinks=True)
        for folder, _, _ in os.walk(unfinished):
            Path(folder).chmod(0o755)
        unfinished.rename(target)
    target.parent.chmod(0o755)
    bin_dir = target / binaries.bin_dir.relative_to(binaries.base)
    return replace(binaries, bin_dir=bin_dir, base=target)
