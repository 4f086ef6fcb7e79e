"""Acceptance reports in a real browser: for everybody, on every screen, and as a lone file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect
from tests.acceptance_reports import all_promises, broken, of_aws, promise, report, signed

from worldseat.domain.acceptance import Report
from worldseat.domain.acceptance_file import read_report, write_report
from worldseat.web.views.acceptance import render

from .conftest import PHONE, WIDE, NewFan, Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = [pytest.param(WIDE, id="1440"), pytest.param(PHONE, id="320")]
BAD = signed(of_aws("acc_seen-aws", promises=all_promises(promise("tokens"), broken("isolation"))))


def keep(site: Site, made: Report) -> None:
    """Bring a report in as an operator would."""
    file = site.home / f"{made.report_id}.json"
    file.write_text(write_report(made))
    done = subprocess.run(
        [sys.executable, "-m", "worldseat", "accept", "show", file, "--keep", "--home", site.home],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Kept." in done.stdout, done.stderr


@pytest.fixture(scope="module")
def kept(site: Site) -> Site:
    """A WorldSeat with a report of the stand-in, and one that says AWS."""
    for made in (report("acc_seen"), BAD):
        keep(site, made)
    return site


def assert_for_everybody(page: Page, width: int) -> None:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{page.url}, {theme}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("size", SIZES)
def test_everybody_can_read_them(new_fan: NewFan, kept: Site, size: ViewportSize) -> None:
    fan = new_fan(viewport=size)
    for path in ("/acceptance/acc_seen", "/acceptance/acc_seen-aws", "/proof", "/compare"):
        page = fan.page(path, ready=False)
        assert_for_everybody(page, size["width"])
        page.close()
    assert fan.unexcused() == []


def test_the_proof_panel_leads_to_the_report_and_to_its_file(new_fan: NewFan, kept: Site) -> None:
    page = new_fan().page("/proof", ready=False)
    table = page.get_by_role("table").filter(has_text="The run")
    expect(table.get_by_role("columnheader")).to_have_text(
        ["promise", "AWS", "the local DSQL cluster, a stand-in"]
    )
    page.get_by_role("link", name="The whole report: AWS").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("1 of 7 promises broke on AWS")
    with page.expect_download() as started:
        page.get_by_role("link", name="Report as a file").click()
    downloaded = started.value
    assert downloaded.suggested_filename == "acc_seen-aws.json"
    assert read_report(downloaded.path().read_bytes()) == BAD


def test_the_compare_page_says_aws_apart(new_fan: NewFan, kept: Site) -> None:
    page = new_fan().page("/compare", ready=False)
    expect(page.locator(".aws")).to_have_count(4)
    link = page.locator("#four-naive-both ~ .sides .aws").get_by_role("link")
    expect(link).to_have_attribute("href", "/acceptance/acc_seen-aws#stampedes-run")


@pytest.mark.parametrize("size", SIZES)
def test_the_file_alone_opens_without_any_network(
    browser: Browser, tmp_path: Path, size: ViewportSize
) -> None:
    file = tmp_path / "report.html"
    file.write_text(render(BAD))
    asked: list[str] = []
    said: list[str] = []
    context = browser.new_context(viewport=size, offline=True, bypass_csp=True)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(file.as_uri())
    expect(page.get_by_role("heading", level=1)).to_contain_text("Acceptance of Aurora DSQL")
    assert asked == [file.as_uri()]
    # It has its style.
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.sign')).borderTopWidth") == "1px"
    )
    assert_for_everybody(page, size["width"])
    assert said == []
    assert page.pdf().startswith(b"%PDF")
    context.close()


def test_the_file_runs_nothing(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    evil = "</style><script>document.title = 'ran'</script><img src=x onerror=alert(1)>"
    file.write_text(render(report(notes=(evil,), server_version=evil)))
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    assert json.loads(page.evaluate("JSON.stringify(document.title)")).startswith("Acceptance of")
    expect(page.locator("script, img")).to_have_count(0)
    context.close()
