"""The Witness on the real database: clean rounds pass, also while they sell."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from tests.behind import Database
from tests.witness.a_round import Round

from worldseat.domain.errors import Unavailable, UnknownEvent, UnknownSeat
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code, Mode
from worldseat.domain.verdict import Fault
from worldseat.domain.wording import times
from worldseat.ports.store import NotCommitted, StoreSetup
from worldseat.services.stampede import Stampedes
from worldseat.services.wiring import Services
from worldseat.services.witness import Witness
from worldseat.settings import REGIONS, Settings
from worldseat.stores.dsql.control import ReadCommittedControl
from worldseat.system import SystemChance, SystemClock

MakeEvent = Callable[[Mode], Awaitable[Event]]


async def test_a_clean_round_passes_with_its_denominators(round_: Round) -> None:
    report = await round_.judge("A1")
    assert report.clean, report.violations
    # Three stampedes of six buyers and a last read each, one fan's purchase, one release.
    assert report.verdict == "No violation found in 23 operations on 96 seats of this round."
    assert (report.histories, report.runs_without_history, report.transitions) == (3, 0, 5)
    assert report.seat is not None
    assert report.seat.verdict == "No violation found in 7 operations on seat A1 in this round."
    assert report.seat.sources.equation == "1 = 1 = 1"
    assert report.judged_at.endswith("Z")
    assert abs(datetime.fromisoformat(report.judged_at) - datetime.now(UTC)).total_seconds() < 60


async def test_a_live_round_is_judged_too(services: Services, make_event: MakeEvent) -> None:
    event = await make_event(Mode.LIVE)
    await services.shop.buy(fan_id="fan_bo", key="k", event_id=event.event_id, seats=["B7"])
    report = await services.witness.judge(event.event_id, seat="B7")
    assert report.verdict == "No violation found in 1 operation on 96 seats of this round."
    assert report.seat is not None
    assert report.seat.sources.equation == "1 = 1"


async def test_older_rounds_stay_judgeable(round_: Round) -> None:
    event_id = round_.event.event_id
    newer = await round_.services.onsale.reset(event_id)
    empty = await round_.judge()
    assert empty.round_id == newer
    assert empty.operations == 0
    older = await round_.services.witness.judge(event_id, round_id=round_.event.current_round_id)
    assert older.clean
    assert older.operations == 23


async def test_sales_while_it_reads_are_no_violation(services: Services, event: Event) -> None:
    async def sell() -> None:
        for number in range(1, 13):
            await services.shop.buy(
                fan_id="fan_bo", key=f"C{number}", event_id=event.event_id, seats=[f"C{number}"]
            )

    selling = asyncio.create_task(sell())
    while not selling.done():
        report = await services.witness.judge(event.event_id)
        assert report.clean, report.violations
    await selling
    assert (await services.witness.judge(event.event_id)).transitions == 12


# a database that keeps less than it must: the same code, the same harness, one level lower


async def test_a_control_that_oversells_is_found_out(
    settings: Settings, database: Database, event: Event
) -> None:
    clock, chance = SystemClock(), SystemChance()
    control = ReadCommittedControl(
        StoreSetup(
            regions=REGIONS,
            urls=database.urls,
            home=settings.home,
            process="control",
            chance=chance,
        )
    )
    await control.open()
    try:
        stampedes = Stampedes(
            control, {control.name: control}, REGIONS, git_commit="", clock=clock, chance=chance
        )
        run = await stampedes.start(
            event_id=event.event_id,
            cell=Cell(store=control.name, code=Code.NAIVE, arrival=Arrival(), buyers=60),
            seat="A1",
            seed=1,
        )
        result = (await stampedes.wait(run.plan.run_id)).result
        report = await Witness(control, clock).judge(event.event_id, seat="A1")
    finally:
        await control.close()

    assert result is not None
    sold = result.confirmed
    assert sold > 1
    assert result.verdict.startswith(f"Seat A1 was sold {times(sold)}.")
    assert [each.fault for each in report.violations] == [Fault.FORK, Fault.SOURCES_DISAGREE]
    assert report.verdict.startswith(f"Seat A1 was sold {times(sold)}. 2 violations found in 61 ")
    assert len(report.violations[0].op_ids) == sold
    assert report.seat is not None
    assert report.seat.sources.equation == f"{sold} = {sold} ≠ 1"


# what cannot be judged


async def test_what_is_not_there_cannot_be_judged(services: Services, event: Event) -> None:
    with pytest.raises(UnknownEvent):
        await services.witness.judge("evt_nowhere")
    with pytest.raises(UnknownEvent):
        await services.witness.judge(event.event_id, round_id="rehearsal-99")
    with pytest.raises(UnknownSeat):
        await services.witness.judge(event.event_id, seat="Z99")


async def test_a_database_that_is_away_is_said_to_be(
    services: Services, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(event_id: str, round_id: str) -> None:
        message = "connection refused"
        raise NotCommitted(message)

    monkeypatch.setattr(services.store, "log_of_round", away)
    with pytest.raises(Unavailable, match="cannot read the database") as caught:
        await services.witness.judge(event.event_id)
    assert caught.value.operator == "connection refused"
