"""Browser tests: every file sells its own event."""

from collections.abc import Callable

import pytest
from tests.visits import PHONE, WIDE, NewFan, Site, Visit, wait_until

__all__ = ["PHONE", "WIDE", "NewFan", "Site", "Visit", "wait_until"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the browser tests measured."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name.startswith("measured: "):
                terminalreporter.write_line(f"{name.removeprefix('measured: ')}: {value}")


@pytest.fixture
def fan(new_fan: NewFan) -> Visit:
    """One fan at a desk."""
    return new_fan()


@pytest.fixture(scope="module")
def hall(make_hall: Callable[[str], str]) -> str:
    """A rehearsal that the tests of one file share; each keeps to seats of its own."""
    return make_hall("rehearsal")
