"""The data folder: made whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from pathlib import Path

from worldseat.embedded.binaries import Binaries
from worldseat.embedded.errors import EmbeddedError
from worldseat.embedded.identity import Identity
from worldseat.embedded.layout import Layout

SUPERUSER = "worldseat"
_INITDB_TIMEOUT_S = 60.0
_UNFINISHED = "data.new"
_REMOVE_TRIES = 20
_REMOVE_PAUSE_S = 0.1


def ensure_cluster(layout: Layout, identity: Identity) -> Path | None:
    """Make the data folder unless a complete one is there; the caller owns the home.

    initdb works in a sibling that is renamed when it is done, so `data` is never half-made by us.
    A `data` that is incomplete all the same is put aside, not deleted; its new path is returned.

    Raises:
        EmbeddedError: initdb failed, or the folder was made by another major version.
    """
    for leftover in layout.data.parent.glob(f"{_UNFINISHED}-*"):
        _remove(leftover)
    put_aside = None
    if layout.data.exists():
        if _is_complete(layout.data):
            _check_version(layout.data, identity.binaries)
            _hand_over(layout.data, identity)
            return None
        put_aside = _put_aside(layout.data)
    unfinished = layout.data.with_name(f"{_UNFINISHED}-{os.getpid()}")
    unfinished.mkdir(mode=0o700)
    _hand_over(unfinished, identity)
    _initdb(unfinished, identity)
    unfinished.rename(layout.data)
    return put_aside


def _is_complete(data: Path) -> bool:
    return (data / "PG_VERSION").is_file() and (data / "global" / "pg_control").is_file()


def _remove(folder: Path) -> None:
    # The last process of a killed initdb may still be writing here: try again for a while.
    for _ in range(_REMOVE_TRIES):
        try:
            shutil.rmtree(folder)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.ENOTEMPTY}:
                raise
        if not folder.exists():
            return
        time.sleep(_REMOVE_PAUSE_S)
    shutil.rmtree(folder)


def _put_aside(data: Path) -> Path:
    number = 1
    while (aside := data.with_name(f"data.incomplete-{number}")).exists():
        number += 1
    data.rename(aside)
    return aside


def _check_version(data: Path, binaries: Binaries) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    found = server_version(binaries)
    if found.split()[-1].split(".")[0] != made_by:
        raise EmbeddedError(
            "Cannot start PostgreSQL",
            why=f"{data} was made by PostgreSQL {made_by}, and {binaries.bin_dir} is {found}",
            remedy="Set WORLDSEAT_POSTGRES_BIN to that version, or remove the folder (make clean).",
        )


def _hand_over(folder: Path, identity: Identity) -> None:
    """Give the folder's files to the account that will use them, if root left them to another."""
    if folder.stat().st_uid == identity.uid or os.geteuid() != 0:
        return
    for parent, _, files in os.walk(folder):
        for path in (parent, *(os.path.join(parent, file) for file in files)):  # noqa: PTH118 - fast
            os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def _initdb(data: Path, identity: Identity) -> None:
    command = [
        *("setpriv", "--pdeathsig", "KILL"),
        *identity.wrapper,
        str(identity.binaries.initdb),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        # Who can enter the socket's folder is the owner; there is no TCP to authenticate on.
        "--auth-local=trust",
        "--auth-host=reject",
        "--no-instructions",
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the words are ours, no shell expands them.
            command,
            capture_output=True,
            text=True,
            timeout=_INITDB_TIMEOUT_S,
            check=False,
            env=clean_environment(),
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _initdb_failed(str(error)) from error
    if done.returncode != 0:
        raise _initdb_failed((done.stderr or done.stdout).strip()[-600:])


def _initdb_failed(why: str) -> EmbeddedError:
    return EmbeddedError(
        "Cannot make the PostgreSQL data folder",
        why=why,
        remedy="Check the free space and the permissions of the folder, then start again.",
    )


def clean_environment() -> dict[str, str]:
    """Our environment without PG* (it would steer the programs) and with a fixed language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def server_version(binaries: Binaries) -> str:
    """For example "PostgreSQL 16.14".

    Raises:
        EmbeddedError: the program does not run.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell.
            [binaries.postgres, "--version"], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedError(
            "Cannot run PostgreSQL",
            why=str(error),
            remedy="Reinstall it (make clean, make run), or set WORLDSEAT_POSTGRES_BIN.",
        ) from error
    # "postgres (PostgreSQL) 16.14", with a vendor's remark behind it in some distributions.
    return f"PostgreSQL {done.stdout.split()[2]}"
