"""The judge: a clean round is never flagged, and every planted fault turns the verdict."""

from collections import Counter
from dataclasses import replace

import msgspec
import pytest
from tests.domain.faults_of_rows import ROWS
from tests.domain.faults_of_sales import SALES
from tests.domain.planted import CHART, EVENT, Floor, busy_floor

from worldseat.domain.judge import judge
from worldseat.domain.run import Outcome
from worldseat.domain.seats import Kind, Mode, SeatKey
from worldseat.domain.verdict import VIOLATIONS_MAX, Fault, Report, Sources

FAULTS = ROWS | SALES
NOW = "2026-01-01T00:00:00.000Z"


def verdict(floor: Floor, seat: int | None = None, *, lanes: bool = True) -> Report:
    return judge(floor.evidence(lanes=lanes), judged_at=NOW, seat=seat)


def test_the_clean_twin_of_every_planted_fault_is_clean() -> None:
    report = verdict(busy_floor())
    assert report.clean, report.violations
    assert report.verdict == (
        "No violation found in 51 operations on 24 seats of this round. 1 stampede without a "
        "history, running or interrupted: judged by committed rows only. 1 outcome still unknown."
    )
    assert (report.histories, report.runs_without_history, report.lanes) == (6, 1, 3)
    assert report.transitions == 11
    assert report.unknowns.total == 3
    assert report.unknowns.resolved_sold == 1
    assert report.unknowns.resolved_void == 1
    assert report.unknowns.unresolved == 1


def test_the_faults_are_planted() -> None:
    """Without this, a registry that lost its entries would pass everything below."""
    assert (len(ROWS), len(SALES)) == (35, 19)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_turns_the_verdict_and_is_named(name: str) -> None:
    floor = busy_floor()
    planted = FAULTS[name](floor)

    in_hall = planted.seat is not None and planted.seat < CHART.seat_count
    report = verdict(floor, planted.seat if in_hall else None)

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
    if planted.seat is not None and in_hall:
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


def test_a_stampede_in_a_live_round_is_flagged_row_by_row() -> None:
    floor = Floor()
    floor.stampede(0)
    live = SeatKey(event_id=EVENT, round_id="live-1", seat_index=0)
    floor.log[0] = replace(floor.log[0], key=live, mode=Mode.LIVE)
    report = judge(replace(floor.evidence(), round_id="live-1"), judged_at=NOW)
    (violation,) = report.violations
    assert (violation.fault, violation.op_ids) == (Fault.MISPLACED_ROW, (floor.log[0].op_id,))


def test_a_sale_of_another_run_does_not_count_for_this_one() -> None:
    floor = busy_floor()
    ROWS["a sale taken out of its run"](floor)
    faults = {each.operator for each in verdict(floor, 0).violations}
    assert any(each.endswith("seat_table_shows: 1 ≠ 0 ≠ 1") for each in faults)


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
    told: int | None, unknown: int, log: int, table: int, equation: str, *, agree: bool
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
