"""A fan buys: with the mouse, with keys alone, twice at once, and when answers get lost."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from .conftest import NewFan, Visit, wait_until

pytestmark = pytest.mark.browser

CODE = re.compile(r"WS-[0-9A-Z]{4}-[0-9A-Z]{4}")
KEYS_KEPT = "() => Object.keys(sessionStorage).filter(n => n.startsWith('worldseat:buy:')).length"
CLAIMS = "**/claims"


def seat(page: Page, label: str) -> Locator:
    return page.locator(f'seat-floor [data-label="{label}"]')


def said(page: Page) -> Locator:
    return page.locator("buy-bar .say")


def tickets(page: Page) -> Locator:
    return page.locator("my-tickets li")


def hold_claim(page: Page, label: str) -> Route:
    """Press Buy and hold the claim back on its way, as a slow network would."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(CLAIMS, hold, times=1)
    seat(page, label).click()
    page.get_by_role("button", name=f"Buy {label}").click()
    wait_until(page, lambda: held)
    return held[0]


def test_the_mouse_selects_and_buys(fan: Visit, hall: str) -> None:
    page = fan.page(f"/events/{hall}")
    expect(page.locator("my-tickets .empty")).to_have_text("None yet. Click a seat and press Buy.")

    seat(page, "A7").click()
    expect(said(page)).to_have_text(re.compile(r"A7 · \$150 · served by us-east-[12]"))
    page.get_by_role("button", name="Buy A7").click()

    expect(said(page)).to_have_text(re.compile(rf"A7 is yours\. Code {CODE.pattern}"))
    code = said(page).locator("code").text_content()
    expect(tickets(page)).to_have_count(1)
    expect(tickets(page)).to_contain_text([code or "no code"])
    expect(seat(page, "A7")).to_have_accessible_name("Row A, seat 7, $150, yours")
    assert page.evaluate(KEYS_KEPT) == 0


def test_keys_alone_select_and_buy(fan: Visit, hall: str) -> None:
    page = fan.page(f"/events/{hall}")
    stops = page.locator('seat-floor [tabindex="0"]')
    expect(stops).to_have_count(1)
    stops.focus()
    for key in ("End", "ArrowLeft", "ArrowDown", "Home", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(seat(page, "B3")).to_be_focused()
    expect(seat(page, "B3")).to_have_accessible_name("Row B, seat 3, $150, available")
    expect(stops).to_have_count(1)

    page.keyboard.press("Enter")
    expect(seat(page, "B3")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(seat(page, "B3")).to_have_attribute("aria-selected", "false")
    expect(seat(page, "B3")).to_be_focused()

    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(said(page)).to_contain_text("B3 is yours.")
    expect(seat(page, "B3")).to_be_focused()
    expect(page.locator("p[role=status]")).to_contain_text("B3 is yours.")


def test_a_double_press_buys_once(fan: Visit, hall: str) -> None:
    page = fan.page(f"/events/{hall}")
    seat(page, "C1").click()
    page.evaluate(
        "() => { const b = document.querySelector('buy-bar .go'); b.click(); b.click(); }"
    )
    expect(said(page)).to_contain_text("C1 is yours.")
    expect(tickets(page)).to_have_count(1)


def test_the_press_shows_at_once_that_it_is_pending(fan: Visit, hall: str) -> None:
    page = fan.page(f"/events/{hall}")
    held = hold_claim(page, "C2")
    expect(said(page)).to_have_text("Buying C2 …")
    expect(seat(page, "C2")).to_have_attribute("data-pending", "")
    expect(page.get_by_role("button", name="Buying C2 …")).to_be_disabled()
    held.continue_()
    expect(said(page)).to_contain_text("C2 is yours.")
    expect(seat(page, "C2")).not_to_have_attribute("data-pending", "")


def test_the_press_is_answered_within_a_tenth_of_a_second(fan: Visit, hall: str) -> None:
    page = fan.page(f"/events/{hall}")
    seat(page, "C3").click()
    took_ms = page.evaluate(
        """() => new Promise((done) => {
          const began = performance.now();
          document.querySelector('buy-bar .go').click();
          const cell = document.querySelector('[data-label="C3"]');
          if (!cell.hasAttribute('data-pending')) throw new Error('not pending');
          requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
        })"""
    )
    assert took_ms < 100
    expect(said(page)).to_contain_text("C3 is yours.")


def test_losing_a_race_offers_the_nearest_seats_in_one_press(new_fan: NewFan, hall: str) -> None:
    slow, quick = new_fan(), new_fan()
    slow.excuse("409")
    losing, winning = slow.page(f"/events/{hall}"), quick.page(f"/events/{hall}")

    held = hold_claim(losing, "D4")
    seat(winning, "D4").click()
    winning.get_by_role("button", name="Buy D4").click()
    expect(said(winning)).to_contain_text("D4 is yours.")
    held.continue_()
    expect(said(losing)).to_contain_text("D4 was just taken. You have not been charged.")
    offers = losing.locator("buy-bar button")
    expect(offers).to_have_text(["Buy D3", "Buy D5", "Buy C4"], use_inner_text=True)

    offers.first.click()
    expect(said(losing)).to_contain_text("D3 is yours.")
    expect(tickets(losing)).to_have_count(1)


def test_a_selected_seat_that_is_sold_elsewhere_is_not_lost_silently(
    new_fan: NewFan, hall: str
) -> None:
    waiting, quick = new_fan().page(f"/events/{hall}"), new_fan().page(f"/events/{hall}")
    seat(waiting, "E6").click()
    seat(quick, "E6").click()
    quick.get_by_role("button", name="Buy E6").click()
    expect(said(waiting)).to_contain_text("E6 was just taken.")
    expect(waiting.get_by_role("button", name="Buy E5")).to_be_visible()


def test_a_lost_answer_is_asked_for_again_under_the_same_key(fan: Visit, hall: str) -> None:
    fan.excuse("ERR_FAILED")
    page = fan.page(f"/events/{hall}")
    keys: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route(CLAIMS, lose_the_first_answer)
    seat(page, "F1").click()
    page.get_by_role("button", name="Buy F1").click()
    expect(said(page)).to_contain_text("Asking again under the same key")
    expect(said(page)).to_contain_text("F1 is yours.")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    expect(tickets(page)).to_have_count(1)


def test_a_reload_before_the_answer_gives_one_ticket(fan: Visit, hall: str) -> None:
    page = fan.page(f"/events/{hall}")
    sold: list[int] = []

    def sell_and_stay_silent(route: Route) -> None:
        sold.append(route.fetch().status)

    page.route(CLAIMS, sell_and_stay_silent, times=1)
    seat(page, "F5").click()
    page.get_by_role("button", name="Buy F5").click()
    expect(said(page)).to_have_text("Buying F5 …")
    wait_until(page, lambda: sold)
    assert page.evaluate(KEYS_KEPT) == 1
    page.reload()

    expect(said(page)).to_contain_text("F5 is yours.")
    expect(tickets(page)).to_have_count(1)
    assert sold == [201]
    assert page.evaluate(KEYS_KEPT) == 0


def test_a_second_tab_of_the_same_fan_learns_that_the_seat_is_theirs(fan: Visit, hall: str) -> None:
    fan.excuse("409")
    one, other = fan.page(f"/events/{hall}"), fan.page(f"/events/{hall}")

    held = hold_claim(other, "G2")
    seat(one, "G2").click()
    one.get_by_role("button", name="Buy G2").click()
    expect(said(one)).to_contain_text("G2 is yours.")
    held.continue_()
    expect(said(other)).to_have_text("G2 is yours already.")
    expect(tickets(other)).to_have_count(1)


def test_nobody_else_sees_my_tickets(new_fan: NewFan, hall: str) -> None:
    mine, theirs = new_fan(), new_fan()
    page = mine.page(f"/events/{hall}")
    seat(page, "H1").click()
    page.get_by_role("button", name="Buy H1").click()
    expect(tickets(page)).to_have_count(1)

    other = theirs.page(f"/events/{hall}")
    expect(tickets(other)).to_have_count(0)
    expect(seat(other, "H1")).to_have_accessible_name("Row H, seat 1, $150, sold")
    seat(other, "H1").click()
    expect(said(other)).to_contain_text("H1 is sold.")


def test_a_name_is_kept(fan: Visit, hall: str) -> None:
    page = fan.page(f"/events/{hall}")
    page.get_by_label("you").fill("Ada")
    page.get_by_label("you").press("Enter")
    expect(page.locator("[data-fan-name]")).to_have_text("Ada")
    page.reload()
    expect(page.get_by_label("you")).to_have_value("Ada")
