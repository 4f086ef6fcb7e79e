"""The values of a claim and a stampede: arrivals, plans and the buyers that follow from them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worldseat.domain import ids
from worldseat.domain.run import SPREAD_MS_MAX, Arrival, Plan
from worldseat.domain.seats import Code, Mode, oversold, round_id


def plan(**changes: object) -> Plan:
    made = Plan(
        run_id="run_1",
        event_id="evt_1",
        round_id="rehearsal-1",
        seat_index=0,
        store="dsql",
        stand_in=None,
        code=Code.NAIVE,
        arrival=Arrival(),
        buyers=60,
        seed=42,
        regions=("us-east-1", "us-east-2"),
        git_commit="0" * 40,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "spread_ms"),
    [("burst", 0), ("spread:1ms", 1), ("spread:200ms", 200), ("spread:60000ms", 60_000)],
)
def test_an_arrival_is_read_and_written_alike(text: str, spread_ms: int) -> None:
    assert Arrival.parse(text) == Arrival(spread_ms=spread_ms)
    assert Arrival.parse(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Burst",
        "burst ",
        "spread",
        "spread:ms",
        "spread:0ms",
        f"spread:{SPREAD_MS_MAX + 1}ms",
        "spread:200",
        "spread:-5ms",
        "spread:1.5ms",
        "spread:200ms\n",
        "spread:٢ms",
        "spread:9999999999ms",
    ],
)
def test_another_arrival_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="arrival is 'burst' or 'spread:<1 to 60000>ms'"):
        Arrival.parse(text)


def test_the_same_plan_gives_the_same_buyers() -> None:
    assert plan().everyone() == plan().everyone()
    assert plan().everyone()[7] == plan().buyer(7)


@given(number=st.integers(0, 999))
def test_a_buyers_ids_follow_from_each_other(number: int) -> None:
    buyer = plan(buyers=1_000).buyer(number)
    assert buyer.op_id == ids.op_id(buyer.claim_id, 0)
    assert buyer.fan_id.startswith("fan_")
    assert buyer.number == number


@pytest.mark.parametrize("changes", [{"seed": 43}, {"run_id": "run_2"}])
def test_another_seed_or_run_gives_other_buyers(changes: dict[str, object]) -> None:
    mine = {each.op_id for each in plan().everyone()}
    others = {each.op_id for each in plan(**changes).everyone()}
    assert len(mine) == 60
    assert not mine & others
    assert not {each.fan_id for each in plan().everyone()} & {
        each.fan_id for each in plan(**changes).everyone()
    }


def test_buyers_alternate_between_the_regions() -> None:
    assert [each.region for each in plan(buyers=5).everyone()] == [
        "us-east-1",
        "us-east-2",
        "us-east-1",
        "us-east-2",
        "us-east-1",
    ]


def test_a_burst_waits_for_nobody_and_a_spread_is_even() -> None:
    assert {each.delay_ms for each in plan().everyone()} == {0.0}
    spread = plan(buyers=5, arrival=Arrival(spread_ms=200)).everyone()
    assert [each.delay_ms for each in spread] == [0, 50, 100, 150, 200]
    assert plan(buyers=1, arrival=Arrival(spread_ms=200)).buyer(0).delay_ms == 0


@pytest.mark.parametrize(("holders", "too_many"), [(0, 0), (1, 0), (2, 1), (60, 59)])
def test_oversold_is_holders_minus_one_and_never_less_than_none(
    holders: int, too_many: int
) -> None:
    assert oversold(holders) == too_many


def test_a_rounds_id_says_its_mode() -> None:
    assert round_id(Mode.LIVE, 1) == "live-1"
    assert round_id(Mode.REHEARSAL, 12) == "rehearsal-12"
