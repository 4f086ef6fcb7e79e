"""Which process owns the server: the one that holds a lock which the kernel drops at its death."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from worldseat.embedded.errors import EmbeddedError


class Ownership:
    """The lock of one home, held or not.

    The file is not inherited by programs that this process starts, so the lock ends with it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process owns the server."""
        return self._file is not None

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return whether it is held now. Does not wait.

        Raises:
            EmbeddedError: the file cannot be opened, for it is another account's.
        """
        if self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EmbeddedError(
                "Cannot use the embedded PostgreSQL",
                why=str(error),
                remedy="Run as the account that made this folder, or use another folder.",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lock up. Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
