"""What the local DSQL cluster costs: one UPDATE through it, and on the PostgreSQL behind it.

16 connections, each with a row of its own, send one prepared UPDATE after the other: outside of a
transaction, and as BEGIN, UPDATE, COMMIT. Plain PostgreSQL is the same server, reached through its
Unix socket, with the table in a database that the cluster does not know: no TLS, no proxy, no
counting of rows. Runs take turns. `--json` prints one JSON object instead of the table. Exits with
1 if the UPDATE by itself keeps less than a third of plain PostgreSQL's rate.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import uvloop
from rich.console import Console
from rich.table import Table

from worldseat.local_dsql.descriptor import Descriptor
from worldseat.local_dsql.launch import Launch
from worldseat.settings import REGIONS
from worldseat.stores.dsql import access

CONNECTIONS = 16
RUNS = 5
RUN_S = 2.0
WARM_S = 0.3
ROWS_APART = 250
"""Neighbours in a table share a page; the rows of two connections must not."""
LEAST_RATIO = 1 / 3
WIDTH = 100

PLAIN_DATABASE = "bench_plain"
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"
UPDATE = "UPDATE bench SET value = value + 1 WHERE id = $1"

Connection = Any  # asyncpg.Connection, which is generic in its stubs only.
Once = Callable[[], Awaitable[object]]


@dataclass
class Measured:
    """Rates per second of one way of writing, run by run, over the cluster and plain."""

    what: str
    cluster: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """What is left of plain PostgreSQL's rate: median over median."""
        return median(self.cluster) / median(self.plain)


async def main(words: Sequence[str]) -> int:
    """Measure and print; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seconds", type=float, default=RUN_S, help="of one run")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="worldseat-bench-") as folder:
        launch = Launch(Path(folder) / "dsql", delays=False)
        at = await launch.start()
        try:
            alone, inside, version = await _measure(at, asked.runs, asked.seconds)
        finally:
            await launch.stop()
    if asked.json:
        _print_json((alone, inside), version, asked.seconds)
    else:
        _print_table((alone, inside), version, asked.runs, asked.seconds)
    return 0 if alone.ratio >= LEAST_RATIO else 1


async def _measure(at: Descriptor, runs: int, seconds: float) -> tuple[Measured, Measured, str]:
    alone = Measured("UPDATE by itself")
    inside = Measured("BEGIN, UPDATE, COMMIT")
    async with AsyncExitStack() as stack:
        cluster = await _through_cluster(stack, at)
        plain = await _to_plain(stack, at)
        for connection in (cluster[0], plain[0]):
            await _fill(connection)
        version = str(await plain[0].fetchval("SHOW server_version"))
        ways = (
            (alone, [await _alone(each, place) for place, each in enumerate(cluster)], True),
            (alone, [await _alone(each, place) for place, each in enumerate(plain)], False),
            (inside, [await _inside(each, place) for place, each in enumerate(cluster)], True),
            (inside, [await _inside(each, place) for place, each in enumerate(plain)], False),
        )
        for _, each, _ in ways:
            await _rate(each, WARM_S)
        for _ in range(runs):
            for measured, each, by_cluster in ways:
                rates = measured.cluster if by_cluster else measured.plain
                rates.append(await _rate(each, seconds))
    return alone, inside, version


async def _through_cluster(stack: AsyncExitStack, at: Descriptor) -> list[Connection]:
    """Open the connections as the product does, in turn through either Region's endpoint."""
    opened = []
    for number in range(CONNECTIONS):
        connection = await access.connect(at.url(REGIONS[number % len(REGIONS)]))
        stack.push_async_callback(connection.close)
        opened.append(connection)
    return opened


async def _to_plain(stack: AsyncExitStack, at: Descriptor) -> list[Connection]:
    owner = await asyncpg.connect(at.postgres_url)
    await owner.execute(f"CREATE DATABASE {PLAIN_DATABASE}")
    await owner.close()
    opened = []
    for _ in range(CONNECTIONS):
        connection = await asyncpg.connect(at.postgres_url, database=PLAIN_DATABASE)
        stack.push_async_callback(connection.close)
        opened.append(connection)
    return opened


async def _fill(connection: Connection) -> None:
    await connection.execute("CREATE TABLE bench (id int PRIMARY KEY, value int NOT NULL)")
    rows = CONNECTIONS * ROWS_APART
    for first in range(0, rows, 1_000):  # A transaction of DSQL writes 3,000 rows at most.
        await connection.execute(
            "INSERT INTO bench SELECT g, 0 FROM generate_series($1::int, $2::int) g",
            first,
            first + 999,
        )


async def _alone(connection: Connection, place: int) -> Once:
    prepared = await connection.prepare(UPDATE)
    return lambda: prepared.fetchval(place * ROWS_APART)


async def _inside(connection: Connection, place: int) -> Once:
    prepared = await connection.prepare(UPDATE)

    async def once() -> None:
        await connection.execute(BEGIN)
        await prepared.fetchval(place * ROWS_APART)
        await connection.execute("COMMIT")

    return once


async def _rate(ways: Sequence[Once], seconds: float) -> float:
    """Let every connection write for so long; return how many writes a second they made."""
    began = time.perf_counter()
    until = began + seconds

    async def write(once: Once) -> int:
        count = 0
        while time.perf_counter() < until:
            await once()
            count += 1
        return count

    counts = await asyncio.gather(*(write(once) for once in ways))
    return sum(counts) / (time.perf_counter() - began)


def _print_table(all_measured: Sequence[Measured], version: str, runs: int, seconds: float) -> None:
    table = Table(title=f"{CONNECTIONS} connections, {runs} runs of {seconds:g} s each, in turn")
    for title in ("prepared, a row each", "local DSQL cluster", "plain PostgreSQL", "ratio"):
        table.add_column(title, justify="left" if "row" in title else "right")
    for each in all_measured:
        cluster, plain = (_shown(rates) for rates in (each.cluster, each.plain))
        table.add_row(each.what, cluster, plain, f"{each.ratio:.2f}")
    console = Console(highlight=False, width=WIDTH)
    console.print(table)
    console.print(
        f"Transactions a second, median (least to most). PostgreSQL {version}, fsync on; no delay "
        f"between Regions.\nClient, cluster and server share {os.cpu_count()} cores: "
        f"{platform.platform()}, Python {platform.python_version()}, asyncpg on uvloop."
    )


def _shown(rates: Sequence[float]) -> str:
    return f"{median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def _print_json(all_measured: Sequence[Measured], version: str, seconds: float) -> None:
    found = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "stand_in": "local DSQL cluster",
        "postgres": version,
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cores_shared_by_all": os.cpu_count(),
        "connections": CONNECTIONS,
        "run_s": seconds,
        "unit": "transactions per second",
        "measured": [
            {
                **asdict(each),
                "cluster_median": median(each.cluster),
                "plain_median": median(each.plain),
                "ratio": each.ratio,
            }
            for each in all_measured
        ],
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    sys.exit(uvloop.run(main(sys.argv[1:])))
