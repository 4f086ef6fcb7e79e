"""A WorldSeat process to be killed while it fires at the foil, and says how far it is.

Started by test_kill_services.py with the home folder as its argument. Each line on standard output
is JSON: `{"run": id}` once, then `{"answered": n}` again and again.
"""

import asyncio
import json
import sys
from pathlib import Path

import uvloop

from worldseat import bootstrap
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code
from worldseat.services import stampede
from worldseat.settings import Settings

EVENT = "evt_aurora-2026"
LEASE_S = 1.5


def say(**fields: object) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


async def main() -> None:
    # The next process may settle the run as soon as the lease of this one has run out.
    stampede.LEASE_S, stampede.RENEW_S = LEASE_S, LEASE_S / 3
    async with bootstrap.services(Settings(home=Path(sys.argv[1]))) as services:
        run = await services.stampedes.start(
            event_id=EVENT,
            cell=Cell(
                store="dynamodb",
                code=Code.NAIVE,
                arrival=Arrival(spread_ms=20_000),
                buyers=200,
            ),
            seat="A1",
        )
        say(run=run.plan.run_id)
        while True:
            _, progress = await services.stampedes.run(run.plan.run_id)
            say(answered=progress.answered if progress else 0)
            await asyncio.sleep(0.05)


uvloop.run(main())
