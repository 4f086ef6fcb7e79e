"""The whole product as the role of least privilege, through both endpoints of a local cluster."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from tests.cluster_line import ClusterLine
from tests.patience import until
from tests.wire import Cut

from worldseat import bootstrap
from worldseat.domain.errors import ClaimVoided, SeatTaken, Unavailable
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, RunStatus
from worldseat.domain.seats import Code, Kind, Mode
from worldseat.domain.venue_file import read_venue
from worldseat.local_dsql import credentials
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.local_dsql.launch import Launch
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.stores.dsql import access, changing, failures
from worldseat.stores.dsql.endpoint import as_user
from worldseat.venues import venue_text

pytestmark = pytest.mark.slow

EAST_1, EAST_2 = REGIONS
ROLE = bootstrap.ROLE


@dataclass(frozen=True)
class Ground:
    """A cluster of the test's own, and the settings of admin and of the app on it."""

    at: Descriptor
    admin: Settings
    app: Settings


@pytest_asyncio.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    launch = Launch(tmp_path / "dsql", delays=False)
    at = await launch.start()
    urls = {region: at.url(region) for region in REGIONS}
    as_app = {region: as_user(url, ROLE) for region, url in urls.items()}
    home = tmp_path / "home"
    yield Ground(
        at, Settings(home=home, database_urls=urls), Settings(home=home, database_urls=as_app)
    )
    await launch.stop()


@pytest.fixture
def lacked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every refusal for want of a privilege, whoever of the product met it."""
    found: list[str] = []
    told = failures.told

    def noted(error: BaseException) -> str:
        if isinstance(error, asyncpg.InsufficientPrivilegeError):
            found.append(str(error))
        return told(error)

    monkeypatch.setattr(failures, "told", noted)
    return found


async def granted(ground: Ground) -> None:
    """Do what admin does before the app starts for the first time."""
    await bootstrap.migrate(ground.admin, print)
    await bootstrap.grant(ground.admin, role=ROLE, arn=credentials.ARN, report=print)


def fan_of(services: Services, region: str) -> str:
    return next(
        fan for n in range(1_000) if services.shop.region_of(fan := f"fan_{region}_{n}") == region
    )


async def make_event(services: Services) -> Event:
    chart, price = read_venue(venue_text("hall-96.json"))
    return await services.onsale.create(
        chart=chart, title="A TEST", price=price, mode=Mode.REHEARSAL
    )


async def sell(services: Services, event: Event) -> None:
    """Buy through both Regions, follow it live, find the tickets."""
    async with services.feed.subscribe(event.event_id, None) as notices:
        assert (await anext(notices)).event == "floor"
        for region, seat in ((EAST_1, "A1"), (EAST_2, "A2")):
            fan = fan_of(services, region)
            bought = await services.shop.buy(
                fan_id=fan, key="k", event_id=event.event_id, seats=[seat]
            )
            assert await services.shop.tickets(fan) == bought.tickets
            with pytest.raises(SeatTaken):
                await services.shop.buy(
                    fan_id="fan_late", key=region, event_id=event.event_id, seats=[seat]
                )
        sold: set[str] = set()
        async for notice in notices:
            if notice.event == "seats":
                sold |= {each["seat"] for each in json.loads(notice.data)["sales"]}
            if sold == {"A1", "A2"}:
                break


async def lose_answers(services: Services, event: Event, line: ClusterLine) -> None:
    """Lose a COMMIT and an answer, and resolve both with a void."""
    for cut, seat in ((Cut.APPLIED, "B1"), (Cut.NOT_APPLIED, "B2")):
        line.plan_for(f"fan_{seat}", "k", cut)
        try:
            await services.shop.buy(
                fan_id=f"fan_{seat}", key="k", event_id=event.event_id, seats=[seat]
            )
        except ClaimVoided:
            assert cut is Cut.NOT_APPLIED
        else:
            assert cut is Cut.APPLIED
        assert cut in line.cuts_made


async def rush(services: Services, event: Event) -> None:
    """Fire at one seat twice, so that it is released in between, and read all that is kept."""
    for code in (Code.NAIVE, Code.CONDITIONAL):
        begun = await services.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store="dsql", code=code, arrival=Arrival(), buyers=12),
            seat="C1",
            seed=1,
        )
        run = await services.stampedes.wait(begun.plan.run_id)
        assert run.status is RunStatus.DONE
        assert run.result is not None
        assert (run.result.confirmed, run.result.oversold) == (1, 0)
        assert await services.store.history(run.plan.run_id)
    assert len(await services.store.runs(event_id=event.event_id)) == 2
    log = await services.store.log_of_round(event.event_id, event.current_round_id)
    assert [row.kind for row in log].count(Kind.RELEASE) == 1


async def test_the_whole_product_runs_as_the_role(ground: Ground, lacked: list[str]) -> None:
    await granted(ground)
    async with bootstrap.services(ground.app) as services, ClusterLine(ground.at) as line:
        # The seeded events were made by the role itself.
        assert len(await services.onsale.events()) == 2
        event = await make_event(services)
        await sell(services, event)
        await lose_answers(services, event, line)
        await rush(services, event)
        report = await services.witness.judge(event.event_id)
        assert report.violations == ()
        assert await services.onsale.reset(event.event_id) == "rehearsal-2"
        assert all(each.state == "ok" for each in services.store.region_figures())
    # A second start finds all of it, and so does a command.
    async with bootstrap.services(ground.app, work=False) as services:
        assert len(await services.onsale.events()) == 3
    assert lacked == []


async def test_before_admin_has_prepared_the_database_the_app_says_what_is_missing(
    ground: Ground,
) -> None:
    await bootstrap.migrate(ground.admin, print)
    admin = await access.connect(ground.at.url(EAST_1))
    await admin.execute(f"CREATE ROLE {ROLE} WITH LOGIN")
    await admin.execute(f"AWS IAM GRANT {ROLE} TO '{credentials.ARN}'")
    await admin.execute("DROP TABLE run_history")
    await admin.execute(f"GRANT SELECT ON schema_change TO {ROLE}")
    await admin.execute("DELETE FROM schema_change WHERE change_id LIKE '0008%'")
    await admin.close()
    with pytest.raises(Unavailable, match="not up to date") as told:
        await bootstrap.migrate(ground.app, print)
    assert "`worldseat migrate` as admin" in told.value.next_step
    with pytest.raises(Unavailable, match=f"{ROLE} may not change it"):
        async with bootstrap.services(ground.app):
            pass
    await granted(ground)
    async with bootstrap.services(ground.app, work=False) as services:
        assert len(await services.onsale.events()) == 2


async def test_a_role_that_lacks_something_does_not_start(ground: Ground) -> None:
    await granted(ground)
    admin = await access.connect(ground.at.url(EAST_1))
    await admin.execute(f"REVOKE UPDATE (fan_id) ON seat FROM {ROLE}")
    await admin.close()
    with pytest.raises(Unavailable, match=f"{ROLE} may not do all") as told:
        async with bootstrap.services(ground.app):
            pass
    assert "`worldseat cluster grant` as admin" in told.value.next_step
    assert "UPDATE (fan_id) on seat" in told.value.operator


async def test_what_the_dry_runs_print_is_all_that_it_takes(ground: Ground) -> None:
    """Everything is sent by hand, in order; then neither command finds anything left to do."""
    admin = await access.connect(ground.at.url(EAST_2))
    for what, sql in bootstrap.planned_migration():
        if what.endswith("asked until true"):
            await until(partial(admin.fetchval, sql))
        else:
            await changing.again(partial(admin.execute, sql))
    for sql in bootstrap.planned_grant(role=ROLE, arn=credentials.ARN):
        await changing.again(partial(admin.execute, sql))
    await admin.close()
    assert await bootstrap.migrate(ground.admin, print) == 0
    done = await bootstrap.grant(ground.admin, role=ROLE, arn=credentials.ARN, report=print)
    assert done.ran == []


async def test_the_doctor_says_as_whom_it_looks(ground: Ground) -> None:
    await granted(ground)
    addresses = {
        f"WORLDSEAT_{region.upper().replace('-', '_')}_URL": url
        for region, url in ground.app.database_urls.items()
    }
    words = ("doctor", "--json", "--home", str(ground.app.home))
    doctor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "worldseat", *words),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **addresses},
    )
    printed, _ = await doctor.communicate()
    assert doctor.returncode == 0, printed
    assert printed.count(f"token accepted, as {ROLE}".encode()) == 2
