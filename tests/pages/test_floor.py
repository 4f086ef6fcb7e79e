"""The floor as rows that a template prints and a screen reader says."""

from dataclasses import replace

import pytest

from worldseat.domain.event import Event
from worldseat.domain.venue import Chart, Row, Section
from worldseat.services.floor import FloorView, pack
from worldseat.web.views.floor import decode, picture


def test_states_are_two_bits_a_seat_from_the_lowest_up() -> None:
    assert decode("5A==", 4) == ["open", "sold", "held", "withheld"]
    assert decode(pack(bytearray([1, 0, 0, 0, 1])), 5) == ["sold", "open", "open", "open", "sold"]


@pytest.mark.parametrize("states", ["5A==", "not base64", ""])
def test_states_that_cannot_be_are_refused(states: str) -> None:
    with pytest.raises(ValueError, match="states"):
        decode(states, 5)


def test_every_seat_says_row_number_price_and_state(event: Event, floor: FloorView) -> None:
    drawn = picture(event, floor, {"A2"})
    spoken = [cell.spoken for row in drawn.rows for cell in row.cells]
    assert spoken == [
        "Row A, seat 1, $150, available",
        "Row A, seat 2, $150, yours",
        "Row A, seat 3, $150, on hold",
        "Row A, seat 4, $150, available",
        "Row B, seat 1, $150, not for sale",
        "Row B, seat 2, $150, available",
    ]
    assert drawn.first_open == "A1"


def test_short_rows_are_centred(event: Event, floor: FloorView) -> None:
    rows = picture(event, floor).rows
    assert [(row.before, row.after) for row in rows] == [(0, 0), (1, 1)]


def test_sections_are_named_once_and_in_each_seat(event: Event, floor: FloorView) -> None:
    row = (Row(name="A", seats=2),)
    sections = (Section(name="112", rows=row), Section(name="113", rows=row))
    event = replace(event, chart=Chart(name="Two", sections=sections))
    view = replace(floor, seat_count=4, states=pack(bytearray(4)))
    rows = picture(event, view).rows
    assert [row.section for row in rows] == ["112", "113"]
    assert rows[1].cells[0].spoken == "Section 113, row A, seat 1, $150, available"


def test_a_full_floor_has_no_first_open_seat(event: Event, floor: FloorView) -> None:
    full = replace(floor, sold_count=6, states=pack(bytearray([1] * 6)))
    assert picture(event, full).first_open is None
