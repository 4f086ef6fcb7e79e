"""One app process and one Chromium for all tests that look at pages, wherever they are."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from worldseat.venues import venue_text

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
OPEN_S = 30.0
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 320, "height": 640}


@dataclass(frozen=True)
class Site:
    """A running WorldSeat."""

    url: str
    process: subprocess.Popen[bytes]
    home: Path

    def get(self, path: str) -> dict[str, Any]:
        """Read the API as anybody could."""
        address = f"{self.url}{path}"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - our own server
            found: dict[str, Any] = json.load(answer)
            return found


@dataclass
class Visit:
    """One fan's browser: a context with its own cookies and storage, and what went wrong in it."""

    context: BrowserContext
    base: str
    complaints: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)

    def page(self, path: str, *, ready: bool = True) -> Page:
        """Open a page and wait until its floor, if it has one, is live."""
        page = self.context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.goto(f"{self.base}{path}")
        if ready:
            page.wait_for_function(
                "() => !document.querySelector('seat-floor:not([data-read-only])')"
                " || document.querySelector('[data-live]').textContent.startsWith('Live')"
            )
        return page

    def excuse(self, pattern: str) -> None:
        """Say which complaint of the browser this test provokes on purpose."""
        self.excused.append(pattern)

    def unexcused(self) -> list[str]:
        """Return the complaints that nobody expected."""
        return [
            each
            for each in self.complaints
            if not any(re.search(pattern, each) for pattern in self.excused)
        ]

    def _heard(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")


NewFan = Callable[..., Visit]


def wait_until(page: Page, condition: Callable[[], object]) -> None:
    """Let the page live on until the condition holds. Fails if it does not in time."""
    for _ in range(500):
        if condition():
            return
        page.wait_for_timeout(20)
    pytest.fail("not so within 10 s")


def chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((path for name in CHROMIUMS if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium."""
    path = chromium()
    if path is None:
        missing = "no Chromium found; to have these tests: apt-get install chromium"
        if os.environ.get("WORLDSEAT_REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One app process with its own database; not started when there is no browser."""
    home = tmp_path_factory.mktemp("site")
    log = home / "up.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "worldseat", "up", "--port", "0", "--home", str(home)],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
            start_new_session=True,
        )
    yield Site(url=_opened(process, log), process=process, home=home)
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.wait(timeout=10)


def _opened(process: subprocess.Popen[bytes], log: Path) -> str:
    ends = time.monotonic() + OPEN_S
    while time.monotonic() < ends:
        if match := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return match[0]
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    pytest.fail(f"the app did not open within {OPEN_S:g} s: {log.read_text()}")


@pytest.fixture
def new_fan(browser: Browser, site: Site) -> Iterator[NewFan]:
    """Open browsers of different fans. At the end none may have complained."""
    visits: list[Visit] = []

    def enter(**how: Any) -> Visit:
        context = browser.new_context(**{"viewport": WIDE, **how})
        context.set_default_timeout(10_000)
        visits.append(Visit(context=context, base=site.url))
        return visits[-1]

    yield enter
    complaints = [each for visit in visits for each in visit.unexcused()]
    for visit in visits:
        visit.context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def make_hall(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Create an event of one's own in the 96-seat hall, as an operator would; return its id."""
    venue = tmp_path_factory.mktemp("venue") / "hall.json"
    venue.write_text(venue_text("hall-96.json"))
    numbers = count(1)

    def make(mode: str) -> str:
        what = ["--venue", str(venue), "--title", f"TEST {next(numbers)}", "--mode", mode]
        where = ["--json", "--home", str(site.home)]
        made = subprocess.run(
            [sys.executable, "-m", "worldseat", "event", "create", *what, *where],
            capture_output=True,
            check=True,
        )
        event_id: str = json.loads(made.stdout)["event_id"]
        return event_id

    return make
