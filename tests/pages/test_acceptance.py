"""What the pages make of acceptance reports: every state, and AWS apart from its stand-in."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest
from tests.acceptance_reports import (
    broken,
    not_tried,
    of_aws,
    promise,
    report,
    signed,
    stampeded,
)

from worldseat.domain.acceptance import PROMISES, Latency, Report, sealed
from worldseat.services.acceptances import NewestReports
from worldseat.web.templating import environment
from worldseat.web.views.acceptance import render, verdict, view
from worldseat.web.views.promises import NOT_MEASURED, Cell, promises
from worldseat.web.views.proof import proof
from worldseat.web.views.trouble import Trouble

NONE_YET = NewestReports(aws=None, stand_in=None)
STAND_IN = "the local DSQL cluster, a stand-in"
BAD = of_aws(promises=(promise("tokens"), broken("isolation"), not_tried("fence")))


def proved(newest: NewestReports | Trouble) -> str:
    """The Proof panel's section about promises, as its HTML."""
    page = proof(
        runs=[], limit=1, reports=[], codes=[], stores={}, accepted=newest, url="http://here"
    )
    html = environment().get_template("proof.html").render(page=page)
    found = re.search(r'<section aria-labelledby="c2">.*?</section>', html, re.DOTALL)
    assert found is not None
    return found[0]


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def cells(newest: NewestReports) -> dict[str, list[Cell]]:
    return {title: list(row) for title, row in promises(newest).rows}


# the Proof panel


def test_without_a_report_every_promise_is_there_and_nothing_is_measured() -> None:
    found = cells(NONE_YET)
    assert list(found) == list(PROMISES.values())
    assert {each.text for row in found.values() for each in row} == {NOT_MEASURED}
    text = words(proved(NONE_YET))
    assert f"promise AWS {STAND_IN}" in text
    assert text.count("– not measured yet") == 2 * (len(PROMISES) + 1)
    assert "worldseat accept" in text


def test_every_promise_has_its_count_with_the_denominator() -> None:
    played = report()
    found = cells(NewestReports(aws=BAD, stand_in=played))
    assert [each.text for each in found[PROMISES["tokens"]]] == ["held in 18 of 18 logins"] * 2
    aws, _ = found[PROMISES["isolation"]]
    assert (aws.tone, aws.text) == ("bad", "broken in 1 of 11 recorded cases")
    assert "other Region: a session was opened" in aws.seen
    aws, _ = found[PROMISES["fence"]]
    assert (aws.tone, aws.text) == ("none", "not tried")
    assert "limit" in aws.seen
    aws, other = found[PROMISES["least-privilege"]]
    assert (aws.text, other.text) == ("no part of this run",) * 2


def test_a_broken_promise_is_a_shape_and_a_word_and_not_only_red() -> None:
    html = proved(NewestReports(aws=BAD, stand_in=None))
    cell = re.search(r'<td class="bad">.*?</td>', html, re.DOTALL)
    assert cell is not None
    assert "✕" in cell[0]
    assert "broken in 1 of 11" in cell[0]


def test_a_column_says_whose_run_it_was_and_who_signed_it_off() -> None:
    text = words(proved(NewestReports(aws=signed(of_aws()), stand_in=report())))
    assert "run of 2026-01-02, commit abcdef012345" in text
    assert "signed off by Ada Invented on 2026-01-03" in text
    assert text.count("not signed off") == 1
    html = proved(NewestReports(aws=of_aws(), stand_in=report()))
    assert re.findall(r'href="/acceptance/([^"]*)"', html) == ["acc_invented-aws", "acc_invented"]


@pytest.mark.parametrize(
    "newest",
    [
        NewestReports(aws=None, stand_in=report()),
        # As if whoever found it had mixed them up.
        NewestReports(aws=report(), stand_in=None),
        NewestReports(aws=report(), stand_in=report()),
    ],
    ids=["as it should be", "mixed up", "both of the stand-in"],
)
def test_a_stand_ins_figure_is_never_in_the_column_of_aws(newest: NewestReports) -> None:
    found = promises(newest)
    assert found.columns[0].title == "AWS"
    assert found.columns[0].head == NOT_MEASURED
    assert found.columns[0].href is None
    assert {row[0].text for _, row in found.rows} == {NOT_MEASURED}
    assert found.columns[1].title == STAND_IN
    assert "held" in found.rows[0][1][1].text
    text = words(proved(newest))
    assert text.count("– not measured yet") == len(PROMISES) + 1


def test_that_files_differed_from_the_commit_is_not_hidden() -> None:
    text = words(proved(NewestReports(aws=of_aws(git_commit="abcdef012345+"), stand_in=None)))
    assert "commit abcdef012345+" in text


def test_a_report_of_aws_is_never_in_the_column_of_the_stand_in() -> None:
    found = promises(NewestReports(aws=None, stand_in=of_aws()))
    assert found.columns[1].head == NOT_MEASURED
    assert "held" in found.rows[0][1][0].text


def test_nothing_of_a_report_with_a_broken_seal_is_shown_as_measured() -> None:
    changed = replace(BAD, promises=tuple(promise(each.name) for each in BAD.promises))
    found = promises(NewestReports(aws=changed, stand_in=None))
    assert {row[0].text for _, row in found.rows} == {"not shown: the seal is broken"}
    assert found.columns[0].tone == "bad"
    assert "seal is broken" in found.columns[0].head


def test_reports_that_cannot_be_read_leave_the_rest_of_the_page_whole() -> None:
    away = Trouble(message="Acceptance reports cannot be read right now.", next_step="Try again.")
    assert "cannot be read right now" in proved(away)


# the report's own page


@pytest.mark.parametrize(
    ("made", "tone", "head"),
    [
        (
            report(),
            "good",
            "No violation found on the local DSQL cluster: 7 of 7 promises held.",
        ),
        (of_aws(), "good", "No violation found on AWS: 7 of 7 promises held."),
        (BAD, "bad", f"1 of 3 promises broke on AWS: {PROMISES['isolation']}."),
        (
            of_aws(promises=(promise("tokens"), not_tried("fence"))),
            "none",
            f"1 of 2 promises held on AWS; not tried: {PROMISES['fence']}.",
        ),
        (
            replace(report(), git_commit="another"),
            "bad",
            "The seal is broken: this is not what the run wrote.",
        ),
    ],
    ids=["a stand-in", "AWS", "broken", "not tried", "changed"],
)
def test_the_verdict_is_one_sentence(made: Report, tone: str, head: str) -> None:
    told = verdict(made)
    assert (told.tone, told.head) == (tone, head)
    stands_in = any("a stand-in" in sentence for sentence in told.sentences)
    assert stands_in == (made.stand_in is not None)


def test_a_stand_in_is_named_wherever_figures_are() -> None:
    text = words(render(report()))
    for section in ("Promises", "Stampedes", "Commit latency"):
        assert f"{section} on {STAND_IN}" in text
    assert f"What a COMMIT took through each Region, on {STAND_IN}" in text
    assert "nothing was paid" in text
    assert "say nothing about the speed of Aurora DSQL" in text
    on_aws = words(render(of_aws()))
    assert "stand-in" not in on_aws
    assert "Stampedes on AWS" in on_aws


def test_nothing_is_ever_called_proved_or_safe() -> None:
    for made in (report(), of_aws(), BAD, replace(report(), digest="")):
        assert not re.search(
            r"\b(proved|proven|safe|guaranteed?)\b", words(render(made)), re.IGNORECASE
        )


def test_the_page_holds_every_case_and_says_how_it_ended() -> None:
    text = words(render(BAD))
    assert "Broken in 1 of 11 recorded cases." in text
    assert "other Region : broken refused a session was opened" in text
    assert "Not tried. The limit of 5.00 dollars" in text
    assert "lost Regions" in words(render(report()))


def test_a_zero_has_its_denominator_and_a_stampede_without_a_result_has_none() -> None:
    made = report(
        stampedes=(
            stampeded(),
            stampeded(
                code="conditional",
                above_zero=3,
                oversold_high=7,
                holders_high=8,
                runs=19,
                without=1,
            ),
            stampeded(arrival="spread:300ms", runs=0, without=20),
        )
    )
    first, second, third = view(made).stampedes
    assert (first.oversold, first.in_runs, first.tone) == ("0", "in 20 of 20 runs", "good")
    assert (second.oversold, second.in_runs) == ("0 (0–7)", "above 0 in 3 of 19 runs")
    assert (second.tone, second.without) == ("bad", "1 run without a result or a race, not counted")
    assert (third.oversold, third.holders, third.in_runs) == ("–", "–", "no result")
    assert third.tone == "none"


def test_what_was_not_measured_says_so() -> None:
    text = words(render(of_aws(stampedes=(), latencies=())))
    assert "Not measured: the run fired no stampede." in text
    assert "Not measured." in text
    assert "<svg" not in render(of_aws(latencies=()))


def test_a_limit_that_was_reached_is_said() -> None:
    made = of_aws(spent=replace(report().spent, spent_usd=5.01, stopped=True))
    assert "Cost: $5.01 at most, estimated from what was sent; $1.23 expected" in words(
        render(made)
    )
    assert "It stopped at the limit." in words(render(made))


def test_who_signed_is_said_and_that_it_proves_nothing() -> None:
    assert "Not signed off." in words(render(of_aws()))
    text = words(render(signed(of_aws())))
    assert "Ada Invented , 2026-01-03 00:00:00 UTC: seen by a test" in text
    assert "nothing proves whose it is" in text


def test_nothing_in_a_report_becomes_markup() -> None:
    evil = "<script>alert(1)</script>"
    made = sealed(
        replace(
            signed(report(), by=evil, note=evil),
            notes=(evil,),
            server_version=evil,
            promises=(replace(broken("tokens"), title=evil, seen=evil, of_what=evil),),
        )
    )
    page = environment().get_template("acceptance.html").render(page=view(made))
    shown = proved(NewestReports(aws=None, stand_in=made))
    for html in (render(made), page, shown):
        assert "&lt;script&gt;alert" in html
        assert "<script>" not in html


# the standalone file


def test_the_file_needs_nothing_else_and_runs_no_script() -> None:
    html = render(report())
    assert html.startswith("<!doctype html>")
    assert "<script" not in html
    assert "<link" not in html
    assert not re.findall(r'(?:src|href)="(?!#)', html)
    assert not re.search(r"url\(|@import", html)
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
    assert "--accent" in html
    assert "&#39;, &#34;" not in html.partition("</style>")[0]  # The style is not escaped.


# the picture


def drawn(*latencies: Latency) -> tuple[Any, ET.Element]:
    made = view(report(latencies=latencies)).picture
    html = render(report(latencies=latencies))
    found = re.search(r"<svg.*?</svg>", html, re.DOTALL)
    assert found is not None
    return made, ET.fromstring(found[0])  # noqa: S314 - our own page.


def latency(most: float) -> Latency:
    return Latency(
        region="us-east-1",
        commits=200,
        p50_ms=most / 4,
        p95_ms=most / 2,
        p99_ms=most * 0.75,
        max_ms=most,
    )


@pytest.mark.parametrize("most", [0.0, 0.004, 0.9, 1.0, 7.3, 99.9, 100.0, 1234.5, 300_000.0])
def test_marks_stand_in_order_inside_of_the_picture(most: float) -> None:
    made, svg = drawn(latency(most), latency(most / 2))
    assert made is not None
    first, second = made.bars
    assert made.left <= first.p50 <= first.p95 <= first.p99 <= first.longest <= made.width
    assert second.longest <= first.longest
    assert 2 <= len(made.ticks) <= 7
    assert made.ticks[0] == (made.left, "0 ms")
    assert first.longest <= made.ticks[-1][0] <= made.width
    assert len(svg.findall(".//{*}circle")) == 3 or len(svg.findall(".//circle")) == 3


def test_the_picture_says_in_words_what_it_shows() -> None:
    _, svg = drawn(latency(80.0))
    said = " ".join("".join(svg.itertext()).split())
    assert "us-east-1, 200 commits: half within 20.0 ms, 95 % within 40.0 ms" in said
    assert svg.get("role") == "img"


def test_marks_differ_by_shape() -> None:
    _, svg = drawn(latency(80.0))
    classes = {each.get("class") for each in svg.iter()}
    assert {"thick", "thin", "tick", "ring", "way"} <= classes
