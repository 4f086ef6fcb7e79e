"""Which code ran: the commit, so that every stored run can name it."""

import os
import subprocess
from pathlib import Path

from worldseat import __version__

COMMIT_ENV = "WORLDSEAT_COMMIT"
"""Set where the program runs without its repository: in the image of deploy/Dockerfile."""


def revision() -> str:
    """Return the short commit, with `+` when files differ from it, or the version outside git."""
    if told := os.environ.get(COMMIT_ENV):
        return told
    here = Path(__file__).parent
    try:
        commit = _git(here, "rev-parse", "--short=12", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return __version__
    return f"{commit}+" if changed else commit


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words, no shell
        ["git", "-C", str(folder), *words],  # noqa: S607 - whichever git the person uses
        capture_output=True,
        text=True,
        check=True,
        timeout=5,
    )
    return done.stdout.strip()
