"""The Regions panel in a browser: pressed, watched, read aloud; on a phone, and without script."""

import json
import urllib.request
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, ViewportSize, expect

from .conftest import PHONE, WIDE, NewFan, Site, Visit, wait_until
from .test_buying import seat

# They take long, and `make check` runs them on every change.
pytestmark = [pytest.mark.browser, pytest.mark.slow]

EAST_1, EAST_2, WITNESS = "us-east-1", "us-east-2", "us-west-2"
WELL = "All three Regions are well: each serves its own fans."
MOVED = "us-east-1 is down. Its fans are served by us-east-2."


def order(site: Site, kind: str, **words: object) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{site.url}/api/regions/orders",
        data=json.dumps({"kind": kind, **words}).encode(),
        headers={"content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - as above


def well(site: Site) -> bool:
    told = site.get("/api/regions")["regions"]
    return all((each["state"], each["served_by"]) == ("ok", each["region"]) for each in told)


@pytest.fixture
def page(fan: Visit, site: Site) -> Iterator[Page]:
    """The Regions page; in the end all is well again, for those who come after."""
    page = fan.page("/regions")
    expect(said(page)).to_have_text(WELL)
    yield page
    order(site, "clear")
    wait_until(page, lambda: well(site))


def said(page: Page) -> Locator:
    return page.locator("[data-said]")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_a_region_is_taken_down_and_brought_back(page: Page, site: Site) -> None:
    press(page, f"Take down {EAST_1}")
    expect(said(page)).to_have_text(MOVED)
    expect(page.locator("p[role=status]")).to_have_text(MOVED)
    row = page.get_by_role("row", name="its fans go to")
    expect(row.get_by_role("cell").first).to_have_text(EAST_2)
    expect(page.locator(".map .link.cut")).to_have_count(2)
    expect(page.locator("[data-part=faults]")).to_contain_text("region-down")
    back = page.get_by_role("button", name=f"Bring back {EAST_1}", exact=True)
    # The button under the focus is the same one: nobody is thrown back to the page's top.
    expect(back).to_be_focused()
    page.keyboard.press("Enter")
    expect(said(page)).to_have_text(WELL)
    expect(page.locator("p[role=status]")).to_have_text(WELL)
    assert well(site)


def test_sales_go_on_and_the_floor_says_what_is_wrong(
    page: Page, fan: Visit, site: Site, hall: str
) -> None:
    center = fan.page(f"/?event={hall}")
    alarm = center.locator("[data-regions-alarm]")
    expect(alarm).to_be_hidden()
    press(center, f"Take down {EAST_1}")
    expect(alarm).to_have_text(f"{MOVED} Regions ↓")
    seat(center, "C3").click()
    center.get_by_role("button", name="Buy C3").click()
    expect(center.locator("my-tickets")).to_contain_text("C3")
    press(center, "All well again")
    expect(alarm).to_be_hidden()
    expect(center.get_by_role("button", name=f"Take down {EAST_1}", exact=True)).to_be_visible()


def test_the_witness_a_cut_and_a_lost_quorum(page: Page) -> None:
    press(page, f"Take down {WITNESS}")
    expect(said(page)).to_contain_text("a commit now needs both other Regions")
    press(page, f"Cut off {EAST_2}")
    expect(said(page)).to_contain_text("Nobody can buy now, and nothing is written.")
    expect(page.locator(".map .fans.in-vain")).to_have_count(2)
    press(page, f"Rejoin {EAST_2}")
    expect(said(page)).to_contain_text("The witness Region us-west-2 is down")


def test_slow_links_and_faults_at_commit(fan: Visit, page: Page) -> None:
    fan.excuse("422")
    page.get_by_text("Slow links, and faults at COMMIT").click()
    page.locator("#slow-link").select_option(f"{EAST_1} {WITNESS}")
    page.get_by_label("round trip, ms").fill("321")
    press(page, "Set")
    expect(page.locator(".map")).to_contain_text("321 ms")
    expect(page.locator("#slow-link").locator("option:checked")).to_have_text(
        f"{EAST_1} ⇄ {WITNESS}, now 321 ms"
    )
    page.get_by_label("at the next COMMITs").select_option("storm")
    page.get_by_label("how many").fill("1000")
    press(page, "Let it happen")
    expect(page.locator("[data-part=faults]")).to_contain_text(
        "Planned: conflict at COMMIT (40001), any Region: "
    )
    page.get_by_label("how many").fill("0")
    page.get_by_role("button", name="Let it happen").click()
    expect(page.locator("[data-refused]")).to_be_visible()
    expect(page.locator("[data-refused]")).to_contain_text("count")
    press(page, "All well again")
    expect(page.locator("[data-part=faults]")).not_to_contain_text("Planned")
    expect(page.locator("[data-refused]")).to_be_hidden()


def test_nobody_is_asked_while_nobody_looks(page: Page) -> None:
    """Once a second while the page is seen; not at all while it is hidden."""
    asked: list[float] = []
    page.on("request", lambda each: asked.append(0) if "part=panel" in each.url else None)
    page.wait_for_timeout(2_500)
    assert 1 <= len(asked) <= 4
    page.evaluate(
        """() => {
          Object.defineProperty(document, 'visibilityState', { value: 'hidden', writable: true });
          document.dispatchEvent(new Event('visibilitychange')); }"""
    )
    page.wait_for_timeout(300)
    asked.clear()
    page.wait_for_timeout(2_000)
    assert asked == []


def test_a_server_that_is_gone_leaves_the_last_figures(fan: Visit, page: Page) -> None:
    fan.excuse("Failed to load resource")
    page.route("**/regions?part=panel", lambda route: route.abort())
    still = page.locator("[data-still]")
    expect(still).to_be_visible()
    expect(still).to_contain_text("The server does not answer: this is of")
    expect(said(page)).to_have_text(WELL)
    page.unroute("**/regions?part=panel")
    expect(still).to_be_hidden()


@pytest.mark.parametrize(
    "size",
    [pytest.param(WIDE, id="1440"), pytest.param(PHONE, id="320")],
)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    new_fan: NewFan, page: Page, site: Site, size: ViewportSize
) -> None:
    own = new_fan(viewport=size).page("/regions")
    own.get_by_text("Slow links, and faults at COMMIT").click()
    for lost in (False, True):
        if lost:
            order(site, "region-down", region=EAST_1)
            expect(said(own)).to_have_text(MOVED)
        for theme in ("light", "dark"):
            own.emulate_media(color_scheme=theme)
            result = Axe().run(own)
            assert result.violations_count == 0, f"{theme}\n{result.generate_report()}"
        assert own.evaluate("document.documentElement.scrollWidth") <= size["width"]
    small = own.evaluate(
        """() => Math.min(...[...document.querySelectorAll('regions-panel button')]
          .map(each => each.offsetHeight))"""
    )
    assert small >= 44


def test_without_script_the_figures_are_there(new_fan: NewFan) -> None:
    page = new_fan(java_script_enabled=False).page("/regions", ready=False)
    expect(said(page)).to_have_text(WELL)
    expect(page.get_by_role("row", name="commit p99")).to_be_visible()
    expect(page.locator("svg.map")).to_be_visible()
    expect(page.get_by_role("button", name="All well again")).to_be_hidden()
