"""Values as the services would give them, made up where a database would only be in the way."""

from dataclasses import replace
from typing import Any

import pytest

from worldseat.domain.event import Event, Money
from worldseat.domain.run import Arrival, Plan, RegionCount, Result, Run, RunStatus
from worldseat.domain.seats import Code, Mode, oversold
from worldseat.domain.venue import Chart, Row, Section
from worldseat.services.floor import FloorView, pack
from worldseat.services.headline import Side

REGIONS = ("us-east-1", "us-east-2")
AT = "2026-11-24T14:02:11.123Z"


def result_of(confirmed: int, buyers: int, **other: Any) -> Result:
    """Return the result of a run in which so many buyers got the seat."""
    counts: dict[str, Any] = {
        "in_flight_max": min(buyers, 64),
        "confirmed": confirmed,
        "refused": buyers - confirmed,
        "errors": 0,
        "unknown": 0,
        "conflicts": buyers - confirmed,
        "retries_max": 1,
        "retries_total": buyers - confirmed,
        "oversold": oversold(confirmed) if confirmed else None,
        "duration_ms": 312.4,
        "app_believed": confirmed,
        "log_committed": confirmed,
        "seat_table_shows": min(confirmed, 1),
        "seat_owner_op_id": "op_x_0" if confirmed else None,
        "verdict": "",
        "operations": buyers + 1,
        "regions": [
            RegionCount(
                region=region,
                buyers=buyers // 2,
                confirmed=confirmed if region == REGIONS[0] else 0,
                refused=0,
                errors=0,
                unknown=0,
                conflicts=0,
            )
            for region in REGIONS
        ],
    }
    return Result(**(counts | other))


def run_of(
    confirmed: int = 1,
    *,
    store: str = "dsql",
    stand_in: str | None = "PostgreSQL 16.14",
    buyers: int = 60,
    code: Code = Code.NAIVE,
    arrival: str = "burst",
    status: RunStatus = RunStatus.DONE,
    **result: Any,
) -> Run:
    """Return a finished run, or one in another state."""
    plan = Plan(
        run_id=f"run_{'a2' * 13}",
        event_id="evt_1",
        round_id="rehearsal-1",
        seat_index=0,
        store=store,
        stand_in=stand_in,
        code=code,
        arrival=Arrival.parse(arrival),
        buyers=buyers,
        seed=7,
        regions=REGIONS,
        git_commit="0123456789abcdef",
    )
    done = status is not RunStatus.RUNNING
    return Run(
        plan=plan,
        seat="A1",
        status=status,
        started_at=AT,
        finished_at=AT if done else None,
        result=result_of(confirmed, buyers, **result) if done else None,
    )


def side_of(run: Run | None, *, note: str = "", like: int = 1, zero: int = 1) -> Side:
    """Return one side of the headline; a measured one counted its own run only."""
    over = run.result.oversold if run and run.result else None
    foil = run is not None and run.plan.store != "dsql"
    return Side(
        store=run.plan.store if run else "dsql",
        title="DynamoDB Global Tables" if foil else "Aurora DSQL",
        role="foil" if foil else "product",
        stand_in=run.plan.stand_in if run else "PostgreSQL 16.14",
        measured=run,
        note=note,
        two_writers="lets one commit win",
        zero_runs=zero,
        like_runs=like,
        oversold_low=over,
        oversold_high=over,
        careful=None,
        careful_per_region=False,
    )


@pytest.fixture
def event() -> Event:
    """A hall of two unequal rows."""
    rows = (Row(name="A", seats=4), Row(name="B", seats=2))
    chart = Chart(name="Small", sections=(Section(name="Floor", rows=rows),))
    price = Money(minor=15_000, currency="USD")
    return Event(
        event_id="evt_1",
        title="A <TEST> & MORE",
        mode=Mode.REHEARSAL,
        chart=chart,
        price=price,
        current_round_id="rehearsal-1",
    )


@pytest.fixture
def floor(event: Event) -> FloorView:
    """Its floor: A2 sold, A3 held, B1 withheld, the rest open."""
    states = bytearray([0, 1, 2, 0, 3, 0])
    return FloorView(
        event_id=event.event_id,
        title=event.title,
        mode=event.mode,
        round_id=event.current_round_id,
        change="abc.5",
        store="dsql",
        seat_count=len(states),
        sold_count=1,
        states=pack(states),
        as_of_at=AT,
    )


def in_mode(event: Event, mode: Mode) -> Event:
    """Return the same event, for sale or for practice."""
    return replace(event, mode=mode, current_round_id=f"{mode.value}-1")
