"""Scoring a stampede: counts from committed rows, beliefs from answers, a verdict in words."""

from dataclasses import replace

import pytest
from tests.domain.planted import CHART, Floor

from worldseat.domain.run import Operation, Outcome, Plan, Result
from worldseat.domain.seats import SeatStatus
from worldseat.ports.store import Tally
from worldseat.services.attempt import Answer
from worldseat.services.scoring import score


def fired(buyers: int = 6, **how: object) -> tuple[Floor, Plan, list[Operation]]:
    floor = Floor()
    plan = floor.stampede(0, buyers, **how)  # type: ignore[arg-type]
    return floor, plan, floor.histories[plan.run_id]


def scored(floor: Floor, plan: Plan, operations: list[Operation]) -> Result:
    tally = Tally(holders=len(floor.log), sales=floor.log, seat=floor.seats[0])
    return score(plan, operations, tally, CHART, in_flight_max=6, duration_ms=12.5)


def test_one_winner() -> None:
    floor, plan, operations = fired(winners=[1])
    result = scored(floor, plan, operations)
    assert result.verdict == "Seat A1 was sold once. No violation found in 7 operations."
    assert result.violations == []
    assert (result.confirmed, result.refused, result.errors, result.unknown) == (1, 5, 0, 0)
    assert result.oversold == 0
    assert (result.app_believed, result.log_committed, result.seat_table_shows) == (1, 1, 1)
    assert result.seat_owner_op_id == plan.buyer(1).op_id
    assert (result.conflicts, result.retries_max, result.retries_total) == (6, 2, 6)
    assert (result.in_flight_max, result.duration_ms, result.operations) == (6, 12.5, 7)


def test_a_seat_sold_to_everybody() -> None:
    floor, plan, operations = fired(60, winners=range(60))
    result = scored(floor, plan, operations)
    assert result.verdict == ("Seat A1 was sold 60 times. 2 violations found in 61 operations.")
    fork, sources = result.violations
    assert fork == "Seat A1 was sold 60 times."
    assert sources == (
        "The app said yes to 60 buyers of seat A1, the log holds 60 sales of it, and the seat "
        "table shows 1 owner."
    )
    assert (result.confirmed, result.oversold) == (60, 59)
    assert (result.app_believed, result.log_committed, result.seat_table_shows) == (60, 60, 1)


def test_nobody_confirmed_is_no_result_and_never_zero() -> None:
    floor, plan, operations = fired(winners=[])
    result = scored(floor, plan, operations)
    assert result.oversold is None
    assert result.confirmed == 0
    assert result.seat_owner_op_id is None
    assert result.verdict == "No result: nobody was confirmed in 7 operations."


def test_regions_are_counted_apart_and_add_up() -> None:
    floor, plan, operations = fired(7, winners=[1])
    operations[2] = replace(operations[2], reason=Answer.UNAVAILABLE)
    operations[3] = replace(operations[3], outcome=Outcome.INFO, reason=Answer.UNKNOWN)
    operations[4] = replace(operations[4], reason=Answer.BUSY)
    result = scored(floor, plan, operations)
    assert (result.refused, result.errors, result.unknown) == (4, 1, 1)
    east_1, east_2 = result.regions
    assert (east_1.region, east_1.buyers, east_1.refused, east_1.errors) == ("us-east-1", 4, 3, 1)
    assert (east_2.region, east_2.buyers, east_2.refused, east_2.unknown) == ("us-east-2", 3, 1, 1)
    for name in ("confirmed", "refused", "errors", "unknown", "conflicts"):
        assert getattr(east_1, name) + getattr(east_2, name) == getattr(result, name)


def test_a_sale_that_nobody_was_told_of_is_no_belief() -> None:
    floor, plan, operations = fired(winners=[1], answers={1: Outcome.INFO})
    result = scored(floor, plan, operations)
    assert (result.app_believed, result.log_committed, result.unknown) == (0, 1, 1)
    assert result.violations == []


def test_an_answer_without_a_sale() -> None:
    floor, plan, operations = fired(winners=[1])
    operations[3] = replace(operations[3], outcome=Outcome.OK)
    result = scored(floor, plan, operations)
    assert result.verdict.startswith("A buyer was told that seat A1 is theirs, and no such sale")
    assert result.app_believed == 2


def test_a_refusal_of_a_committed_sale() -> None:
    floor, plan, operations = fired(winners=[1])
    operations[1] = replace(operations[1], outcome=Outcome.FAIL, reason=Answer.TAKEN)
    assert scored(floor, plan, operations).verdict.startswith("A buyer was refused seat A1")


def test_a_sale_of_nobody_who_fired() -> None:
    floor, plan, operations = fired(winners=[1])
    floor.log[0] = replace(floor.log[0], op_id="op_eve_0", claim_id="clm_eve")
    violations = scored(floor, plan, operations).violations
    assert any("no buyer of the stampede" in each for each in violations)


def test_two_sales_that_replace_different_rows_are_two_sales() -> None:
    """A foil's second Region may have read the seat after the first one's sale was given back."""
    floor, plan, operations = fired(winners=[0, 1])
    floor.log[1] = replace(floor.log[1], prev_op_id="op_other_0")
    result = scored(floor, plan, operations)
    assert result.oversold == 1
    assert result.violations[0] == "Seat A1 was sold twice."


@pytest.mark.parametrize("owner", ["fan_eve", None])
def test_a_seat_row_of_somebody_else_does_not_show_the_run(owner: str | None) -> None:
    floor, plan, operations = fired(winners=[1])
    status = SeatStatus.SOLD if owner else SeatStatus.OPEN
    floor.seats[0] = replace(floor.seats[0], fan_id=owner, status=status)
    result = scored(floor, plan, operations)
    assert result.seat_table_shows == 0
    (sources,) = result.violations
    assert sources == (
        "The app said yes to 1 buyer of seat A1, the log holds 1 sale of it, and the seat table "
        "shows 0 owners."
    )
