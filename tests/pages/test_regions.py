"""The Regions panel: what it says, draws and offers, in every state of the cluster."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.ports.cluster import FaultState
from worldseat.web.regions import Seen
from worldseat.web.templating import environment
from worldseat.web.views import regions as view

from .clusters import WITNESS, a_status, seen
from .conftest import REGIONS

EAST_1, EAST_2 = REGIONS
BY_2: dict[str, str | None] = {EAST_1: EAST_2, EAST_2: EAST_2}
BY_NOBODY: dict[str, str | None] = dict.fromkeys(REGIONS)
LOST = {EAST_1: "connection refused"}


def shown(found: Seen, stand_in: str | None = LOCAL_CLUSTER) -> view.RegionsView:
    return view.view(found, stand_in=stand_in)


def rendered(found: Seen, stand_in: str | None = LOCAL_CLUSTER) -> str:
    page = view.RegionsPage(regions=shown(found, stand_in))
    return " ".join(environment().get_template("regions.html").render(page=page).split())


SAID = [
    (seen(a_status()), "good", "All three Regions are well: each serves its own fans."),
    (
        seen(a_status(down=[EAST_1]), BY_2, states=LOST),
        "bad",
        "us-east-1 is down. Its fans are served by us-east-2.",
    ),
    (
        seen(a_status(cut_off=[EAST_1])),
        "bad",
        (
            "us-east-1 is cut off from the others: it answers, and can commit nothing. "
            "This server has met no error there yet."
        ),
    ),
    (
        seen(a_status(down=[WITNESS])),
        "bad",
        "The witness Region us-west-2 is down: a commit now needs both other Regions.",
    ),
    (
        seen(a_status(down=[EAST_1, WITNESS]), BY_NOBODY, states=LOST),
        "bad",
        (
            "us-east-1 is down. us-east-2 has no quorum: it reaches too few Regions to commit "
            "anything. Nobody can buy now, and nothing is written."
        ),
    ),
    (
        seen(a_status(), BY_2, states=LOST),
        "bad",
        "us-east-1 is coming back. Its fans are served by us-east-2.",
    ),
    (
        seen(problem="The local cluster does not answer: gone."),
        "none",
        "Both endpoints take commits. How the cluster behind them stands is unknown.",
    ),
    (seen(), "good", "Both Regions are well: each serves its own fans."),
    (
        seen(None, BY_2, states=LOST),
        "bad",
        "us-east-1 is away (connection refused). Its fans are served by us-east-2.",
    ),
]


@pytest.mark.parametrize(("found", "tone", "said"), SAID)
def test_a_sentence_says_how_the_regions_stand(found: Seen, tone: str, said: str) -> None:
    panel = shown(found)
    assert (panel.tone, panel.said) == (tone, said)
    assert said in rendered(found)


def test_every_state_has_a_shape_of_its_own() -> None:
    states = [
        *(view.OK, view.DOWN, view.CUT_OFF, view.RETURNING, view.UNSEEN),
        # One shape for two words: both answer, and can commit nothing.
        view.NO_QUORUM,
    ]
    assert len({each.mark for each in states}) == len(states) - 1
    assert len({each.word for each in states}) == len(states)


def test_the_figures_are_those_of_each_region() -> None:
    found = seen(a_status(down=[EAST_1]), BY_2, states=LOST)
    lines = dict(shown(found).lines)
    assert lines == {
        "its fans go to": ["us-east-2", "us-east-2"],
        "commit p50": ["12.3 ms", "12.3 ms"],
        "commit p99": ["481 ms", "481 ms"],
        "commits": ["1,204", "1,204"],
        "conflicts": ["59", "59"],
        "retries": ["58", "58"],
        "unanswered": ["1", "1"],
    }
    assert view.latency(None) == "–"


def drawn(found: Seen) -> ET.Element:
    picture = shown(found).picture
    assert picture is not None
    text = environment().get_template("_regions_picture.html").render(it=picture)
    return ET.fromstring(text)  # noqa: S314 - our own


def classes(root: ET.Element, tag: str) -> list[str]:
    return [each.get("class", "") for each in root.iter(tag)]


def test_the_picture_shows_cut_links_and_where_fans_go() -> None:
    whole = drawn(seen(a_status()))
    assert classes(whole, "line").count("link") == 3
    assert classes(whole, "rect") == ["node good"] * 3
    assert "12 ms" in [each.text for each in whole.iter("text")]

    lost = drawn(seen(a_status(down=[EAST_1]), BY_2, states=LOST))
    assert classes(lost, "line").count("link cut") == 2
    assert classes(lost, "text").count("cross") == 2
    assert sorted(classes(lost, "rect")) == ["node bad", "node good", "node good"]
    ways = [each for each in lost.iter("line") if each.get("class") == "fans"]
    assert len({each.get("x1") for each in ways}) == 2
    ends = [abs(int(each.get("x2", "0")) - 244) for each in ways]
    assert max(ends) < 52, "both ways end at the box of us-east-2"

    nobody = drawn(seen(a_status(down=REGIONS), BY_NOBODY, states=dict.fromkeys(REGIONS, "away")))
    assert [each for each in classes(nobody, "line") if each.startswith("fans")] == []
    assert [each.text for each in nobody.iter("text")].count("✕ its fans") == 2

    vain = drawn(seen(a_status(cut_off=[EAST_1])))
    assert sorted(each for each in classes(vain, "line") if each.startswith("fans")) == [
        "fans",
        "fans in-vain",
    ]


def test_a_press_gives_the_order_that_undoes_the_last() -> None:
    panel = shown(seen(a_status(down=[EAST_1], cut_off=[WITNESS]), BY_2, states=LOST))
    orders = {region: [each.kind for each in buttons] for region, buttons in panel.orders}
    assert orders == {
        EAST_1: ["region-up", "cut-off"],
        EAST_2: ["region-down", "cut-off"],
        WITNESS: ["region-down", "rejoin"],
    }
    html = rendered(seen(a_status()))
    assert 'data-kind="region-down" data-region="us-west-2">Take down' in html
    assert 'data-kind="clear">All well again' in html


@pytest.mark.parametrize("found", [seen(), seen(problem="The local cluster does not answer.")])
def test_without_a_cluster_that_answers_there_is_nothing_to_press(found: Seen) -> None:
    html = rendered(found)
    main = html.split("<regions-panel")[1].split("</regions-panel>")[0]
    assert "<button" not in main
    assert "<svg" not in main
    assert "commit p99" in main
    assert found.problem in main


def test_aws_has_no_badge_and_another_stand_in_is_named() -> None:
    assert shown(seen(), None).badge == ""
    assert shown(seen(), "PostgreSQL 16.14").badge == "PostgreSQL 16.14, a stand-in"
    assert shown(seen(a_status())).badge == "local stand-in"
    assert shown(seen(), None).witness == view.UNSEEN


def test_what_is_planned_and_what_happened() -> None:
    fault: dict[str, Any] = {"fault_id": 1, "mark": None}
    faults = [
        FaultState(kind="storm", region=EAST_1, left=2, done=3, **fault),
        FaultState(kind="drop-after", region=None, left=1, done=0, **fault),
    ]
    html = rendered(seen(a_status(faults=faults, storm=3, region_down=4, clear=0)))
    assert "Planned: conflict at COMMIT (40001), us-east-1: 2 to come, 3 happened." in html
    assert "connection lost after COMMIT applied, any Region: 1 to come, 0 happened." in html
    assert "Since the cluster started: region-down 4, storm 3." in html


def test_nothing_is_inline_and_what_a_database_says_is_escaped() -> None:
    html = rendered(seen(None, BY_2, states={EAST_1: "<script>alert(1)</script>"}))
    assert "<script>alert" not in html
    assert " style=" not in html
    assert "<style" not in html
