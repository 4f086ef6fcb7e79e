"""The Compare page says what tickets cost, as far as it was counted, and on what terms."""

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from worldseat.domain import cost
from worldseat.domain.cost import PRICES, Sent
from worldseat.domain.run import LOCAL_CLUSTER, Arrival, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.services.costs import Case, CostLine, Costs, costs
from worldseat.web.templating import environment
from worldseat.web.views.costs import CostRow, CostsView, costs_view
from worldseat.web.views.costs_chart import KINDS, NARROW, WIDE, Shape, costs_chart

from .tables import PRODUCT, a_store, fired, page_of

SALE = cost.transaction(statements=3, read=[100] * 4, written=[300] * 5)
LOOK = cost.transaction(statements=1, read=[100])
ONE = Sent(committed=SALE, aborted=SALE.times(59), looked=LOOK.times(59))


def run(sent: Sent | None = ONE, **other: Any) -> Run:
    return fired(1, sent=sent, **other)


def of(*runs: Run, tickets: int = 100_000, buyers: int = 60, at: Any = PRODUCT) -> Costs:
    return costs(runs, at, tickets=tickets, buyers=buyers)


def line(found: Costs, case: Case, code: Code = Code.NAIVE) -> CostLine:
    [it] = [each for each in found.lines if (each.case, each.code) == (case, code)]
    return it


def html_of(*runs: Run, **other: Any) -> str:
    html = environment().get_template("compare.html").render(page=page_of(*runs, **other))
    section = re.search(r'<section aria-labelledby="costs".*?</section>', html, re.DOTALL)
    assert section
    return section[0]


def words_of(*runs: Run, **other: Any) -> str:
    plain = re.sub(r"<[^>]*>", " ", html_of(*runs, **other))
    return re.sub(r"\s+", " ", plain)


def row(view: CostsView, code: str, starts: str) -> CostRow:
    [it] = [each for each in view.rows if each.code == code and each.case.startswith(starts)]
    return it


# what is counted


def test_nothing_is_measured_until_a_run_says_what_it_sent() -> None:
    for runs in ((), (run(sent=None),), (run(status=RunStatus.RUNNING),)):
        assert all(each.counted is None for each in of(*runs).lines)


def test_a_seat_of_ones_own_costs_what_commits_and_a_pressed_one_what_all_send() -> None:
    found = of(run(), run())
    own, pressed = line(found, Case.OWN).counted, line(found, Case.PRESSED).counted
    assert own is not None
    assert pressed is not None
    assert own.per_ticket == Sent(committed=SALE)
    assert pressed.per_ticket == ONE
    assert (own.buyers, pressed.buyers, own.runs, pressed.runs) == (1, 60, 2, 2)
    assert own.estimate == cost.estimate(Sent(committed=SALE).times(100_000))
    assert pressed.estimate == cost.estimate(ONE.times(100_000))
    assert line(found, Case.OWN, Code.CONDITIONAL).counted is None


def test_a_ticket_is_the_mean_of_the_runs_whatever_their_number() -> None:
    quiet = Sent(committed=SALE, looked=LOOK.times(59))
    pressed = line(of(run(), run(sent=quiet)), Case.PRESSED).counted
    assert pressed is not None
    assert pressed.per_ticket.aborted.transactions == 29.5
    assert pressed.per_ticket.committed == SALE


@pytest.mark.parametrize(
    "other",
    [
        run(at=a_store("lagging", stand_in=PRODUCT.stand_in)),
        run(on="PostgreSQL 18"),
        run(on=None),
        run(status=RunStatus.INTERRUPTED),
        run(sent=None),
        fired(0, sent=ONE),
    ],
    ids=["a foil", "another stand-in", "AWS", "interrupted", "not counted", "no result"],
)
def test_what_is_not_alike_is_left_alone(other: Run) -> None:
    assert all(each.counted is None for each in of(other).lines)


def test_other_sizes_and_arrivals_count_only_for_a_seat_of_ones_own() -> None:
    for other in (run(buyers=20), run(arrival=Arrival(spread_ms=300))):
        found = of(other)
        assert line(found, Case.OWN).counted is not None
        assert line(found, Case.PRESSED).counted is None


def test_a_run_where_nothing_committed_costs_no_seat_of_ones_own() -> None:
    found = of(run(sent=Sent(looked=LOOK)))
    assert line(found, Case.OWN).counted is None


# how it is told


def test_the_table_tells_both_ends() -> None:
    view = costs_view(of(run()))
    own = row(view, "naive", "each fan").figures
    assert own is not None
    # 5 rows of 300 bytes, billed as they are; 4 reads under the minimum of 2,048.
    low = 3 * 0.0027 + 2_048 * PRICES.dpu_per_byte_read + 2 * 1_500 * PRICES.dpu_per_byte_written
    assert own.dpu.startswith(f"{low * 100_000:,.0f} to ")
    assert own.usd.startswith(f"${low * 100_000 * 8 / 1e6:.2f} to ")
    assert own.parts[2] == own.parts[3] == f"{1_500 * 0.00004883 * 100_000:,.0f}"
    assert (own.written, own.billed) == ("1,500 bytes", "1,500")
    assert (own.transactions, own.runs) == ("1 transaction", "1 run")
    pressed = row(view, "naive", "60 press").figures
    assert pressed is not None
    assert pressed.transactions == "119 transactions"
    assert pressed.ends == "1 sold, 59 met a conflict, 59 found it taken"


def test_the_page_says_what_it_took_for_granted_and_whose_figures_they_are() -> None:
    words = words_of(run(on=LOCAL_CLUSTER), stores={"dsql": replaced(stand_in=LOCAL_CLUSTER)})
    assert "counted on the local DSQL cluster, a stand-in" in words
    assert f"priced with AWS&#39;s list for us-east-1 of {PRICES.as_of}" in words
    assert "What 100,000 tickets cost" in words
    assert "2.7 ms per statement" in words
    assert "15.5 ms" in words
    assert "billed a second time for the other Region" in words
    on_aws = words_of(run(on=None), stores={"dsql": replaced(stand_in=None)})
    assert "counted on AWS;" in on_aws


def replaced(**other: Any) -> Any:
    return a_store("dsql", role="product", title="Aurora DSQL", **other)


def test_a_page_without_runs_has_no_figure() -> None:
    words = words_of()
    assert "Not measured yet" in words
    assert "$" not in words
    assert "<svg" not in html_of()
    # What half of it lacks is told in its place.
    half = words_of(run(code=Code.NAIVE))
    assert half.count("not measured yet") == 2 + 2 * 2


def test_small_bills_are_not_rounded_to_nothing() -> None:
    view = costs_view(of(run(), tickets=1))
    own = row(view, "naive", "each fan").figures
    assert own is not None
    assert own.usd == "under $0.01"
    assert view.title == "What 1 ticket costs"


# the picture


@pytest.mark.parametrize("shape", [WIDE, NARROW], ids=lambda shape: shape.name)
def test_a_bar_is_as_long_as_its_bill_and_stays_in_its_place(shape: Shape) -> None:
    found = of(run(), run(code=Code.CONDITIONAL, sent=ONE.times(0.5)))
    drawn = costs_chart(found, shape)
    assert len(drawn.bars) == 8
    for bar in drawn.bars:
        assert [each.kind for each in bar.segments] == list(KINDS)
        for one, other in pairwise(bar.segments):
            assert one.x + one.width == pytest.approx(other.x, abs=0.11)
        assert bar.segments[0].x == shape.left
        assert bar.segments[-1].x + bar.segments[-1].width <= shape.right + 0.1
    lengths = [sum(each.width for each in bar.segments) for bar in drawn.bars]
    room = shape.right - shape.left
    totals = [
        end.total / most
        for case in Case
        for lines in ([each for each in found.lines if each.case is case],)
        for most in (max(each.counted.estimate.high.total for each in lines if each.counted),)
        for each in lines
        if each.counted
        for end in (each.counted.estimate.low, each.counted.estimate.high)
    ]
    assert lengths == pytest.approx([part * room for part in totals], abs=0.3)
    # The texts stay inside, as far as a letter's mean width tells.
    assert all(each.y <= drawn.height for each in drawn.texts)


def test_the_picture_reads_without_colour() -> None:
    html = html_of(run())
    assert 'fill="none"' in html
    assert 'fill="url(#dotted-bill-wide)"' in html
    assert 'fill="currentColor"' in html
    assert 'fill="url(#striped-bill-wide)"' in html
    assert "style=" not in html
    assert len(set(re.findall(r' id="([^"]+)"', html))) == html.count(' id="')


def test_what_was_not_measured_says_so_in_the_picture() -> None:
    texts = [each.text for each in costs_chart(of(run()), WIDE).texts]
    assert texts.count("conditional code: not measured yet") == 2
    assert any(text.startswith("the full width is ") for text in texts)
    quiet = costs_chart(replace(of(), buyers=7), NARROW)
    assert quiet.bars == []
    assert "7 press for each seat" in [each.text for each in quiet.texts]
