"""The same stampede on the product and on every foil: 20 runs of each place, counted twice.

60 buyers at once at one seat, with one seed for all databases in each repetition. Every run is
counted by WorldSeat, and once more by another program: a process that knows nothing of WorldSeat
and reads the tables with the drivers alone. Exits with 1 if a count differs, if the product
oversold, or if a foil did not do what its guarantees say.
"""

import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from worldseat import bootstrap, telemetry
from worldseat.domain.run import Cell, Reach, Run
from worldseat.domain.seats import Code
from worldseat.local_dsql import descriptor
from worldseat.services.comparison import Comparison, Stage, told
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores.dynamodb.ground import LocalGround
from worldseat.stores.dynamodb.store import DynamoStore
from worldseat.stores.postgres.store import ReadCommittedStore, RepeatableReadStore

RUNS = 20
BUYERS = 60
WIDTH = 120
OWN_DATABASES = {store.name: store.own for store in (ReadCommittedStore, RepeatableReadStore)}

CELLS = [
    *(
        Cell(store=store, code=code, reach=reach, buyers=BUYERS)
        for store in ("dsql", "dynamodb")
        for code in Code
        for reach in Reach
    ),
    *(
        Cell(store=store, code=code, reach=Reach.ONE, buyers=BUYERS)
        for store in OWN_DATABASES
        for code in Code
    ),
]

# What a person expects of each database: the least and the most that its naive code, and its
# conditional code, may oversell in any run. None stands for no bound.
PROMISES: Mapping[tuple[str, Code, Reach], tuple[int, int | None]] = {
    **{("dsql", code, reach): (0, 0) for code in Code for reach in Reach},
    ("dynamodb", Code.NAIVE, Reach.ONE): (1, None),
    ("dynamodb", Code.NAIVE, Reach.BOTH): (1, None),
    ("dynamodb", Code.CONDITIONAL, Reach.ONE): (0, 0),
    ("dynamodb", Code.CONDITIONAL, Reach.BOTH): (1, 1),
    ("postgres", Code.NAIVE, Reach.ONE): (1, None),
    ("postgres", Code.CONDITIONAL, Reach.ONE): (0, 0),
    ("postgres-repeatable-read", Code.NAIVE, Reach.ONE): (0, 0),
    ("postgres-repeatable-read", Code.CONDITIONAL, Reach.ONE): (0, 0),
}

# The other program. It is given addresses and the ids of runs, and prints how many sales each has.
_COUNT = """
import asyncio, json, sys
import asyncpg
from botocore.session import get_session

asked = json.load(sys.stdin)
found = {run_id: set() for run_id in asked["runs"]}
for region, url in asked["emulators"].items():
    client = get_session().create_client(
        "dynamodb", region_name=region, endpoint_url=url,
        aws_access_key_id="other", aws_secret_access_key="other",
    )
    for page in client.get_paginator("scan").paginate(TableName="sales_naive", ConsistentRead=True):
        for item in page["Items"]:
            if item["kind"]["S"] == "sell" and item["run_id"]["S"] in found:
                found[item["run_id"]["S"]].add(item["op_id"]["S"])

async def tables():
    for database, table in asked["databases"]:
        options = {} if database is None else {"database": database}
        connection = await asyncpg.connect(asked["postgres"], **options)
        query = f"SELECT run_id, op_id FROM {table} WHERE kind = 'sell' AND run_id IS NOT NULL"
        for row in await connection.fetch(query):
            if row["run_id"] in found:
                found[row["run_id"]].add(row["op_id"])
        await connection.close()

asyncio.run(tables())
print(json.dumps({run_id: len(sales) for run_id, sales in found.items()}))
"""


async def main() -> int:
    """Run everything; return the exit status."""
    telemetry.configure(json=False, level=telemetry.QUIET)
    console = Console(highlight=False, width=WIDTH)
    with tempfile.TemporaryDirectory(prefix="worldseat-bench-") as folder:
        async with bootstrap.services(Settings(home=Path(folder)), work=False) as services:
            event = (await services.onsale.events())[0]
            made = await services.comparisons.start(
                event_id=event.event_id, cells=CELLS, runs=RUNS, seed=1
            )
            await _follow(services, made)
            runs = [(await services.stampedes.run(run_id))[0] for run_id in made.run_ids]
            counted = await _count_elsewhere(services, made.run_ids)
    for problem in made.problems:
        console.print(problem)
    table = Table(title=f"{BUYERS} buyers at once, one seat, {RUNS} runs of each")
    for title in ("", "played by", "holders", "oversold", "above 0", "in flight", "lag ms", "same"):
        table.add_column(title, justify="right" if title not in {"", "played by"} else "left")
    held = not made.problems
    for cell in CELLS:
        alike = [run for run in runs if _asked(cell, run)]
        row, fits = _row(cell, alike, counted)
        table.add_row(*row)
        held = held and fits
    console.print(table)
    console.print(f"{platform.platform()}, Python {platform.python_version()}")
    console.print("every count and every promise held" if held else "[bold]NOT as promised[/bold]")
    return 0 if held else 1


async def _follow(services: Services, made: Comparison) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, transient=True) as bars:
        bar = bars.add_task("", total=made.planned)
        while made.stage is Stage.RUNNING:
            now = told(made.now) if made.now else ""
            bars.update(bar, completed=made.done, description=now)
            await asyncio.sleep(0.2)
    await services.comparisons.wait(made.comparison_id)


async def _count_elsewhere(services: Services, run_ids: Sequence[str]) -> Mapping[str, int]:
    foil = services.stores["dynamodb"]
    ground = foil._ground if isinstance(foil, DynamoStore) else None  # noqa: SLF001
    if not isinstance(ground, LocalGround):
        raise TypeError("this benchmark counts on the emulators, and they do not run")
    asked = {
        "runs": list(run_ids),
        "emulators": {each.region: each.url for each in ground.emulators},
        "postgres": descriptor.postgres_of(services.settings.home / "dsql"),
        "databases": [
            (None, "op_log"),
            *((database, "sales_naive") for database in OWN_DATABASES.values()),
        ],
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _COUNT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(json.dumps(asked).encode())
    if process.returncode != 0:
        raise RuntimeError("the other program could not count")
    found: dict[str, int] = json.loads(out)
    return found


def _asked(cell: Cell, run: Run) -> bool:
    plan = run.plan
    return (plan.store, plan.code, plan.reach) == (cell.store, cell.code, cell.reach)


def _row(cell: Cell, runs: Sequence[Run], counted: Mapping[str, int]) -> tuple[list[str], bool]:
    """Return a line of the table, and whether all of it is as promised."""
    results = [run.result for run in runs if run.result is not None]
    oversold = [each.oversold for each in results if each.oversold is not None]
    same = sum(
        run.result is not None and run.result.confirmed == counted[run.plan.run_id] for run in runs
    )
    lags = [each.lag_ms_p50 for each in results if each.lag_ms_p50 is not None]
    least, most = PROMISES[cell.store, cell.code, cell.reach or Reach.BOTH]
    fits = len(oversold) == RUNS == same and all(
        least <= count and (most is None or count <= most) for count in oversold
    )
    line = [
        told(cell),
        (runs[0].plan.stand_in or "AWS") if runs else "-",
        _span([each.confirmed for each in results]),
        _span(oversold),
        f"{sum(count > 0 for count in oversold)} of {len(oversold)}",
        _span([each.in_flight_max for each in results]),
        _span(lags) if lags else "-",
        f"{same} of {len(runs)}",
    ]
    return line, fits


def _span(numbers: Sequence[float]) -> str:
    if not numbers:
        return "-"
    low, high = round(min(numbers)), round(max(numbers))
    return f"{low}" if low == high else f"{low}-{high}"


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
