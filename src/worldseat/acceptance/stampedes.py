"""The promise that a seat is sold once, whatever rushes at it from both Regions."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.purchases import A_PURCHASE
from worldseat.acceptance.trial import CannotTry, Trial
from worldseat.domain.acceptance import Promise, Stampeded
from worldseat.domain.errors import NotHere
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Reach, Result, Run
from worldseat.domain.seats import Code

NAME = "stampedes"
ARRIVALS = (Arrival(), Arrival(spread_ms=300))
STORE = "dsql"
SOMEBODY_ELSE_FIRES_S = 60.0

_SALES = "SELECT count(*) FROM op_log WHERE run_id = $1 AND kind = 'sell'"
_OWNERS = """
SELECT count(*) FROM seat AS s INNER JOIN op_log AS o ON s.op_id = o.op_id
WHERE o.run_id = $1 AND o.kind = 'sell' AND s.status = 'sold'
"""


def planned(amounts: Amounts) -> Load:
    """Return what is sent: every buyer tries twice, which is more than they mostly do."""
    stampedes = len(Code) * len(ARRIVALS) * amounts.runs
    around = Load(messages=60, transactions=6, bytes_up=30_000, bytes_down=60_000)
    lanes = Load(messages=6, transactions=1, bytes_up=3_500, bytes_down=6_000)
    return (A_PURCHASE.times(2 * amounts.buyers) + around).times(stampedes) + lanes.times(
        amounts.buyers
    )


@dataclass(slots=True)
class Fired:
    """The runs of one code and arrival."""

    code: Code
    arrival: Arrival
    buyers: int
    runs: list[Run] = field(default_factory=list)


async def check(ground: Ground, trial: Trial, found: list[Stampeded]) -> Promise:
    """Fire at a rehearsal of the run's own, count by our own SQL, and ask the Witness.

    The figures of each code and arrival are added to `found`, also when the trial is cut short.
    """
    event = await ground.new_round()
    cells = [Fired(code, arrival, ground.amounts.buyers) for code in Code for arrival in ARRIVALS]
    trial.expect(len(cells) * ground.amounts.runs + 1)
    # Each code and arrival in turn, so that a run that is stopped has something of all of them.
    turns = itertools.product(range(ground.amounts.runs), cells)
    try:
        for number, (_, fired) in enumerate(turns):
            if not trial.goes_on():
                break
            seat = event.chart.label(number % event.chart.seat_count)
            run = await _fire(ground, fired, event, seat)
            fired.runs.append(run)
            await _judge(ground, trial, fired, run)
    finally:
        found.extend(stampeded(fired) for fired in cells if fired.runs)
    return await _ended(ground, trial, event, cells)


async def _ended(ground: Ground, trial: Trial, event: Event, cells: Sequence[Fired]) -> Promise:
    report = await ground.witness.judge(event.event_id, round_id=event.current_round_id)
    trial.case(
        "the Witness on this round",
        held=report.clean,
        wanted="no violation found",
        seen=report.verdict,
        listed=True,
    )
    results = [run.result for fired in cells for run in fired.runs if run.result is not None]
    above = sum((each.oversold or 0) > 0 for each in results)
    conflicts = sum(each.conflicts for each in results)
    bursts = [
        run.result.in_flight_max
        for fired in cells
        for run in fired.runs
        if run.result is not None and not fired.arrival.spread_ms
    ]
    return trial.ended(
        f"Oversold in {above} of {len(results)} stampedes of {ground.amounts.buyers} buyers from "
        f"both Regions, with {conflicts:,} conflicts; in a burst at least {min(bursts, default=0)} "
        f"were in flight at once. {report.verdict}"
    )


async def _fire(ground: Ground, fired: Fired, event: Event, seat: str) -> Run:
    """Fire one, as soon as nobody else's runs. Raises CannotTry."""
    cell = Cell(
        store=STORE,
        code=fired.code,
        arrival=fired.arrival,
        reach=Reach.BOTH,
        buyers=fired.buyers,
    )
    ends_s = time.monotonic() + SOMEBODY_ELSE_FIRES_S
    while True:
        try:
            run = await ground.stampedes.start(event_id=event.event_id, cell=cell, seat=seat)
        except NotHere as error:
            if error.code != "stampede-running" or time.monotonic() > ends_s:
                raise CannotTry(error.message) from error
            await asyncio.sleep(0.5)
        else:
            return await ground.stampedes.wait(run.plan.run_id)


async def _judge(ground: Ground, trial: Trial, fired: Fired, run: Run) -> None:
    """Hold the stored result against our own count through the endpoint that did not store it."""
    result, run_id = run.result, run.plan.run_id
    async with ground.connected(ground.regions[-1]) as line:
        sales = await line.fetchval(_SALES, run_id)
        owners = await line.fetchval(_OWNERS, run_id)
    wrong = _wrong(result, sales, owners, fired.buyers)
    trial.case(
        f"{fired.code}, {fired.arrival.text}, {run_id}",
        held=not wrong,
        wanted="one sale, one owner, as the app, the log and the seat say",
        seen=wrong or f"{sales} sale, {owners} owner",
    )


def _wrong(result: Result | None, sales: int, owners: int, buyers: int) -> str:
    """Say what is wrong with a run, or nothing."""
    if result is None:
        return f"no result was stored; counted were {sales} sales"
    if result.oversold:
        return f"oversold {result.oversold}: {result.confirmed} holders of one seat"
    if (result.confirmed, sales, owners) != (1, 1, 1):
        return (
            f"{result.confirmed} confirmed, counted by ourselves {sales} sales and {owners} owners"
        )
    if result.unknown:
        return f"{result.unknown} of {buyers} answers stayed unknown"
    return "; ".join(result.violations)


def stampeded(fired: Fired) -> Stampeded:
    """Return the figures of all runs of a cell; spans and medians are of those with a result."""
    results = [
        run.result
        for run in fired.runs
        if run.result is not None and run.result.oversold is not None
    ]
    oversold = [each.oversold or 0 for each in results] or [0]
    holders = [each.confirmed for each in results] or [0]

    def median(values: Sequence[float]) -> float:
        return round(statistics.median(values), 3) if values else 0.0

    return Stampeded(
        code=fired.code.value,
        arrival=fired.arrival.text,
        reach=Reach.BOTH.value,
        buyers=fired.buyers,
        runs=len(results),
        without=len(fired.runs) - len(results),
        above_zero=sum(count > 0 for count in oversold),
        oversold_low=min(oversold),
        oversold_median=median(oversold),
        oversold_high=max(oversold),
        holders_low=min(holders),
        holders_median=median(holders),
        holders_high=max(holders),
        refused_median=median([each.refused for each in results]),
        errors_median=median([each.errors for each in results]),
        conflicts_median=median([each.conflicts for each in results]),
        in_flight_low=min((each.in_flight_max for each in results), default=0),
        duration_ms_median=median([each.duration_ms for each in results]),
        run_ids=[run.plan.run_id for run in fired.runs],
    )
