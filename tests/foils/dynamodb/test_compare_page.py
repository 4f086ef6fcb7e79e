"""The Compare page with this foil on it: measured from the page, told as it came out."""

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect
from tests.visits import PHONE, WIDE, NewFan, Site, wait_until

# They take long, and `make check` runs them on every change.
pytestmark = [pytest.mark.browser, pytest.mark.slow]

# A size that no other test fires.
BUYERS = 58
ADDRESS = f"/compare?buyers={BUYERS}"
PRODUCT, FOIL = "Aurora DSQL", "DynamoDB Global Tables"
FOUR = [
    f"{code} code, {where}"
    for code in ("Naive", "Conditional")
    for where in ("one Region", "both Regions")
]


def side(page: Page, title: str, store: str) -> Locator:
    """Return what one of the four cells says of a store."""
    quadrant = page.get_by_role("region", name=title)
    return quadrant.locator(".holds").filter(has=page.get_by_text(store, exact=True))


def measure(page: Page, cells: str, runs: int) -> None:
    """Bring a set of cells to so many runs, by pressing the button."""
    page.get_by_role("combobox", name="cells").select_option(cells)
    page.get_by_label("runs in every cell").fill(f"{runs}")
    page.get_by_role("button", name="Measure").click()
    expect(page.locator("#plan")).to_contain_text("nothing is fired", timeout=60_000)
    expect(page.locator(".now")).to_contain_text("Done: ")


@pytest.fixture(scope="module")
def measured(site: Site, new_page: Page) -> str:
    """The address of a page whose four cells were brought to two runs from the page itself."""
    new_page.goto(f"{site.url}{ADDRESS}")
    measure(new_page, "four", 2)
    return ADDRESS


@pytest.fixture(scope="module")
def new_page(browser: Any) -> Any:
    """A page that outlives a test."""
    context = browser.new_context(viewport=WIDE)
    yield context.new_page()
    context.close()


def places(site: Site) -> dict[tuple[str, str, str], Any]:
    """Return what the API says of everybody at once, the foil at its lowest lag."""
    found = site.get(f"/api/matrix?buyers={BUYERS}")["places"]
    return {
        (place["title"], place["code"], place["reach"]): place["measured"]
        for place in found
        if place["arrival"] == "burst" and place["lag_ms"] in {None, 0} and place["installed"]
    }


def number(value: float) -> str:
    return f"{value:g}"


def test_the_four_cells_say_what_the_api_counts(new_fan: NewFan, site: Site, measured: str) -> None:
    page = new_fan().page(measured, ready=False)
    counted = places(site)
    for title in FOUR:
        code = title.partition(" ")[0].lower()
        reach = "one" if title.endswith("one Region") else "both"
        for store in (PRODUCT, FOIL):
            found = counted[store, code, reach]
            shown = side(page, title, store)
            expect(shown.locator(".n")).to_have_text(
                re.compile(rf"^{re.escape(number(found['holders']['median']))} holders?$")
            )
            over = found["oversold"]
            span = number(over["median"])
            if over["low"] != over["high"]:
                span += f" ({over['low']}–{over['high']})"
            expect(shown.locator(".said")).to_contain_text(f"oversold {span} in 2 of 2 runs")
            expect(shown.locator(".said .sign")).to_have_text("✕" if found["above_zero"] else "✓")


def test_the_foil_oversells_and_the_product_does_not(site: Site, measured: str) -> None:
    assert measured
    counted = places(site)
    for code in ("naive", "conditional"):
        for reach in ("one", "both"):
            assert counted[PRODUCT, code, reach]["oversold"]["high"] == 0
    assert counted[FOIL, "naive", "one"]["oversold"]["low"] > 0
    assert counted[FOIL, "naive", "both"]["oversold"]["low"] > 0
    assert counted[FOIL, "conditional", "one"]["holders"]["high"] == 1
    assert counted[FOIL, "conditional", "both"]["holders"] == {"low": 2, "median": 2.0, "high": 2}


def test_the_page_says_what_causes_what(new_fan: NewFan, measured: str) -> None:
    page = new_fan().page(measured, ready=False)
    causes = page.locator(".causes")
    for words in (
        f"The consistency model decides: {PRODUCT} lets one commit win",
        f"{FOIL} accepts every write",
        "Naive code needs no second Region to oversell there",
        "narrows it to 2 holders through both Regions, and 1 holder through one: a condition does",
        "not see what the other Region accepted",
    ):
        expect(causes).to_contain_text(words)
    strict = page.get_by_role("article").filter(has_text="strongly consistent between Regions")
    expect(strict.first).to_contain_text("Not measured: nothing here plays this mode.")
    achieved = side(page, "Conditional code, both Regions", FOIL)
    expect(achieved).to_contain_text(re.compile(r"lag 0 ms asked, [\d,]+ ms.* achieved"))
    expect(achieved).to_contain_text("a stand-in")


def test_the_sceptic_s_cells_are_fired_too(new_fan: NewFan, measured: str) -> None:
    page = new_fan().page(measured, ready=False)
    page.get_by_role("combobox", name="cells").select_option("sceptic")
    # The foil in one Region and the product in both were measured with the four; foils that are
    # not in the headline were not.
    expect(page.locator("#plan")).to_have_text(re.compile("^(Fires|Each of these cells)"))
    measure(page, "sceptic", 2)
    titles = [option.inner_text() for option in page.locator("#set option").all()]
    assert len(titles) == 3
    table = page.get_by_role("region", name=re.compile(f"^{FOIL} on .+lag 0 ms asked"))
    expect(
        table.get_by_role("row", name=re.compile("naive, one Region all at once"))
    ).to_contain_text("in 2 of 2 runs")


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["1440", "320"])
def test_axe_finds_nothing(new_fan: NewFan, measured: str, size: Any, theme: Any) -> None:
    fan = new_fan(viewport=size, color_scheme=theme)
    page = fan.page(f"{measured}&store=dynamodb", ready=False)
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_what_cannot_be_fired_is_told_and_the_rest_goes_on(
    new_fan: NewFan, site: Site, measured: str
) -> None:
    page = new_fan().page(measured, ready=False)
    event_id = page.locator("[name=event]").input_value()
    slow = {"store": "dynamodb", "arrival": "spread:3000ms", "buyers": BUYERS}
    cells = [slow, {"store": "dsql", "buyers": BUYERS}]
    made = page.request.post(
        f"{site.url}/api/comparisons", data={"event_id": event_id, "cells": cells, "runs": 2}
    )
    assert made.status == 202
    page.reload()
    now = page.locator(".now")
    expect(now).to_contain_text(re.compile(rf"{FOIL}.+ [1-9]\d* of {BUYERS} buyers answered"))
    _kill_emulator(site)
    expect(now).to_contain_text("Done: 3 of 4 runs", timeout=60_000)
    expect(now).to_contain_text("Could not be fired:")
    expect(now.locator("li")).to_contain_text("dynamodb, naive, spread:3000ms, two Regions")
    wait_until(page, lambda: site.get("/healthz")["status"] == "ok")


def _kill_emulator(site: Site) -> None:
    """Kill a process that works in the site's folder of this foil, with signal 9."""
    for folder in Path("/proc").iterdir():
        try:
            here = (folder / "cwd").readlink().is_relative_to(site.home / "dynamodb")
        except OSError:
            continue
        if folder.name.isdigit() and here:
            os.kill(int(folder.name), signal.SIGKILL)
            return
    pytest.fail("no emulator runs")
