"""What the templates make of a view: every state of every panel, and nothing unescaped."""

from types import SimpleNamespace
from typing import Any

import pytest

from worldseat.domain.event import Event
from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.domain.seats import Mode
from worldseat.domain.verdict import Fault, Report, Unknowns, Violation
from worldseat.ports.store import Guarantees
from worldseat.services.acceptances import NewestReports
from worldseat.services.codes import CODES, naive
from worldseat.services.floor import FloorView
from worldseat.services.headline import Story
from worldseat.web.judgements import Newest
from worldseat.web.problems import KINDS
from worldseat.web.scripts import FOLDER, needed_by
from worldseat.web.templating import environment
from worldseat.web.views import command_center as center
from worldseat.web.views.backend import choose
from worldseat.web.views.explained import EXPLAINED
from worldseat.web.views.fan import Visitor
from worldseat.web.views.proof import proof, source
from worldseat.web.views.trouble import Trouble

from .clusters import a_status, seen
from .conftest import AT, REGIONS, in_mode, run_of, side_of

STAND_IN = "PostgreSQL 16.14"
AWAY = Trouble(message="The database is away.", next_step="Try again.")


def a_store(name: str = "dsql", role: str = "product", *, stand_in: str | None = STAND_IN) -> Any:
    return SimpleNamespace(
        name=name,
        title="Aurora DSQL" if role == "product" else "DynamoDB GT",
        role=role,
        stand_in=stand_in,
        guarantees=Guarantees(
            isolation="an isolation",
            replication="one copy",
            cannot="fly",
            two_writers="lets one commit win",
        ),
        regions=REGIONS,
        in_headline=True,
        lag_is_chosen=role == "foil",
        adapter_source=(naive, "SELECT 1"),
    )


STORES = {"dsql": a_store(), "dynamodb": a_store("dynamodb", "foil", stand_in="ministack 1.5")}


def a_report(*violations: Violation) -> Report:
    return Report(
        event_id="evt_1",
        round_id="rehearsal-1",
        scope="floor",
        verdict="",
        violations=violations,
        violation_count=len(violations),
        histories=1,
        runs_without_history=0,
        operations=61,
        transitions=1,
        seats=6,
        unknowns=Unknowns(total=0, resolved_sold=0, resolved_void=0, unresolved=0),
        lanes=None,
        seat=None,
        judged_at=AT,
    )


def rendered(
    event: Event,
    floor: FloorView | Trouble,
    *,
    chosen: str = "dsql",
    stand_in: str | None = STAND_IN,
    **other: Any,
) -> str:
    stores = {**STORES, "dsql": a_store(stand_in=stand_in)}
    found: dict[str, Any] = {
        "event": event,
        "events": [event],
        "floor": floor,
        "story": Story(product=side_of(run_of()), foils=[]),
        "runs": [run_of()],
        "judged": Newest(report=a_report(), pending=False),
        "tickets": [],
        "log": [],
        "regions": seen(),
    }
    page = center.view(
        center.Found(**(found | other)),
        chosen=choose(stores, chosen),
        stores=stores,
        regions=REGIONS,
        visitor=Visitor(name="<Ada>", region=REGIONS[0]),
    )
    return in_one_line(environment().get_template("command_center.html").render(page=page))


def in_one_line(html: str) -> str:
    """Return the text as a browser reads it: any space is one space."""
    return " ".join(html.split())


def test_the_ten_groups_of_facts_are_on_the_page(event: Event, floor: FloorView) -> None:
    html = rendered(event, floor)
    for fact in (
        "WorldSeat. <small>On-Sale Command Center</small>",
        "us-east-1 ⇄ us-east-2 active-active",
        "one PostgreSQL 16.14 behind both",
        "nothing plays it here",
        "up to 1,000 buyers / seat",
        "Proof panel →",
        "A worldwide ticket on-sale where one seat must sell to exactly one fan.",
        "Amazon Aurora DSQL, the only one it runs on.",
        "same code,<br>only the database changed",
        "Counted from committed rows.",
        "PostgreSQL 16.14, a stand-in",
        "<legend>Backend</legend>",
        "Stress test: target",
        "Click a seat to buy it, or fire a stampede at the target.",
        "Break-it target",
        "My tickets",
        "Break-it scoreboard",
        "The count is the measured fact.",
        "op_log committed",
        "The Witness",
        "Judged from 1 recorded history and 1 committed transition.",
        "Honesty guard",
        "<code>sales_naive</code>",
        "Nothing has happened in this round yet.",
    ):
        assert fact in html, fact


def test_the_local_cluster_is_named_and_plays_the_witness(event: Event, floor: FloorView) -> None:
    html = rendered(event, floor, stand_in=LOCAL_CLUSTER, regions=seen(a_status()))
    assert '<dd><span class="badge">local DSQL cluster</span></dd>' in html
    assert '<dd><span class="badge">played by the cluster</span></dd>' in html
    assert "behind both" not in html
    assert "nothing plays it here" not in html
    assert '<span class="badge">local stand-in</span>' in html


def test_aws_has_no_badges(event: Event, floor: FloorView) -> None:
    html = rendered(event, floor, stand_in=None)
    stub = html.split('<dl class="stub"')[1].split("</dl>")[0]
    assert "badge" not in stub.replace('<span class="badge">rehearsal</span>', "")


def test_names_and_titles_are_escaped(event: Event, floor: FloorView) -> None:
    html = rendered(event, floor)
    assert "<Ada>" not in html
    assert "&lt;Ada&gt;" in html
    assert "A &lt;TEST&gt; &amp; MORE" in html


def test_nothing_is_inline(event: Event, floor: FloorView) -> None:
    html = rendered(event, floor)
    assert "<style" not in html
    assert " style=" not in html
    assert "<script>" not in html


def test_a_foils_floor_is_read_only_and_says_so(event: Event, floor: FloorView) -> None:
    html = rendered(event, floor, chosen="dynamodb")
    assert "DynamoDB GT's own floor: not for sale." in html
    assert "data-read-only" in html
    assert "<buy-bar" not in html


def test_a_panel_in_trouble_leaves_the_others_whole(event: Event, floor: FloorView) -> None:
    parts = ("story", "runs", "judged", "tickets", "log")
    for part in parts:
        troubled: dict[str, Any] = {part: AWAY}
        html = rendered(event, floor, **troubled)
        assert "The database is away.</b> Try again." in html, part
        assert 'aria-label="Row A, seat 1, $150, available"' in html, part
    html = rendered(event, AWAY)
    assert "The database is away." in html
    assert "Break-it scoreboard · seat" in html


def test_first_visit_says_so_in_every_panel(event: Event, floor: FloorView) -> None:
    story = Story(product=side_of(None, note="not measured yet"), foils=[])
    html = rendered(event, floor, story=story, runs=[], judged=Newest(report=None, pending=True))
    assert "Not measured yet. Press Break it: 60 fans, one seat." in html
    assert "None yet. Click a seat and press Buy." in html
    assert "Reading this round's histories …" in html
    assert "after a stampede they stand here side by side" in html


def test_a_live_on_sale_has_no_target(event: Event, floor: FloorView) -> None:
    live = in_mode(event, Mode.LIVE)
    html = rendered(live, floor, runs=[], events=[live, event])
    assert "This is a live on-sale: Break it and Reset work on a rehearsal only." in html
    assert "Go to the rehearsal →" in html
    assert 'name="seat" value=""' in html


def test_a_finding_names_its_rows(event: Event, floor: FloorView) -> None:
    fork = Violation(
        fault=Fault.FORK,
        seat="A1",
        seat_index=0,
        run_id=None,
        op_ids=("op_one_0", "op_two_0"),
        sentence="Seat A1 was sold twice.",
        operator="",
    )
    html = rendered(event, floor, judged=Newest(report=a_report(fork), pending=False))
    assert "1 violation found" in html
    assert "Seat A1 was sold twice." in html
    assert "op_two_0" in html


def test_the_proof_shows_code_and_adapter_with_their_hashes() -> None:
    page = proof(
        runs=[run_of()],
        limit=1,
        reports=[("EVENT", a_report())],
        codes=CODES.values(),
        stores=STORES,
        accepted=NewestReports(aws=None, stand_in=None),
        url="http://here",
    )
    html = in_one_line(environment().get_template("proof.html").render(page=page))
    assert source(naive).sha256 in html
    assert source("SELECT 1").sha256 in html
    assert "0 oversold in 1 run" in html
    assert "The newest 1 runs are counted here" in html
    assert "Not measured. A foil is installed" in html
    assert "worldseat break-it --url http://here --store dsql --code naive" in html


@pytest.mark.parametrize(
    ("stand_in", "said"),
    [
        (None, "<td>AWS</td>"),
        (STAND_IN, "PostgreSQL 16.14 on this machine, a stand-in. Its conflicts come from one"),
        (LOCAL_CLUSTER, "The local DSQL cluster, a stand-in: it plays two Regional endpoints and"),
    ],
)
def test_the_proof_says_what_ran(stand_in: str | None, said: str) -> None:
    page = proof(
        runs=[],
        limit=1,
        reports=[],
        codes=CODES.values(),
        stores={"dsql": a_store(stand_in=stand_in)},
        accepted=NewestReports(aws=None, stand_in=None),
        url="http://here",
    )
    assert said in in_one_line(environment().get_template("proof.html").render(page=page))


def test_every_problem_is_explained() -> None:
    assert set(EXPLAINED) == set(KINDS)


@pytest.mark.parametrize(
    "entry", ["command-center.js", "fan.js", "proof.js", "regions.js", "theme-toggle.js"]
)
def test_modules_that_a_page_needs_exist_and_are_complete(entry: str) -> None:
    needed = needed_by(entry)
    for name in (entry, *needed):
        text = (FOLDER / name).read_text()
        for imported in (each.split('"')[0] for each in text.split('from "./')[1:]):
            assert imported in needed, f"{name} imports {imported}"
