"""The promise that losing a Region loses no sale, and that it serves again once it is back."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence

from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.purchases import A_PURCHASE, Answer, Told, buy, judged
from worldseat.acceptance.served import all_serve_their_own, serves_again
from worldseat.acceptance.trial import Trial
from worldseat.domain.acceptance import Promise
from worldseat.domain.event import Event

FANS_AT_ONCE = 6
PRESSES_MAX = 8
"""So often a fan presses who is told that nothing was bought."""

_SERVED_BY = """
SELECT l.region, count(*) AS sales
FROM unnest($1::text[]) AS p (op_id)
INNER JOIN op_log AS o ON o.op_id = p.op_id
INNER JOIN lane AS l ON o.lane = l.lane
GROUP BY l.region
"""


def planned(amounts: Amounts) -> Load:
    """Return what is sent: three phases for each Region that is lost, some of it twice."""
    return A_PURCHASE.times(2 * 3 * amounts.fans_per_phase * 1.5)


async def check(ground: Ground, trial: Trial) -> Promise:
    """Cut each Region's relay in the middle of purchases, heal it, and count what is left."""
    event = await ground.new_round()
    crowd = _Crowd(ground, trial, event)
    trial.expect(len(ground.regions) * (3 * ground.amounts.fans_per_phase + 2) + 3)
    async with judged(ground, trial, event, crowd.told):
        seen = [
            await _lose(ground, trial, crowd, region)
            for region in ground.regions
            if trial.goes_on()
        ]
    unknowns = sum(each.unknowns for each in crowd.told)
    sold = sum(each.answer is Answer.SOLD for each in crowd.told)
    return trial.ended(
        f"{sold} of {crowd.fans} fans bought around the loss of {' and of '.join(ground.regions)}; "
        f"{unknowns} answers were unknown for a while. {' '.join(seen)}"
    )


async def _lose(ground: Ground, trial: Trial, crowd: "_Crowd", region: str) -> str:
    """Sell before, during and after the loss of one Region; return what was seen."""
    relay, count = ground.fan_lines[region], ground.amounts.fans_per_phase
    # Both: with the other one away as well, fans would find nobody, and that proves nothing.
    await all_serve_their_own(ground)
    try:
        await crowd.buy(count, after=count // 2, then=relay.cut_off)
        await crowd.buy(count)
        away = crowd.claims_since_the_last_call()
    finally:
        relay.heal()
    healed_s = time.monotonic()
    await serves_again(ground, trial, region)
    back_s = time.monotonic() - healed_s
    await crowd.buy(count)
    back = crowd.claims_since_the_last_call()
    during = await _served(ground, region, away)
    after = await _served(ground, region, back)
    other = ground.other_than(region)
    trial.case(
        f"{region} away: its fans are served by {other}",
        held=during[other] > 0 and not during[region],
        wanted=f"sales through {other} only",
        seen=f"{during[other]} through {other}, {during[region]} through {region}",
        listed=True,
    )
    trial.case(
        f"{region} back: it serves its own fans again",
        held=after[region] > 0,
        wanted=f"sales through {region}",
        seen=f"{after[region]} through {region}, {after[other]} through {other}",
        listed=True,
    )
    return (
        f"While {region} was away, {during[other]} of its fans bought through {other}; it served "
        f"its own again {back_s:.1f} s after it was back."
    )


async def _served(ground: Ground, region: str, told: Sequence[Told]) -> Counter[str]:
    """Count by endpoint the committed sales of a Region's fans."""
    ops = [each.op_id for each in told if each.region == region and each.answer is Answer.SOLD]
    async with ground.connected(ground.regions[0]) as line:
        found = await line.fetch(_SERVED_BY, ops)
    return Counter({record["region"]: record["sales"] for record in found})


class _Crowd:
    """Fans of both Regions in turn, each after a seat of their own, some at once."""

    def __init__(self, ground: Ground, trial: Trial, event: Event) -> None:
        self.told: list[Told] = []
        self.fans = 0
        self._ground = ground
        self._trial = trial
        self._event = event
        self._from = 0

    def claims_since_the_last_call(self) -> Sequence[Told]:
        """Return the claims of the last call of `buy`."""
        return self.told[self._from :]

    async def buy(
        self, count: int, *, after: int = 0, then: Callable[[], None] | None = None
    ) -> None:
        """Let so many fans buy; do something once `after` of them have their answer."""
        self._from, ends_at = len(self.told), self.fans + count
        answered = 0

        async def one_after_the_other() -> None:
            nonlocal answered
            while self.fans < ends_at:
                number = self.fans
                self.fans += 1
                await self._buy(number)
                answered += 1
                if answered == after and then is not None:
                    then()

        async with asyncio.TaskGroup() as group:
            for _ in range(FANS_AT_ONCE):
                group.create_task(one_after_the_other())

    async def _buy(self, number: int) -> None:
        """Be one fan: press again, with a new key, after each definite no."""
        regions = self._ground.regions
        fan_id = self._ground.fan_of(regions[number % len(regions)])
        seat = self._event.chart.label(number)
        told: Told | None = None
        presses = 0
        for presses in range(1, PRESSES_MAX + 1):
            told = await buy(
                self._ground, self._event, seat=seat, fan_id=fan_id, key=f"press {presses}"
            )
            self.told.append(told)
            if told.answer is not Answer.REFUSED:
                break
        if told is not None:
            self._trial.case(
                f"{told.seat}, a fan of {told.region}",
                held=told.answer is Answer.SOLD,
                wanted="the seat",
                seen=f"{told.answer} after {presses} presses {told.detail}".rstrip(),
            )
