"""Acceptance reports over HTTP: the API's list and files, their pages, and the Proof panel."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import fields, replace

import asyncpg
import httpx2
import msgspec
import pytest
import pytest_asyncio
from tests.acceptance_reports import all_promises, broken, of_aws, promise, report, signed

from worldseat.domain.acceptance import PROMISES, Report, is_sealed
from worldseat.domain.acceptance_file import read_report
from worldseat.services.wiring import Services
from worldseat.web.acceptance_shapes import AcceptanceFile, AcceptancesAnswer

from .conftest import problem

LATER = {"started_at": "2031-01-01T00:00:00Z", "finished_at": "2031-01-01T00:10:00Z"}
"""After every run that other tests keep."""

Keep = Callable[[Report], Awaitable[Report]]


@pytest_asyncio.fixture
async def keep(services: Services, sql: asyncpg.Connection) -> AsyncIterator[Keep]:
    """Keep a report for the length of a test: other tests' pages must not show it."""
    kept: list[str] = []

    async def keep(made: Report) -> Report:
        kept.append(made.report_id)
        await services.store.keep_report(made)
        return made

    yield keep
    for table in ("acceptance", "acceptance_sign_off"):
        await sql.execute(f"DELETE FROM {table} WHERE report_id = ANY($1)", kept)


def words(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def proved(answer: httpx2.Response) -> str:
    """The Proof panel's table of promises, in words."""
    found = re.search(r'<section aria-labelledby="c2">.*?</section>', answer.text, re.DOTALL)
    assert found is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[0]))


async def test_the_list_names_the_newest_of_aws_and_of_its_stand_in(
    anybody: httpx2.AsyncClient, keep: Keep
) -> None:
    played = await keep(signed(report("acc_web-1", **LATER)))
    tried = all_promises(promise("tokens"), broken("fence"))
    ran = await keep(of_aws("acc_web-2", **LATER, promises=tried))
    answer = await anybody.get("/api/acceptance")
    assert answer.status_code == 200
    told = msgspec.json.decode(answer.content, type=AcceptancesAnswer)
    assert (told.aws, told.stand_in) == (ran.report_id, played.report_id)
    first, second = told.reports[:2]
    assert (first.stand_in, second.stand_in) == ("local DSQL cluster", None)
    assert (first.passed, first.sealed, first.held_count) == (True, True, 7)
    assert [each.by for each in first.signed_off] == ["Ada Invented"]
    counts = (second.held_count, second.broken_count, second.not_tried_count)
    assert (second.passed, counts) == (False, (1, 1, 5))


async def test_a_report_is_served_as_the_file_that_can_be_checked(
    anybody: httpx2.AsyncClient, keep: Keep
) -> None:
    made = await keep(signed(of_aws("acc_web-3", **LATER)))
    answer = await anybody.get("/api/acceptance/acc_web-3")
    assert answer.headers["content-type"] == "application/json"
    served = read_report(answer.content)
    assert served == made
    assert is_sealed(served)
    # The description of the answer knows every field of it, and no other.
    described = msgspec.json.decode(answer.content, type=AcceptanceFile)
    assert set(described.__struct_fields__) == {"format", *(each.name for each in fields(Report))}
    assert set(answer.json()) == set(described.__struct_fields__)


@pytest.mark.parametrize("report_id", ["acc_never-kept", "acc_never kept"])
async def test_a_report_that_is_not_here_is_unknown(
    anybody: httpx2.AsyncClient, report_id: str
) -> None:
    problem(await anybody.get(f"/api/acceptance/{report_id}"), 404, "unknown-report")
    page = await anybody.get(f"/acceptance/{report_id}", headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "No such report" in page.text


async def test_a_report_has_a_page_under_the_policy_of_all_pages(
    anybody: httpx2.AsyncClient, keep: Keep
) -> None:
    await keep(report("acc_web-4", **LATER))
    page = await anybody.get("/acceptance/acc_web-4")
    text = words(page)
    assert "No violation found on the local DSQL cluster: 7 of 7 promises held." in text
    assert "Whole: this is what the run wrote." in text
    assert "style=" not in page.text
    assert "<style" not in page.text
    assert 'href="/api/acceptance/acc_web-4" download="acc_web-4.json"' in page.text


async def test_the_proof_panel_leads_to_the_newest_reports(
    anybody: httpx2.AsyncClient, keep: Keep
) -> None:
    await keep(report("acc_web-5", **LATER))
    await keep(
        of_aws("acc_web-6", started_at=LATER["started_at"], finished_at="2031-01-02T00:00:00Z")
    )
    await keep(of_aws("acc_web-7", **LATER, promises=all_promises(broken("tokens"))))
    page = await anybody.get("/proof")
    assert re.findall(r'href="/acceptance/([^"]*)"', page.text) == ["acc_web-6", "acc_web-5"]
    assert "broken in" not in proved(page)


async def test_the_stand_ins_report_leaves_the_column_of_aws_unmeasured(
    anybody: httpx2.AsyncClient, keep: Keep
) -> None:
    await keep(report("acc_web-8", **LATER))
    text = proved(await anybody.get("/proof"))
    assert text.count("not measured yet") == len(PROMISES) + 1
    assert "held in 18 of 18 logins" in text


async def test_a_report_that_was_changed_in_the_database_is_not_believed(
    anybody: httpx2.AsyncClient, keep: Keep
) -> None:
    whole = of_aws("acc_web-9", **LATER, promises=all_promises(broken("tokens")))
    changed = replace(whole, promises=all_promises(promise("tokens")))
    assert not is_sealed(changed)
    await keep(changed)
    text = proved(await anybody.get("/proof"))
    assert "not shown: the seal is broken" in text
    assert "held in 18 of 18 logins" not in text.partition("The run")[0]
    assert "The seal is broken" in words(await anybody.get("/acceptance/acc_web-9"))
    told = (await anybody.get("/api/acceptance")).json()["reports"]
    assert [each["sealed"] for each in told if each["report_id"] == "acc_web-9"] == [False]


async def test_a_damaged_row_takes_only_the_table_of_promises(
    anybody: httpx2.AsyncClient, keep: Keep, sql: asyncpg.Connection
) -> None:
    await keep(of_aws("acc_web-10", **LATER))
    await sql.execute("UPDATE acceptance SET body = 'x' WHERE report_id = 'acc_web-10'")
    page = await anybody.get("/proof")
    assert "Acceptance reports cannot be read right now." in proved(page)
    assert "The same code ran on every database" in words(page)
    problem(await anybody.get("/api/acceptance"), 503, "unavailable")
