"""200 stampedes of 60 buyers, both codes and both arrivals, and the control that must oversell.

Every result is counted twice: by the product, and by plain SQL over its own connection. Exits with
1 if any run of the product oversold, confirmed anybody but one, or counted differently; or if the
control, the same harness at READ COMMITTED, did not oversell in every burst.
"""

import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import asyncpg
import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from worldseat import bootstrap, telemetry
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Run
from worldseat.domain.seats import Code
from worldseat.local_dsql import descriptor
from worldseat.ports.store import StoreSetup
from worldseat.services.stampede import Stampedes
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores.dsql.control import ReadCommittedControl
from worldseat.system import SystemChance, SystemClock

RUNS = 50
CONTROL_RUNS = 20
BUYERS = 60
WIDTH = 120
SPREAD = Arrival(spread_ms=100)
CASES = [(code, arrival) for code in Code for arrival in (Arrival(), SPREAD)]

_SALES = """
SELECT count(*) FROM op_log WHERE run_id = $1 AND kind = 'sell'
"""


@dataclass(slots=True)
class Case:
    """What came of all runs of one kind."""

    runs: list[Run] = field(default_factory=list)
    by_sql: list[int] = field(default_factory=list)

    def figures(self) -> Mapping[str, str]:
        """Return the row that is printed."""
        results = [run.result for run in self.runs if run.result is not None]
        oversold = [result.oversold for result in results if result.oversold is not None]
        flights = [result.in_flight_max for result in results]
        return {
            "runs": str(len(self.runs)),
            "oversold": f"{min(oversold)}-{max(oversold)}" if any(oversold) else "0",
            "oversold runs": str(sum(count > 0 for count in oversold)),
            "one confirmed": str(sum(result.confirmed == 1 for result in results)),
            "same by SQL": str(
                sum(
                    result.confirmed == count
                    for result, count in zip(results, self.by_sql, strict=True)
                )
            ),
            "in flight": f"{min(flights)}-{max(flights)}",
            "conflicts": f"{median(result.conflicts for result in results):.0f}",
            "median ms": f"{median(result.duration_ms for result in results):.0f}",
        }


async def fire(
    stampedes: Stampedes, event: Event, sql: asyncpg.Connection, store: str, title: str, runs: int
) -> Sequence[tuple[str, Case]]:
    """Fire `runs` stampedes of every case at A1 and count each of them by SQL as well."""
    found = []
    for code, arrival in CASES:
        case = Case()
        name = f"{title} {code.value} {arrival.text}"
        for number in track(range(runs), name, transient=True):
            run = await stampedes.start(
                event_id=event.event_id,
                cell=Cell(store=store, code=code, arrival=arrival, buyers=BUYERS),
                seat="A1",
                seed=number,
            )
            case.runs.append(await stampedes.wait(run.plan.run_id))
            case.by_sql.append(await sql.fetchval(_SALES, run.plan.run_id))
        found.append((name, case))
    return found


def behind(services: Services) -> str:
    """Return the PostgreSQL behind the cluster: it counts, and plays the control."""
    return descriptor.postgres_of(services.settings.home / "dsql")


async def control_of(services: Services) -> tuple[ReadCommittedControl, Stampedes]:
    """Return the control store, and a harness that is the product's in everything else."""
    clock, chance = SystemClock(), SystemChance()
    store = ReadCommittedControl(
        StoreSetup(
            regions=services.settings.regions,
            urls=dict.fromkeys(services.settings.regions, behind(services)),
            home=services.settings.home,
            process="control",
            chance=chance,
        )
    )
    await store.open()
    stampedes = Stampedes(
        store,
        {store.name: store},
        services.settings.regions,
        git_commit="control",
        clock=clock,
        chance=chance,
    )
    return store, stampedes


async def main() -> int:
    """Run everything; return the exit status."""
    telemetry.configure(json=False, level=telemetry.QUIET)
    console = Console(highlight=False, width=WIDTH)
    with tempfile.TemporaryDirectory(prefix="worldseat-bench-") as folder:
        async with bootstrap.services(Settings(home=Path(folder)), work=False) as services:
            event, other = await events_of(services)
            sql = await asyncpg.connect(behind(services))
            control, control_stampedes = await control_of(services)
            product = await fire(services.stampedes, event, sql, "dsql", "product", RUNS)
            controls = await fire(control_stampedes, other, sql, "control", "control", CONTROL_RUNS)
            await control.close()
            await sql.close()
            played = services.store.stand_in or "AWS"
    table = Table(title=f"{BUYERS} buyers, one seat, two Regions, {played}")
    for title in ("", *product[0][1].figures()):
        table.add_column(title, justify="right" if title else "left")
    for name, case in (*product, *controls):
        table.add_row(name, *case.figures().values())
    console.print(table)
    console.print(f"{platform.platform()}, Python {platform.python_version()}")
    return 0 if _holds(product, controls) else 1


async def events_of(services: Services) -> tuple[Event, Event]:
    """Return the seeded rehearsal, and a second event of the same hall for the control."""
    event = (await services.onsale.events())[0]
    other = await services.onsale.create(
        chart=event.chart, title="CONTROL", price=event.price, mode=event.mode
    )
    return event, other


def _holds(product: Sequence[tuple[str, Case]], controls: Sequence[tuple[str, Case]]) -> bool:
    """Say whether the product sold once every time, and the naive control never did in a burst."""
    for _, case in product:
        for run, count in zip(case.runs, case.by_sql, strict=True):
            if run.result is None or (run.result.oversold, run.result.confirmed, count) != (
                0,
                1,
                1,
            ):
                return False
    bursts = [
        (run.result, count)
        for name, case in controls
        if name == "control naive burst"
        for run, count in zip(case.runs, case.by_sql, strict=True)
    ]
    return all(result and result.oversold and result.confirmed == count for result, count in bursts)


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
