"""Faults of the log and the seat table: rows gone, rows changed."""

from dataclasses import replace

from tests.domain.faults import Faults, Planted, change, forge, rows_of
from tests.domain.planted import EVENT, Floor, key_of

from worldseat.domain import ids
from worldseat.domain.seats import Kind, Mode, SeatStatus
from worldseat.domain.verdict import Fault

ROWS = Faults()


@ROWS.plant
def the_last_row_deleted(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    floor.log.remove(row)
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=1, op_ids=(row.op_id,))


@ROWS.plant
def a_middle_row_deleted(floor: Floor) -> Planted:
    _, middle, last = rows_of(floor, 2)
    floor.log.remove(middle)
    return Planted(fault=Fault.BROKEN_CHAIN, seat=2, op_ids=(middle.op_id, last.op_id))


@ROWS.plant
def the_first_row_deleted(floor: Floor) -> Planted:
    first, middle, _ = rows_of(floor, 2)
    floor.log.remove(first)
    return Planted(fault=Fault.BROKEN_CHAIN, seat=2, op_ids=(first.op_id, middle.op_id))


@ROWS.plant
def a_sale_deleted_and_the_seat_row_put_back(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    floor.log.remove(row)
    floor.seats[0] = replace(
        floor.seats[0], status=SeatStatus.OPEN, fan_id=None, op_id=row.prev_op_id
    )
    return Planted(fault=Fault.LOST_ACKNOWLEDGEMENT, seat=0, op_ids=(row.op_id,))


@ROWS.plant
def a_fans_sale_deleted_and_the_seat_row_put_back(floor: Floor) -> Planted:
    """Nobody recorded an answer: only the lane's own count can tell."""
    (row,) = rows_of(floor, 1)
    floor.log.remove(row)
    floor.lanes[row.lane].remove(row.lane_seq)
    floor.seats[1] = replace(
        floor.seats[1], status=SeatStatus.OPEN, fan_id=None, op_id=row.prev_op_id
    )
    return Planted(fault=Fault.LANE_GAP, seat=None)


@ROWS.plant
def a_seat_row_deleted(floor: Floor) -> Planted:
    row = floor.seats.pop(1)
    assert row.fan_id
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=1)


@ROWS.plant
def the_owner_rewritten_in_the_log(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, fan_id="fan_eve")
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=1, op_ids=(row.op_id,))


@ROWS.plant
def the_owner_rewritten_in_the_seat_table(floor: Floor) -> Planted:
    floor.seats[1] = replace(floor.seats[1], fan_id="fan_eve")
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=1, op_ids=(floor.seats[1].op_id,))


@ROWS.plant
def the_owner_rewritten_in_both(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, fan_id="fan_eve")
    floor.seats[1] = replace(floor.seats[1], fan_id="fan_eve")
    return Planted(fault=Fault.REWRITTEN_ROW, seat=1, op_ids=(row.op_id,))


@ROWS.plant
def a_stampedes_owner_rewritten_in_both_with_its_hash(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    stolen = ids.request_hash("fan_eve", EVENT, (0,))
    change(floor, row, fan_id="fan_eve", request_hash=stolen)
    floor.seats[0] = replace(floor.seats[0], fan_id="fan_eve")
    return Planted(fault=Fault.REWRITTEN_ROW, seat=0, op_ids=(row.op_id,))


@ROWS.plant
def the_same_in_a_run_without_a_history(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 3)
    stolen = ids.request_hash("fan_eve", EVENT, (3,))
    change(floor, row, fan_id="fan_eve", request_hash=stolen)
    floor.seats[3] = replace(floor.seats[3], fan_id="fan_eve")
    return Planted(fault=Fault.PHANTOM, seat=3, op_ids=(row.op_id,))


@ROWS.plant
def the_owner_of_a_sale_given_back_since_rewritten(floor: Floor) -> Planted:
    first, release, _ = rows_of(floor, 2)
    change(floor, first, fan_id="fan_eve")
    return Planted(fault=Fault.ILLEGAL_STEP, seat=2, op_ids=(release.op_id, first.op_id))


@ROWS.plant
def an_op_id_rewritten_in_both(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, op_id="op_eve_0")
    floor.seats[1] = replace(floor.seats[1], op_id="op_eve_0")
    return Planted(fault=Fault.REWRITTEN_ROW, seat=1, op_ids=("op_eve_0",))


@ROWS.plant
def a_sale_moved_to_another_seat_in_both(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, key=key_of(20))
    floor.seats[20] = replace(floor.seats[1], key=key_of(20))
    floor.seats[1] = replace(
        floor.seats[1], status=SeatStatus.OPEN, fan_id=None, op_id=row.prev_op_id
    )
    return Planted(fault=Fault.REWRITTEN_ROW, seat=20, op_ids=(row.op_id,))


@ROWS.plant
def prev_op_id_rewritten(floor: Floor) -> Planted:
    first, _, last = rows_of(floor, 2)
    change(floor, last, prev_op_id=first.op_id)
    return Planted(fault=Fault.FORK, seat=2, op_ids=(last.op_id,))


@ROWS.plant
def prev_op_id_and_guard_rewritten(floor: Floor) -> Planted:
    _, _, last = rows_of(floor, 7)
    change(floor, last, prev_op_id="op_nothing_0", guard_op_id="op_nothing_0")
    return Planted(fault=Fault.BROKEN_CHAIN, seat=7, op_ids=("op_nothing_0", last.op_id))


@ROWS.plant
def a_releases_prev_op_id_rewritten(floor: Floor) -> Planted:
    _, release, last = rows_of(floor, 2)
    change(floor, release, prev_op_id=last.op_id, guard_op_id=last.op_id)
    return Planted(fault=Fault.BROKEN_CHAIN, seat=2, op_ids=(release.op_id, last.op_id))


@ROWS.plant
def a_guard_emptied(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, guard_op_id=None)
    return Planted(fault=Fault.UNGUARDED, seat=1, op_ids=(row.op_id,))


@ROWS.plant
def a_guard_that_differs(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    change(floor, row, guard_op_id="op_other_0")
    return Planted(fault=Fault.UNGUARDED, seat=0, op_ids=(row.op_id,))


@ROWS.plant
def a_sale_taken_out_of_its_run(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    change(floor, row, run_id=None, guard_op_id=row.prev_op_id)
    return Planted(fault=Fault.REWRITTEN_ROW, seat=0, op_ids=(row.op_id,))


@ROWS.plant
def a_row_of_another_mode(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    change(floor, row, mode=Mode.LIVE)
    return Planted(fault=Fault.MISPLACED_ROW, seat=0, op_ids=(row.op_id,))


@ROWS.plant
def a_void_turned_into_a_transition(floor: Floor) -> Planted:
    (void,) = [row for row in floor.log if row.kind is Kind.VOID and row.key.seat_index == 4]
    change(floor, void, kind=Kind.SELL)
    return Planted(fault=Fault.BROKEN_CHAIN, seat=4, op_ids=(ids.OUTSIDE, void.op_id))


@ROWS.plant
def a_void_beside_a_sale(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    floor.log.append(
        replace(
            row, kind=Kind.VOID, prev_op_id=ids.OUTSIDE, guard_op_id=None, lane="lan_x", lane_seq=1
        )
    )
    return Planted(fault=Fault.VOID_AND_SOLD, seat=1, op_ids=(row.op_id,))


@ROWS.plant
def a_row_written_twice(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    floor.log.append(replace(row, lane="lan_x", lane_seq=1))
    return Planted(fault=Fault.REPEATED_ID, seat=1, op_ids=(row.op_id,))


@ROWS.plant
def two_rows_at_one_place_of_a_lane(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    (other,) = rows_of(floor, 0)
    change(floor, row, lane=other.lane, lane_seq=other.lane_seq)
    return Planted(fault=Fault.REPEATED_ID, seat=1, op_ids=(other.op_id, row.op_id))


@ROWS.plant
def the_seat_row_alone_opened(floor: Floor) -> Planted:
    was = floor.seats[0]
    floor.seats[0] = replace(was, status=SeatStatus.OPEN, fan_id=None)
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=0, op_ids=(was.op_id,))


@ROWS.plant
def the_seat_row_alone_put_back(floor: Floor) -> Planted:
    first, _, last = rows_of(floor, 2)
    floor.seats[2] = replace(floor.seats[2], op_id=first.op_id, fan_id=first.fan_id)
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=2, op_ids=(first.op_id, last.op_id))


@ROWS.plant
def an_open_seat_row_alone_sold(floor: Floor) -> Planted:
    floor.seats[20] = replace(
        floor.seats[20], status=SeatStatus.SOLD, fan_id="fan_eve", op_id="op_eve_0"
    )
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=20, op_ids=("op_eve_0",))


@ROWS.plant
def a_fans_seat_row_alone_opened(floor: Floor) -> Planted:
    floor.seats[1] = replace(floor.seats[1], status=SeatStatus.OPEN, fan_id=None)
    return Planted(fault=Fault.SOURCES_DISAGREE, seat=1)


@ROWS.plant
def a_seat_row_that_the_chart_does_not_have(floor: Floor) -> Planted:
    floor.seats[99] = replace(floor.seats[20], key=key_of(99))
    return Planted(fault=Fault.MISPLACED_ROW, seat=99, op_ids=(ids.ROOT,))


@ROWS.plant
def a_sale_of_a_seat_that_the_chart_does_not_have(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    extra = forge(floor, row, key=key_of(99))
    return Planted(fault=Fault.MISPLACED_ROW, seat=99, op_ids=(extra.op_id,))


@ROWS.plant
def a_row_of_another_round(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, key=replace(row.key, round_id="rehearsal-2"))
    return Planted(fault=Fault.MISPLACED_ROW, seat=1, op_ids=(row.op_id,))


@ROWS.plant
def a_fans_row_of_another_mode(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    change(floor, row, mode=Mode.LIVE)
    return Planted(fault=Fault.MISPLACED_ROW, seat=1, op_ids=(row.op_id,))


@ROWS.plant
def a_release_under_another_id_with_its_successor(floor: Floor) -> Planted:
    _, release, last = rows_of(floor, 2)
    change(floor, release, op_id="op_eve_0", claim_id="clm_eve")
    change(floor, last, prev_op_id="op_eve_0")
    return Planted(fault=Fault.REWRITTEN_ROW, seat=2, op_ids=("op_eve_0",))


@ROWS.plant
def a_void_linked_like_a_sale(floor: Floor) -> Planted:
    (void,) = [row for row in floor.log if row.kind is Kind.VOID and row.key.seat_index == 4]
    change(floor, void, prev_op_id=ids.ROOT)
    return Planted(fault=Fault.REWRITTEN_ROW, seat=4, op_ids=(void.op_id,))
