"""The headline says only what was measured, and always what really ran."""

import pytest

from worldseat.domain.run import RunStatus
from worldseat.domain.seats import Code
from worldseat.services.headline import Story
from worldseat.web.views.measured import grouped
from worldseat.web.views.run import equation, scoreboard, verdict
from worldseat.web.views.story import NO_FOIL, story

from .conftest import run_of, side_of


def test_nothing_measured_yet() -> None:
    view = story(Story(product=side_of(None, note="not measured yet"), foils=[]), live=False)
    assert view.pressed == "One press: 60 fans, one seat, the same second, two Regions."
    assert (view.product.numeral, view.product.counted) == (None, "not measured yet")
    assert view.product.on == "PostgreSQL 16.14, a stand-in"
    assert list(view.foils) == [NO_FOIL]


def test_product_and_foil_side_by_side() -> None:
    foil = run_of(60, store="dynamodb", stand_in="ministack 1.5.33, lag 104 ms")
    told = Story(product=side_of(run_of(), like=214, zero=214), foils=[side_of(foil, zero=0)])
    view = story(told, live=False)
    assert view.pressed == "60 fans, one seat, the same second, two Regions."
    assert (view.product.numeral, view.product.tone) == ("0", "good")
    assert view.product.runs == "0 in 214 runs of the same kind"
    assert (view.foils[0].numeral, view.foils[0].tone) == ("59", "bad")
    assert view.foils[0].counted == "oversold · 60 holders"
    assert view.foils[0].badge == "foil"
    assert view.foils[0].on == "ministack 1.5.33, lag 104 ms, a stand-in"
    assert view.foils[0].runs == "above 0 in 1 of 1 run of the same kind, 59"


def test_aws_is_called_aws_and_spreads_are_told() -> None:
    run = run_of(stand_in=None, arrival="spread:200ms", buyers=1_000)
    view = story(Story(product=side_of(run), foils=[]), live=False)
    assert view.product.on == "AWS"
    assert view.pressed == "1,000 fans, one seat, spread over 200 ms, two Regions."


def test_nobody_confirmed_is_no_result_and_never_zero() -> None:
    run = run_of(0, refused=58, errors=1, unknown=1)
    view = story(Story(product=side_of(run, like=0, zero=0), foils=[]), live=False)
    assert (view.product.numeral, view.product.tone) == (None, "none")
    assert view.product.counted == "no result: nobody was confirmed"
    line = verdict(run, "Aurora DSQL")
    assert line.tone == "none"
    assert line.text == (
        "No result: nobody was confirmed on A1. 58 of 60 were told no, 1 error, 1 answer unknown."
    )
    board = scoreboard(run, title="Aurora DSQL")
    assert board is not None
    assert (board.lines[0].total, board.stakes) == ("no result", "no result")


def test_nothing_is_claimed_on_a_live_on_sale() -> None:
    view = story(Story(product=side_of(None), foils=[]), live=True)
    assert view.product.counted == "not measured here"


def test_the_verdict_of_each_kind_of_end() -> None:
    assert verdict(run_of(), "Aurora DSQL").text == (
        "A1 sold once on Aurora DSQL. 59 of 60 were told no."
    )
    assert verdict(run_of(60), "the foil").text == "A1 sold 60 times on the foil: 59 too many."
    assert verdict(run_of(60), "the foil").tone == "bad"
    running = verdict(run_of(status=RunStatus.RUNNING), "x")
    assert (running.tone, running.text) == ("running", "60 buyers are at seat A1 right now.")
    assert verdict(run_of(status=RunStatus.INTERRUPTED), "x").tone == "none"
    objected = verdict(run_of(violations=["Two rows replace the same one."]), "x")
    assert objected.tone == "bad"
    assert objected.text.endswith("Yet the Witness objects: Two rows replace the same one.")


def test_the_scoreboard_has_the_stakes_in_dollars() -> None:
    board = scoreboard(run_of(60), title="The foil")
    assert board is not None
    assert board.stakes == "$8,850"
    assert board.stakes_sum.startswith("59 oversold × $150 face value. Scales linearly")
    assert scoreboard(run_of(status=RunStatus.RUNNING), title="x") is None


@pytest.mark.parametrize(
    ("counts", "signs", "gap", "sentence"),
    [
        ((1, 1, 1), ["=", "="], 0, "They agree."),
        ((60, 60, 1), ["=", "≠"], 59, "The seat table hides 59: it can show one owner only."),
        ((2, 1, 1), ["≠", "="], 0, "They contradict each other: the Witness says where."),
    ],
)
def test_three_sources_as_one_equation(
    counts: tuple[int, int, int], signs: list[str], gap: int, sentence: str
) -> None:
    believed, log, table = counts
    run = run_of(app_believed=believed, log_committed=log, seat_table_shows=table)
    assert run.result is not None
    told = equation(run, run.result)
    assert [number for number, _ in told.terms] == [str(count) for count in counts]
    assert (list(told.signs), told.gap, told.sentence) == (signs, gap, sentence)


def test_an_unknown_answer_excuses_a_row_that_nobody_was_told_of() -> None:
    run = run_of(app_believed=0, unknown=1)
    assert run.result is not None
    told = equation(run, run.result)
    assert told.agree
    assert told.sentence == "They agree, once the answers that never came are counted."


def test_only_like_runs_are_counted_together() -> None:
    runs = [
        run_of(),
        run_of(),
        run_of(stand_in=None),
        run_of(buyers=100),
        run_of(code=Code.CONDITIONAL),
        run_of(arrival="spread:200ms"),
        run_of(0),
        run_of(status=RunStatus.INTERRUPTED),
        run_of(status=RunStatus.RUNNING),
        run_of(60, store="dynamodb", stand_in="ministack"),
    ]
    kinds = grouped(runs, url="http://here")
    assert [each.oversold for each in kinds] == [
        "0 oversold in 2 runs",
        "0 oversold in 1 run",
        "0 oversold in 1 run",
        "0 oversold in 1 run",
        "0 oversold in 1 run",
        "up to 59 oversold, in 1 of 1 run",
    ]
    assert kinds[0].without == "2 runs without a result"
    assert kinds[0].agreed == "2 of 2"
    assert (kinds[-1].agreed, kinds[-1].tone) == ("0 of 1", "bad")
    assert kinds[0].command == (
        ".venv/bin/worldseat break-it --url http://here --store dsql --code naive --buyers 60 "
        "--arrival burst --regions both --runs 10 --json"
    )
