"""Everybody can use it: axe, keyboard, small screens, no script, high contrast, no motion."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect

import worldseat.web

from .conftest import PHONE, WIDE, NewFan, Visit
from .test_buying import seat

# They take long, and `make check` runs them on every change.
pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = ("/?event={hall}", "/events/{hall}", "/proof", "/problems/seat-taken", "/nowhere")
SCRIPTS = Path(worldseat.web.__file__).parent / "static" / "js"
SCRIPT_LIMIT = 80_000
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.mark.parametrize(
    "size",
    [pytest.param(WIDE, id="1440"), pytest.param(PHONE, id="320")],
)
def test_axe_finds_nothing(new_fan: NewFan, hall: str, size: ViewportSize) -> None:
    fan = new_fan(viewport=size)
    fan.excuse("404")
    page = fan.context.new_page()
    for path in PAGES:
        page.goto(f"{fan.base}{path.format(hall=hall)}")
        if "hall" in path:
            seat(page, "H12").click()
            expect(page.get_by_role("button", name="Buy H12")).to_be_visible()
        _assert_axe(page, path)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{path} scrolls sideways: {wide}"
        if path.startswith("/?"):
            page.keyboard.press("?")
            _assert_axe(page, "the list of keys")


def test_axe_finds_nothing_after_a_run(fan: Visit, hall: str) -> None:
    page = fan.page(f"/?event={hall}")
    page.get_by_label("Stress test: target").fill("A9")
    page.get_by_role("button", name="Break it").click()
    expect(page.locator("[data-panel=verdict]")).to_contain_text("A9 sold once")
    page.get_by_role("button", name="Reset floor").click()
    _assert_axe(page, "after a run, asking to reset")


def _assert_axe(page: Page, what: str) -> None:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        result = Axe().run(page)
        assert result.violations_count == 0, f"{what}, {theme}\n{result.generate_report()}"


def test_seats_are_large_enough_and_scroll_in_their_own_box(new_fan: NewFan, hall: str) -> None:
    page = new_fan(viewport=PHONE).page(f"/events/{hall}")
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('seat-floor .seat')].map(each => {
          const { width, height } = each.getBoundingClientRect();
          return Math.min(width, height); })"""
    )
    assert min(sizes) >= 24
    box = page.evaluate(
        """() => {
          const { scrollWidth, clientWidth } = document.querySelector('.scroll');
          return [scrollWidth, clientWidth]; }"""
    )
    assert box[0] > box[1]
    page.locator('seat-floor [tabindex="0"]').focus()
    page.keyboard.press("End")
    expect(seat(page, "A12")).to_be_in_viewport(ratio=1)
    buttons = page.evaluate(
        """() => [...document.querySelectorAll('button:not(.quiet), input')]
          .filter(each => each.offsetParent).map(each => each.offsetHeight)"""
    )
    assert min(buttons) >= 44


def test_states_differ_by_shape(new_fan: NewFan, hall: str) -> None:
    """Without any colour each state still has a look of its own."""
    page = new_fan(reduced_motion="reduce").page(f"/events/{hall}")
    looks = page.evaluate(
        """() => {
          const cell = document.querySelector('[data-label="B1"]');
          const look = () => {
            const own = getComputedStyle(cell);
            const before = getComputedStyle(cell, '::before').content;
            const after = getComputedStyle(cell, '::after');
            const filled = own.backgroundColor !== 'rgba(0, 0, 0, 0)';
            return [filled, own.borderTopWidth, before, after.content, after.borderTopStyle].join();
          };
          const states = {
            open: {}, sold: {'data-state': 'sold'}, held: {'data-state': 'held'},
            withheld: {'data-state': 'withheld'}, selected: {'aria-selected': 'true'},
            mine: {'data-state': 'sold', 'data-mine': ''}, target: {'data-target': ''},
            pending: {'data-pending': ''},
          };
          return Object.values(states).map((attributes) => {
            const before = [...cell.attributes].map(each => [each.name, each.value]);
            for (const [name, value] of Object.entries(attributes)) cell.setAttribute(name, value);
            const found = look();
            for (const { name } of [...cell.attributes]) cell.removeAttribute(name);
            for (const [name, value] of before) cell.setAttribute(name, value);
            return found;
          });
        }"""
    )
    assert len(set(looks)) == len(looks)


def test_forced_colours_keep_the_shapes(new_fan: NewFan, hall: str) -> None:
    page = new_fan(forced_colors="active").page(f"/events/{hall}")
    seat(page, "B2").click()
    colours = page.evaluate(
        """() => ['B2', 'B3'].map(label => getComputedStyle(
          document.querySelector(`[data-label="${label}"]`)).backgroundColor)"""
    )
    assert colours[0] != colours[1]


def test_no_motion_when_none_is_wanted(new_fan: NewFan, hall: str) -> None:
    page = new_fan(reduced_motion="reduce").page(f"/events/{hall}")
    duration = page.evaluate(
        "getComputedStyle(document.querySelector('seat-floor .seat')).transitionDuration"
    )
    assert set(duration.split(", ")) == {"0s"}


def test_the_theme_is_kept_and_does_not_flash(fan: Visit, hall: str) -> None:
    page = fan.page(f"/events/{hall}")
    toggle = page.get_by_role("button", name="Theme")
    expect(toggle).to_have_text("Theme: auto")
    toggle.click()
    expect(toggle).to_have_text("Theme: dark")
    page.reload()
    # The choice is made by a script in the head: it is there before the body is.
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 18, 22)"


def test_keys_do_not_break_typing_and_can_be_switched_off(fan: Visit, hall: str) -> None:
    page = fan.page(f"/?event={hall}")
    name = page.get_by_label("you")
    name.fill("")
    name.press_sequentially("b?f")
    expect(name).to_have_value("b?f")
    expect(page.locator("#keys")).to_be_hidden()
    page.locator("h1").click()
    page.keyboard.press("b")
    expect(page.get_by_role("button", name="Break it")).to_be_focused()
    page.keyboard.press("f")
    expect(page.locator('seat-floor [tabindex="0"]')).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.get_by_label("Single-letter keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()


def test_pages_read_without_script(new_fan: NewFan, hall: str) -> None:
    fan = new_fan(java_script_enabled=False)
    page = fan.page(f"/?event={hall}", ready=False)
    expect(page.get_by_role("heading", name="WorldSeat. On-Sale Command Center")).to_be_visible()
    expect(page.locator(".same")).to_be_visible()
    expect(page.get_by_role("gridcell", name="Row H, seat 11, $150, available")).to_be_visible()
    expect(page.locator("[data-panel=witness]")).to_contain_text("The Witness")
    expect(page.get_by_text("Buying and Break it need JavaScript")).to_be_visible()
    proof = fan.page("/proof", ready=False)
    expect(proof.get_by_text("async def naive(")).to_be_visible()
    expect(proof.get_by_text("worldseat break-it --url").first).to_be_visible()


def test_all_script_together_is_small(record_property: Callable[[str, object], None]) -> None:
    scripts = [path.read_bytes() for path in SCRIPTS.glob("*.js")]
    weight = sum(len(gzip.compress(script, 9)) for script in scripts)
    record_property("measured: all script, compressed one by one, bytes", weight)
    assert weight < SCRIPT_LIMIT


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(fan: Visit, hall: str) -> None:
    hosts: set[str] = set()
    fan.context.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page = fan.page(f"/?event={hall}")
    assert hosts == {fan.base.removeprefix("http://")}
    inline = page.evaluate(
        "document.querySelectorAll('script:not([src]), style, [style], [onclick]').length"
    )
    assert inline == 0


def test_an_error_page_has_the_request_id(fan: Visit) -> None:
    fan.excuse("404")
    page = fan.page("/events/evt_nobody", ready=False)
    expect(page.get_by_role("heading", name="No such event")).to_be_visible()
    expect(page.locator(".copy")).to_have_text(page.locator(".copy").inner_text())
    assert page.locator(".copy").inner_text().startswith("req_")
    page.get_by_role("link", name="About this problem").click()
    expect(page.get_by_text("What to do:")).to_be_visible()
