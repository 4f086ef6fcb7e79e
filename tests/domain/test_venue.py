"""The seating chart: one dense index, labels that people use, and what is near what."""

from hypothesis import given
from hypothesis import strategies as st

from worldseat.domain.venue import Chart, Row, Section


def hall(*sections: tuple[str, list[tuple[str, int]]], name: str = "Hall") -> Chart:
    return Chart(
        name=name,
        sections=tuple(
            Section(name=each, rows=tuple(Row(name=row, seats=seats) for row, seats in rows))
            for each, rows in sections
        ),
    )


SMALL = hall(("Floor", [("A", 3), ("B", 3)]))
TWO = hall(("Stalls", [("A", 2)]), ("Balcony", [("A", 3)]))


def test_a_hall_with_one_section_leaves_its_name_out() -> None:
    assert [place.label for place in SMALL.places] == ["A1", "A2", "A3", "B1", "B2", "B3"]
    assert SMALL.label(3) == "B1"
    assert SMALL.index_of("B1") == 3
    assert SMALL.seat_count == 6


def test_a_hall_with_several_sections_names_them() -> None:
    assert [place.label for place in TWO.places] == [
        "Stalls A1",
        "Stalls A2",
        "Balcony A1",
        "Balcony A2",
        "Balcony A3",
    ]
    assert TWO.places[2].row_number == 1
    assert TWO.places[2].section == "Balcony"
    assert TWO.index_of("A1") is None


def test_labels_are_taken_literally() -> None:
    assert [SMALL.index_of(label) for label in ("a1", "A01", "A4", "", " A1")] == [None] * 5


def test_a_shape_is_short_when_rows_are_alike() -> None:
    assert SMALL.shape == "2×3"
    assert TWO.shape == "2 rows"


def test_a_digest_changes_with_anything_that_sells_differently() -> None:
    others = [
        hall(("Floor", [("A", 3), ("B", 3)]), name="Other"),
        hall(("Stalls", [("A", 3), ("B", 3)])),
        hall(("Floor", [("A", 3), ("C", 3)])),
        hall(("Floor", [("A", 3), ("B", 4)])),
        hall(("Floor", [("B", 3), ("A", 3)])),
        hall(("Floor", [("A", 3)]), ("B", [("B", 3)])),
    ]
    assert len({SMALL.digest, *(each.digest for each in others)}) == 7
    assert hall(("Floor", [("A", 3), ("B", 3)])).digest == SMALL.digest
    assert len(SMALL.digest) == 64


def test_the_nearest_seats_are_the_neighbours_first() -> None:
    wide = hall(("Floor", [("A", 5), ("B", 5)]))
    middle = wide.index_of("A3")
    assert middle == 2
    everything = range(wide.seat_count)
    near = [wide.label(seat) for seat in wide.nearest(middle, everything, 6)]
    assert near == ["A2", "A4", "A1", "A5", "B3", "B2"]
    assert wide.nearest(middle, [middle], 3) == []


@given(
    lengths=st.lists(st.integers(1, 20), min_size=1, max_size=6),
    data=st.data(),
)
def test_label_and_index_lead_to_each_other(lengths: list[int], data: st.DataObject) -> None:
    chart = hall(("Floor", [(f"R{place}-", seats) for place, seats in enumerate(lengths)]))
    index = data.draw(st.integers(0, chart.seat_count - 1))
    assert chart.index_of(chart.label(index)) == index
    count = data.draw(st.integers(0, 8))
    near = chart.nearest(index, range(chart.seat_count), count)
    assert len(near) == min(count, chart.seat_count - 1)
    assert index not in near
    assert len(set(near)) == len(near)
