"""Take the README's pictures: the story after some stampedes, and the comparison.

Run it with `.venv/bin/python docs/images/take.py` once `make test` has set up `.venv`.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
RUNS = 5


def main() -> None:
    """Start a WorldSeat of its own, use it, take the pictures, stop it."""
    with tempfile.TemporaryDirectory(prefix="worldseat-picture-") as home:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "worldseat", "up", "--port", "0", "--home", home],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            take(address(process))
        finally:
            process.terminate()
            process.wait(timeout=10)


def address(process: "subprocess.Popen[str]") -> str:
    """Return where the app says that it is open."""
    for line in process.stdout or ():
        if match := re.search(r"http://[0-9.:]+", line):
            return match[0]
    message = "the app ended before it opened"
    raise RuntimeError(message)


def take(url: str) -> None:
    """Buy two seats, press Break it a few times, measure the four cells; take both pictures."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": 1280, "height": 1180}, color_scheme="dark", device_scale_factor=1
        )
        page.goto(url)
        page.get_by_label("you").fill("Ada")
        page.get_by_label("you").press("Enter")
        for row, number in (("C", 7), ("C", 8)):
            buy(page, row, number)
        for code in ("conditional", *["naive"] * RUNS):
            page.get_by_label("code").select_option(code)
            page.get_by_role("button", name="Break it").click()
            page.locator("break-it .progress").wait_for(state="visible")
            page.locator("break-it .progress").wait_for(state="hidden")
        page.wait_for_timeout(1_500)
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=HERE / "command-center.png")
        page.goto(f"{url}/compare")
        page.get_by_role("button", name="Measure").click()
        page.get_by_text("nothing is fired").first.wait_for(timeout=90_000)
        page.wait_for_timeout(1_000)
        page.reload()
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=HERE / "compare.png")
        browser.close()


def buy(page: Page, row: str, number: int) -> None:
    """Click a seat and buy it."""
    page.get_by_role("gridcell", name=re.compile(rf"Row {row}, seat {number},")).click()
    page.get_by_role("button", name=f"Buy {row}{number}").click()
    page.get_by_text(re.compile("WS-")).first.wait_for()
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()
