"""The headline: like stands beside like only, and a zero carries its number of runs."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worldseat.domain.errors import Unavailable
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Plan, Result, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Guarantees, NotCommitted, Store
from worldseat.services.headline import NEVER, Headline, Story
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS

_numbers = itertools.count(1)


class Shelf:
    """A store that only has a name, and runs to read."""

    def __init__(self, name: str, runs: Sequence[Run] = (), stand_in: str | None = "PG 16") -> None:
        self.name = name
        self.title = f"The {name}"
        self.role = "product" if name == "dsql" else "foil"
        self.stand_in = stand_in
        self.in_headline = name != "postgres"
        self.guarantees = Guarantees(
            isolation="some", replication="none", cannot="fly", two_writers="lets one win"
        )
        self._runs = runs

    async def runs(self, **_asked: Any) -> Sequence[Run]:
        return self._runs


def run(oversold: int | None = 0, *, status: RunStatus = RunStatus.DONE, **changed: Any) -> Run:
    """Return a run as stored; `oversold` None is a run with nobody confirmed."""
    in_flight_max = changed.pop("in_flight_max", 60)
    plan = Plan(
        run_id=f"run_{next(_numbers)}",
        event_id="evt_1",
        round_id="rehearsal-1",
        seat_index=0,
        store="dsql",
        stand_in="PG 16",
        code=Code.NAIVE,
        arrival=Arrival(),
        buyers=60,
        seed=1,
        regions=REGIONS,
        git_commit="abc",
    )
    holders = 0 if oversold is None else oversold + 1
    result = Result(
        in_flight_max=in_flight_max,
        confirmed=holders,
        refused=60 - holders,
        errors=0,
        unknown=0,
        conflicts=0,
        retries_max=0,
        retries_total=0,
        oversold=oversold,
        duration_ms=1.0,
        app_believed=holders,
        log_committed=holders,
        seat_table_shows=min(holders, 1),
        seat_owner_op_id=None,
        verdict="",
    )
    return Run(
        plan=replace(plan, **changed),
        seat="A1",
        status=status,
        started_at="2026-11-24T00:00:00Z",
        finished_at=None,
        result=None if status is RunStatus.RUNNING else result,
    )


async def story(*newest_first: Run, foils: Sequence[Shelf] = (), stand_in: str = "PG 16") -> Story:
    product = Shelf("dsql", newest_first, stand_in)
    stores: Mapping[str, Shelf] = {each.name: each for each in (product, *foils)}
    headline = Headline(cast("OnSaleStore", product), cast("Mapping[str, Store]", stores))
    return await headline.story("evt_1")


FOIL = Shelf("foil", stand_in="an emulation")
ONE: dict[str, Any] = {"store": "foil", "stand_in": "an emulation"}


async def test_no_run_yet_is_said_and_is_no_zero() -> None:
    told = await story(foils=[FOIL])
    for side in (told.product, *told.foils):
        assert (side.measured, side.note) == (None, NEVER)
        assert (side.zero_runs, side.like_runs) == (0, 0)
    assert (told.product.role, told.product.stand_in) == ("product", "PG 16")
    assert (told.foils[0].role, told.foils[0].stand_in) == ("foil", "an emulation")


async def test_without_a_foil_there_is_only_the_product() -> None:
    newest = run()
    told = await story(newest)
    assert told.foils == []
    assert (told.product.measured, told.product.note) == (newest, "")


async def test_the_newest_finished_run_leads() -> None:
    finished = run()
    told = await story(
        run(status=RunStatus.RUNNING), run(status=RunStatus.INTERRUPTED), finished, run()
    )
    assert told.product.measured == finished
    assert (told.product.zero_runs, told.product.like_runs) == (2, 2)


async def test_a_like_run_of_a_foil_stands_beside_it() -> None:
    like = run(oversold=59, **ONE)
    told = await story(run(), like, run(oversold=12, **ONE), foils=[FOIL])
    (side,) = told.foils
    assert (side.measured, side.note) == (like, "")
    assert (side.zero_runs, side.like_runs) == (0, 2)


@pytest.mark.parametrize(
    "unlike",
    [
        {"code": Code.CONDITIONAL},
        {"buyers": 61},
        {"arrival": Arrival(spread_ms=200)},
        {"regions": REGIONS[:1]},
        {"in_flight_max": 4},
    ],
    ids=lambda unlike: next(iter(unlike)),
)
async def test_what_is_unlike_does_not_stand_beside_it(unlike: dict[str, Any]) -> None:
    told = await story(run(), run(oversold=59, **ONE, **unlike), foils=[FOIL])
    (side,) = told.foils
    assert side.measured is None
    assert side.note == "not measured at 60 buyers, naive, burst: run it"
    assert (side.zero_runs, side.like_runs) == (0, 0)


async def test_a_foil_that_ran_alone_is_shown_alone() -> None:
    alone = run(oversold=59, **ONE)
    told = await story(alone, foils=[FOIL])
    assert (told.product.measured, told.product.note) == (None, NEVER)
    assert told.foils[0].measured == alone


async def test_a_run_with_nobody_confirmed_is_no_zero() -> None:
    nobody = run(oversold=None)
    told = await story(nobody, run(), run(oversold=None), run())
    assert told.product.measured == nobody
    assert (told.product.zero_runs, told.product.like_runs) == (2, 2)
    alone = await story(nobody)
    assert (alone.product.zero_runs, alone.product.like_runs) == (0, 0)


async def test_a_side_names_what_really_ran_and_not_what_is_there_now() -> None:
    told = await story(run(stand_in="PG 15"), stand_in="PG 16")
    assert told.product.stand_in == "PG 15"


KINDS: dict[str, list[Any]] = {
    "store": ["dsql", "foil"],
    "stand_in": [None, "PG 16", "an emulation"],
    "code": list(Code),
    "buyers": [60, 61],
    "arrival": [Arrival(), Arrival(spread_ms=200)],
    "regions": [REGIONS, REGIONS[:1]],
    "oversold": [0, 0, 3, None],
    "status": [RunStatus.DONE, RunStatus.DONE, RunStatus.INTERRUPTED],
}


@given(st.lists(st.fixed_dictionaries({n: st.sampled_from(v) for n, v in KINDS.items()})))
async def test_zeroes_are_never_summed_over_different_things(drawn: list[dict[str, Any]]) -> None:
    runs = [run(**each) for each in drawn]
    told = await story(*runs, foils=[FOIL])
    for side in (told.product, *told.foils):
        if side.measured is None:
            assert (side.zero_runs, side.like_runs) == (0, 0)
            continue
        shown = side.measured.plan
        assert shown.store == side.store
        like = [
            each.result.oversold
            for each in runs
            if each.status is RunStatus.DONE
            and each.result is not None
            and each.result.oversold is not None
            and replace(each.plan, run_id="") == replace(shown, run_id="")
        ]
        assert (side.zero_runs, side.like_runs) == (like.count(0), len(like))


async def test_the_stored_runs_of_an_event_tell_its_story(services: Services, event: Event) -> None:
    assert (await services.headline.story(event.event_id)).product.note == NEVER
    newest = None
    for _ in range(3):
        begun = await services.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(), buyers=4),
            seat="A1",
        )
        newest = await services.stampedes.wait(begun.plan.run_id)
    side = (await services.headline.story(event.event_id)).product
    assert side.measured == newest
    assert (side.zero_runs, side.like_runs, side.stand_in) == (3, 3, services.store.stand_in)


async def test_a_database_that_is_away_is_told_as_such() -> None:
    class Away(Shelf):
        async def runs(self, **_asked: Any) -> Sequence[Run]:
            raise NotCommitted("away")

    with pytest.raises(Unavailable):
        await Headline(cast("OnSaleStore", Away("dsql")), {}).story("evt_1")
