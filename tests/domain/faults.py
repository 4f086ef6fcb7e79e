"""One function per planted fault. Each changes a busy floor and says what a verdict must name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tests.domain.planted import EVENT, Floor, key_of
from worldseat.domain import ids
from worldseat.domain.run import Outcome
from worldseat.domain.seats import Kind, LogRow, Mode, SeatStatus
from worldseat.domain.verdict import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What was done: the fault that must be among those found, on this seat, naming these ids."""

    fault: Fault
    seat: int | None
    op_ids: tuple[str, ...] = ()


Plant = Callable[[Floor], Planted]
FAULTS: dict[str, Plant] = {}


def plant(function: Plant) -> Plant:
    FAULTS[function.__name__.replace("_", " ")] = function
    return function


def rows_of(floor: Floor, seat: int) -> list[LogRow]:
    return [row for row in floor.log if row.key.seat_index == seat and row.kind is not Kind.VOID]


def change(floor: Floor, row: LogRow, **fields: Any) -> LogRow:
    changed = replace(row, **fields)
    floor.log[floor.log.index(row)] = changed
    return changed


def forge(floor: Floor, like: LogRow, fan: str = "eve", **fields: Any) -> LogRow:
    """Append a sale that is right in itself, with a place in a lane of its own."""
    claim = ids.claim_id(f"fan_{fan}", "forged")
    seat = like.key.seat_index
    row = replace(
        like,
        claim_id=claim,
        op_id=ids.op_id(claim, 0),
        fan_id=f"fan_{fan}",
        request_hash=ids.request_hash(f"fan_{fan}", EVENT, (seat,)),
        lane="lan_forged",
        lane_seq=1,
    )
    row = replace(row, **fields)
    floor.log.append(row)
    return row


def answer(floor: Floor, run_id: str, process: int, **fields: Any) -> str:
    history = floor.histories[run_id]
    history[process] = replace(history[process], **fields)
    return history[process].op_id


# sales too many


@plant
def an_extra_sale(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    extra = forge(floor, row)
    return Planted(fault=Fault.FORK, seat=0, op_ids=(row.op_id, extra.op_id))


@plant
def an_extra_sale_of_a_fans_seat(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    extra = forge(floor, row, guard_op_id=row.prev_op_id)
    return Planted(fault=Fault.FORK, seat=1, op_ids=(row.op_id, extra.op_id))


@plant
def an_extra_sale_that_a_later_release_hides(floor: Floor) -> Planted:
    first, _, _ = rows_of(floor, 2)
    extra = forge(floor, first)
    return Planted(fault=Fault.FORK, seat=2, op_ids=(first.op_id, extra.op_id))


@plant
def an_extra_sale_given_back_unseen(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    extra = forge(floor, row, prev_op_id=row.op_id)
    return Planted(fault=Fault.ILLEGAL_STEP, seat=0, op_ids=(extra.op_id, row.op_id))


@plant
def a_sale_that_no_buyer_of_the_run_asked_for(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    extra = forge(floor, row)
    return Planted(fault=Fault.PHANTOM, seat=0, op_ids=(extra.op_id,))


@plant
def a_sale_of_a_run_that_never_was(floor: Floor) -> Planted:
    (like,) = rows_of(floor, 0)
    extra = forge(floor, like, key=key_of(20), run_id="run_nowhere")
    extra = change(floor, extra, request_hash=ids.request_hash(extra.fan_id, EVENT, (20,)))
    floor.seats[20] = replace(
        floor.seats[20], status=SeatStatus.SOLD, fan_id=extra.fan_id, op_id=extra.op_id
    )
    return Planted(fault=Fault.PHANTOM, seat=20, op_ids=(extra.op_id,))


@plant
def a_stampede_takes_a_fans_seat(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    release = floor.release(1, "run_6")
    return Planted(fault=Fault.ILLEGAL_STEP, seat=1, op_ids=(release.op_id, row.op_id))


@plant
def an_open_seat_given_back(floor: Floor) -> Planted:
    release = floor.release(20, "run_6")
    return Planted(fault=Fault.ILLEGAL_STEP, seat=20, op_ids=(release.op_id,))


# rows gone


@plant
def the_last_row_deleted(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    floor.log.remove(row)
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=1, op_ids=(row.op_id,))


@plant
def a_middle_row_deleted(floor: Floor) -> Planted:
    _, middle, last = rows_of(floor, 2)
    floor.log.remove(middle)
    return Planted(fault=Fault.BROKEN_CHAIN, seat=2, op_ids=(middle.op_id, last.op_id))


@plant
def the_first_row_deleted(floor: Floor) -> Planted:
    first, middle, _ = rows_of(floor, 2)
    floor.log.remove(first)
    return Planted(fault=Fault.BROKEN_CHAIN, seat=2, op_ids=(first.op_id, middle.op_id))


@plant
def a_sale_deleted_and_the_seat_row_put_back(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    floor.log.remove(row)
    floor.seats[0] = replace(
        floor.seats[0], status=SeatStatus.OPEN, fan_id=None, op_id=row.prev_op_id
    )
    return Planted(fault=Fault.LOST_ACKNOWLEDGEMENT, seat=0, op_ids=(row.op_id,))


@plant
def a_fans_sale_deleted_and_the_seat_row_put_back(floor: Floor) -> Planted:
    """Nobody recorded an answer: only the lane's own count can tell."""
    (row,) = rows_of(floor, 1)
    floor.log.remove(row)
    floor.lanes[row.lane].remove(row.lane_seq)
    floor.seats[1] = replace(
        floor.seats[1], status=SeatStatus.OPEN, fan_id=None, op_id=row.prev_op_id
    )
    return Planted(fault=Fault.LANE_GAP, seat=None)


@plant
def a_seat_row_deleted(floor: Floor) -> Planted:
    row = floor.seats.pop(1)
    assert row.fan_id
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=1)


# rows changed


@plant
def the_owner_rewritten_in_the_log(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, fan_id="fan_eve")
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=1, op_ids=(row.op_id,))


@plant
def the_owner_rewritten_in_the_seat_table(floor: Floor) -> Planted:
    floor.seats[1] = replace(floor.seats[1], fan_id="fan_eve")
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=1, op_ids=(floor.seats[1].op_id,))


@plant
def the_owner_rewritten_in_both(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, fan_id="fan_eve")
    floor.seats[1] = replace(floor.seats[1], fan_id="fan_eve")
    return Planted(fault=Fault.REWRITTEN_ROW, seat=1, op_ids=(row.op_id,))


@plant
def a_stampedes_owner_rewritten_in_both_with_its_hash(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    stolen = ids.request_hash("fan_eve", EVENT, (0,))
    change(floor, row, fan_id="fan_eve", request_hash=stolen)
    floor.seats[0] = replace(floor.seats[0], fan_id="fan_eve")
    return Planted(fault=Fault.REWRITTEN_ROW, seat=0, op_ids=(row.op_id,))


@plant
def the_same_in_a_run_without_a_history(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 3)
    stolen = ids.request_hash("fan_eve", EVENT, (3,))
    change(floor, row, fan_id="fan_eve", request_hash=stolen)
    floor.seats[3] = replace(floor.seats[3], fan_id="fan_eve")
    return Planted(fault=Fault.PHANTOM, seat=3, op_ids=(row.op_id,))


@plant
def the_owner_of_a_sale_given_back_since_rewritten(floor: Floor) -> Planted:
    first, release, _ = rows_of(floor, 2)
    change(floor, first, fan_id="fan_eve")
    return Planted(fault=Fault.ILLEGAL_STEP, seat=2, op_ids=(release.op_id, first.op_id))


@plant
def an_op_id_rewritten_in_both(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, op_id="op_eve_0")
    floor.seats[1] = replace(floor.seats[1], op_id="op_eve_0")
    return Planted(fault=Fault.REWRITTEN_ROW, seat=1, op_ids=("op_eve_0",))


@plant
def a_sale_moved_to_another_seat_in_both(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, key=key_of(20))
    floor.seats[20] = replace(floor.seats[1], key=key_of(20))
    floor.seats[1] = replace(
        floor.seats[1], status=SeatStatus.OPEN, fan_id=None, op_id=row.prev_op_id
    )
    return Planted(fault=Fault.REWRITTEN_ROW, seat=20, op_ids=(row.op_id,))


@plant
def prev_op_id_rewritten(floor: Floor) -> Planted:
    first, _, last = rows_of(floor, 2)
    change(floor, last, prev_op_id=first.op_id)
    return Planted(fault=Fault.FORK, seat=2, op_ids=(last.op_id,))


@plant
def prev_op_id_and_guard_rewritten(floor: Floor) -> Planted:
    _, _, last = rows_of(floor, 7)
    change(floor, last, prev_op_id="op_nothing_0", guard_op_id="op_nothing_0")
    return Planted(fault=Fault.BROKEN_CHAIN, seat=7, op_ids=("op_nothing_0", last.op_id))


@plant
def a_releases_prev_op_id_rewritten(floor: Floor) -> Planted:
    first, release, last = rows_of(floor, 2)
    change(floor, release, prev_op_id=last.op_id, guard_op_id=last.op_id)
    return Planted(fault=Fault.BROKEN_CHAIN, seat=2, op_ids=(release.op_id, last.op_id))


@plant
def a_guard_emptied(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, guard_op_id=None)
    return Planted(fault=Fault.UNGUARDED, seat=1, op_ids=(row.op_id,))


@plant
def a_guard_that_differs(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    change(floor, row, guard_op_id="op_other_0")
    return Planted(fault=Fault.UNGUARDED, seat=0, op_ids=(row.op_id,))


@plant
def a_sale_taken_out_of_its_run(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    change(floor, row, run_id=None, guard_op_id=row.prev_op_id)
    return Planted(fault=Fault.REWRITTEN_ROW, seat=0, op_ids=(row.op_id,))


@plant
def a_row_of_another_mode(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    change(floor, row, mode=Mode.LIVE)
    return Planted(fault=Fault.MISPLACED_ROW, seat=0, op_ids=(row.op_id,))


@plant
def a_void_turned_into_a_transition(floor: Floor) -> Planted:
    (void,) = [row for row in floor.log if row.kind is Kind.VOID and row.key.seat_index == 4]
    change(floor, void, kind=Kind.SELL)
    return Planted(fault=Fault.BROKEN_CHAIN, seat=4, op_ids=(ids.OUTSIDE, void.op_id))


@plant
def a_void_beside_a_sale(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    floor.log.append(
        replace(
            row, kind=Kind.VOID, prev_op_id=ids.OUTSIDE, guard_op_id=None, lane="lan_x", lane_seq=1
        )
    )
    return Planted(fault=Fault.VOID_AND_SOLD, seat=1, op_ids=(row.op_id,))


@plant
def a_row_written_twice(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    floor.log.append(replace(row, lane="lan_x", lane_seq=1))
    return Planted(fault=Fault.REPEATED_ID, seat=1, op_ids=(row.op_id,))


@plant
def two_rows_at_one_place_of_a_lane(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    (other,) = rows_of(floor, 0)
    change(floor, row, lane=other.lane, lane_seq=other.lane_seq)
    return Planted(fault=Fault.REPEATED_ID, seat=1, op_ids=(other.op_id, row.op_id))


@plant
def the_seat_row_alone_opened(floor: Floor) -> Planted:
    was = floor.seats[0]
    floor.seats[0] = replace(was, status=SeatStatus.OPEN, fan_id=None)
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=0, op_ids=(was.op_id,))


@plant
def the_seat_row_alone_put_back(floor: Floor) -> Planted:
    first, _, last = rows_of(floor, 2)
    floor.seats[2] = replace(floor.seats[2], op_id=first.op_id, fan_id=first.fan_id)
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=2, op_ids=(first.op_id, last.op_id))


@plant
def an_open_seat_row_alone_sold(floor: Floor) -> Planted:
    floor.seats[20] = replace(
        floor.seats[20], status=SeatStatus.SOLD, fan_id="fan_eve", op_id="op_eve_0"
    )
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=20, op_ids=("op_eve_0",))


# answers


@plant
def an_acknowledgement_without_a_row(floor: Floor) -> Planted:
    op_id = answer(floor, "run_0", 5, outcome=Outcome.OK, reason="sold")
    return Planted(fault=Fault.LOST_ACKNOWLEDGEMENT, seat=0, op_ids=(op_id,))


@plant
def an_acknowledgement_of_a_void(floor: Floor) -> Planted:
    op_id = answer(floor, "run_4", 4, outcome=Outcome.OK, reason="sold", t_return_ns=10**9)
    return Planted(fault=Fault.LOST_ACKNOWLEDGEMENT, seat=5, op_ids=(op_id,))


@plant
def a_refusal_of_a_committed_sale(floor: Floor) -> Planted:
    op_id = answer(floor, "run_0", 0, outcome=Outcome.FAIL, reason="taken")
    return Planted(fault=Fault.REFUSED_BUT_COMMITTED, seat=0, op_ids=(op_id,))


@plant
def a_last_read_from_before_the_sale(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    answer(floor, "run_0", 8, observed_op_id=ids.ROOT, reason="open")
    return Planted(fault=Fault.STALE_READ, seat=0, op_ids=(row.op_id,))


@plant
def a_last_read_of_what_is_not_in_the_log(floor: Floor) -> Planted:
    answer(floor, "run_0", 8, observed_op_id="op_eve_0")
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=0, op_ids=("op_eve_0",))


@plant
def an_answer_recorded_twice(floor: Floor) -> Planted:
    history = floor.histories["run_0"]
    history.append(replace(history[3], process=99))
    return Planted(fault=Fault.BAD_HISTORY, seat=0, op_ids=(history[3].op_id,))


@plant
def another_runs_answer(floor: Floor) -> Planted:
    op_id = answer(floor, "run_0", 3, run_id="run_1")
    return Planted(fault=Fault.BAD_HISTORY, seat=0, op_ids=(op_id,))


@plant
def a_history_that_cannot_be_read(floor: Floor) -> Planted:
    del floor.histories["run_0"]
    floor.damaged["run_0"] = "line 3: not JSON"
    return Planted(fault=Fault.BAD_HISTORY, seat=None)
