"""One press fires the product and this foil; what the page counts, another program counts too."""

import re
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from botocore.session import get_session
from playwright.sync_api import Page, expect
from tests.visits import PHONE, NewFan, Site, Visit

from worldseat.local_dsql import descriptor
from worldseat.settings import REGIONS

# They take long, and `make check` runs them on every change.
pytestmark = [pytest.mark.browser, pytest.mark.slow]

PRODUCT, FOIL = "Aurora DSQL", "DynamoDB Global Tables"

_BY_SQL = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    print(await connection.fetchval(
        "SELECT count(*) FROM op_log WHERE run_id = $1 AND kind = 'sell'", sys.argv[2]))
asyncio.run(main())
"""


@pytest.fixture
def fan(new_fan: NewFan) -> Visit:
    """One fan at a desk."""
    return new_fan()


@pytest.fixture(scope="module")
def hall(make_hall: Callable[[str], str]) -> str:
    """A rehearsal that these tests share; each keeps to a seat of its own."""
    return make_hall("rehearsal")


def press(page: Page) -> None:
    page.get_by_role("button", name="Break it").click()
    expect(page.locator("break-it .progress")).to_be_visible()
    expect(page.locator("break-it .progress")).to_be_hidden(timeout=20_000)


def emulators(site: Site) -> list[str]:
    """The addresses at which the emulators of this site listen, as the kernel knows them."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            here = (folder / "cwd").readlink().is_relative_to(site.home / "dynamodb")
        except OSError:
            continue
        if folder.name.isdigit() and here:
            found.extend(_listens(int(folder.name)))
    return found


def _listens(pid: int) -> list[str]:
    asked = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True)
    return [
        f"http://{line.split()[3]}" for line in asked.stdout.splitlines() if f"pid={pid}," in line
    ]


def sales_on_the_foil(site: Site, run_id: str) -> tuple[int, int]:
    """Count a run's sales in all ledgers, each once, and what the seat tables show: owners."""
    ledgers = scans(site, "sales_naive")
    tables = scans(site, "seats_naive")
    assert len(ledgers) == len(tables) == len(REGIONS)
    sales = {
        item["op_id"]["S"]
        for ledger in ledgers
        for item in ledger
        if (item["run_id"]["S"], item["kind"]["S"]) == (run_id, "sell")
    }
    owners = {
        item["op_id"]["S"] for table in tables for item in table if item["run_id"]["S"] == run_id
    }
    return len(sales), len(owners)


def scans(site: Site, table: str) -> list[list[dict[str, Any]]]:
    """Everything in a table, at each emulator: each of them knows its own Region's only."""
    found = []
    for url, region in product(emulators(site), REGIONS):
        client = get_session().create_client(
            "dynamodb",
            region_name=region,
            endpoint_url=url,
            aws_access_key_id="other",
            aws_secret_access_key="other",
        )
        if table in client.list_tables()["TableNames"]:
            pages = client.get_paginator("scan").paginate(TableName=table)
            found.append([item for page in pages for item in page["Items"]])
        client.close()
    return found


def sales_by_sql(site: Site, run_id: str) -> int:
    url = descriptor.postgres_of(site.home / "dsql")
    counted = subprocess.run(
        [sys.executable, "-c", _BY_SQL, url, run_id], capture_output=True, check=True
    )
    return int(counted.stdout)


def test_one_press_fires_both_and_the_counts_are_those_of_another_program(
    fan: Visit, make_hall: Callable[[str], str], site: Site
) -> None:
    event_id = make_hall("rehearsal")
    page = fan.page(f"/?event={event_id}")
    expect(page.get_by_role("radio", name="Both")).to_be_checked()
    story = page.locator("[data-panel=story]")
    expect(story.locator(".theirs .n")).to_have_text("not measured yet")
    press(page)

    runs = site.get(f"/api/stampedes?event_id={event_id}")["runs"]
    foil, ours = runs
    assert (foil["store"], ours["store"]) == ("dynamodb", "dsql")
    for same in ("seed", "seat", "code", "arrival", "buyers", "regions"):
        assert foil[same] == ours[same]
    assert foil["result"]["in_flight_max"] == ours["result"]["in_flight_max"] == 60

    verdict = page.locator("[data-panel=verdict]")
    expect(verdict).to_contain_text(f"✓ A1 sold once on {PRODUCT}. 59 of 60 were told no.")
    expect(verdict).to_contain_text(re.compile(rf"✕ A1 sold \d+ times on {FOIL}: \d+ too many"))
    holders = (
        page.locator("[data-panel=scoreboard] .pair")
        .get_by_role("row", name="confirmed holders")
        .get_by_role("cell")
    )
    sold, owners = sales_on_the_foil(site, foil["run_id"])
    assert sold > 1
    assert owners == 1
    assert sales_by_sql(site, ours["run_id"]) == 1
    expect(holders).to_have_text(["1", str(sold)])
    expect(story.locator(".ours .n")).to_have_text("0")
    expect(story.locator(".theirs .n")).to_have_text(str(sold - 1))
    expect(story.locator(".theirs")).to_contain_text(
        f"above 0 in 1 of 1 run of the same kind, {sold - 1}"
    )
    expect(story).to_contain_text("The consistency model decides")
    sources = page.locator("[data-panel=sources]")
    expect(sources).to_contain_text(f"The seat table hides {sold - 1}: it can show one owner only.")
    expect(sources).to_contain_text("Gap 0. They agree.")


def test_careful_code_leaves_one_holder_in_each_region(fan: Visit, hall: str) -> None:
    page = fan.page(f"/?event={hall}")
    page.get_by_label("Stress test: target").fill("B1")
    page.get_by_label("code").select_option("conditional")
    page.get_by_label("lag, ms").fill("500")
    press(page)
    verdict = page.locator("[data-panel=verdict]")
    expect(verdict).to_contain_text(f"B1 sold once on {PRODUCT}.")
    expect(verdict).to_contain_text(f"B1 sold twice on {FOIL}: 1 too many.")
    board = page.locator("[data-panel=scoreboard]")
    board.get_by_text(f"{FOIL} by Region").click()
    expect(board).to_contain_text(re.compile(r"replication lag [\d,]+ ms \(median; 500 ms asked\)"))
    page.locator("#reach").select_option("one")
    press(page)
    expect(verdict).to_contain_text(f"B1 sold once on {FOIL}.")
    expect(page.locator("[data-panel=story] h2")).to_contain_text("one Region")


def test_the_foils_own_floor_shows_one_owner_and_is_not_for_sale(fan: Visit, hall: str) -> None:
    page = fan.page(f"/?event={hall}")
    page.get_by_label("Stress test: target").fill("C1")
    press(page)
    page.get_by_role("radio", name=FOIL).check()
    page.wait_for_url(re.compile("store=dynamodb"))
    expect(page.get_by_text(f"{FOIL}'s own floor: not for sale.")).to_be_visible()
    expect(page.locator('[data-state="sold"]')).not_to_have_count(0)


@pytest.mark.parametrize("how", [{}, {"viewport": PHONE, "color_scheme": "dark"}])
def test_the_page_of_both_has_no_known_defect(
    new_fan: NewFan, hall: str, how: dict[str, object]
) -> None:
    page = new_fan(**how).page(f"/?event={hall}")
    page.get_by_label("Stress test: target").fill("D1")
    press(page)
    expect(page.locator("[data-panel=verdict]")).to_contain_text(FOIL)
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= page.evaluate("() => window.innerWidth")
