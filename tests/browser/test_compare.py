"""The Compare page in a browser: it reads, measures, follows, and is for everybody.

Nothing here needs a foil, and nothing minds one.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import APIResponse, Locator, Page, ViewportSize, expect

from .conftest import PHONE, WIDE, NewFan, Site, Visit, wait_until

# They take long, and `make check` runs them on every change.
pytestmark = [pytest.mark.browser, pytest.mark.slow]

PRODUCT_LINE = "table >> nth=0"


def compare(page: Page, site: Site, event_id: str, cells: list[Any], runs: int) -> APIResponse:
    """Start a comparison as another program would."""
    body = {"event_id": event_id, "cells": cells, "runs": runs}
    answer = page.request.post(f"{site.url}/api/comparisons", data=body)
    assert answer.status == 202, answer.text()
    return answer


def until_over(site: Site, page: Page) -> None:
    """Wait until no comparison is under way, whoever started it."""
    wait_until(
        page,
        lambda: not page.request.get(f"{site.url}/compare?part=now").text().count("<progress"),
    )


def quadrant(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title).locator(".holds").first


@pytest.fixture
def measured(site: Site, new_fan: NewFan, hall: str) -> str:
    """The address of a page on which two cells of the product have two runs each."""
    page = new_fan().page("/compare?buyers=14", ready=False)
    cells = [{"store": "dsql", "code": code, "buyers": 14} for code in ("naive", "conditional")]
    if "2 runs" not in page.locator(PRODUCT_LINE).inner_text():
        compare(page, site, hall, cells, 2)
        until_over(site, page)
    return "/compare?buyers=14"


def test_what_nobody_measured_says_so(fan: Visit) -> None:
    page = fan.page("/compare?buyers=13", ready=False)
    for title in (
        "Naive code, one Region",
        "Naive code, both Regions",
        "Conditional code, one Region",
        "Conditional code, both Regions",
    ):
        expect(quadrant(page, title)).to_contain_text(
            re.compile(r"Aurora DSQL.*not measured", re.DOTALL)
        )
    expect(page.locator(PRODUCT_LINE).get_by_text("not measured")).to_have_count(8)
    expect(page.get_by_text("Nothing was measured with 13 buyers yet.")).to_be_visible()
    expect(page.locator("#plan")).to_contain_text("How long that takes is not known")
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    page.get_by_label("buyers in every run").fill("14")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile(r"/compare\?buyers=14$"))


def test_the_plan_promises_only_what_it_knows(fan: Visit) -> None:
    page = fan.page("/compare", ready=False)

    def plan(cells: list[tuple[int, float | None]], runs: int) -> str:
        told = page.evaluate(
            """async ([cells, runs]) => {
              const { plan } = await import('/static/js/compare-plan.js');
              return plan(cells.map(([had, took_ms]) => ({ had, took_ms })), runs); }""",
            [cells, runs],
        )
        return str(told)

    assert plan([(5, 300.0), (7, 300.0)], 5) == (
        "Each of these cells has 5 runs or more: nothing is fired."
    )
    assert plan([(0, None), (0, None)], 5) == (
        "Fires 10 runs. How long that takes is not known: none of these cells was measured yet."
    )
    assert plan([(1, 1_500.0), (4, 2_000.0), (9, 9_000.0)], 5) == (
        "Fires 5 runs. Stored runs like them took about 8 s in all."
    )
    assert plan([(0, None), (4, 200.0)], 5) == (
        "Fires 6 runs, 5 of them in cells not measured yet. Stored runs like the others took about "
        "1 s in all."
    )
    assert plan([(0, 1_000.0)], 600).endswith("took about 10 min in all.")


def test_one_press_measures_and_the_page_fills(fan: Visit, make_hall: Callable[[str], str]) -> None:
    event_id = make_hall("rehearsal")
    page = fan.page("/compare?buyers=12", ready=False)
    page.get_by_label("at the rehearsal").select_option(event_id)
    page.get_by_label("runs in every cell").fill("1")
    expect(page.locator("#plan")).to_contain_text(re.compile(r"^Fires \d+ runs\."))
    page.get_by_role("button", name="Measure").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".now")).to_contain_text(
        re.compile(r"Run \d+ of \d+: .+, all at once, .+ Regions?|Done")
    )
    expect(page.locator(".now")).to_contain_text(
        re.compile(r"Done: (\d+) of \1 runs fired"), timeout=30_000
    )
    for code in ("Naive", "Conditional"):
        for where in ("one Region", "both Regions"):
            side = quadrant(page, f"{code} code, {where}")
            expect(side).to_contain_text(re.compile(r"1\s+holder"))
            expect(side).to_contain_text("oversold 0 in 1 run")
    expect(page.locator("p[role=status]")).to_contain_text("Done:")
    expect(page.locator("#plan")).to_contain_text("nothing is fired")
    expect(page.get_by_role("button", name="Measure")).to_be_focused()
    expect(page.locator("figure.chart svg.wide")).to_be_visible()

    quadrant(page, "Naive code, both Regions").get_by_role("link", name="1 run").click()
    listed = page.get_by_role("region", name="Runs", exact=True)
    expect(listed).to_be_in_viewport()
    expect(listed.locator("tbody tr")).to_have_count(1)
    expect(listed).to_contain_text(event_id)


def test_one_that_was_started_elsewhere_is_followed_and_stopped(
    new_fan: NewFan, site: Site, hall: str
) -> None:
    fan = new_fan()
    page = fan.page("/compare?buyers=11", ready=False)
    slow = {"store": "dsql", "arrival": "spread:300ms", "buyers": 11}
    compare(new_fan().context.new_page(), site, hall, [slow], 60)
    now = page.locator(".now")
    expect(now).to_contain_text(re.compile(r"of 60: Aurora DSQL, naive, spread over 300 ms"))
    expect(now.get_by_role("progressbar", name="Runs fired")).to_be_visible()
    expect(page.get_by_role("button", name="Measure")).to_have_attribute("aria-busy", "true")

    # Results come in where they belong, and neither the place nor the focus is lost.
    row = page.locator(PRODUCT_LINE).get_by_role(
        "row", name=re.compile("naive, both Regions spread")
    )
    expect(row).to_contain_text(re.compile(r"\d runs?"))
    link = row.get_by_role("link")
    link.focus()
    held, place = link.inner_text(), page.evaluate("scrollY")
    wait_until(
        page, lambda: f'data-done="{held.split()[0]}"' not in now.evaluate("it => it.outerHTML")
    )
    page.wait_for_timeout(1_600)
    expect(link).to_be_focused()
    assert (link.inner_text(), page.evaluate("scrollY")) == (held, place)
    page.keyboard.press("Shift+Tab")
    expect(row).not_to_contain_text(re.compile(rf"\b{held}\b"))

    stop = page.get_by_role("button", name="Stop")
    stop.click()
    expect(now).to_contain_text(re.compile(r"Stopped: \d+ of 60 runs fired and stored"))
    expect(stop).to_be_hidden()
    expect(page.get_by_role("button", name="Measure")).to_be_focused()


def test_a_refusal_says_why_and_silence_is_told(new_fan: NewFan, site: Site, hall: str) -> None:
    fan = new_fan()
    fan.excuse("422|ERR_FAILED|Failed to load")
    page = fan.page("/compare?buyers=11", ready=False)
    page.get_by_label("runs in every cell").fill("5000")
    page.get_by_role("button", name="Measure").click()
    expect(page.locator("input:invalid")).to_be_focused()
    page.get_by_label("runs in every cell").fill("1000")
    page.get_by_role("button", name="Measure").click()
    told = page.locator("[data-told]")
    expect(told).to_contain_text(re.compile(r"That would be .+ runs;.+Request req_"))
    expect(page.get_by_role("button", name="Measure")).not_to_have_attribute("aria-busy", "true")

    slow = {"store": "dsql", "arrival": "spread:300ms", "buyers": 11, "reach": "one"}
    compare(page, site, hall, [slow], 60)
    expect(page.get_by_role("progressbar", name="Runs fired")).to_be_visible()
    parts = re.compile(r"/compare\?.*part=")
    page.route(parts, lambda route: route.abort())
    expect(told).to_contain_text("The server does not answer")
    page.unroute(parts)
    expect(told).to_be_hidden()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".now")).to_contain_text("Stopped:")


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(WIDE, "light", id="1440"),
        pytest.param(PHONE, "dark", id="320"),
    ],
)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    new_fan: NewFan, measured: str, size: ViewportSize, theme: str
) -> None:
    fan = new_fan(viewport=size, color_scheme=theme)
    for path in (f"{measured}&store=dsql", "/compare?buyers=13"):
        page = fan.page(path, ready=False)
        result = Axe().run(page)
        assert result.violations_count == 0, f"{path} {theme}\n{result.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{path} scrolls sideways: {wide}"


def test_a_phone_has_all_of_it(new_fan: NewFan, measured: str) -> None:
    page = new_fan(viewport=PHONE).page(measured, ready=False)
    expect(page.locator("svg.narrow")).to_be_visible()
    expect(page.locator("svg.wide")).to_be_hidden()
    table = page.get_by_role("region", name=re.compile("^Aurora DSQL on the local"))
    table.focus()
    name = table.get_by_role("rowheader").first
    before = name.bounding_box()
    page.keyboard.press("End")
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    wait_until(page, lambda: table.evaluate("it => it.scrollLeft > 300"))
    after = name.bounding_box()
    assert before is not None
    assert after is not None
    assert before["x"] == pytest.approx(after["x"], abs=2)
    heights = page.evaluate(
        """() => [...document.querySelectorAll('.compare button, .compare input, .compare select')]
          .filter(each => each.offsetParent).map(each => each.offsetHeight)"""
    )
    assert min(heights) >= 44
    sizes = page.evaluate(
        """() => { const svg = document.querySelector('svg.narrow');
          const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
          return [...svg.querySelectorAll('text')].map(each =>
            parseFloat(getComputedStyle(each).fontSize) * scale); }"""
    )
    assert min(sizes) > 10
    inside = page.evaluate(
        """() => { const svg = document.querySelector('svg.narrow');
          return [...svg.querySelectorAll('text')].every(each => {
            const { x, width } = each.getBBox();
            return x >= -1 && x + width <= svg.viewBox.baseVal.width + 1; }); }"""
    )
    assert inside


def test_it_reads_without_script(new_fan: NewFan, measured: str) -> None:
    page = new_fan(java_script_enabled=False).page(measured, ready=False)
    expect(quadrant(page, "Naive code, both Regions")).to_contain_text("oversold 0 in 2 of 2 runs")
    expect(page.get_by_text("Measuring from this page needs JavaScript")).to_be_visible()
    expect(page.get_by_text("worldseat compare --url")).to_be_visible()
    expect(page.get_by_role("button", name="Measure")).to_be_hidden()
    expect(page.locator("svg.wide")).to_be_visible()
    page.get_by_role("link", name="2 runs").first.click()
    expect(page.get_by_role("region", name="Runs", exact=True)).to_be_visible()


def test_it_prints_without_its_controls(new_fan: NewFan, measured: str) -> None:
    page = new_fan().page(measured, ready=False)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".measure")).to_be_hidden()
    expect(page.locator(".size")).to_be_hidden()
    expect(page.locator("svg.wide")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_the_picture_can_be_kept(new_fan: NewFan, measured: str) -> None:
    fan = new_fan()
    fan.excuse("404")  # A picture alone asks for an icon that the site has elsewhere.
    page = fan.page(measured, ready=False)
    with page.expect_download() as kept:
        page.get_by_role("link", name="Keep the picture (SVG)").click()
    assert kept.value.suggested_filename == "worldseat-compare-14-buyers.svg"
    text = kept.value.path().read_text()
    assert "0 in 2 of 2 runs" in text
    page.goto(f"{fan.base}/compare.svg?buyers=14")
    expect(page.locator("text.title")).to_have_text("Oversold in every cell: one seat, 14 buyers")


def test_states_differ_by_shape_without_any_colour(new_fan: NewFan, measured: str) -> None:
    page = new_fan(forced_colors="active").page(measured, ready=False)
    looks = page.evaluate(
        """() => ['good', 'bad', 'none'].map((tone) => {
          const side = document.querySelector('.holds');
          side.className = `holds ${tone}`;
          const own = getComputedStyle(side);
          const sign = document.createElement('span');
          sign.className = `sign ${tone}`;
          side.append(sign);
          const mark = getComputedStyle(sign);
          return [own.borderLeftStyle, mark.borderTopStyle, mark.borderTopLeftRadius].join(); })"""
    )
    assert len(set(looks)) == 3
    signs = page.locator(".sign").all_inner_texts()
    assert {"✓"} <= set(signs)
