"""The promise that no purchase stays in doubt, wherever on its way a connection breaks."""

from collections.abc import Callable
from dataclasses import dataclass, field

from worldseat.acceptance.amounts import SMALL, Amounts
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.purchases import A_PURCHASE, Answer, Told, buy, judged
from worldseat.acceptance.relay import Cut, PlannedCut
from worldseat.acceptance.served import serves_again, serves_its_own
from worldseat.acceptance.trial import CannotTry, Trial
from worldseat.domain.acceptance import Promise
from worldseat.domain.event import Event

PACKETS_MAX = 24
"""No purchase sends more packets on one connection, its login included."""

UNCUT_IN_A_ROW = 2
"""After so many purchases that were too short to be cut, the next longer way is not tried."""


def planned(amounts: Amounts) -> Load:
    """Return what is sent: a purchase for every cut, half of them with new connections."""
    return (A_PURCHASE + Load(messages=12, bytes_up=4_000, bytes_down=5_000)).times(
        180 if amounts.cuts_twice else 80
    )


@dataclass(slots=True, kw_only=True)
class _Fans:
    """The fans of one trial, one after the other, and what became of their connections."""

    ground: Ground
    trial: Trial
    event: Event
    cut: int = 0
    at_commit: int = 0
    asking_cut: int = 0
    nobody_to_ask: int = 0
    told: list[Told] = field(default_factory=list)

    async def served(self, region: str) -> None:
        """Wait until a Region serves its own. Raises CannotTry; after a cut that breaks it."""
        if self.cut:
            await serves_again(self.ground, self.trial, region)
        else:
            await serves_its_own(self.ground, region)

    async def buy(
        self,
        region: str,
        name: str,
        *planned: PlannedCut,
        on_unknown: Callable[[], None] = lambda: None,
    ) -> bool:
        """Let one fan buy while cuts are planned; say whether one met a COMMIT."""
        before = _unanswered(self.ground)
        told = await buy(
            self.ground,
            self.event,
            seat=self.event.chart.label(len(self.told)),
            fan_id=self.ground.fan_of(region),
            key=name,
            on_unknown=on_unknown,
        )
        for relay in self.ground.fan_lines.values():
            relay.forget()
        self.told.append(told)
        made = sum(each.done for each in planned)
        at_commit = made > 0 and _unanswered(self.ground) > before
        self.cut += made
        self.at_commit += at_commit
        self.trial.case(
            f"{region}: {name}",
            held=told.answer is not Answer.UNKNOWN,
            wanted="a definite answer",
            seen=f"{told.answer}, {made} cut, {told.unknowns} times unknown {told.detail}".rstrip(),
        )
        return at_commit


async def check(ground: Ground, trial: Trial) -> Promise:
    """Cut one connection at its k-th packet, for every k, before it arrives and after.

    Then lose the answer to a COMMIT, and on top of it, at every packet, the connection on which the
    shop asks what became of it; and at last both Regions, so that there is nobody to ask.
    """
    fans = _Fans(ground=ground, trial=trial, event=await ground.new_round())
    trial.expect(4 * 15 + 2 * 47 * ground.amounts.cuts_twice)
    async with judged(ground, trial, fans.event, fans.told):
        for region in ground.regions:
            for cut in Cut:
                await _at_every_packet(fans, region, cut)
            if ground.amounts.cuts_twice:
                await _cut_twice(fans, region)
    twice = _twice(fans)
    unknown = sum(each.unknowns > 0 for each in fans.told)
    sold = sum(each.answer is Answer.SOLD for each in fans.told)
    return trial.ended(
        f"{fans.cut} connections were cut during {len(fans.told)} purchases; {fans.at_commit} "
        f"purchases had a COMMIT on its way then. {sold} were sold, {len(fans.told) - sold} "
        f"definitely not, and {unknown} fans had to ask again. {twice}"
    )


def _twice(fans: _Fans) -> str:
    """Say how often a second cut met its aim. Raises CannotTry where any cut never did."""
    whole = not fans.trial.broken
    if whole and not fans.at_commit:
        raise CannotTry(f"None of {fans.cut} cut connections met a COMMIT")
    if not fans.ground.amounts.cuts_twice:
        return f"The connection that asks was not cut (fewer than {SMALL} runs)."
    if whole and not fans.asking_cut:
        raise CannotTry("No connection was cut that asks what became of a COMMIT")
    if whole and not fans.nobody_to_ask:
        raise CannotTry("No COMMIT met the loss of both Regions")
    return (
        f"In {fans.asking_cut} purchases the connection that asks was cut as well, and in "
        f"{fans.nobody_to_ask} there was nobody to ask for a while."
    )


async def _cut_twice(fans: _Fans, region: str) -> None:
    commits_at = await _commits_at(fans, region)
    if commits_at is None:
        return
    for cut in Cut:
        await _at_every_packet_of_the_void(fans, region, cut, commits_at)
    # It takes the shop's whole patience, so each kind of cut in one Region only.
    cut = Cut.BEFORE if region == fans.ground.regions[0] else Cut.AFTER
    await _with_nobody_to_ask(fans, region, cut, commits_at)


async def _at_every_packet(fans: _Fans, region: str, cut: Cut) -> None:
    """Cut at packet 1, 2 and so on, on whatever connection comes: used before, or opened for it."""
    uncut = 0
    for packet in range(1, PACKETS_MAX + 1):
        if uncut == UNCUT_IN_A_ROW or not fans.trial.goes_on():
            break
        await fans.served(region)
        planned = fans.ground.fan_lines[region].plan(cut, packet)
        await fans.buy(region, f"cut {cut} packet {packet}", planned)
        uncut = 0 if planned.done else uncut + 1


async def _commits_at(fans: _Fans, region: str) -> int | None:
    """Return which packet of a connection that sold before is the COMMIT; None if none was met."""
    for packet in range(1, PACKETS_MAX + 1):
        if not fans.trial.goes_on():
            break
        await _warm(fans, region)
        planned = fans.ground.fan_lines[region].plan(Cut.AFTER, packet)
        if await fans.buy(region, f"cut after packet {packet}, used before", planned):
            return packet
        if not planned.done:
            break
    return None


async def _at_every_packet_of_the_void(fans: _Fans, region: str, cut: Cut, commits_at: int) -> None:
    """Cut at the COMMIT, and the other Region's line, which is asked next, at every packet."""
    other, uncut = fans.ground.other_than(region), 0
    for packet in range(1, PACKETS_MAX + 1):
        if uncut == UNCUT_IN_A_ROW or not fans.trial.goes_on():
            break
        await _warm(fans, region)
        await fans.served(other)
        first = fans.ground.fan_lines[region].plan(cut, commits_at)
        then = fans.ground.fan_lines[other].plan(Cut.AFTER, packet)
        name = f"cut {cut} COMMIT, then after {other}'s packet {packet}"
        at_commit = await fans.buy(region, name, first, then)
        fans.asking_cut += at_commit and first.done and then.done
        uncut = 0 if then.done else uncut + 1


async def _with_nobody_to_ask(fans: _Fans, region: str, cut: Cut, commits_at: int) -> None:
    """Cut at the COMMIT, and lose both Regions with it until the fan was told that nobody knows.

    The fan asks again with the same key, once they are back.
    """
    if not fans.trial.goes_on():
        return
    relays = fans.ground.fan_lines.values()

    def lose() -> None:
        for relay in relays:
            relay.cut_off()

    def heal() -> None:
        for relay in relays:
            relay.heal()

    await _warm(fans, region)
    planned = fans.ground.fan_lines[region].plan(cut, commits_at, then=lose)
    name = f"cut {cut} COMMIT, and both Regions away"
    try:
        at_commit = await fans.buy(region, name, planned, on_unknown=heal)
        fans.nobody_to_ask += at_commit and fans.told[-1].unknowns > 0
    finally:
        heal()
    for each in fans.ground.regions:
        await fans.served(each)


async def _warm(fans: _Fans, region: str) -> None:
    """Sell once without a cut: the next purchase takes the same connection, and as many packets."""
    await fans.served(region)
    await fans.buy(region, f"no cut {len(fans.told)}")


def _unanswered(ground: Ground) -> int:
    return sum(each.unknown for each in ground.store.region_figures())
