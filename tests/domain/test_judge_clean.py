"""The judge on rounds that are right, whatever happened in them, and on single changes to them."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.domain.faults_of_rows import ROWS
from tests.domain.planted import CHART, EVENT, ROUND, Floor, busy_floor

from worldseat.domain.evidence import Evidence, at_one_moment
from worldseat.domain.judge import judge
from worldseat.domain.run import Outcome
from worldseat.domain.seats import Kind, SeatStatus
from worldseat.domain.verdict import Fault, Report

NOW = "2026-01-01T00:00:00.000Z"


def verdict(floor: Floor, seat: int | None = None, *, lanes: bool = True) -> Report:
    return judge(floor.evidence(lanes=lanes), judged_at=NOW, seat=seat)


# one moment


def test_sales_while_the_witness_reads_are_no_violation() -> None:
    floor = busy_floor()
    before = list(floor.seats.values())
    floor.fan_buys(9)
    floor.stampede(2, winners=[4])
    log = list(floor.log)
    floor.stampede(9 + 1)
    after = list(floor.seats.values())

    settled, seats = at_one_moment(before, log, after)

    evidence = floor.evidence(lanes=False)
    moving = Evidence(
        chart=CHART,
        event_id=EVENT,
        round_id=ROUND,
        log=log,
        seats=before,
        histories={},
        plans=floor.plans,
    )
    assert not judge(moving, judged_at=NOW).clean
    still = replace(evidence, log=settled, seats=seats, histories={})
    assert judge(still, judged_at=NOW).clean


def test_what_is_wrong_with_a_seat_at_rest_is_seen_while_others_sell() -> None:
    floor = busy_floor()
    planted = ROWS["the seat row alone put back"](floor)
    before = list(floor.seats.values())
    floor.fan_buys(9)
    settled, seats = at_one_moment(before, floor.log, list(floor.seats.values()))
    report = judge(replace(floor.evidence(lanes=False), log=settled, seats=seats), judged_at=NOW)
    assert [each.seat_index for each in report.violations] == [planted.seat]


# anything that is allowed is clean


@st.composite
def clean_floors(draw: st.DrawFn) -> Floor:
    floor = Floor()
    for _ in range(draw(st.integers(0, 14))):
        seat = draw(st.integers(0, 5))
        if draw(st.booleans()):
            if floor.seats[seat].status is SeatStatus.OPEN:
                floor.fan_buys(seat, draw(st.sampled_from(["ada", "bo", "cy"])))
            else:
                floor.fan_is_voided(seat)
        elif (owner := floor.seats[seat].fan_id) is None or len(owner) > len("fan_ada"):
            buyers = draw(st.integers(2, 9))
            everyone = list(range(buyers))
            winners = draw(st.lists(st.sampled_from(everyone), max_size=1))
            losers = [each for each in everyone if each not in winners]
            unsure = draw(st.sets(st.sampled_from(everyone)))
            floor.stampede(
                seat,
                buyers,
                winners=winners,
                voided=draw(st.sets(st.sampled_from(losers))),
                answers=dict.fromkeys(unsure, Outcome.INFO),
                recorded=draw(st.booleans()),
                final_read=draw(st.booleans()),
            )
    return floor


@settings(max_examples=150, deadline=None)
@given(floor=clean_floors())
def test_a_clean_round_is_never_flagged(floor: Floor) -> None:
    report = verdict(floor, 0)
    assert report.clean, report.violations
    assert report.verdict.startswith(("No violation found", "Nothing has happened"))


@settings(max_examples=60, deadline=None)
@given(floor=clean_floors(), data=st.data())
def test_any_deleted_transition_is_missed(floor: Floor, data: st.DataObject) -> None:
    rows = [row for row in floor.log if row.kind is not Kind.VOID]
    if rows:
        gone = data.draw(st.sampled_from(rows))
        floor.log.remove(gone)
        report = verdict(floor, gone.key.seat_index, lanes=False)
        assert report.seat is not None
        assert any(gone.op_id in each.op_ids for each in report.seat.violations)


@settings(max_examples=60, deadline=None)
@given(floor=clean_floors(), data=st.data())
def test_any_second_sale_is_a_fork(floor: Floor, data: st.DataObject) -> None:
    rows = [row for row in floor.log if row.kind is Kind.SELL]
    if rows:
        row = data.draw(st.sampled_from(rows))
        floor.log.append(replace(row, op_id="op_eve_0", lane="lan_x", lane_seq=1))
        seat = verdict(floor, row.key.seat_index).seat
        assert seat is not None
        assert seat.violations[0].fault is Fault.FORK
        assert {"op_eve_0", row.op_id} <= set(seat.violations[0].op_ids)
