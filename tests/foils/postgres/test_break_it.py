"""The foil as Break it fires at it: from the plan to the stored result, on the embedded server."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.foils.postgres.foil import BUYERS, databases, sales_counted_elsewhere
from tests.patience import until

from worldseat import bootstrap
from worldseat.domain.errors import BadRequest
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Reach, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.embedded import EmbeddedPostgres
from worldseat.local_dsql import descriptor
from worldseat.services import settling
from worldseat.services.acceptances import NewestReports
from worldseat.services.wiring import Services
from worldseat.settings import Settings
from worldseat.stores.postgres import ReadCommittedStore, RepeatableReadStore
from worldseat.stores.postgres.place import WHERE_ENV
from worldseat.stores.postgres.store import PostgresStore
from worldseat.web.views.proof import proof
from worldseat.web.views.run import is_played, ran_on, scoreboard

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow

REHEARSAL = "evt_aurora-2026"


@pytest_asyncio.fixture(scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    """WorldSeat as `make run` starts it: on the embedded server, with every foil there is."""
    home = tmp_path_factory.mktemp("whole")
    async with bootstrap.services(Settings(home=home, delays=False)) as running:
        assert not {store.own for store in foils(running)} & await databases(url_of(running))
        yield running


def url_of(services: Services) -> str:
    return descriptor.postgres_of(services.settings.home / "dsql")


def foils(services: Services) -> list[PostgresStore]:
    found = [services.stores[kind.name] for kind in (ReadCommittedStore, RepeatableReadStore)]
    return [store for store in found if isinstance(store, PostgresStore)]


async def stampede(
    services: Services,
    store: str,
    code: Code = Code.NAIVE,
    *,
    seat: str | None = None,
    at: str = REHEARSAL,
) -> Run:
    begun = await services.stampedes.start(
        event_id=at, cell=Cell(store=store, code=code, buyers=BUYERS), seat=seat
    )
    return await services.stampedes.wait(begun.plan.run_id)


async def test_naive_code_oversells_and_the_seat_is_reopened_for_the_next_run(
    whole: Services,
) -> None:
    foil, _ = foils(whole)
    for seat in (None, "A1"):
        run = await stampede(whole, foil.name, seat=seat)
        result = run.result
        assert result is not None
        assert (run.seat, run.status, run.plan.reach) == ("A1", RunStatus.DONE, Reach.ONE)
        sold = await sales_counted_elsewhere(url_of(whole), foil, run.plan.run_id)
        assert result.confirmed == result.app_believed == result.log_committed == sold > 1
        assert (result.oversold, result.seat_table_shows) == (sold - 1, 1)
        assert (result.errors, result.unknown, result.in_flight_max) == (0, 0, BUYERS)
        assert f"Seat A1 was sold {sold} times." in result.violations
    floor = await whole.feed.floor(REHEARSAL, foil.name)
    assert (floor.store, floor.sold_count) == (foil.name, 1)
    # Nothing of it is on the product's floor.
    assert (await whole.feed.floor(REHEARSAL)).sold_count == 0


async def test_careful_code_and_the_level_above_sell_once(whole: Services) -> None:
    for foil, code in zip(foils(whole), (Code.CONDITIONAL, Code.NAIVE), strict=True):
        result = (await stampede(whole, foil.name, code, seat="A2")).result
        assert result is not None
        assert (result.confirmed, result.oversold, result.violations) == (1, 0, [])
        assert (result.in_flight_max, result.refused) == (BUYERS, BUYERS - 1)


async def test_one_postgresql_is_reached_through_one_region_only(whole: Services) -> None:
    for foil in foils(whole):
        cell = Cell(store=foil.name, code=Code.NAIVE, reach=Reach.BOTH)
        with pytest.raises(BadRequest, match="one Region only"):
            await whole.stampedes.start(event_id=REHEARSAL, cell=cell)
        lagging = Cell(store=foil.name, code=Code.NAIVE, lag_ms=100)
        with pytest.raises(BadRequest, match="no replication"):
            await whole.stampedes.start(event_id=REHEARSAL, cell=lagging)


async def test_the_matrix_counts_its_runs_and_says_what_cannot_be(whole: Services) -> None:
    run = await stampede(whole, "postgres", Code.CONDITIONAL, seat="A3")
    table = await whole.matrix.table()
    (line,) = [each for each in table.lines if each.store == "postgres"]
    assert (line.installed, line.role, line.stand_in) == (True, "foil", run.plan.stand_in)
    spots = {(spot.cell.code, spot.cell.arrival, spot.cell.reach): spot for spot in line.spots}
    measured = spots[Code.CONDITIONAL, Arrival(), Reach.ONE].measured
    assert measured is not None
    assert run.plan.run_id in measured.run_ids
    assert spots[Code.NAIVE, Arrival(), Reach.BOTH].cannot == "takes writes in one Region only"


async def test_it_never_takes_a_place_in_the_headline(whole: Services) -> None:
    await stampede(whole, "postgres", Code.CONDITIONAL, seat="A4")
    story = await whole.headline.story(REHEARSAL)
    assert not {each.store for each in story.foils} & {store.name for store in foils(whole)}


async def test_no_page_calls_it_a_stand_in_or_aws(whole: Services) -> None:
    run = await stampede(whole, "postgres", Code.CONDITIONAL, seat="A5")
    on = ran_on(run.plan.stand_in)
    assert on == run.plan.stand_in
    assert on.startswith("PostgreSQL 16")
    assert on.endswith(" itself")
    score = scoreboard(run, title="PostgreSQL READ COMMITTED")
    assert score is not None
    assert on in score.facts
    assert "stand-in" not in score.facts
    page = proof(
        runs=[run],
        limit=9,
        reports=[],
        codes=[],
        stores=whole.stores,
        accepted=NewestReports(aws=None, stand_in=None),
        url="http://x",
    )
    (shown,) = [store for store in page.stores if store.name == "postgres"]
    assert (shown.on, shown.played) == (on, False)
    assert (page.foils[0].on, is_played("PostgreSQL 16.14"), is_played(None)) == (on, True, False)


async def test_the_server_is_killed_in_mid_run_and_every_sale_that_was_told_is_counted(
    whole: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A busy machine may need more than the few seconds for which a foil is asked.
    monkeypatch.setattr(settling, "COUNT_ATTEMPTS", 15)
    begun = await whole.stampedes.start(
        event_id=REHEARSAL,
        cell=Cell(store="postgres", code=Code.NAIVE, arrival=Arrival(spread_ms=600)),
        seat="B1",
    )
    run_id = begun.plan.run_id

    async def under_way() -> bool:
        progress = (await whole.stampedes.run(run_id))[1]
        return progress is not None and progress.answered >= 15

    await until(under_way)
    os.kill(server_pid(whole), signal.SIGKILL)
    run = await whole.stampedes.wait(run_id)
    result = run.result
    assert result is not None
    assert (run.status, result.uncounted) == (RunStatus.DONE, "")
    foil, _ = foils(whole)
    sold = await sales_counted_elsewhere(url_of(whole), foil, run_id)
    assert result.app_believed <= sold == result.confirmed
    assert sold <= result.app_believed + result.unknown
    assert result.retries_total + result.errors + result.unknown > 0
    # The product was on the same server, and is back too.
    over = (await stampede(whole, whole.store.name, seat="B2")).result
    assert over is not None
    assert over.oversold == 0


def server_pid(services: Services) -> int:
    """The embedded server's process, as its own pid file names it."""
    (found,) = (services.settings.home / "pg").rglob("postmaster.pid")
    return int(found.read_text().splitlines()[0])


@pytest.mark.slow
async def test_a_server_of_its_own_that_goes_in_mid_run_is_told_and_the_product_goes_on(
    settings: Settings, event: Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "SETTLE_PAUSE_S", 0.05)
    server = EmbeddedPostgres(tmp_path / "theirs")
    await server.start()
    try:
        monkeypatch.setenv(WHERE_ENV, server.url)
        async with bootstrap.services(settings, work=False) as running:
            begun = await running.stampedes.start(
                event_id=event.event_id,
                cell=Cell(store="postgres", code=Code.NAIVE, arrival=Arrival(spread_ms=300)),
            )

            async def under_way() -> bool:
                progress = (await running.stampedes.run(begun.plan.run_id))[1]
                return progress is not None and progress.answered >= 20

            await until(under_way)
            await server.stop()
            run = await running.stampedes.wait(begun.plan.run_id)
            result = run.result
            assert result is not None
            assert run.status is RunStatus.INTERRUPTED
            assert result.uncounted.startswith("no connection to PostgreSQL: ")
            assert result.uncounted in result.verdict
            assert result.oversold is None
            assert result.app_believed + result.refused + result.errors + result.unknown == BUYERS
            assert result.errors > 0
            over = (await stampede(running, running.store.name, at=event.event_id)).result
            assert over is not None
            assert over.oversold == 0
    finally:
        await server.stop()
