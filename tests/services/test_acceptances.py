"""Which acceptance reports are kept, and which are refused whatever they say."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from tests.acceptance_reports import of_aws, report, signed

from worldseat.domain.acceptance import sealed
from worldseat.domain.errors import ReportRefused, UnknownReport
from worldseat.services.acceptances import Acceptances
from worldseat.services.wiring import Services

_numbers = itertools.count(1)


@pytest.fixture
def fresh() -> str:
    return f"acc_service-{next(_numbers)}"


@pytest_asyncio.fixture
async def acceptances(
    services: Services, sql: asyncpg.Connection, fresh: str
) -> AsyncIterator[Acceptances]:
    yield services.acceptances
    for table in ("acceptance", "acceptance_sign_off"):
        await sql.execute(f"DELETE FROM {table} WHERE report_id = $1", fresh)


async def test_a_sealed_report_is_kept_and_its_sign_off_is_added(
    acceptances: Acceptances, fresh: str
) -> None:
    made = report(fresh)
    await acceptances.keep(made)
    await acceptances.keep(signed(made))
    assert await acceptances.look(fresh) == signed(made)
    assert fresh in {each.report_id for each in await acceptances.listed()}


async def test_one_whose_seal_is_broken_is_refused(acceptances: Acceptances, fresh: str) -> None:
    for changed in (
        replace(report(fresh), git_commit="another"),
        replace(report(fresh), digest=""),
    ):
        with pytest.raises(ReportRefused, match=r"seal of .* is broken"):
            await acceptances.keep(changed)
    with pytest.raises(UnknownReport):
        await acceptances.look(fresh)


async def test_one_that_could_not_be_read_again_is_refused(
    acceptances: Acceptances, fresh: str
) -> None:
    [first, *others] = report(fresh).promises
    made = report(fresh, promises=(replace(first, tried=0), *others))
    with pytest.raises(ReportRefused, match="tokens is held and was never tried"):
        await acceptances.keep(made)
    assert fresh not in {each.report_id for each in await acceptances.listed()}


async def test_another_one_under_the_same_id_is_refused(
    acceptances: Acceptances, fresh: str
) -> None:
    await acceptances.keep(report(fresh))
    with pytest.raises(ReportRefused, match="another report is kept"):
        await acceptances.keep(report(fresh, notes=("better figures",)))
    assert await acceptances.look(fresh) == report(fresh)


async def test_what_ran_on_the_stand_in_here_cannot_be_called_aws(
    acceptances: Acceptances, services: Services, fresh: str
) -> None:
    # The local cluster's endpoints have names as AWS gives them: the names alone prove nothing.
    hosts = {
        region: urlsplit(url).hostname or ""
        for region, url in services.settings.database_urls.items()
    }
    with pytest.raises(ReportRefused, match="is the local DSQL cluster here"):
        await acceptances.keep(of_aws(fresh, endpoints=hosts))
    await acceptances.keep(sealed(replace(report(fresh), endpoints=hosts)))


async def test_a_report_of_aws_from_elsewhere_is_kept(acceptances: Acceptances, fresh: str) -> None:
    at = "2032-01-01T00:00:00Z"
    await acceptances.keep(of_aws(fresh, started_at=at, finished_at=at))
    newest = await acceptances.newest()
    assert newest.aws is not None
    assert newest.aws.report_id == fresh
    assert newest.stand_in is None or newest.stand_in.stand_in is not None
