"""Faults of selling and answering: sales too many, answers that are not so."""

from dataclasses import replace

from tests.domain.faults import Faults, Planted, answer, change, forge, rows_of
from tests.domain.planted import EVENT, Floor, key_of

from worldseat.domain import ids
from worldseat.domain.run import Outcome
from worldseat.domain.seats import SeatStatus
from worldseat.domain.verdict import Fault

SALES = Faults()


@SALES.plant
def an_extra_sale(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    extra = forge(floor, row)
    return Planted(fault=Fault.FORK, seat=0, op_ids=(row.op_id, extra.op_id))


@SALES.plant
def an_extra_sale_of_a_fans_seat(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    extra = forge(floor, row, guard_op_id=row.prev_op_id)
    return Planted(fault=Fault.FORK, seat=1, op_ids=(row.op_id, extra.op_id))


@SALES.plant
def an_extra_sale_that_a_later_release_hides(floor: Floor) -> Planted:
    first, _, _ = rows_of(floor, 2)
    extra = forge(floor, first)
    return Planted(fault=Fault.FORK, seat=2, op_ids=(first.op_id, extra.op_id))


@SALES.plant
def an_extra_sale_given_back_unseen(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    extra = forge(floor, row, prev_op_id=row.op_id)
    return Planted(fault=Fault.ILLEGAL_STEP, seat=0, op_ids=(extra.op_id, row.op_id))


@SALES.plant
def a_sale_that_no_buyer_of_the_run_asked_for(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    extra = forge(floor, row)
    return Planted(fault=Fault.PHANTOM, seat=0, op_ids=(extra.op_id,))


@SALES.plant
def a_sale_of_a_run_that_never_was(floor: Floor) -> Planted:
    (like,) = rows_of(floor, 0)
    extra = forge(floor, like, key=key_of(20), run_id="run_nowhere")
    extra = change(floor, extra, request_hash=ids.request_hash(extra.fan_id, EVENT, (20,)))
    floor.seats[20] = replace(
        floor.seats[20], status=SeatStatus.SOLD, fan_id=extra.fan_id, op_id=extra.op_id
    )
    return Planted(fault=Fault.PHANTOM, seat=20, op_ids=(extra.op_id,))


@SALES.plant
def a_stampede_takes_a_fans_seat(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    release = floor.release(1, "run_6")
    return Planted(fault=Fault.ILLEGAL_STEP, seat=1, op_ids=(release.op_id, row.op_id))


@SALES.plant
def an_open_seat_given_back(floor: Floor) -> Planted:
    release = floor.release(20, "run_6")
    return Planted(fault=Fault.ILLEGAL_STEP, seat=20, op_ids=(release.op_id,))


@SALES.plant
def an_acknowledgement_without_a_row(floor: Floor) -> Planted:
    op_id = answer(floor, "run_0", 5, outcome=Outcome.OK, reason="sold")
    return Planted(fault=Fault.LOST_ACKNOWLEDGEMENT, seat=0, op_ids=(op_id,))


@SALES.plant
def an_acknowledgement_of_a_void(floor: Floor) -> Planted:
    op_id = answer(floor, "run_4", 4, outcome=Outcome.OK, reason="sold", t_return_ns=10**9)
    return Planted(fault=Fault.LOST_ACKNOWLEDGEMENT, seat=5, op_ids=(op_id,))


@SALES.plant
def a_refusal_of_a_committed_sale(floor: Floor) -> Planted:
    op_id = answer(floor, "run_0", 0, outcome=Outcome.FAIL, reason="taken")
    return Planted(fault=Fault.REFUSED_BUT_COMMITTED, seat=0, op_ids=(op_id,))


@SALES.plant
def a_last_read_from_before_the_sale(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 0)
    answer(floor, "run_0", 8, observed_op_id=ids.ROOT, reason="open")
    return Planted(fault=Fault.STALE_READ, seat=0, op_ids=(row.op_id,))


@SALES.plant
def a_last_read_from_long_before_the_sale(floor: Floor) -> Planted:
    first, _, last = rows_of(floor, 2)
    answer(floor, "run_2", 6, observed_op_id=first.op_id)
    return Planted(fault=Fault.STALE_READ, seat=2, op_ids=(last.op_id,))


@SALES.plant
def a_last_read_of_what_is_not_in_the_log(floor: Floor) -> Planted:
    answer(floor, "run_0", 8, observed_op_id="op_eve_0")
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=0, op_ids=("op_eve_0",))


@SALES.plant
def an_answer_recorded_twice(floor: Floor) -> Planted:
    history = floor.histories["run_0"]
    history.append(replace(history[3], process=99))
    return Planted(fault=Fault.BAD_HISTORY, seat=0, op_ids=(history[3].op_id,))


@SALES.plant
def another_runs_answer(floor: Floor) -> Planted:
    op_id = answer(floor, "run_0", 3, run_id="run_1")
    return Planted(fault=Fault.BAD_HISTORY, seat=0, op_ids=(op_id,))


@SALES.plant
def a_history_that_cannot_be_read(floor: Floor) -> Planted:
    del floor.histories["run_0"]
    floor.damaged["run_0"] = "line 3: not JSON"
    return Planted(fault=Fault.BAD_HISTORY, seat=0)


@SALES.plant
def a_last_read_of_another_seats_sale(floor: Floor) -> Planted:
    (row,) = rows_of(floor, 1)
    answer(floor, "run_0", 8, observed_op_id=row.op_id)
    return Planted(fault=Fault.SEAT_TABLE_DIFFERS, seat=0, op_ids=(row.op_id,))


@SALES.plant
def an_answer_about_a_seat_that_the_chart_does_not_have(floor: Floor) -> Planted:
    op_id = answer(floor, "run_0", 3, seat_index=99)
    return Planted(fault=Fault.BAD_HISTORY, seat=99, op_ids=(op_id,))
