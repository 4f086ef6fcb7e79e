"""Acceptance reports in the product's database: kept once, signed often, never changed."""

import asyncio
import itertools
import random
import string
import zlib
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio
from tests.acceptance_reports import of_aws, report, signed
from tests.behind import Database

from worldseat.domain.acceptance import Report, is_sealed, sealed
from worldseat.domain.acceptance_file import write_report
from worldseat.ports.store import StoreRefused
from worldseat.services.wiring import Services

_numbers = itertools.count(1)


@pytest_asyncio.fixture(autouse=True, scope="module")
async def _put_away(services: Services, database: Database) -> AsyncIterator[None]:
    """Take away what these tests kept: other tests' pages must not show it."""
    yield
    sql = await asyncpg.connect(database.url)
    for table in ("acceptance", "acceptance_sign_off"):
        await sql.execute(f"DELETE FROM {table} WHERE report_id LIKE 'acc_stored-%'")
    await sql.close()


def fresh() -> str:
    return f"acc_stored-{next(_numbers)}"


async def test_a_report_is_read_as_it_was_kept(services: Services) -> None:
    made = signed(of_aws(fresh()))
    await services.store.keep_report(made)
    kept = await services.store.report(made.report_id)
    assert kept == made
    assert await services.store.report("acc_never-kept") is None


async def test_to_keep_it_again_adds_new_sign_offs_and_nothing_else(services: Services) -> None:
    made = report(fresh())
    ada = signed(made, "Ada Invented")
    grace = signed(made, "Grace Invented")
    await services.store.keep_report(made)
    # Two people at once: neither is lost, and who signed both files is there once.
    await asyncio.gather(*(services.store.keep_report(each) for each in (ada, grace, ada)))
    kept = await services.store.report(made.report_id)
    assert kept is not None
    assert [each.by for each in kept.signed_off] == ["Ada Invented", "Grace Invented"]
    assert is_sealed(kept)


async def test_another_report_under_the_same_id_is_refused(services: Services) -> None:
    made = report(fresh())
    await services.store.keep_report(made)
    other = signed(sealed(replace(made, notes=("another",))))
    with pytest.raises(StoreRefused, match="another report is kept"):
        await services.store.keep_report(other)
    assert await services.store.report(made.report_id) == made


async def test_the_newest_come_first_and_aws_is_told_from_a_stand_in(services: Services) -> None:
    # In a year of their own, after all that other tests keep.
    made: list[Report] = []
    for month, build in ((1, of_aws), (2, report), (3, of_aws), (4, report)):
        at = f"2031-{month:02}-01T00:00:00Z"
        made.append(build(fresh(), started_at=at, finished_at=at))
        await services.store.keep_report(made[-1])
    store = services.store
    assert await store.reports(limit=4) == made[::-1]
    assert await store.reports(of_aws=True, limit=2) == [made[2], made[0]]
    assert await store.reports(of_aws=False, limit=1) == [made[3]]


async def test_a_report_that_is_too_large_is_refused(services: Services) -> None:
    chance = random.Random(1)
    letters = string.ascii_letters + string.digits
    noise = tuple("".join(chance.choices(letters, k=4_000)) for _ in range(230))
    with pytest.raises(StoreRefused, match="are kept"):
        await services.store.keep_report(report(fresh(), notes=noise))


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"no zlib",
        lambda body: body[:-5],
        lambda _: zlib.compress(b"{}"),
        lambda _: zlib.compress(write_report(report("acc_of-another-id")).encode()),
        lambda _: zlib.compress(b" " * 5_000_000),
    ],
    ids=["not compressed", "cut short", "no report", "another report", "a bomb"],
)
async def test_a_damaged_row_is_told_as_such(
    services: Services, sql: asyncpg.Connection, damage: object
) -> None:
    made = report(fresh(), finished_at="2026-01-02T04:00:00Z")
    await services.store.keep_report(made)
    body = await sql.fetchval("SELECT body FROM acceptance WHERE report_id = $1", made.report_id)
    assert callable(damage)
    await sql.execute(
        "UPDATE acceptance SET body = $2 WHERE report_id = $1", made.report_id, damage(body)
    )
    try:
        with pytest.raises(StoreRefused, match=f"{made.report_id} is damaged"):
            await services.store.report(made.report_id)
    finally:
        await sql.execute("DELETE FROM acceptance WHERE report_id = $1", made.report_id)
