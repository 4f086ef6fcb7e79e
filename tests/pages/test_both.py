"""Product and foil on one page: fired together, shown side by side, never mixed."""

from dataclasses import replace

import pytest

from worldseat.domain.errors import UnknownStore
from worldseat.domain.event import Event
from worldseat.domain.run import RunStatus
from worldseat.domain.seats import Code
from worldseat.services.floor import FloorView
from worldseat.services.headline import Story
from worldseat.services.matrix import measured
from worldseat.web.views import run as run_view
from worldseat.web.views.backend import backends, choose
from worldseat.web.views.command_center import newest_of
from worldseat.web.views.story import story

from .conftest import run_of, side_of
from .test_rendering import STORES, rendered

FOIL = run_of(60, store="dynamodb", stand_in="ministack 1.5")


def test_both_is_offered_and_chosen_first_when_there_is_a_foil() -> None:
    chosen = choose(STORES, None)
    assert [store.name for store in chosen.stores] == ["dsql", "dynamodb"]
    assert (chosen.shown.name, chosen.for_sale) == ("dsql", True)
    offered = backends(STORES, chosen)
    assert [(each.name, each.checked) for each in offered] == [
        ("both", True),
        ("dsql", False),
        ("dynamodb", False),
    ]
    foil = choose(STORES, "dynamodb")
    assert (foil.shown.name, foil.for_sale) == ("dynamodb", False)


def test_without_a_foil_there_is_one_backend() -> None:
    alone = {"dsql": STORES["dsql"]}
    chosen = choose(alone, None)
    assert [each.name for each in backends(alone, chosen)] == ["dsql"]
    for name in ("both", "dynamodb", ""):
        with pytest.raises(UnknownStore):
            choose(alone, name)


def test_both_are_scored_side_by_side(event: Event, floor: FloorView) -> None:
    html = rendered(event, floor, chosen="both", runs=[FOIL, run_of()])
    assert 'data-stores="dsql dynamodb" data-lagged="dynamodb"' in html
    assert "A1 sold once on Aurora DSQL. 59 of 60 were told no.</p>" in html
    assert "A1 sold 60 times on DynamoDB GT: 59 too many.</p>" in html
    for text in (
        '<th scope="row">oversold</th> <td>0</td> <td>59</td>',
        '<th scope="row">stakes</th> <td>$0</td> <td>$8,850</td>',
        "<summary>DynamoDB GT by Region</summary>",
        "<h3>DynamoDB GT</h3>",
        "its ledger committed",
        "Gap 59. The seat table hides 59: it can show one owner only.",
        "One press fires both, one after the other",
    ):
        assert text in html, text
    # The floor that is shown is the product's, and its seats are for sale.
    assert "data-read-only" not in html


def test_runs_of_different_presses_are_never_put_side_by_side(
    event: Event, floor: FloorView
) -> None:
    for other in (
        replace(FOIL, plan=replace(FOIL.plan, seed=8)),
        replace(FOIL, seat="A2"),
    ):
        assert newest_of([other, run_of()], choose(STORES, "both").stores) == [run_of()]
        html = rendered(event, floor, chosen="both", runs=[other, run_of()])
        assert "DynamoDB GT by Region" not in html
        assert "59 too many" not in html


def test_a_run_under_way_is_followed_whichever_it_is(event: Event, floor: FloorView) -> None:
    running = run_of(store="dynamodb", status=RunStatus.RUNNING)
    html = rendered(event, floor, chosen="both", runs=[running, run_of()])
    assert f'data-running="{running.plan.run_id}"' in html
    assert "60 buyers are at seat A1 right now." in html


def test_a_run_that_could_not_be_counted_shows_no_count(event: Event, floor: FloorView) -> None:
    lost = run_of(
        0,
        store="dynamodb",
        status=RunStatus.INTERRUPTED,
        uncounted="the emulator ended",
        app_believed=31,
    )
    html = rendered(event, floor, chosen="dynamodb", runs=[lost])
    assert (
        "No result on DynamoDB GT: what was committed cannot be counted: the emulator ended."
        in html
    )
    assert '<th scope="row">confirmed holders</th> <td colspan="3">not counted</td>' in html
    assert "Only the answers are known:" in html
    board = run_view.scoreboard(lost, title="x")
    assert board is not None
    assert [number for number, _ in board.equation.terms] == ["31", "?", "?"]
    assert (board.lines[0].total, board.stakes) == ("no result", "no result")


def test_the_lag_that_was_achieved_stands_beside_the_one_asked_for() -> None:
    run = replace(
        run_of(60, store="dynamodb", lag_ms_p50=118.4), plan=replace(FOIL.plan, lag_ms=100)
    )
    board = run_view.scoreboard(run, title="x")
    assert board is not None
    assert board.facts.endswith("replication lag 118 ms (median; 100 ms asked)")
    unknown = run_view.scoreboard(replace(run, result=FOIL.result), title="x")
    assert unknown is not None
    assert unknown.facts.endswith("replication lag not known (median; 100 ms asked)")


def test_the_headline_says_as_measured_and_what_causes_what() -> None:
    foil = replace(
        side_of(FOIL, like=20, zero=0),
        two_writers="accepts every write",
        oversold_low=52,
        oversold_high=59,
    )
    view = story(Story(product=side_of(run_of(), like=20, zero=20), foils=[foil]), live=False)
    assert view.foils[0].runs == "above 0 in 20 of 20 runs of the same kind, 52–59"
    assert view.product.runs == "0 in 20 runs of the same kind"
    [cause] = view.causes
    assert cause.startswith(
        "The consistency model decides: Aurora DSQL lets one commit win; "
        "DynamoDB Global Tables accepts every write."
    )
    assert cause.endswith("With careful code (conditional) it was not measured yet.")


def test_what_careful_code_does_is_said_with_its_denominator() -> None:
    runs = [run_of(2, code=Code.CONDITIONAL)] * 3
    foil = replace(side_of(FOIL), careful=measured(runs), careful_per_region=True)
    [cause] = story(Story(product=side_of(run_of()), foils=[foil]), live=False).causes
    assert cause.endswith(
        "Careful code (conditional) narrows it to 2 holders, one per Region, in 3 runs."
    )
    mixed = replace(foil, careful=measured([*runs, run_of(1)]), careful_per_region=False)
    [cause] = story(Story(product=side_of(run_of()), foils=[mixed]), live=False).causes
    assert cause.endswith("narrows it to 1 to 2 holders, in 4 runs.")
    few = replace(foil, measured=run_of(2, store="dynamodb", stand_in="ministack 1.5"))
    [cause] = story(Story(product=side_of(run_of()), foils=[few]), live=False).causes
    assert cause.endswith("(conditional) leaves 2 holders, one per Region, in 3 runs.")
