"""Trials that end before their time: what was told by then is judged all the same."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from worldseat.acceptance import fence, purchases, region_loss, served
from worldseat.acceptance.amounts import SMALL, Amounts
from worldseat.acceptance.purchases import Answer, Told
from worldseat.acceptance.trial import CannotTry, LimitReached, Trial
from worldseat.domain.acceptance import Standing
from worldseat.settings import REGIONS


class Line:
    """A way to a Region, which may serve nobody any more once it was cut off."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.served_by: str | None = region
        self.comes_back = True

    def cut_off(self) -> None:
        self.served_by = None

    def heal(self) -> None:
        if self.comes_back:
            self.served_by = self.region


class Stub:
    """A ground without a database: `rows` are what op_log shows."""

    def __init__(self, runs: int = 1) -> None:
        self.amounts = Amounts(runs=runs)
        self.regions = REGIONS
        self.fan_lines = {region: Line(region) for region in REGIONS}
        self.rows: list[dict[str, str]] = []
        self.witness = SimpleNamespace(judge=self._judge)

    async def new_round(self) -> Any:
        chart = SimpleNamespace(label=lambda number: f"A{number}")
        return SimpleNamespace(event_id="evt", current_round_id="rehearsal-1", chart=chart)

    def figures(self, region: str) -> Any:
        return SimpleNamespace(served_by=self.fan_lines[region].served_by, state="away")

    def other_than(self, region: str) -> str:
        return next(name for name in REGIONS if name != region)

    def fan_of(self, region: str) -> str:
        return f"fan of {region}"

    async def _judge(self, _event_id: str, *, round_id: str) -> Any:
        assert round_id
        return SimpleNamespace(clean=True, verdict="Clean.")

    @asynccontextmanager
    async def connected(self, _region: str) -> AsyncIterator[Any]:
        async def fetch(sql: str, *_: object) -> Any:
            if sql == purchases._ROWS:
                return self.rows
            return [{"region": region, "sales": 1} for region in REGIONS]

        yield SimpleNamespace(fetch=fetch)


def trial() -> Trial:
    return Trial(
        "region-loss",
        "t",
        "fans",
        lists_all=True,
        within_limit=lambda: True,
        on_progress=lambda *_: None,
    )


def told(answer: Answer = Answer.SOLD, op_id: str = "op", unknowns: int = 0) -> Told:
    return Told(fan_id="fan", op_id=op_id, seat="A1", region="x", answer=answer, unknowns=unknowns)


@pytest.fixture
def sells(monkeypatch: pytest.MonkeyPatch) -> Callable[[Stub], None]:
    """Let every fan of a stub buy what is asked for, and the log say so."""
    monkeypatch.setattr(served, "WITHIN_S", 0.05)

    def let(stub: Stub) -> None:
        async def buy(*_: object, **words: Any) -> Told:
            op_id = f"{words['seat']} {words['key']}"
            stub.rows.append({"op_id": op_id, "kind": "sell", "fan_id": "fan"})
            return told(op_id=op_id)

        monkeypatch.setattr(region_loss, "buy", buy)

    return let


async def test_a_region_that_never_serves_again_breaks_the_promise(
    sells: Callable[[Stub], None],
) -> None:
    stub: Any = Stub()
    sells(stub)
    stub.fan_lines["us-east-1"].comes_back = False
    it = trial()
    with pytest.raises(CannotTry, match="us-east-1 does not serve its own fans: away"):
        await region_loss.check(stub, it)
    promise = it.cut_short("Ended")
    assert promise.standing is Standing.BROKEN
    broken = [case.name for case in promise.cases if not case.held]
    assert broken == ["us-east-1 serves its own fans again"]
    # And what was told is judged.
    assert "the Witness on this round" in {case.name for case in promise.cases}


async def test_no_region_is_lost_while_the_other_one_is_away(
    sells: Callable[[Stub], None],
) -> None:
    stub: Any = Stub()
    sells(stub)
    stub.fan_lines["us-east-2"].served_by = "us-east-1"
    it = trial()
    with pytest.raises(CannotTry, match="us-east-2 does not serve its own fans"):
        await region_loss.check(stub, it)
    assert not stub.rows, "nobody bought"
    assert it.cut_short("Ended").standing is Standing.NOT_TRIED


async def test_a_lost_sale_is_found_also_when_the_trial_ends_by_an_error() -> None:
    stub: Any = Stub()
    event: Any = await stub.new_round()
    for error in (CannotTry("no more"), ConnectionResetError("the line broke")):
        it = trial()
        with pytest.raises(type(error)):
            async with purchases.judged(stub, it, event, [told()]):
                raise error
        assert it.broken == len(REGIONS)
    # Somebody who bought then and was not told is nobody's fault.
    stub.rows = [{"op_id": "another", "kind": "sell", "fan_id": "fan"}]
    it = trial()
    with pytest.raises(CannotTry):
        async with purchases.judged(stub, it, event, []):
            raise CannotTry
    assert (it.tried, it.broken) == (3, 0)
    async with purchases.judged(stub, it, event, []):
        pass
    assert it.broken == len(REGIONS)


async def test_at_the_limit_nothing_more_is_asked() -> None:
    stub: Any = Stub()
    it = trial()
    with pytest.raises(LimitReached):
        async with purchases.judged(stub, it, await stub.new_round(), [told()]):
            raise LimitReached
    assert it.tried == 0


async def test_a_region_that_serves_no_more_after_a_cut_breaks_the_fence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(served, "WITHIN_S", 0.05)
    stub: Any = Stub()
    stub.fan_lines["us-east-1"].served_by = None
    for cut, standing in ((0, Standing.NOT_TRIED), (1, Standing.BROKEN)):
        it = trial()
        fans = fence._Fans(ground=stub, trial=it, event=await stub.new_round(), cut=cut)
        with pytest.raises(CannotTry):
            await fans.served("us-east-1")
        assert it.cut_short("Ended").standing is standing


@pytest.mark.parametrize(
    ("at_commit", "asking_cut", "nobody_to_ask", "why"),
    [
        (0, 0, 0, "None of 9 cut connections met a COMMIT"),
        (4, 0, 2, "No connection was cut that asks"),
        (4, 3, 0, "No COMMIT met the loss of both Regions"),
    ],
)
async def test_a_fence_whose_cuts_never_met_is_not_tried(
    at_commit: int, asking_cut: int, nobody_to_ask: int, why: str
) -> None:
    stub: Any = Stub(runs=SMALL)
    fans = fence._Fans(
        ground=stub,
        trial=trial(),
        event=await stub.new_round(),
        cut=9,
        at_commit=at_commit,
        asking_cut=asking_cut,
        nobody_to_ask=nobody_to_ask,
    )
    with pytest.raises(CannotTry, match=why):
        fence._twice(fans)


async def test_the_fence_names_its_second_cuts_or_says_that_there_were_none() -> None:
    stub: Any = Stub(runs=SMALL)
    few: Any = Stub(runs=SMALL - 1)
    fans = fence._Fans(
        ground=stub,
        trial=trial(),
        event=await stub.new_round(),
        at_commit=9,
        asking_cut=5,
        nobody_to_ask=2,
    )
    said = fence._twice(fans)
    assert "In 5 purchases the connection that asks was cut as well, and in 2 there" in said
    fans.ground = few
    assert fence._twice(fans) == "The connection that asks was not cut (fewer than 5 runs)."
