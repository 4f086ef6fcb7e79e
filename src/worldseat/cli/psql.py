"""`worldseat psql`: PostgreSQL's own terminal on the product's database, logged in."""

import os
import shutil
import subprocess
from typing import Annotated

from cyclopts import Parameter

from worldseat.cli.db_url import NOT_RUNNING, Region, find
from worldseat.cli.options import HERE, Where
from worldseat.domain.errors import Unavailable
from worldseat.ports.way_in import WayIn
from worldseat.settings import REGIONS

_PROBE_TIMEOUT_S = 10.0
_NO_TLS = "not compiled in"
"""How libpq ends its complaint about sslmode when it was built without TLS."""


def psql(
    *words: Annotated[str, Parameter(allow_leading_hyphen=True)],
    region: Region = REGIONS[0],
    where: Where = HERE,
) -> None:
    """Run the system's psql on a Region's database; other words and options are psql's own.

    For example: worldseat psql --region us-east-2 -c 'SELECT count(*) FROM op_log'. It logs in with
    a fresh token, which psql gets in its environment and nobody sees in a list of processes.
    """
    program = shutil.which("psql")
    if program is None:
        raise Unavailable(
            "There is no psql on this machine.",
            next_step="Install it (Debian: apt-get install postgresql-client), or let another "
            "client use `worldseat db-url --json`.",
        )
    found = find(where, region)
    if not found.running:
        raise Unavailable(NOT_RUNNING, next_step="Then run this again.")
    if found.token is None:
        os.execv(program, (program, found.url, *words))  # noqa: S606 - no shell is wanted.
    if not _speaks_tls(program):
        raise Unavailable(
            f"{program} was built without TLS, which Aurora DSQL demands.",
            next_step="Put a psql with TLS first on the PATH (Debian: postgresql-client).",
        )
    os.execve(program, (program, *words), _environment(found))  # noqa: S606 - as above.


def _environment(found: WayIn) -> dict[str, str]:
    # A service named there would have the last word over everything else in the environment.
    kept = {name: value for name, value in os.environ.items() if name != "PGSERVICE"}
    names = {"dbname": "PGDATABASE"}
    said = {names.get(word, f"PG{word.upper()}"): value for word, value in found.libpq.items()}
    return {**kept, **said, "PGPASSWORD": found.token or ""}


def _speaks_tls(program: str) -> bool:
    """Ask for TLS at a place where nobody can be: which of the two comes back as the complaint?"""
    done = subprocess.run(  # noqa: S603 - the words are ours, no shell expands them.
        (program, "host=/nonexistent sslmode=verify-full connect_timeout=2"),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PROBE_TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C"},
    )
    return _NO_TLS not in done.stderr
