"""The product's line on AWS in the matrix: from an acceptance report, from runs, or unmeasured."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.acceptance_reports import of_aws, report, signed, stampeded

from worldseat.domain.acceptance import Report
from worldseat.domain.run import Arrival, Reach
from worldseat.domain.seats import Code
from worldseat.services.matrix import Span, Table
from worldseat.services.reported import UNMEASURED, ReportedLine, with_aws
from worldseat.web.answers import matrix_answer
from worldseat.web.shapes import MatrixAnswer
from worldseat.web.templating import environment
from worldseat.web.views.compare import CompareView

from .tables import ALONE, FOIL, PRODUCT, STORES, fired, page_of, table_of

OVERSOLD = stampeded(
    above_zero=3, oversold_high=7, holders_high=8, holders_median=1.5, runs=19, without=1
)


def table(made: Report | None, *runs: Any, **other: Any) -> Table:
    return with_aws(table_of(*runs, **other), PRODUCT, made)


def line_of(found: Table) -> ReportedLine:
    [line] = [line for line in found.lines if isinstance(line, ReportedLine)]
    return line


def spot(
    found: Table, code: Code = Code.NAIVE, reach: Reach = Reach.BOTH, spread_ms: int = 0
) -> Any:
    wanted = (code, Arrival(spread_ms=spread_ms), reach)
    return next(
        each
        for each in line_of(found).spots
        if (each.cell.code, each.cell.arrival, each.cell.reach) == wanted
    )


def page(made: Report | None, *runs: Any, stores: Any = STORES) -> CompareView:
    return page_of(*runs, table=table(made, *runs, stores=stores), stores=stores)


def html_of(page: CompareView) -> str:
    return environment().get_template("compare_panels.html").render(page=page)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_the_line_stands_below_the_products_own_with_the_reports_figures() -> None:
    found = table(of_aws(stampedes=(OVERSOLD, stampeded("conditional"))), fired(1))
    assert [(line.title, line.stand_in) for line in found.lines[:2]] == [
        ("Aurora DSQL", PRODUCT.stand_in),
        ("Aurora DSQL", None),
    ]
    measured = spot(found).measured
    assert (measured.runs, measured.without, measured.above_zero) == (19, 1, 3)
    assert measured.oversold == Span(low=0, median=0, high=7)
    assert measured.holders == Span(low=1, median=1.5, high=8)
    assert (measured.unknown, measured.took_ms) == (None, None)
    assert measured.commits == ["abcdef012345"]
    assert spot(found, Code.CONDITIONAL).measured.runs == 20
    # What the report did not fire is not measured.
    assert spot(found, reach=Reach.ONE).measured is None
    assert spot(found, spread_ms=300).measured is None


def test_it_says_that_it_comes_from_a_report_of_when_and_signed_by_whom() -> None:
    note = line_of(table(of_aws())).note
    assert "From the acceptance report of 2026-01-02, commit abcdef012345, not signed off" in note
    assert "signed off by Ada Invented" in line_of(table(signed(of_aws()))).note
    html = html_of(page(of_aws()))
    assert "From the acceptance report of 2026-01-02" in words(html)
    assert 'href="/acceptance/acc_invented-aws#stampedes-run"' in html


@pytest.mark.parametrize(
    "made",
    [None, report(), replace(of_aws(), git_commit="another")],
    ids=["no report", "a report of the stand-in", "a broken seal"],
)
def test_without_a_report_of_aws_to_be_believed_nothing_is_measured(made: Report | None) -> None:
    found = table(made, fired(1), fired(1))
    assert line_of(found).note == UNMEASURED
    assert not any(each.measured for each in line_of(found).spots)
    text = words(html_of(page(made, fired(1), fired(1))))
    assert text.count("On AWS: not measured") == 4
    assert "Aurora DSQL product on AWS" in text


def test_runs_that_are_stored_of_aws_come_before_a_report() -> None:
    runs = (fired(1), fired(1, on=None))
    assert table(of_aws(), *runs) == table_of(*runs)


def test_where_aws_itself_is_used_there_is_one_line() -> None:
    stores = {**STORES, "dsql": type(PRODUCT)(**{**vars(PRODUCT), "stand_in": None})}
    whole = table_of(fired(1, on=None), stores=stores)
    assert with_aws(whole, stores["dsql"], of_aws()) == whole


def test_only_stampedes_of_as_many_buyers_count() -> None:
    assert spot(table(of_aws(), buyers=61)).measured is None


def test_a_kind_without_a_result_is_no_zero() -> None:
    found = spot(table(of_aws(stampedes=(stampeded(runs=0, without=20),))))
    assert (found.measured, found.without) == (None, 20)


def test_the_four_cells_say_it_below_the_stand_in() -> None:
    shown = page(of_aws(), fired(1), fired(60, at=FOIL))
    sides = {each.key: each.sides for each in shown.four}
    product, foil = sides["naive-both"]
    assert product.on_aws is not None
    assert product.on_aws.figures is not None
    assert product.on_aws.figures.verdict == "oversold 0 in 20 of 20 runs"
    assert foil.on_aws is None
    text = words(html_of(shown))
    assert "On AWS: 1 holder, oversold 0 in 20 of 20 runs , acceptance report of 2026-01-02" in text
    assert text.count("On AWS: not measured") == 2  # Through one Region.


def test_a_report_is_never_counted_among_stored_runs() -> None:
    shown = page(of_aws(), fired(1))
    assert "Made from 1 stored run with 60 buyers" in words(html_of(shown))
    assert shown.matrix.unlisted == 0
    sets = msgspec.json.decode(shown.sets[-1].cells)
    assert sum(each["had"] for each in sets) == 1


def test_the_chart_draws_it_and_says_where_it_is_from() -> None:
    shown = page(of_aws(stampedes=(OVERSOLD,)), stores=ALONE)
    said = [" ".join(each.text for each in chart.words) for chart in shown.charts]
    assert len(said) == 2
    for text in said:
        assert "Aurora DSQL on AWS" in text
        assert "No run is stored here with 60 buyers yet." in text
        assert "From the acceptance report of 2026-01-02" in text
        assert "Figures of AWS are those of an acceptance report." in text
    marks = [row.mark for row in shown.charts[0].rows if row.mark]
    assert len(marks) == 1
    assert not marks[0].zero
    assert page(None, stores=ALONE).charts == []


def test_the_api_tells_the_line_like_any_other() -> None:
    answer = matrix_answer(table(of_aws(), fired(1)))
    sent = msgspec.json.decode(msgspec.json.encode(answer), type=MatrixAnswer)
    places = [each for each in sent.places if each.store == "dsql" and each.stand_in is None]
    assert len(places) == 8
    assert not any(each.installed for each in places)
    assert sum(each.measured is not None for each in places) == 4
    assert all("acceptance report" in each.note for each in places)
