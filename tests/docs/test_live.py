"""What has no dry run is run for real: on a WorldSeat on this machine, in the pages' order."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from tests.acceptance_reports import report
from tests.docs.answers import PAGES, REHEARSAL
from tests.docs.page import REPORT, ROOT, Call

from worldseat.domain.acceptance_file import write_report

DOMAIN = "https://tickets.example.com"
TOKEN = "a-token-of-the-operator"  # noqa: S105 - made up
LIST = ("event", "list", "--json")
# The pages' events by their titles: what the pages call them.
SAID = {"My show": "evt_abcdefghijklmnop", "Rehearsal": REHEARSAL}
OPEN_S = 30.0
COMMAND_S = 120.0
# They need AWS, or minutes. The parser knows them (test_commands), and they have their own tests.
NOT_HERE = {("cluster", "create"), ("cluster", "status"), ("cluster", "delete")}
# The pages' twenty stampedes of a thousand buyers are for an empty evening.
SMALLER = {"--runs": "2", "--buyers": "60"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def base(home: Path) -> Iterator[str]:
    """A whole WorldSeat with a cluster of its own, whose Regions and roles can be played with."""
    words = [sys.executable, "-m", "worldseat", "up", "--port", "0", "--home", str(home / "var")]
    log = home / "log"
    with log.open("w") as written:
        process = subprocess.Popen(
            words, env=surroundings(home), stdout=written, stderr=subprocess.STDOUT
        )
    try:
        yield opened(process, log)
    finally:
        process.terminate()
        process.wait()


def surroundings(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "WORLDSEAT_HOME": str(home / "var"),
        "WORLDSEAT_OPERATOR_TOKEN": TOKEN,
        "PYTHONUNBUFFERED": "1",
    }


def opened(process: "subprocess.Popen[bytes]", log: Path) -> str:
    ends = time.monotonic() + OPEN_S
    while time.monotonic() < ends:
        if found := re.search(r"open at (http://127\.0\.0\.1:\d+)", log.read_text("utf-8")):
            return found[1]
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.05)
    pytest.fail(log.read_text("utf-8"))


def here(words: Sequence[str], base: str, events: Mapping[str, str]) -> list[str]:
    """Return a command of a page as it is said to the WorldSeat here."""
    found = [word.replace(DOMAIN, base) for word in words]
    for said, event in events.items():
        found = [word.replace(said, event) for word in found]
    for option, value in SMALLER.items():
        if option in found:
            found[found.index(option) + 1] = value
    return found


def done(words: Sequence[str], home: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "worldseat", *words],
        cwd=home,
        env=surroundings(home),
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    assert ran.returncode == 0, f"{' '.join(words)}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


@pytest.mark.slow
def test_the_pages_commands_do_here_what_they_will_do_there(
    called: Mapping[str, list[Call]], home: Path, base: str
) -> None:
    (home / "venues").symlink_to(ROOT / "venues")
    (home / "evidence").mkdir()
    (home / "acceptance").mkdir()
    (home / "acceptance" / REPORT).write_text(write_report(report()), "utf-8")
    commands = [
        call.words for name in PAGES for call in called[name] if call.program == "worldseat"
    ]
    ran = set()
    events: dict[str, str] = {}
    for words in commands:
        if words[:2] in NOT_HERE or words[:2] == ("accept", "--endpoints"):
            continue
        if words[0] == "psql" and shutil.which("psql") is None:
            continue
        told = done(here(words, base, events), home)
        assert told.strip() or words[0] == "local", words
        ran.add(words[0])
        if words[:2] == ("event", "create"):
            title = words[words.index("--title") + 1]
            listed = [json.loads(line) for line in done([*LIST], home).splitlines()]
            [events[SAID[title]]] = [each["event_id"] for each in listed if each["title"] == title]
    assert {"migrate", "doctor", "event", "break-it", "witness", "cost", "local"} <= ran
    if shutil.which("psql"):
        assert (home / "evidence" / "op_log.csv").read_text().startswith("op_id,")
