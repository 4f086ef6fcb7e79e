"""`worldseat db-url`: where any other program finds the same database, and its token."""

import shlex
import sys
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote, urlencode

import uvloop
from cyclopts import Parameter

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, errors, print_json
from worldseat.domain.errors import BadRequest, Unavailable
from worldseat.ports.way_in import WayIn
from worldseat.settings import REGIONS

NOT_RUNNING = "Nothing listens there now: start WorldSeat with `make run`."

Region = Annotated[str, Parameter(help=" or ".join(REGIONS) + ".")]


def db_url(
    *,
    region: Region = REGIONS[0],
    json: bool = False,
    token: bool = False,
    where: Where = HERE,
) -> int:
    """Print the address of a Region's database for psql or any other client.

    Aurora DSQL takes a fresh token as the password: --token prints one and nothing else, --json
    prints one with everything else. It is a password: keep it out of logs. `worldseat psql` does
    all of it. The local cluster listens while a WorldSeat runs.
    """
    found = find(where, region)
    if json:
        print_json(found)
    elif token:
        sys.stdout.write(f"{_token(found)}\n")
    else:
        console.print(_address(found), soft_wrap=True, markup=False)
        if found.token is not None:
            errors.print(_hint(region, where), soft_wrap=True, markup=False)
    if not found.running:
        errors.print(NOT_RUNNING)
    return 0 if found.running else 1


def find(where: Where, region: str) -> WayIn:
    """Find the way in through a Region. Raises BadRequest, Unavailable, StoreError."""
    if region not in REGIONS:
        raise BadRequest(
            f"There is no Region {region!r}.", next_step=f"Use {' or '.join(REGIONS)}."
        )
    found = uvloop.run(bootstrap.way_in(where.settings(), region))
    if found is None:
        raise Unavailable(
            f"No database was ever started in {where.home.absolute()}.",
            next_step="Start WorldSeat with `make run`, or name its folder with --home.",
        )
    return found


def _token(found: WayIn) -> str:
    if found.token is None:
        raise BadRequest(
            f"{found.region} is plain PostgreSQL, which takes no token.",
            next_step="Use the address as it is.",
        )
    return found.token


def _address(found: WayIn) -> str:
    """Return the address as libpq reads it; without a token it is that already."""
    return found.url if found.token is None else _libpq_url(found.libpq)


def _libpq_url(words: Mapping[str, str]) -> str:
    authority = f"{quote(words['user'], safe='')}@{words['host']}:{words['port']}"
    rest = {name: words[name] for name in ("hostaddr", "sslmode", "sslrootcert") if name in words}
    query = urlencode(rest, safe="/", quote_via=quote)
    return f"postgresql://{authority}/{quote(words['dbname'], safe='')}?{query}"


def _hint(region: str, where: Where) -> str:
    words = f"--region {region}"
    if where.home != HERE.home:
        words += f" --home {shlex.quote(str(where.home))}"
    return (
        f"Log in with `worldseat psql {words}`, or with a token as the password:\n"
        f'  PGPASSWORD="$(worldseat db-url {words} --token)" psql "$(worldseat db-url {words})"'
    )
