"""What 100,000 tickets cost on Aurora DSQL, from stampedes that are fired for it here.

Fires a few bursts of 60 buyers with each code on a local DSQL cluster in a temporary folder, then
prints what `worldseat cost` says. Exits with 1 if a code was not counted. Counts do not depend on
how fast the machine is, but how many buyers meet a conflict does, a little.
"""

import platform
import subprocess
import sys
import tempfile

RUNS = 5
TIMEOUT_S = 300


def worldseat(home: str, *words: str) -> int:
    """Run one command on the folder and return its exit status."""
    command = [sys.executable, "-m", "worldseat", *words, "--home", home]
    return subprocess.run(command, check=False, timeout=TIMEOUT_S).returncode


def main() -> int:
    """Fire, then print."""
    with tempfile.TemporaryDirectory(prefix="worldseat-bench-") as home:
        for code in ("naive", "conditional"):
            status = worldseat(home, "break-it", "--code", code, "--runs", str(RUNS))
            if status:
                return status
        status = worldseat(home, "cost")
    print(f"{platform.platform()}, Python {platform.python_version()}")
    return status


if __name__ == "__main__":
    sys.exit(main())
