"""`python -m worldseat.local_dsql`: the cluster's own process, until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from worldseat.local_dsql.limits import Limits
from worldseat.local_dsql.server import LocalDsql

POSTGRES_HOME = "pg"


def main() -> int:
    """Run the cluster that the words describe."""
    words = argparse.ArgumentParser(prog="python -m worldseat.local_dsql")
    words.add_argument("--home", type=Path, required=True)
    words.add_argument("--postgres-home", type=Path)
    words.add_argument("--no-delays", action="store_true")
    words.add_argument("--ends-with", type=int)
    words.add_argument("--record", type=Path, help="write each statement down in this file, once")
    limits = Limits()
    for name in Limits.__dataclass_fields__:
        default = getattr(limits, name)
        words.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    given = words.parse_args()
    home: Path = given.home
    cluster = LocalDsql(
        home,
        given.postgres_home or home.parent / POSTGRES_HOME,
        delays=not given.no_delays,
        ends_with=given.ends_with,
        record=given.record,
        limits=Limits(**{name: getattr(given, name) for name in Limits.__dataclass_fields__}),
    )
    uvloop.run(_serve(cluster))
    return 0


async def _serve(cluster: LocalDsql) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    async with cluster:
        await told.wait()


if __name__ == "__main__":
    sys.exit(main())
