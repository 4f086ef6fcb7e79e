"""`worldseat accept show`: a report file read by itself, and brought into this WorldSeat."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from tests.acceptance_reports import all_promises, broken, of_aws, promise, report, signed

from worldseat.domain.acceptance import Report
from worldseat.domain.acceptance_file import write_report
from worldseat.services.wiring import Services

from .conftest import Done, Worldseat


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.json"


def shown(here: Worldseat, file: Path, made: Report, *words: str) -> Done:
    file.write_text(write_report(made))
    return here("accept", "show", str(file), *words)


def said(done: Done) -> str:
    return " ".join(done.stdout.split())


def test_a_report_that_passed_is_shown_with_its_stand_in(here: Worldseat, file: Path) -> None:
    done = shown(here, file, report())
    assert done.returncode == 0, done.stderr
    text = said(done)
    assert "No violation found on the local DSQL cluster: 7 of 7 promises held." in text
    assert "a stand-in" in text
    assert "held in" in text
    assert "seal whole: SHA-256" in text
    assert "not signed off" in text


def test_a_broken_promise_is_named_with_its_case(here: Worldseat, file: Path) -> None:
    made = signed(of_aws(promises=all_promises(promise("tokens"), broken("isolation"))))
    done = shown(here, file, made)
    assert done.returncode == 1
    text = said(done)
    assert "1 of 7 promises broke on AWS" in text
    assert "a session was opened" in text
    assert "signed off by Ada Invented" in text


def test_a_changed_file_is_shown_as_changed(here: Worldseat, file: Path) -> None:
    done = shown(here, file, replace(report(), git_commit="another"))
    assert done.returncode == 1
    assert "The seal is broken" in said(done)
    assert "seal BROKEN" in said(done)


def test_json_says_it_to_a_program(here: Worldseat, file: Path) -> None:
    told = json.loads(shown(here, file, report(), "--json").stdout)
    assert (told["sealed"], told["passed"]) == (True, True)
    assert told["report"]["report_id"] == "acc_invented"


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\x00"])
def test_a_file_that_is_no_report_is_told_with_its_line(
    here: Worldseat, file: Path, text: str
) -> None:
    file.write_text(text)
    done = here("accept", "show", str(file))
    assert done.returncode == 2
    assert "line 1:" in done.stderr


def test_a_file_that_is_not_there_or_too_large_is_told(here: Worldseat, file: Path) -> None:
    assert here("accept", "show", str(file)).returncode == 2
    file.write_bytes(b" " * 1_500_000)
    done = here("accept", "show", str(file))
    assert done.returncode == 2
    assert "at most 1,000,000 bytes" in done.stderr


def test_one_that_too_many_signed_is_refused_before_anything_is_kept(
    here: Worldseat, file: Path
) -> None:
    crowd = report()
    for number in range(101):
        crowd = signed(crowd, f"Invented {number}")
    done = shown(here, file, crowd, "--keep")
    assert done.returncode == 2
    assert "more than 100 sign-offs" in " ".join(done.stderr.split())


def test_markup_in_a_report_stays_text(here: Worldseat, file: Path) -> None:
    done = shown(here, file, report(notes=("[bold]not bold[/bold] [link=x]",)))
    assert "[bold]not bold[/bold] [link=x]" in said(done)


@pytest.mark.slow
async def test_it_can_be_kept_in_this_worldseat(
    worldseat: Worldseat, file: Path, services: Services, sql: asyncpg.Connection
) -> None:
    made = report("acc_cli-1")
    try:
        done = await asyncio.to_thread(shown, worldseat, file, made, "--keep")
        assert done.returncode == 0, done.stderr
        assert "Kept. Its page: /acceptance/acc_cli-1" in said(done)
        assert await services.acceptances.look("acc_cli-1") == made
        changed = replace(report("acc_cli-2"), git_commit="another")
        done = await asyncio.to_thread(shown, worldseat, file, changed, "--keep")
        assert done.returncode == 2
        assert "seal of acc_cli-2 is broken" in " ".join(done.stderr.split())
        assert await services.store.report("acc_cli-2") is None
    finally:
        await sql.execute("DELETE FROM acceptance WHERE report_id LIKE 'acc_cli-%'")
