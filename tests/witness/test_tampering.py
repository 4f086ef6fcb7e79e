"""Faults planted in the real database, by SQL where the schema lets them in: each is named."""

import zlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

import asyncpg
import pytest
from tests.witness.a_round import Round

from worldseat.domain import ids
from worldseat.domain.run import Outcome
from worldseat.domain.verdict import Fault

Planting = Callable[[Round], Awaitable[tuple[Fault, str, set[str]]]]


async def _beside(round_: Round, sale: asyncpg.Record) -> set[str]:
    """Insert a second sale that replaces the same transition, and name both."""
    forged = f"op_{ids.digest('forged', sale['op_id'])}_0"
    await round_.execute(
        "INSERT INTO op_log SELECT $3, claim_id, event_id, round_id, mode, seat_index, kind, "
        "'fan_eve', prev_op_id, guard_op_id, request_hash, code, run_id, region, $3, 1, "
        "recorded_at FROM op_log WHERE event_id = $1 AND op_id = $2",
        sale["op_id"],
        forged,
    )
    return {sale["op_id"], forged}


async def an_extra_sale(round_: Round) -> tuple[Fault, str, set[str]]:
    (sale,) = await round_.rows(0)
    return Fault.FORK, "A1", await _beside(round_, sale)


async def an_extra_sale_that_a_release_hides(round_: Round) -> tuple[Fault, str, set[str]]:
    first, release, _ = await round_.rows(2)
    assert release["prev_op_id"] == first["op_id"]
    return Fault.FORK, "A3", await _beside(round_, first)


async def the_last_row_deleted(round_: Round) -> tuple[Fault, str, set[str]]:
    (sale,) = await round_.rows(1)
    await round_.execute("DELETE FROM op_log WHERE event_id = $1 AND op_id = $2", sale["op_id"])
    return Fault.SEAT_TABLE_DIFFERS, "A2", {sale["op_id"]}


async def a_middle_row_deleted(round_: Round) -> tuple[Fault, str, set[str]]:
    _, release, last = await round_.rows(2)
    await round_.execute("DELETE FROM op_log WHERE event_id = $1 AND op_id = $2", release["op_id"])
    return Fault.BROKEN_CHAIN, "A3", {release["op_id"], last["op_id"]}


async def the_owner_rewritten_in_the_log(round_: Round) -> tuple[Fault, str, set[str]]:
    (sale,) = await round_.rows(1)
    await round_.execute(
        "UPDATE op_log SET fan_id = 'fan_eve' WHERE event_id = $1 AND op_id = $2", sale["op_id"]
    )
    return Fault.REWRITTEN_ROW, "A2", {sale["op_id"]}


async def the_owner_rewritten_everywhere(round_: Round) -> tuple[Fault, str, set[str]]:
    named = await the_owner_rewritten_in_the_log(round_)
    await round_.execute(
        "UPDATE seat SET fan_id = 'fan_eve' WHERE event_id = $1 AND seat_index = $2", 1
    )
    return named


async def the_seat_row_alone_changed(round_: Round) -> tuple[Fault, str, set[str]]:
    (sale,) = await round_.rows(1)
    await round_.execute(
        "UPDATE seat SET fan_id = 'fan_eve' WHERE event_id = $1 AND seat_index = $2", 1
    )
    return Fault.SEAT_TABLE_DIFFERS, "A2", {sale["op_id"]}


async def an_acknowledgement_without_a_row(round_: Round) -> tuple[Fault, str, set[str]]:
    (sale,) = await round_.rows(0)
    await round_.execute("DELETE FROM op_log WHERE event_id = $1 AND op_id = $2", sale["op_id"])
    await round_.execute(
        "UPDATE seat SET status = 'open', fan_id = NULL, op_id = $3 "
        "WHERE event_id = $1 AND seat_index = $2",
        0,
        sale["prev_op_id"],
    )
    return Fault.LOST_ACKNOWLEDGEMENT, "A1", {sale["op_id"]}


async def a_refusal_of_a_committed_sale(round_: Round) -> tuple[Fault, str, set[str]]:
    (sale,) = await round_.rows(0)
    operations = await round_.history("A1")
    await round_.rewrite(
        "A1",
        [
            replace(each, outcome=Outcome.FAIL) if each.op_id == sale["op_id"] else each
            for each in operations
        ],
    )
    return Fault.REFUSED_BUT_COMMITTED, "A1", {sale["op_id"]}


async def a_belief_of_a_refused_buyer(round_: Round) -> tuple[Fault, str, set[str]]:
    operations = await round_.history("A1")
    refused = next(each for each in operations if each.outcome is Outcome.FAIL)
    await round_.rewrite(
        "A1",
        [replace(each, outcome=Outcome.OK) if each == refused else each for each in operations],
    )
    return Fault.LOST_ACKNOWLEDGEMENT, "A1", {refused.op_id}


PLANTINGS: list[Planting] = [
    an_extra_sale,
    an_extra_sale_that_a_release_hides,
    the_last_row_deleted,
    a_middle_row_deleted,
    the_owner_rewritten_in_the_log,
    the_owner_rewritten_everywhere,
    the_seat_row_alone_changed,
    an_acknowledgement_without_a_row,
    a_refusal_of_a_committed_sale,
    a_belief_of_a_refused_buyer,
]


@pytest.mark.parametrize("planting", PLANTINGS, ids=lambda each: each.__name__)
async def test_a_fault_in_the_database_is_named(round_: Round, planting: Planting) -> None:
    assert (await round_.judge()).clean
    fault, seat, op_ids = await planting(round_)
    report = await round_.judge(seat)
    named = [each for each in report.violations if each.fault is fault and each.seat == seat]
    assert named, report.violations
    assert op_ids <= set(named[0].op_ids)
    assert report.seat is not None
    assert "No violation" not in report.seat.verdict
    assert "No violation" not in report.verdict
    other = (await round_.judge("H12")).seat
    assert other is not None
    assert other.violations == ()


async def test_a_fans_sale_that_was_taken_away_everywhere_leaves_a_hole(round_: Round) -> None:
    await round_.services.shop.buy(
        fan_id="fan_ada", key="later", event_id=round_.event.event_id, seats=["A4"]
    )
    assert (await round_.judge()).clean
    (sale,) = await round_.rows(1)
    await round_.execute("DELETE FROM op_log WHERE event_id = $1 AND op_id = $2", sale["op_id"])
    await round_.execute(
        "UPDATE seat SET status = 'open', fan_id = NULL, op_id = 'root' "
        "WHERE event_id = $1 AND seat_index = $2",
        1,
    )
    (violation,) = (await round_.judge()).violations
    assert violation.fault is Fault.LANE_GAP
    assert sale["lane"] in violation.operator


@pytest.mark.parametrize(
    "body", [b"", b"no zlib", zlib.compress(b'{"index": 0}\n')], ids=["gone", "bytes", "line"]
)
async def test_a_damaged_history_is_a_violation_and_no_crash(round_: Round, body: bytes) -> None:
    await round_.store_history("A1", body)
    report = await round_.judge()
    assert [(each.fault, each.run_id) for each in report.violations] == [
        (Fault.BAD_HISTORY, round_.runs["A1"].plan.run_id)
    ]
    assert report.runs_without_history == 1


async def test_a_run_that_left_no_history_is_judged_by_its_plan(round_: Round) -> None:
    run_id = round_.runs["A1"].plan.run_id
    await round_.sql.execute("DELETE FROM run_history WHERE run_id = $1", run_id)
    await round_.sql.execute("UPDATE run SET status = 'interrupted' WHERE run_id = $1", run_id)
    report = await round_.judge()
    assert report.clean
    assert (report.histories, report.runs_without_history) == (2, 1)

    (sale,) = await round_.rows(0)
    stolen = ids.request_hash("fan_eve", round_.event.event_id, (0,))
    await round_.execute(
        "UPDATE op_log SET fan_id = 'fan_eve', request_hash = $3 "
        "WHERE event_id = $1 AND op_id = $2",
        sale["op_id"],
        stolen,
    )
    await round_.execute(
        "UPDATE seat SET fan_id = 'fan_eve' WHERE event_id = $1 AND seat_index = $2", 0
    )
    (violation,) = (await round_.judge()).violations
    assert (violation.fault, violation.seat) == (Fault.PHANTOM, "A1")
