"""All commands under one name, and errors told as sentences instead of tracebacks."""

import sys
from collections.abc import Sequence

from cyclopts import App

from worldseat import __version__, telemetry
from worldseat.cli import (
    accept,
    break_it,
    cluster,
    compare,
    cost,
    db_url,
    doctor,
    event,
    foil,
    local,
    local_dsql,
    migrate,
    psql,
    reset,
    up,
    witness,
)
from worldseat.cli.terminal import complain
from worldseat.domain.errors import WorldSeatError
from worldseat.ports.store import StoreError

app = App(
    name="worldseat",
    version=__version__,
    help="A ticket on-sale that never sells a seat twice, and can prove it.",
)
app.command(up.up)
app.command(break_it.break_it)
app.command(compare.compare)
app.command(cost.cost)
app.command(witness.witness)
app.command(reset.reset)
app.command(db_url.db_url)
app.command(psql.psql)
app.command(doctor.doctor)
app.command(migrate.migrate)
app.command(local_dsql.local_dsql)
app.command(local.app)
app.command(event.app)
app.command(foil.app)
app.command(cluster.app)
app.command(accept.app)


def main() -> None:
    """Run the command that the arguments name, and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(words: Sequence[str]) -> int:
    """Run the command that the words name; return the exit status."""
    telemetry.configure(json=not sys.stderr.isatty(), level=telemetry.QUIET)
    try:
        status = app(words, result_action="return_value")
    except WorldSeatError as error:
        complain(error.message, error.next_step, error.operator)
        status = 2
    except StoreError as error:
        complain(
            "The database refused or could not be reached.", "See `worldseat doctor`.", str(error)
        )
        status = 2
    except (OSError, ValueError) as error:
        complain(str(error), "See `worldseat doctor`.")
        status = 2
    except KeyboardInterrupt:
        status = 130
    return status if isinstance(status, int) else 0
