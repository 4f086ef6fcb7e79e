"""How a promise's standing follows from what was tried, and when trying ends."""

import pytest

from worldseat.acceptance.amounts import RUNS_MAX, Amounts
from worldseat.acceptance.load import Load, usd
from worldseat.acceptance.plan import NAMES, PLAN, total
from worldseat.acceptance.trial import CASES_MAX, HOPELESS, LimitReached, Trial
from worldseat.domain.acceptance import PROMISES, Standing


def trial(*, lists_all: bool = False, within_limit: bool = True) -> Trial:
    return Trial(
        "fence",
        "No purchase stays in doubt",
        "purchases",
        lists_all=lists_all,
        within_limit=lambda: within_limit,
        on_progress=lambda *_: None,
    )


def tried(it: Trial, *, held: int = 0, broken: int = 0) -> Trial:
    for number in range(held + broken):
        it.case(f"case {number}", held=number < held, wanted="a", seen="b")
    return it


def test_a_promise_is_held_if_something_was_tried_and_nothing_broke() -> None:
    assert tried(trial(), held=2).ended("x").standing is Standing.HELD
    assert tried(trial(), held=1, broken=1).ended("x").standing is Standing.BROKEN
    assert trial().ended("x").standing is Standing.NOT_TRIED


def test_a_trial_that_is_cut_short_never_holds_and_stays_broken_if_it_was() -> None:
    held = tried(trial(), held=2).cut_short("Stopped")
    assert (held.standing, held.seen) == (Standing.NOT_TRIED, "Stopped, after 2 purchases.")
    assert tried(trial(), held=1, broken=1).cut_short("Stopped").standing is Standing.BROKEN
    assert trial().cut_short("Left out").seen == "Left out."


def test_every_case_is_counted_and_only_what_broke_is_listed_where_there_are_many() -> None:
    many = tried(trial(), held=100, broken=CASES_MAX + 7).ended("x")
    assert (many.tried, many.broken) == (107 + CASES_MAX, CASES_MAX + 7)
    assert len(many.cases) == CASES_MAX
    assert not any(case.held for case in many.cases)
    few = tried(trial(lists_all=True), held=1, broken=1).ended("x")
    assert [case.held for case in few.cases] == [True, False]
    listed = trial()
    listed.case("the end", held=True, wanted="a", seen="b", listed=True)
    assert len(listed.ended("x").cases) == 1


def test_it_goes_on_until_it_is_hopeless_or_has_cost_too_much() -> None:
    it = tried(trial(), broken=HOPELESS - 1)
    assert it.goes_on()
    assert not tried(it, broken=1).goes_on()
    with pytest.raises(LimitReached):
        trial(within_limit=False).goes_on()


def test_a_load_costs_the_more_the_more_of_anything_it_is() -> None:
    some = Load(messages=10, transactions=5, bytes_up=100_000, bytes_down=100_000)
    assert usd(Load()) == 0
    more = [
        Load(messages=1_000),
        Load(transactions=10_000),
        Load(bytes_up=10_000),
        Load(bytes_down=10_000),
    ]
    for each in more:
        assert usd(some + each) > usd(some)
    assert usd(some.times(2)) == pytest.approx(2 * usd(some))
    assert usd(some + some - some) == pytest.approx(usd(some))


def test_a_plan_grows_with_the_runs_and_a_part_costs_less_than_the_whole() -> None:
    costs = [usd(total(Amounts(runs=runs))) for runs in (1, 2, 20, RUNS_MAX)]
    assert costs == sorted(costs)
    assert len(set(costs)) == len(costs)
    for each in PLAN:
        assert 0 < usd(total(Amounts(), (each.name,))) < usd(total(Amounts()))
    assert tuple(PROMISES) == NAMES == tuple(each.name for each in PLAN)
