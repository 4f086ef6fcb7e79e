"""The promise that a seat is sold once, whatever rushes at it from both Regions."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.purchases import A_PURCHASE, ask_the_witness
from worldseat.acceptance.served import all_serve_their_own
from worldseat.acceptance.trial import CannotTry, Trial
from worldseat.domain.acceptance import Promise, Stampeded
from worldseat.domain.errors import NotHere
from worldseat.domain.event import Event
from worldseat.domain.run import IN_FLIGHT_LIMIT, Arrival, Cell, Reach, Result, Run
from worldseat.domain.seats import Code

NAME = "stampedes"
ARRIVALS = (Arrival(), Arrival(spread_ms=300))
STORE = "dsql"
SOMEBODY_ELSE_FIRES_S = 60.0
LOOK_S = 0.5
"""From one try to the next while somebody else's stampede runs: its end is told to nobody."""

# By the round, and by the seat's key: the log of a live event may be long, and a scan costs.
_SALES = """
SELECT count(*) FROM op_log
WHERE event_id = $1 AND round_id = $2 AND run_id = $3 AND kind = 'sell'
"""
_OWNERS = """
SELECT count(*) FROM seat AS s INNER JOIN op_log AS o ON s.op_id = o.op_id
WHERE s.event_id = $1 AND s.round_id = $2 AND s.seat_index = $3 AND s.status = 'sold'
AND o.run_id = $4 AND o.kind = 'sell'
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
    """The runs of one code and arrival; `no_race` says why one of them was none."""

    code: Code
    arrival: Arrival
    buyers: int
    runs: list[Run] = field(default_factory=list)
    no_race: dict[str, str] = field(default_factory=dict)

    @property
    def results(self) -> Sequence[Result]:
        """What came of the races."""
        return [
            run.result
            for run in self.runs
            if run.result is not None and run.plan.run_id not in self.no_race
        ]


async def check(ground: Ground, trial: Trial) -> Promise:
    """Fire at a rehearsal of the run's own, count by our own SQL, and ask the Witness."""
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
            await all_serve_their_own(ground)
            before = {region: relay.messages for region, relay in ground.fan_lines.items()}
            run = await _fire(ground, fired, event, seat)
            fired.runs.append(run)
            await _judge(ground, trial, fired, run, _elsewhere(ground, run, before))
    finally:
        trial.stampeded.extend(stampeded(fired) for fired in cells if fired.runs)
    return await _ended(ground, trial, event, cells)


async def _ended(ground: Ground, trial: Trial, event: Event, cells: Sequence[Fired]) -> Promise:
    verdict = await ask_the_witness(ground, trial, event)
    if not trial.broken:
        _tell_if_nobody_raced(cells)
    results = [result for fired in cells for result in fired.results]
    above = sum((each.oversold or 0) > 0 for each in results)
    conflicts = sum(each.conflicts for each in results)
    bursts = [each.in_flight_max for each in _bursts(cells)]
    why = [reason for fired in cells for reason in fired.no_race.values()]
    besides = f" {len(why)} more were no race and do not count ({why[0]})." if why else ""
    return trial.ended(
        f"Oversold in {above} of {len(results)} stampedes of {ground.amounts.buyers} buyers from "
        f"both Regions, with {conflicts:,} conflicts; in a burst at least {min(bursts, default=0)} "
        f"were in flight at once.{besides} {verdict}"
    )


def _bursts(cells: Sequence[Fired]) -> Sequence[Result]:
    return [result for fired in cells if not fired.arrival.spread_ms for result in fired.results]


def _tell_if_nobody_raced(cells: Sequence[Fired]) -> None:
    """Raise CannotTry where one seat was sold once because nobody was in anybody's way."""
    for fired in cells:
        if not fired.results:
            why = next(iter(fired.no_race.values()), "none was fired")
            raise CannotTry(f"no stampede of {fired.code}, {fired.arrival.text} was a race: {why}")
    if not sum(each.conflicts for each in _bursts(cells)):
        raise CannotTry("no buyer of any burst met a conflict")


def _elsewhere(ground: Ground, run: Run, before: Mapping[str, int]) -> str:
    """Say which Region's buyers did not come through its own endpoint, or nothing.

    Each buyer sends more than one packet; who looks after a Region sends a few in a second.
    """
    for region, relay in ground.fan_lines.items():
        served_by = ground.figures(region).served_by
        if served_by != region:
            return f"{region} was served by {served_by or 'nobody'} in the end"
        buyers = sum(buyer.region == region for buyer in run.plan.everyone())
        packets = relay.messages - before[region]
        if not buyers or packets < buyers:
            return f"{buyers} buyers of {region} sent {packets} packets through its endpoint"
    return ""


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
            await asyncio.sleep(LOOK_S)
        else:
            return await ground.stampedes.wait(run.plan.run_id)


async def _judge(ground: Ground, trial: Trial, fired: Fired, run: Run, elsewhere: str) -> None:
    """Hold the stored result against our own count through the endpoint that did not store it.

    A run that was no race can break the promise, and cannot hold it. Raises CannotTry for one that
    did not come through both endpoints.
    """
    result, run_id, plan = run.result, run.plan.run_id, run.plan
    of_round = (plan.event_id, plan.round_id)
    async with ground.connected(ground.regions[-1]) as line:
        sales = await line.fetchval(_SALES, *of_round, run_id)
        owners = await line.fetchval(_OWNERS, *of_round, plan.seat_index, run_id)
    wrong = _wrong(result, sales, owners, fired.buyers)
    no_race = elsewhere or _no_race(result, fired)
    if no_race and not wrong:
        fired.no_race[run_id] = no_race
        if elsewhere:
            raise CannotTry(elsewhere)
        return
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
    if result.errors and not (result.confirmed or sales or owners):
        # Nobody got as far as the seat, so nobody has it.
        return ""
    if (result.confirmed, sales, owners) != (1, 1, 1):
        return (
            f"{result.confirmed} confirmed, counted by ourselves {sales} sales and {owners} owners"
        )
    if result.unknown:
        return f"{result.unknown} of {buyers} answers stayed unknown"
    return "; ".join(result.violations)


def _no_race(result: Result | None, fired: Fired) -> str:
    """Say why a run with a result was no race of all of its buyers, or nothing."""
    if result is None:
        return ""
    if result.errors:
        return f"{result.errors} of {fired.buyers} buyers got no answer"
    at_once = min(fired.buyers, IN_FLIGHT_LIMIT)
    if not fired.arrival.spread_ms and result.in_flight_max < at_once:
        return f"only {result.in_flight_max} of {at_once} buyers were in flight at once"
    return ""


def stampeded(fired: Fired) -> Stampeded:
    """Return the figures of all runs of a cell; spans and medians are of races with a result."""
    results = [each for each in fired.results if each.oversold is not None]
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
