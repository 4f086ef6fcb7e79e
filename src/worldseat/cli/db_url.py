"""`worldseat db-url`: where any other program finds the same database."""

from typing import Annotated

import uvloop
from cyclopts import Parameter

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, errors, print_json
from worldseat.domain.errors import BadRequest
from worldseat.settings import REGIONS


def db_url(
    *,
    region: Annotated[str, Parameter(help="us-east-1 or us-east-2.")] = REGIONS[0],
    json: bool = False,
    where: Where = HERE,
) -> int:
    """Print the postgresql:// address of a Region, for psql or any other client.

    The embedded database listens while a WorldSeat runs.
    """
    if region not in REGIONS:
        raise BadRequest(
            f"There is no Region {region!r}.", next_step=f"Use {' or '.join(REGIONS)}."
        )
    url, running = uvloop.run(bootstrap.address(where.settings(), region))
    if json:
        print_json({"region": region, "url": url, "running": running})
    else:
        console.print(url, soft_wrap=True, markup=False)
        if not running:
            errors.print("Nothing listens there now: start WorldSeat with `make run`.")
    return 0 if running else 1
