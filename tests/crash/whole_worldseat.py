"""A WorldSeat process to be killed: it sells, and fires a stampede, and says what it was told.

Started by test_kill.py with the home folder as its argument. Each line on standard output is JSON,
written once the answer is there: `{"run": id}` once, then `{"fan", "key", "seat", "code"}` for each
ticket, and nothing for what was refused.
"""

import asyncio
import itertools
import json
import sys
from pathlib import Path

import uvloop

from worldseat import bootstrap
from worldseat.domain.errors import SeatTaken
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code
from worldseat.services import stampede
from worldseat.services.wiring import Services
from worldseat.settings import Settings

EVENT = "evt_aurora-2026"
FANS = 6
LEASE_S = 1.5


def say(**fields: str) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


async def keep_buying(services: Services, fan: str, seats: "itertools.cycle[str]") -> None:
    for number in itertools.count():
        seat = next(seats)
        key = f"key {number}"
        try:
            bought = await services.shop.buy(fan_id=fan, key=key, event_id=EVENT, seats=[seat])
        except SeatTaken:
            await asyncio.sleep(0.01)
        else:
            say(fan=fan, key=key, seat=seat, code=bought.tickets[0].code)
            await asyncio.sleep(0.02)


async def main() -> None:
    # The next process may settle the run as soon as the lease of this one has run out.
    stampede.LEASE_S, stampede.RENEW_S = LEASE_S, LEASE_S / 3
    async with bootstrap.services(Settings(home=Path(sys.argv[1]), delays=False)) as services:
        event = await services.onsale.event(EVENT)
        run = await services.stampedes.start(
            event_id=EVENT,
            cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(spread_ms=20_000), buyers=400),
            seat="A1",
        )
        say(run=run.plan.run_id)
        seats = itertools.cycle([place.label for place in event.chart.places[1:]])
        await asyncio.gather(*(keep_buying(services, f"fan_{n}", seats) for n in range(FANS)))


uvloop.run(main())
