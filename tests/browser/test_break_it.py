"""An operator fires a stampede from the page, reads the verdict, resets the floor."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import PHONE, NewFan, Site, Visit
from .test_buying import seat

pytestmark = pytest.mark.browser


def break_it(page: Page) -> None:
    page.get_by_role("button", name="Break it").click()


def verdict(page: Page) -> object:
    return page.locator("[data-panel=verdict]")


def test_first_visit_then_the_verdict(fan: Visit, make_hall: Callable[[str], str]) -> None:
    event_id = make_hall("rehearsal")
    page = fan.page(f"/?event={event_id}")
    story = page.locator("[data-panel=story]")
    expect(story).to_contain_text("60 fans, one seat, the same second, two Regions.")
    expect(story.locator(".ours .n")).to_have_text("not measured yet")
    expect(story.locator(".theirs .n")).to_have_text("not measured")
    expect(page.locator("#target")).to_have_value("A1")
    expect(seat(page, "A1")).to_have_accessible_name(
        "Row A, seat 1, $150, available, Break-it target"
    )

    break_it(page)
    status = page.locator("[data-panel=verdict]")
    expect(status).to_have_text("✓ A1 sold once on Aurora DSQL. 59 of 60 were told no.")
    expect(page.locator("p[role=status]")).to_contain_text("A1 sold once")
    expect(story.locator(".ours .n")).to_have_text("0")
    expect(story.locator(".ours")).to_contain_text("oversold · 1 holder")
    expect(story.locator(".ours")).to_contain_text("0 in 1 run of the same kind")
    expect(story.locator(".ours .who")).to_contain_text("the local DSQL cluster, a stand-in")

    score = page.locator("[data-panel=scoreboard]")
    for label in ("oversold", "buyers fired", "confirmed holders", "refused", "errors", "unknown"):
        expect(score.get_by_role("rowheader", name=label, exact=True)).to_be_visible()
    for label in ("conflicts", "most retries", "in flight at once", "answered in", "stakes"):
        expect(score.get_by_role("rowheader", name=label, exact=True)).to_be_visible()
    expect(score.get_by_role("columnheader", name="us-east-2")).to_be_visible()
    expect(page.locator("[data-panel=sources] .eq")).to_have_text(
        re.compile(r"1\s*app believed\s*=\s*1\s*op_log committed\s*=\s*1\s*seat table shows")
    )
    expect(page.locator("[data-panel=sources]")).to_contain_text("Gap 0. They agree.")
    expect(page.locator("[data-panel=witness]")).to_contain_text("Seat A1: no violation found")
    expect(page.locator("[data-panel=witness]")).to_contain_text("on 96 seats of this round")
    expect(page.locator("[data-panel=log]")).to_contain_text("60 buyers at A1")

    # The same seat again: a seat that a stampede sold is opened again.
    expect(page.locator("#target")).to_have_value("A1")
    break_it(page)
    expect(story.locator(".ours")).to_contain_text("0 in 2 runs of the same kind")


def test_progress_is_shown_while_buyers_are_answered(fan: Visit, hall: str) -> None:
    page = fan.page(f"/?event={hall}")
    page.get_by_label("Stress test: target").fill("B1")
    page.get_by_label("arrival").select_option("spread over")
    page.get_by_label("over, ms").fill("1200")
    page.get_by_label("buyers", exact=True).fill("20")
    page.get_by_label("code").select_option("conditional")
    break_it(page)
    expect(page.locator("break-it .progress")).to_have_text(re.compile(r"\d+ of 20 answered"))
    expect(page.locator("progress")).to_be_visible()
    expect(page.locator("[data-panel=verdict]")).to_have_text(
        "✓ B1 sold once on Aurora DSQL. 19 of 20 were told no."
    )
    expect(page.locator("[data-panel=scoreboard]")).to_contain_text(
        "conditional code, spread over 1,200 ms"
    )


@pytest.mark.slow
def test_a_run_fired_elsewhere_appears_here(new_fan: NewFan, hall: str, site: Site) -> None:
    page = new_fan().page(f"/?event={hall}")
    elsewhere = new_fan(base_url=site.url).context.request
    run = elsewhere.post(
        "/api/stampedes", data={"event_id": hall, "store": "dsql", "seat": "C3", "buyers": 7}
    )
    assert run.status == 202
    expect(page.locator("[data-panel=verdict]")).to_contain_text("C3 sold once")
    expect(page.locator("[data-panel=story]")).to_contain_text("7 fans, one seat")


def test_the_target_moves_on_when_a_fan_buys_it(fan: Visit, hall: str) -> None:
    page = fan.page(f"/?event={hall}")
    page.get_by_label("Stress test: target").fill("D1")
    seat(page, "D1").click()
    page.get_by_role("button", name="Buy D1").click()
    expect(page.locator("buy-bar .say")).to_contain_text("D1 is yours.")
    expect(page.locator("#target")).not_to_have_value("D1")
    assert page.locator("#target").input_value()


def test_a_refusal_says_why_and_what_next(fan: Visit, hall: str) -> None:
    fan.excuse("422|409")
    page = fan.page(f"/?event={hall}")
    target = page.get_by_label("Stress test: target")
    target.fill("Z99")
    break_it(page)
    status = page.locator("[data-panel=verdict]")
    expect(status).to_contain_text("Z99")
    expect(status).to_contain_text(re.compile("Request req_"))
    expect(target).to_be_focused()
    expect(target).to_have_attribute("aria-invalid", "true")

    page.get_by_label("buyers", exact=True).fill("1")
    target.fill("E1")
    break_it(page)
    expect(status).not_to_contain_text("Z99")
    expect(status).to_contain_text("Request req_")
    expect(page.locator("break-it .progress")).to_be_hidden()


@pytest.mark.slow
def test_reset_asks_says_what_it_does_and_opens_a_round(
    fan: Visit, make_hall: Callable[[str], str]
) -> None:
    event_id = make_hall("rehearsal")
    page = fan.page(f"/?event={event_id}")
    seat(page, "A2").click()
    page.get_by_role("button", name="Buy A2").click()
    expect(page.locator("my-tickets li")).to_have_count(1)

    page.get_by_role("button", name="Reset floor").click()
    expect(page.locator(".confirm")).to_contain_text("Nothing is deleted")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Reset floor")).to_be_focused()
    page.get_by_role("button", name="Reset floor").click()
    page.get_by_role("button", name="Open a new round").click()

    expect(seat(page, "A2")).to_have_attribute("data-state", "open")
    expect(page.locator("[data-sold]")).to_have_text("0")
    expect(page.locator("my-tickets li")).to_contain_text(["void"])


def test_a_live_on_sale_refuses_both_in_words(fan: Visit, make_hall: Callable[[str], str]) -> None:
    page = fan.page(f"/?event={make_hall('live')}")
    for name in ("Break it", "Reset floor"):
        expect(page.get_by_role("button", name=name)).to_be_disabled()
    expect(page.get_by_text("Break it and Reset work on a rehearsal only")).to_be_visible()
    expect(page.locator("[data-panel=story]")).to_contain_text("not measured here")
    expect(page.get_by_role("link", name="Go to the rehearsal →")).to_be_visible()
    seat(page, "A1").click()
    page.get_by_role("button", name="Buy A1").click()
    expect(page.locator("buy-bar .say")).to_contain_text("A1 is yours.")


def test_on_a_phone_the_press_and_its_verdict_share_a_screen(new_fan: NewFan, hall: str) -> None:
    page = new_fan(viewport=PHONE).page(f"/?event={hall}")
    page.get_by_label("Stress test: target").fill("G7")
    break_it(page)
    status = page.locator("[data-panel=verdict]")
    expect(status).to_contain_text("G7 sold once")
    expect(status).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Break it")).to_be_in_viewport(ratio=1)


def test_a_desk_shows_the_story_without_scrolling(fan: Visit, hall: str) -> None:
    page = fan.page(f"/?event={hall}")
    for what in (".story h2", ".ours .who", ".ours .n", ".same", ".theirs .n", "break-it .go"):
        expect(page.locator(what)).to_be_in_viewport(ratio=1)
    expect(page.locator(".same")).to_have_text("same code,only the database changed")
    sizes = page.evaluate(
        """() => [...document.querySelectorAll('.story *')].map(each => [
          each.className, parseFloat(getComputedStyle(each).fontSize)])"""
    )
    same = max(size for name, size in sizes if name == "same")
    louder = {name for name, size in sizes if size > same and not name.startswith("n")}
    assert louder == set()
