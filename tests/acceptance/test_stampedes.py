"""Which stampedes count: races of all buyers, through both Regions' own endpoints."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from worldseat.acceptance import served, stampedes
from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.trial import CannotTry, Trial
from worldseat.domain.acceptance import Promise, Stampeded, Standing
from worldseat.domain.run import Plan, Result, Run, RunStatus
from worldseat.settings import REGIONS

WELL = Result(
    in_flight_max=60,
    confirmed=1,
    refused=59,
    errors=0,
    unknown=0,
    conflicts=40,
    retries_max=1,
    retries_total=40,
    oversold=0,
    duration_ms=10.0,
    app_believed=1,
    log_committed=1,
    seat_table_shows=1,
    seat_owner_op_id="op",
    verdict="well",
)


class Stub:
    """A ground on which every stampede ends with what `result` says."""

    def __init__(self, result: Callable[[Plan], Result] = lambda _: WELL) -> None:
        self.amounts = Amounts(runs=2)
        self.regions = REGIONS
        self.fan_lines = {region: SimpleNamespace(messages=0) for region in REGIONS}
        self.served_by: dict[str, str] = {region: region for region in REGIONS}
        self.passes = dict.fromkeys(REGIONS, 300)
        self.after: Callable[[], None] = lambda: None
        self.counted = [1, 1]
        self.asked: list[tuple[str, tuple[object, ...]]] = []
        self.stampedes = self.witness = self
        self._result = result
        self._plan: Plan | None = None

    async def new_round(self) -> Any:
        chart = SimpleNamespace(label=lambda number: f"A{number}", seat_count=300)
        return SimpleNamespace(event_id="evt", current_round_id="rehearsal-1", chart=chart)

    async def start(self, *, event_id: str, cell: Any, seat: str) -> Any:
        self._plan = Plan(
            run_id=f"run{seat}",
            event_id=event_id,
            round_id="rehearsal-1",
            seat_index=int(seat[1:]),
            store="dsql",
            stand_in=None,
            code=cell.code,
            arrival=cell.arrival,
            buyers=cell.buyers,
            seed=1,
            regions=REGIONS,
            git_commit="x",
        )
        return SimpleNamespace(plan=self._plan)

    async def wait(self, run_id: str) -> Run:
        assert self._plan is not None
        for region, relay in self.fan_lines.items():
            relay.messages += self.passes[region]
        self.after()
        return Run(
            plan=self._plan,
            seat=run_id,
            status=RunStatus.DONE,
            started_at="",
            finished_at="",
            result=self._result(self._plan),
        )

    def figures(self, region: str) -> Any:
        return SimpleNamespace(served_by=self.served_by[region], state="away")

    async def judge(self, _event_id: str, *, round_id: str) -> Any:
        assert round_id
        return SimpleNamespace(clean=True, verdict="Clean.")

    @asynccontextmanager
    async def connected(self, _region: str) -> AsyncIterator[Any]:
        counts = iter(self.counted)

        async def fetchval(sql: str, *args: object) -> int:
            self.asked.append((sql, args))
            return next(counts)

        yield SimpleNamespace(fetchval=fetchval)


async def tried(stub: Any, found: list[Stampeded] | None = None) -> Promise:
    trial = Trial(
        "stampedes",
        "t",
        "stampedes",
        lists_all=True,
        within_limit=lambda: True,
        on_progress=lambda *_: None,
    )
    try:
        return await stampedes.check(stub, trial)
    finally:
        if found is not None:
            found.extend(trial.stampeded)


async def test_races_through_both_endpoints_hold_and_are_counted_by_keys() -> None:
    stub = Stub()
    promise = await tried(stub)
    assert promise.standing is Standing.HELD
    assert promise.tried == 4 * 2 + 1
    assert "no race" not in promise.seen
    # By the round, which the unique index begins with, and by the seat's primary key.
    assert stub.asked[-2][1] == ("evt", "rehearsal-1", "runA7")
    assert stub.asked[-1][1] == ("evt", "rehearsal-1", 7, "runA7")


async def test_nothing_is_fired_while_a_region_is_served_by_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(served, "WITHIN_S", 0.05)
    stub = Stub()
    stub.served_by["us-east-2"] = "us-east-1"
    found: list[Stampeded] = []
    with pytest.raises(CannotTry, match="us-east-2 does not serve its own fans"):
        await tried(stub, found)
    assert not found


async def test_a_run_that_came_through_one_endpoint_does_not_count() -> None:
    stub = Stub()
    stub.after = lambda: stub.served_by.update({"us-east-2": "us-east-1"})
    found: list[Stampeded] = []
    with pytest.raises(CannotTry, match="us-east-2 was served by us-east-1 in the end"):
        await tried(stub, found)
    assert [(each.runs, each.without) for each in found] == [(0, 1)]
    # Also when the Region was back by then.
    stub = Stub()
    stub.passes["us-east-1"] = 8
    with pytest.raises(CannotTry, match="30 buyers of us-east-1 sent 8 packets"):
        await tried(stub)


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (replace(WELL, errors=59, refused=0), "59 of 60 buyers got no answer"),
        (replace(WELL, in_flight_max=12), "only 12 of 60 buyers were in flight at once"),
        (replace(WELL, conflicts=0), "no buyer of any burst met a conflict"),
    ],
)
async def test_a_stampede_in_which_nobody_raced_holds_nothing(result: Result, why: str) -> None:
    with pytest.raises(CannotTry, match=why):
        await tried(Stub(lambda plan: WELL if plan.arrival.spread_ms else result))


async def test_a_stampede_in_which_nobody_came_to_the_seat_breaks_nothing() -> None:
    nobody = replace(WELL, errors=60, refused=0, confirmed=0, oversold=None)
    stub = Stub(lambda _: nobody)
    stub.counted = [0, 0]
    with pytest.raises(CannotTry, match="60 of 60 buyers got no answer"):
        await tried(stub)


async def test_one_that_was_no_race_is_told_and_left_out() -> None:
    def result(plan: Plan) -> Result:
        return replace(WELL, errors=3) if plan.seat_index == 0 else WELL

    found: list[Stampeded] = []
    promise = await tried(Stub(result), found)
    assert promise.standing is Standing.HELD
    assert promise.tried == 4 * 2
    assert "1 more were no race and do not count (3 of 60 buyers got no answer)" in promise.seen
    assert [(each.runs, each.without) for each in found] == [(1, 1), (2, 0), (2, 0), (2, 0)]


async def test_one_that_was_no_race_can_still_break_the_promise() -> None:
    stub = Stub(lambda _: replace(WELL, errors=3, oversold=1, confirmed=2, conflicts=0))
    found: list[Stampeded] = []
    promise = await tried(stub, found)
    assert sum(each.above_zero for each in found) == promise.broken > 0
    assert promise.standing is Standing.BROKEN
    assert promise.cases[0].seen == "oversold 1: 2 holders of one seat"


async def test_buyers_who_arrive_over_some_time_need_not_be_in_flight_at_once() -> None:
    stub = Stub(lambda plan: replace(WELL, in_flight_max=2) if plan.arrival.spread_ms else WELL)
    assert (await tried(stub)).standing is Standing.HELD
