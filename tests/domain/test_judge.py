"""The judge: a clean round is never flagged, and every planted fault turns the verdict."""

from collections import Counter
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.domain.faults import FAULTS
from tests.domain.planted import CHART, EVENT, ROUND, Floor, busy_floor, key_of
from worldseat.domain.evidence import Evidence, at_one_moment
from worldseat.domain.judge import judge
from worldseat.domain.run import Outcome
from worldseat.domain.seats import Kind, SeatStatus
from worldseat.domain.verdict import VIOLATIONS_MAX, Fault, Report, Sources

NOW = "2026-01-01T00:00:00.000Z"


def verdict(floor: Floor, seat: int | None = None, *, lanes: bool = True) -> Report:
    return judge(floor.evidence(lanes=lanes), judged_at=NOW, seat=seat)


def test_the_clean_twin_of_every_planted_fault_is_clean() -> None:
    report = verdict(busy_floor())
    assert report.clean, report.violations
    assert report.verdict == (
        "No violation found in 60 operations on 24 seats of this round. 1 stampede without a "
        "history, running or interrupted: judged by committed rows only. 1 outcome still unknown."
    )
    assert (report.histories, report.runs_without_history, report.lanes) == (6, 1, 3)
    assert report.transitions == 12
    assert report.unknowns.total == 3
    assert report.unknowns.resolved_sold == 1
    assert report.unknowns.resolved_void == 1
    assert report.unknowns.unresolved == 1


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_turns_the_verdict_and_is_named(name: str) -> None:
    floor = busy_floor()
    planted = FAULTS[name](floor)

    report = verdict(floor, planted.seat)

    assert not report.clean
    named = [
        each
        for each in report.violations
        if each.fault is planted.fault
        and each.seat_index == planted.seat
        and set(planted.op_ids) <= set(each.op_ids)
    ]
    assert named, [(each.fault, each.seat, each.operator) for each in report.violations]
    assert "No violation" not in report.verdict
    assert report.verdict.startswith(report.violations[0].sentence)
    if planted.seat is not None:
        assert named[0].seat == CHART.label(planted.seat)
        assert f"eat {named[0].seat}" in named[0].sentence
        assert report.seat is not None
        assert named[0] in report.seat.violations
        assert "No violation" not in report.seat.verdict


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_leaves_the_other_seats_clean(name: str) -> None:
    floor = busy_floor()
    FAULTS[name](floor)
    # C1 and C2 carry no fault in any of them.
    floor.fan_buys(12)
    floor.stampede(13)
    for seat in (12, 13):
        mine = verdict(floor, seat).seat
        assert mine is not None
        assert mine.violations == ()
        assert mine.verdict.startswith("No violation found in")


def test_a_duplicate_count_alone_would_miss_most_of_them() -> None:
    def duplicates(floor: Floor) -> bool:
        sold = Counter(row.key.seat_index for row in floor.log if row.kind is Kind.SELL)
        back = Counter(row.key.seat_index for row in floor.log if row.kind is Kind.RELEASE)
        return any(count - back[seat] > 1 for seat, count in sold.items())

    assert not duplicates(busy_floor())
    counted = judged = 0
    for planting in FAULTS.values():
        floor = busy_floor()
        planting(floor)
        counted += duplicates(floor)
        judged += not verdict(floor).clean
    assert judged == len(FAULTS)
    assert counted < len(FAULTS) / 3


def test_a_fans_deleted_sale_is_seen_only_with_the_lanes() -> None:
    """What the rows of one round cannot show; the report says whether lanes were given."""
    floor = busy_floor()
    FAULTS["a fans sale deleted and the seat row put back"](floor)
    report = verdict(floor, lanes=False)
    assert report.clean
    assert report.lanes is None


# a database that oversells


def test_a_seat_sold_to_everybody_is_told_in_plain_words() -> None:
    floor = Floor()
    floor.stampede(0, 60, winners=range(60))
    report = verdict(floor, 0)
    assert report.verdict == (
        "Seat A1 was sold 60 times. 2 violations found in 61 operations on 24 seats of this round."
    )
    assert [each.fault for each in report.violations] == [Fault.FORK, Fault.SOURCES_DISAGREE]
    assert len(report.violations[0].op_ids) == 60
    assert report.seat is not None
    assert report.seat.holders == 60
    assert report.seat.sources.equation == "60 = 60 ≠ 1"
    assert not report.seat.sources.agree


def test_two_stampedes_that_oversold_are_both_remembered() -> None:
    floor = Floor()
    floor.stampede(0, 4, winners=[0, 1])
    floor.stampede(0, 4, winners=[0, 1, 2])
    report = verdict(floor, 0)
    forks = [each for each in report.violations if each.fault is Fault.FORK]
    assert [each.sentence for each in forks] == [
        "Seat A1 was sold twice, which a later release hides.",
        "Seat A1 was sold 3 times.",
    ]
    assert [each.run_id for each in forks] == ["run_0", "run_1"]


# sources


def test_the_sources_of_a_seat_are_those_of_what_happened_last() -> None:
    floor = busy_floor()
    shown = {seat: verdict(floor, seat).seat for seat in range(8)}
    told = {
        seat: (each.sources.run_id, each.sources.equation)
        for seat, each in shown.items()
        if each is not None
    }
    assert told == {
        0: ("run_0", "1 = 1 = 1"),
        1: (None, "1 = 1"),
        2: ("run_2", "1 = 1 = 1"),
        3: (None, "1 = 1"),
        4: (None, "1 = 1"),
        5: ("run_4", "0 + 1 unknown = 1 = 1"),
        6: ("run_5", "0 = 0 = 0"),
        7: (None, "1 = 1"),
    }


@pytest.mark.parametrize(
    ("told", "unknown", "log", "table", "equation", "agree"),
    [
        (1, 0, 1, 1, "1 = 1 = 1", True),
        (60, 0, 60, 1, "60 = 60 ≠ 1", False),
        (1, 0, 0, 0, "1 ≠ 0 = 0", False),
        (0, 0, 1, 1, "0 ≠ 1 = 1", False),
        (0, 2, 1, 1, "0 + 1 unknown = 1 = 1", True),
        (0, 1, 2, 2, "0 ≠ 2 = 2", False),
        (2, 5, 1, 1, "2 ≠ 1 = 1", False),
        (None, 0, 1, 1, "1 = 1", True),
        (None, 0, 2, 1, "2 ≠ 1", False),
    ],
)
def test_the_equation(
    told: int | None, unknown: int, log: int, table: int, equation: str, agree: bool
) -> None:
    sources = Sources(
        run_id=None, app_believed=told, unknown=unknown, log_committed=log, seat_table_shows=table
    )
    assert (sources.equation, sources.agree) == (equation, agree)


# denominators and words


def test_an_untouched_round_passes_nothing() -> None:
    report = verdict(Floor(), 3)
    assert report.clean
    assert report.operations == 0
    assert report.verdict.startswith("Nothing has happened in this round yet")
    assert report.seat is not None
    assert report.seat.verdict.startswith("Nobody has asked for seat A4")


def test_no_verdict_says_proved() -> None:
    assert "prove" not in msgspec.json.encode(verdict(busy_floor(), 0)).decode()


def test_large_numbers_are_readable() -> None:
    floor = Floor()
    for seat in range(24):
        floor.stampede(seat, 60)
    assert verdict(floor).verdict == (
        "No violation found in 1,464 operations on 24 seats of this round."
    )


def test_a_report_spells_out_a_bounded_number_of_violations() -> None:
    floor = Floor()
    floor.stampede(0, VIOLATIONS_MAX + 20, winners=[])
    history = floor.histories["run_0"]
    for process, each in enumerate(history[:-1]):
        history[process] = replace(each, outcome=Outcome.OK)
    report = verdict(floor)
    assert len(report.violations) == VIOLATIONS_MAX
    assert report.violation_count == VIOLATIONS_MAX + 21


def test_a_report_can_be_sent() -> None:
    floor = busy_floor()
    FAULTS["an extra sale"](floor)
    report = verdict(floor, 0)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_a_seat_that_the_chart_does_not_have_cannot_be_asked_for() -> None:
    with pytest.raises(IndexError):
        verdict(Floor(), 24)


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
    planted = FAULTS["the seat row alone put back"](floor)
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


def test_a_row_of_a_seat_that_is_not_in_the_chart_is_flagged() -> None:
    floor = busy_floor()
    row = floor.log[0]
    floor.log.append(replace(row, key=key_of(99), op_id="op_eve_0", lane="lan_x", lane_seq=1))
    floor.seats[99] = replace(floor.seats[0], key=key_of(99))
    faults = {(each.fault, each.seat_index) for each in verdict(floor).violations}
    assert (Fault.MISPLACED_ROW, 99) in faults
