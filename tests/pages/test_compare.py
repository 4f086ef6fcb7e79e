"""The Compare page says what was measured, how often and where, and nothing else."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Reach, RunStatus
from worldseat.domain.seats import Code, Mode
from worldseat.services.comparison import RUNS_MAX
from worldseat.services.matrix import ARRIVALS, LAGS_MS, NOT_HERE, OTHER_LAG, Span
from worldseat.web.shapes import CellAnswer, ComparisonAnswer, ProgressAnswer
from worldseat.web.templating import environment
from worldseat.web.views import cell, cell_runs
from worldseat.web.views.causes import causes
from worldseat.web.views.compare import CompareView, four
from worldseat.web.views.measuring import cell_sets, now_of

from .conftest import in_mode
from .tables import (
    ALONE,
    EMULATOR,
    FOIL,
    PRODUCT,
    SINGLE,
    STORES,
    a_store,
    all_measured,
    fired,
    page_of,
    table_of,
)

SPREAD = ARRIVALS[1]


def html_of(page: CompareView) -> str:
    return environment().get_template("compare.html").render(page=page)


def text_of(page: CompareView) -> str:
    """Return the words of the page, without tags."""
    plain = re.sub(r"<[^>]*>", " ", html_of(page).replace("\u2060", ""))
    return re.sub(r"\s+", " ", plain)


def sides(page: CompareView) -> dict[tuple[str, str], Any]:
    return {(it.title, side.title): side for it in page.four for side in it.sides}


# one cell


@pytest.mark.parametrize(
    ("low", "middle", "high", "said"),
    [
        (59, 59, 59, "59"),
        (52, 59, 59, "59 (52–59)"),
        (0, 0.5, 1, "0.5 (0–1)"),
        (998, 999, 1_000, "999 (998–1,000)"),
        (0, 0, 999, "0 (0–999)"),
    ],
)
def test_a_span_is_a_median_with_its_range(
    low: float, middle: float, high: float, said: str
) -> None:
    assert cell.spanned(Span(low=low, median=middle, high=high)) == said


def test_durations_have_one_unit() -> None:
    assert cell.spanned_ms(Span(low=264.2, median=303.4, high=421.9)) == "303 ms (264–422)"
    assert cell.spanned_ms(Span(low=301.1, median=301.2, high=301.4)) == "301 ms"
    assert cell.spanned_ms(Span(low=900, median=9_000, high=12_345)) == "9.0 s (0.9–12.3)"


@pytest.mark.parametrize(
    ("confirmed", "said"),
    [
        ([1], "oversold 0 in 1 run"),
        ([60], "oversold 59 in 1 run"),
        ([1] * 20, "oversold 0 in 20 of 20 runs"),
        ([60, 60, 53], "oversold 59 (52–59) in 3 of 3 runs"),
        # 0 in one of two runs must not read as if it were 0 in all.
        ([2, 1, 1], "oversold 0 (0–1), above 0 in 1 of 3 runs"),
    ],
)
def test_every_count_has_its_denominator(confirmed: list[int], said: str) -> None:
    page = page_of(*(fired(each) for each in confirmed))
    side = sides(page)["Naive code, both Regions", "Aurora DSQL"]
    assert side.cell.figures.verdict == said
    assert side.cell.tone == ("good" if set(confirmed) == {1} else "bad")


def test_what_has_no_figures_says_why() -> None:
    nobody = fired(0, status=RunStatus.DONE)
    cut = fired(1, code=Code.CONDITIONAL, status=RunStatus.INTERRUPTED)
    page = page_of(nobody, cut, cut)
    seen = sides(page)
    assert seen["Naive code, both Regions", "Aurora DSQL"].cell.said == "no result in 1 run"
    assert seen["Conditional code, both Regions", "Aurora DSQL"].cell.said == "no result in 2 runs"
    assert seen["Naive code, one Region", "Aurora DSQL"].cell.said == "not measured"
    single = next(line for line in page.matrix.lines if line.title == "Single")
    assert {each.said for each in single.cells if each.reach == "both Regions"} == {
        "takes writes in one Region only"
    }
    assert "oversold 0" not in text_of(page)


def test_what_must_not_be_overlooked_stands_beside_the_figures() -> None:
    page = page_of(
        fired(1, unknown=3, errors=1), fired(1), fired(0), fired(1, status=RunStatus.INTERRUPTED)
    )
    side = sides(page)["Naive code, both Regions", "Aurora DSQL"]
    assert side.cell.figures.verdict == "oversold 0 in 2 of 2 runs"
    assert list(side.cell.figures.asides) == [
        "2 runs more without a result, not counted",
        "0.5 (0–1) errors",
        "1.5 (0–3) answers unknown",
    ]
    assert all(each in text_of(page) for each in side.cell.figures.asides)


def test_days_and_commits_are_those_of_the_runs() -> None:
    ended = ["2026-11-30T23:59:59.000Z", "2026-12-02T00:00:01.000Z"]
    runs = [fired(1, ended_at=at, commit=f"{number}" * 40) for number, at in enumerate(ended)]
    [found] = [each.figures for each in page_of(*runs).matrix.lines[0].cells if each.figures]
    assert found.when == "2026-11-30 to 2026-12-02"
    assert found.commits == "commits 0000000, 1111111"
    assert cell.commits(["a" * 9, "b", "c", "d", "e"]) == "commits aaaaaaa, b, c and 2 more"
    assert cell.commits(["abc"]) == "commit abc"


# the 2×2


def test_the_four_cells_show_product_and_foil_at_the_lowest_lag() -> None:
    slow = [fired(7, at=FOIL, lag_ms=100), fired(9, at=FOIL, lag_ms=1_000)]
    page = page_of(*all_measured(), *slow)
    assert [it.title for it in page.four] == [
        "Naive code, one Region",
        "Naive code, both Regions",
        "Conditional code, one Region",
        "Conditional code, both Regions",
    ]
    assert [side.title for side in page.four[0].sides] == ["Aurora DSQL", "Lagging"]
    shown = {
        name: (side.cell.figures.holders, side.cell.figures.noun, side.cell.tone)
        for name, side in sides(page).items()
    }
    assert shown["Naive code, both Regions", "Lagging"] == ("60", "holders", "bad")
    assert shown["Naive code, one Region", "Lagging"] == ("56.5", "holders", "bad")
    assert shown["Conditional code, one Region", "Lagging"] == ("1", "holder", "good")
    assert shown["Conditional code, both Regions", "Lagging"] == ("2", "holders", "bad")
    assert {each for (_, title), each in shown.items() if title == "Aurora DSQL"} == {
        ("1", "holder", "good")
    }
    assert sides(page)["Naive code, both Regions", "Lagging"].lag == "lag 0 ms asked"


def test_arrivals_other_than_all_at_once_are_none_of_the_four() -> None:
    page = page_of(fired(60, at=FOIL, arrival=SPREAD))
    assert {side.cell.said for side in sides(page).values()} == {"not measured"}


def test_the_lag_that_was_achieved_stands_beside_the_one_asked_for() -> None:
    page = page_of(fired(60, at=FOIL, lag_ms_p50=118.4), fired(60, at=FOIL, lag_ms_p50=224.0))
    side = sides(page)["Naive code, both Regions", "Lagging"]
    assert side.lag == "lag 0 ms asked, 171 ms (118–224) achieved"
    assert "lag 0 ms asked, 171 ms (118–224) achieved" in text_of(page)


def test_every_figure_of_the_four_leads_to_its_runs() -> None:
    side = sides(page_of(*all_measured()))["Naive code, both Regions", "Lagging"]
    assert side.cell.href == (
        "/compare?buyers=60&store=lagging&code=naive&arrival=burst&reach=both&lag=0"
        "&on=emulator+1.5#runs"
    )


# what causes what


def told(*runs: Any, stores: Any = STORES) -> str:
    return " ".join(causes(table_of(*runs, stores=stores), stores))


def test_the_causes_are_the_stores_words_and_the_runs_numbers() -> None:
    assert told(*all_measured()) == (
        "The consistency model decides: Aurora DSQL does to two writers what dsql does; Lagging "
        "does to two writers what lagging does. "
        "Naive code needs no second Region to oversell there: through one Region it oversold "
        "55.5 (52–59) in 2 of 2 runs. "
        "Careful code (conditional) narrows it to 2 holders through both Regions, and 1 holder "
        "through one: lagging cannot fly. "
        "Single sells once as well, through the one Region that it has: naive code oversold 0 in "
        "1 run. Aurora DSQL keeps that with two Regions writing: oversold 0 in 2 of 2 runs."
    )


def test_what_was_not_measured_causes_nothing() -> None:
    assert told() == (
        "The consistency model decides: Aurora DSQL does to two writers what dsql does; Lagging "
        "does to two writers what lagging does. "
        "What naive code does to Lagging in one Region was not measured yet. "
        "What careful code (conditional) makes of it in both Regions was not measured yet. "
        "Not measured yet: Single."
    )
    assert not re.search(r"\d", told())


def test_runs_that_contradict_the_story_are_told_as_they_came_out() -> None:
    text = told(
        fired(1, at=FOIL, reach=Reach.ONE),
        fired(1, at=FOIL, code=Code.CONDITIONAL),
        fired(53, at=SINGLE, reach=Reach.ONE),
    )
    assert "Through one Region naive code oversold 0 in 1 run there." in text
    assert "Careful code (conditional) oversold 0 in 1 run in both Regions." in text
    assert "Single does to two writers what single does: naive code oversold 52 in 1 run." in text
    assert "narrows" not in told(fired(2, at=FOIL), fired(2, at=FOIL, code=Code.CONDITIONAL))
    broken = told(fired(2), fired(1, at=SINGLE, reach=Reach.ONE))
    assert "keeps that" not in broken


def test_without_a_foil_there_are_no_causes() -> None:
    page = page_of(fired(1), stores=ALONE)
    assert (page.causes, page.alone) == ([], True)
    assert [len(it.sides) for it in page.four] == [1, 1, 1, 1]


# the whole matrix


def test_the_matrix_has_every_line_and_what_no_one_measured() -> None:
    page = page_of(*all_measured())
    lines = [(line.title, line.lag, len(line.cells)) for line in page.matrix.lines]
    assert lines == [
        ("Aurora DSQL", "", 8),
        *(("Lagging", f"lag {lag:,} ms asked", 8) for lag in LAGS_MS),
        ("Lagging, strict", "", 0),
        ("Single", "", 8),
    ]
    text = text_of(page)
    assert "Lagging, strict foil All of it. Not measured: nothing here plays this mode." in text
    assert page.matrix.earlier == []
    said = [each.said for line in page.matrix.lines for each in line.cells]
    assert said.count("takes writes in one Region only") == 4
    assert said.count("not measured") == 5 * 8 - 4 - 9


def test_an_earlier_stand_in_is_apart_and_never_added() -> None:
    page = page_of(
        fired(60, at=FOIL), fired(40, at=FOIL, on="emulator 1.4"), fired(30, at=FOIL, on=None)
    )
    side = sides(page)["Naive code, both Regions", "Lagging"]
    assert side.cell.figures.verdict == "oversold 59 in 1 run"
    apart = [(line.on, line.note) for line in page.matrix.earlier]
    assert apart == [("emulator 1.4, a stand-in", NOT_HERE), ("AWS", NOT_HERE)]
    text = text_of(page)
    assert "none of these runs is counted in a line above" in text
    assert text.index("Measured before, or otherwise") < text.rindex("on emulator 1.4")
    hrefs = [each.href for line in page.matrix.earlier for each in line.cells if each.figures]
    assert [href.partition("&on=")[2] for href in hrefs] == ["emulator+1.4#runs", "AWS#runs"]


def test_another_lag_on_the_same_stand_in_says_so() -> None:
    [line] = page_of(fired(60, at=FOIL, lag_ms=50)).matrix.earlier
    assert (line.lag, line.on, line.note) == (
        "lag 50 ms asked",
        "emulator 1.5, a stand-in",
        OTHER_LAG,
    )


def test_a_line_in_which_nothing_is_counted_is_no_line() -> None:
    page = page_of(fired(60, at=FOIL, lag_ms=50, arrival=Arrival(spread_ms=200)))
    assert page.matrix.earlier == []
    assert page.matrix.unlisted == 1


def test_a_foil_that_was_deleted_is_still_told() -> None:
    page = page_of(fired(60, at=FOIL), stores=ALONE)
    [line] = page.matrix.earlier
    assert (line.title, line.role, line.note) == ("lagging", "foil", NOT_HERE)
    assert page.causes == []


def test_runs_with_other_arrivals_are_counted_as_not_listed() -> None:
    page = page_of(fired(1), fired(1, arrival=Arrival(spread_ms=200)), fired(1, buyers=7))
    assert (page.matrix.runs, page.matrix.unlisted) == (2, 1)
    assert "Made from 2 stored runs with 60 buyers." in text_of(page)
    assert "1 run with another arrival is not in these lines" in text_of(page)


def test_the_size_of_stampedes_is_chosen() -> None:
    runs = [fired(1), fired(999, at=FOIL, buyers=1_000)]
    page = page_of(*runs, buyers=1_000)
    assert sides(page)["Naive code, both Regions", "Lagging"].cell.figures.holders == "999"
    assert sides(page)["Naive code, both Regions", "Aurora DSQL"].cell.said == "not measured"
    assert "when 1,000 buyers come all at once" in text_of(page)
    assert 'value="1000"' in html_of(page)


# the runs behind a cell


def test_the_runs_of_a_cell_are_listed_with_what_finds_them_again() -> None:
    runs = [
        fired(60, at=FOIL, ended_at="2026-11-24T14:02:12.000Z"),
        fired(1),
        fired(60, at=FOIL, lag_ms=100),
    ]
    wanted = {"store": "lagging", "code": Code.NAIVE, "lag": 0, "on": EMULATOR}
    found = page_of(*runs, wanted=wanted).runs
    assert found is not None
    assert found.like == "Lagging, 60 buyers, naive code, lag 0 ms asked, on emulator 1.5"
    [line] = found.runs
    assert (line.oversold, line.holders, line.in_flight, line.tone) == ("59", "60", "60", "bad")
    assert (line.seed, line.seat, line.commit, line.event_id) == (7, "A1", "0123456", "evt_1")
    assert line.what == "all at once, both Regions"
    html = html_of(page_of(*runs, wanted=wanted))
    assert f'href="/api/stampedes/{line.run_id}"' in html


def test_any_part_of_a_cell_can_be_asked_for() -> None:
    runs = [
        fired(1),
        fired(60, at=FOIL, arrival=SPREAD),
        fired(60, at=FOIL, reach=Reach.ONE),
        fired(1, buyers=7),
        fired(1, status=RunStatus.RUNNING),
    ]

    def listed(wanted: cell_runs.Wanted) -> int:
        return len(cell_runs.runs_view(runs, wanted, buyers=60, stores=STORES).runs)

    assert listed({"code": Code.NAIVE}) == 3
    assert listed({"reach": Reach.ONE}) == 1
    assert listed({"arrival": SPREAD}) == 1
    assert listed({"store": "dsql", "arrival": SPREAD}) == 0
    assert page_of(*runs).runs is None
    [lagging, *_] = cell_runs.runs_view(runs, {"arrival": SPREAD}, buyers=60, stores=STORES).runs
    assert lagging.what == (
        "Lagging, naive, both Regions, lag 0 ms asked, on emulator 1.5, a stand-in"
    )
    nothing = page_of(*runs, wanted={"store": "nowhere"})
    assert "Runs: nowhere, 60 buyers No stored run is like that." in text_of(nothing)


def test_a_run_without_a_result_is_listed_and_says_so() -> None:
    runs = [
        fired(0),
        fired(5, status=RunStatus.INTERRUPTED),
        fired(0, at=FOIL, status=RunStatus.INTERRUPTED, uncounted="the emulator ended"),
    ]
    found = cell_runs.runs_view(runs, {"code": Code.NAIVE}, buyers=60, stores=STORES)
    assert [(line.oversold, line.holders, line.tone) for line in found.runs] == [
        ("no result: nobody was confirmed", "–", "none"),
        ("no result: interrupted", "–", "none"),
        ("no result: the emulator ended", "–", "none"),
    ]


def test_a_long_list_is_cut_and_says_by_how_much() -> None:
    runs = [fired(1)] * (cell_runs.LISTED + 3)
    page = page_of(*runs, wanted={"store": "dsql"})
    assert page.runs is not None
    assert (len(page.runs.runs), page.runs.more) == (cell_runs.LISTED, 3)
    assert "And 3 older runs like these." in text_of(page)


# measuring


def bodies(name: str, stores: Any = STORES, *runs: Any) -> list[dict[str, Any]]:
    [chosen] = [each for each in cell_sets(table_of(*runs, stores=stores)) if each.name == name]
    return [each["body"] for each in json.loads(chosen.cells)]


def test_the_set_of_four_is_the_four_cells() -> None:
    found = bodies("four")
    assert len(found) == 8
    assert {each["store"] for each in found} == {"dsql", "lagging"}
    assert {each["lag_ms"] for each in found} == {None, 0}
    assert {each["arrival"] for each in found} == {"burst"}
    assert found[0] == {
        "store": "dsql",
        "code": "naive",
        "arrival": "burst",
        "reach": "one",
        "lag_ms": None,
        "buyers": 60,
    }


def test_the_sceptics_set_has_foils_in_one_region_and_the_product_in_both() -> None:
    found = {(each["store"], each["code"], each["reach"]) for each in bodies("sceptic")}
    assert found == {
        (store, code, "both" if store == "dsql" else "one")
        for store in STORES
        for code in ("naive", "conditional")
    }


def test_everything_is_what_can_be_fired_here() -> None:
    found = bodies(
        "every", STORES, fired(1, at=FOIL, on="emulator 1.4"), fired(1, at=FOIL, lag_ms=50)
    )
    assert len(found) == 8 + 3 * 8 + 4
    assert not any(each["store"] == "single" and each["reach"] == "both" for each in found)


def test_without_a_foil_there_is_nothing_for_a_sceptic() -> None:
    assert [each.name for each in cell_sets(table_of(stores=ALONE))] == ["four", "every"]


def test_the_plan_knows_what_is_stored_and_how_long_it_took() -> None:
    table = table_of(fired(1), fired(1), fired(0))
    every = json.loads(cell_sets(table)[-1].cells)
    had = {
        (each["had"], each["took_ms"])
        for each in every
        if (each["body"]["store"], each["body"]["code"], each["body"]["arrival"])
        == ("dsql", "naive", "burst")
    }
    assert had == {(2, 400.0), (0, None)}


NOW = CellAnswer(
    store="lagging",
    title="Lagging",
    code=Code.NAIVE,
    arrival="spread:300ms",
    reach=Reach.ONE,
    lag_ms=1_000,
    buyers=60,
)


FIRING = "Run 18 of 40: Lagging, naive, spread over 300 ms, one Region, lag 1,000 ms."


def comparing(**other: Any) -> ComparisonAnswer:
    given: dict[str, Any] = {
        "comparison_id": "cmp_1",
        "event_id": "evt_1",
        "status": "running",
        "seed": 1,
        "planned": 40,
        "done": 17,
        "now": NOW,
        "progress": ProgressAnswer(answered=15, buyers=60),
        "run_ids": [],
        "problems": [],
    }
    return ComparisonAnswer(**(given | other))


@pytest.mark.parametrize(
    ("state", "words", "progress"),
    [
        (
            {},
            f"{FIRING} 15 of 60 buyers answered.",
            17.25,
        ),
        (
            {"progress": None},
            FIRING,
            17.0,
        ),
        ({"now": None, "progress": None}, "Run 18 of 40: about to fire.", 17.0),
        (
            {"status": "stopped"},
            "Stopping: the run under way is finished and counted.",
            17.25,
        ),
        (
            {"status": "stopped", "now": None, "progress": None},
            "Stopped: 17 of 40 runs fired and stored.",
            17.0,
        ),
        (
            {"status": "done", "done": 1, "planned": 1, "now": None, "progress": None},
            "Done: 1 of 1 run fired and stored.",
            1.0,
        ),
        (
            {"status": "done", "done": 0, "planned": 0, "now": None, "progress": None},
            "Done: every cell had that many runs already.",
            0.0,
        ),
    ],
)
def test_how_far_it_is_is_said_in_words(state: dict[str, Any], words: str, progress: float) -> None:
    now = now_of(comparing(**state))
    assert now is not None
    assert (now.words, now.progress) == (words, progress)
    html = environment().get_template("compare_now.html").render(now=now)
    assert words in html
    assert ("<progress" in html) == (now.running or now.ending)
    assert ("data-running" in html, "data-ending" in html) == (now.running, now.ending)


def test_what_could_not_be_fired_is_listed() -> None:
    html = html_of(page_of(newest=comparing(problems=["lagging, <naive>: it is away"])))
    assert "Could not be fired:" in html
    assert "<li>lagging, &lt;naive&gt;: it is away</li>" in html
    assert now_of(None) is None


def test_a_rehearsal_is_chosen_where_there_are_several(event: Event) -> None:
    live = in_mode(replace(event, event_id="evt_live"), Mode.LIVE)
    one = html_of(page_of(events=[live, event]))
    assert '<input type="hidden" name="event" value="evt_1">' in one
    two = html_of(page_of(events=[event, replace(event, event_id="evt_2"), live]))
    assert re.findall(r'<option value="(evt_\w+)">', two) == ["evt_1", "evt_2"]
    none = html_of(page_of(events=[live]))
    assert "there is none here" in none
    assert 'name="measure"' not in none
    assert f'max="{RUNS_MAX}"' in one


# the page as a whole


def test_without_a_foil_the_page_says_how_to_have_one() -> None:
    text = text_of(page_of(fired(1), stores=ALONE, missing={"lagging": "pip install <it>"}))
    assert "No foil is installed, so there is nothing to compare with." in text
    assert "lagging : pip install &lt;it&gt;." in text
    assert "make foils" in text
    bare = text_of(page_of(stores=ALONE))
    assert "None is registered" in bare
    assert "not measured" in bare
    assert "No foil is installed" not in text_of(page_of())


def test_a_foil_that_is_missing_beside_another_is_named() -> None:
    text = text_of(page_of(missing={"third": "its package is not installed"}))
    assert "Registered, and not here: third : its package is not installed." in text


def test_each_store_says_what_it_guarantees() -> None:
    text = text_of(page_of())
    for store in STORES.values():
        says = store.guarantees
        for words in (says.isolation, says.replication, says.cannot, says.two_writers):
            assert words in text
    assert "Single 9 itself" in text
    assert "Single 9 itself: its figures are not AWS's" not in text


def test_text_of_a_store_cannot_break_out() -> None:
    evil = a_store("evil", title="<script>alert(1)</script>", stand_in='"><b>x')
    page = page_of(fired(60, at=evil), stores={PRODUCT.name: PRODUCT, "evil": evil})
    for template in ("compare.html", "compare_panels.html"):
        html = environment().get_template(template).render(page=page)
        assert "<script>alert" not in html
        assert '"><b>x' not in html


class _Checked(HTMLParser):
    """Collects what a page may have only once, and what it must not have at all."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.panels: list[str] = []
        self.bad: list[str] = []
        self.heads = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.panels += [value for name, value in attrs if name == "data-panel" and value]
        if "style" in named or tag == "style" or any(name.startswith("on") for name in named):
            self.bad.append(tag)
        if tag == "th":
            self.heads += named.get("scope") in {"row", "col"}
            self.bad += [] if named.get("scope") else ["th without scope"]


def test_the_markup_is_sound(event: Event) -> None:
    page = page_of(
        *all_measured(),
        fired(2, at=FOIL, on="emulator 1.4"),
        wanted={"store": "lagging"},
        newest=comparing(),
        events=[event, replace(event, event_id="evt_2")],
    )
    found = []
    for template in ("compare.html", "compare_panels.html"):
        checked = _Checked()
        checked.feed(environment().get_template(template).render(page=page))
        assert checked.bad == []
        assert len(checked.ids) == len(set(checked.ids))
        assert len(checked.panels) == len(set(checked.panels))
        assert checked.heads > 40
        found.append(set(checked.panels))
    # What is asked for as panels is on the page, so that it finds its place there.
    whole, panels = found
    assert whole - panels == {"now"}
    assert panels < whole


def test_foils_of_the_headline_are_taken_as_they_come() -> None:
    third = a_store("third")
    stores = {**STORES, "third": third}
    quadrants = four(table_of(fired(3, at=third), stores=stores))
    assert [side.title for side in quadrants[0].sides] == ["Aurora DSQL", "Lagging", "Third"]
