"""The chart: an honest scale, a shape for every meaning, words beside every mark."""

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from worldseat.domain.run import Reach
from worldseat.domain.seats import Code
from worldseat.web.templating import environment
from worldseat.web.views.chart import NARROW, WIDE, Chart, Row, Shape, chart

from .tables import ALONE, FOIL, PRODUCT, SINGLE, STORES, a_store, all_measured, fired, table_of

SVG = "{http://www.w3.org/2000/svg}"
SHAPES = [WIDE, NARROW]


def drawn(*runs: Any, shape: Shape = WIDE, buyers: int = 60) -> Chart:
    return chart(table_of(*runs, buyers=buyers), STORES, shape)


def measured(it: Chart) -> list[Row]:
    return [row for row in it.rows if row.mark is not None]


def picture(it: Chart) -> ET.Element:
    text = environment().get_template("compare.svg").render(chart=it)
    return ET.fromstring(text)  # noqa: S314 - our own


@pytest.mark.parametrize("buyers", [2, 3, 9, 10, 11, 60, 101, 110, 1_000])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_scale_begins_at_zero_and_ends_at_the_worst_that_can_be(
    shape: Shape, buyers: int
) -> None:
    ticks = drawn(shape=shape, buyers=buyers).ticks
    assert ticks[0] == (shape.left, "0")
    assert ticks[-1] == (shape.right, f"{buyers - 1:,}")
    assert all(later[0] - earlier[0] >= 26 for earlier, later in pairwise(ticks))


def test_a_place_on_the_scale_is_the_logarithm_of_one_more() -> None:
    it = drawn(fired(60, at=FOIL), fired(2, at=FOIL, code=Code.CONDITIONAL), fired(1))
    at = {row.mark.median for row in measured(it) if row.mark}
    one = WIDE.left + (WIDE.right - WIDE.left) * math.log(2) / math.log(60)
    assert at == {WIDE.left, round(one, 1), WIDE.right}
    assert [label for _, label in it.ticks] == ["0", "1", "10", "59"]


def test_more_than_can_be_still_fits() -> None:
    it = drawn(fired(90, at=FOIL))
    assert it.ticks[-1] == (WIDE.right, "89")
    assert [row.mark.median for row in measured(it) if row.mark] == [WIDE.right]


def test_a_range_has_a_whisker_and_one_number_has_none() -> None:
    [row] = measured(drawn(fired(60, at=FOIL), fired(53, at=FOIL), fired(60, at=FOIL)))
    assert row.mark is not None
    assert row.mark.low is not None
    assert row.mark.low < row.mark.median == row.mark.high == WIDE.right
    assert row.value == "59 (52–59) in 3 of 3 runs"
    [row] = measured(drawn(fired(60, at=FOIL)))
    assert row.mark is not None
    assert (row.mark.low, row.mark.high) == (None, None)


def test_a_zero_is_a_ring_only_if_no_run_oversold() -> None:
    [row] = measured(drawn(fired(1), fired(1)))
    assert row.mark is not None
    assert row.mark.zero
    [row] = measured(drawn(fired(1, at=FOIL), fired(1, at=FOIL), fired(2, at=FOIL)))
    assert row.mark is not None
    assert not row.mark.zero
    assert (row.mark.median, row.value) == (WIDE.left, "0 (0–1), above 0 in 1 of 3 runs")


def test_codes_differ_by_pattern() -> None:
    it = drawn(fired(60, at=FOIL), fired(2, at=FOIL, code=Code.CONDITIONAL))
    assert [(row.label, row.mark.striped) for row in measured(it) if row.mark] == [
        ("naive, both Regions", False),
        ("conditional, both Regions", True),
    ]
    fills = [bar.get("fill") for bar in picture(it).iter(f"{SVG}rect") if bar.get("class")]
    assert fills.count("url(#stripes-wide)") == 2  # The cell's, and the legend's.


def heads(it: Chart) -> Sequence[str]:
    return [each.text for each in it.words if each.kind == "head"]


def test_every_line_is_there_and_says_what_ran() -> None:
    it = drawn(*all_measured(), fired(40, at=FOIL, on="emulator 1.4"))
    assert heads(it) == [
        "Aurora DSQL on PostgreSQL 16.14, a stand-in",
        "Lagging on emulator 1.5, a stand-in, lag 0 ms asked",
        "Lagging on emulator 1.5, a stand-in, lag 100 ms asked",
        "Lagging on emulator 1.5, a stand-in, lag 1,000 ms asked",
        "Lagging, strict",
        "Single on Single 9 itself",
        "Lagging on emulator 1.4, a stand-in, lag 0 ms asked",
    ]
    words = [each.text for each in it.words]
    assert words.count("not measured in any of its 8 cells") == 3
    assert "takes writes in one Region only" in words
    # Of a line that was measured somewhere, the other cells say that nobody measured them.
    single = [row.value for row in it.rows if row.label.endswith("one Region")]
    assert "not measured" in single
    assert words[-1] == (
        "Counted from committed rows of 18 stored runs of 2026-11-24, commit 0123456. A stand-in's "
        "figure is not AWS's."
    )


def test_long_names_are_broken_between_words() -> None:
    words = [each.text for each in drawn(*all_measured(), shape=NARROW).words]
    assert "Aurora DSQL on PostgreSQL 16.14, a" in words
    assert "stand-in" in words


def test_nothing_measured_is_said() -> None:
    it = drawn()
    assert it.rows == []
    assert "Nothing was measured with 60 buyers yet." in [each.text for each in it.words]
    assert chart(table_of(stores=ALONE), ALONE).height > 0


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_nothing_stands_on_anything_else(shape: Shape) -> None:
    """Lines of words, and marks, go down the picture one after the other and stay inside."""
    it = drawn(*all_measured(), shape=shape)
    baselines = sorted([each.y for each in it.words] + [row.y for row in it.rows])
    assert all(b - a >= 12 for a, b in pairwise(baselines))
    assert baselines[-1] < it.height
    for row in it.rows:
        assert it.axis[0] < row.y <= it.axis[1]
        assert it.axis[0] < row.middle < it.axis[1]
    fits = shape.width / 6
    assert all(len(each.text) <= fits for each in it.words)


def test_the_picture_carries_all_that_it_needs() -> None:
    root = picture(drawn(*all_measured()))
    assert root.find(f"{SVG}title") is not None
    assert root.find(f"{SVG}desc") is not None
    background = root.find(f"{SVG}rect")
    assert background is not None
    assert background.get("fill") == "#ffffff"
    for each in root.iter():
        # The policy of the site forbids styles, and a kept picture has no style sheet.
        assert each.tag != f"{SVG}style"
        assert "style" not in each.attrib
        assert "href" not in "".join(each.attrib)
        if each.tag in {f"{SVG}rect", f"{SVG}circle", f"{SVG}path"}:
            assert each.get("fill")
    sentences = [each.text for each in root.iter(f"{SVG}title")]
    assert "naive, all at once, one Region: oversold 55.5 (52–59) in 2 of 2 runs" in sentences
    words = " ".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))
    assert "emulator 1.5, a stand-in" in words


def test_text_of_a_store_is_only_text() -> None:
    evil = a_store("evil", title="<b>&\"'", stand_in="</svg><script>")
    stores = {PRODUCT.name: PRODUCT, "evil": evil}
    root = picture(chart(table_of(fired(2, at=evil), stores=stores), stores))
    words = ["".join(each.itertext()) for each in root.iter(f"{SVG}text")]
    assert "<b>&\"' on </svg><script>, a stand-in" in words


def test_a_foil_with_one_region_has_no_empty_lines() -> None:
    it = drawn(fired(53, at=SINGLE, reach=Reach.ONE))
    assert len(it.rows) == 4
    assert [row.value for row in measured(it)] == ["52 in 1 run"]
