"""Venue files: a hall, or a refusal with the line and the reason."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worldseat.domain import venue_file
from worldseat.domain.errors import VenueRefused
from worldseat.domain.event import Money
from worldseat.domain.lined_json import DEPTH_MAX, LinedJsonError, parse
from worldseat.domain.venue_file import read_venue

VENUES = Path(__file__).parents[2] / "venues"
SCHEMA = jsonschema_rs.validator_for(json.loads((VENUES / "venue.schema.json").read_text()))

GOOD = """\
{
  "format": "worldseat-venue/1",
  "name": "Harbour Theatre",
  "price": {
    "minor": 4500,
    "currency": "EUR"
  },
  "sections": [
    {
      "name": "Stalls",
      "rows": [
        { "name": "A", "seats": 20 },
        { "name": "B", "seats": 22 }
      ]
    },
    {
      "name": "Balcony",
      "rows": [
        { "name": "A", "seats": 14 }
      ]
    }
  ]
}
"""


def refusal(source: str | bytes) -> tuple[int, str]:
    with pytest.raises(VenueRefused) as caught:
        read_venue(source)
    error = caught.value
    assert error.message.startswith(f"line {error.line}: ")
    return error.line, error.message.removeprefix(f"line {error.line}: ")


def edited(line: int, old: str, new: str) -> str:
    lines = GOOD.splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    return "".join(lines)


# good files


def test_a_good_file_is_a_chart_and_a_price() -> None:
    chart, price = read_venue(GOOD)
    assert price == Money(minor=4500, currency="EUR")
    assert chart.name == "Harbour Theatre"
    assert chart.seat_count == 56
    assert chart.label(0) == "Stalls A1"
    assert chart.label(55) == "Balcony A14"


def test_the_hall_that_worldseat_starts_with() -> None:
    chart, price = read_venue((VENUES / "hall-96.json").read_text(encoding="utf-8"))
    assert (chart.name, chart.seat_count) == ("Aurora Hall", 96)
    assert chart.label(0) == "A1"
    assert chart.label(95) == "H12"
    assert price == Money(minor=15_000, currency="USD")


@pytest.mark.parametrize("path", sorted(VENUES.glob("*-*.json")), ids=lambda path: path.name)
def test_every_venue_that_comes_along_is_good(path: Path) -> None:
    read_venue(path.read_bytes())
    assert SCHEMA.is_valid(json.loads(path.read_text(encoding="utf-8")))


def test_bytes_and_a_byte_order_mark_are_read_as_well() -> None:
    assert read_venue(GOOD.encode()) == read_venue(GOOD)
    assert read_venue(b"\xef\xbb\xbf" + GOOD.encode()) == read_venue(GOOD)
    assert read_venue("\ufeff" + GOOD) == read_venue(GOOD)


def test_windows_line_ends_change_nothing() -> None:
    assert read_venue(GOOD.replace("\n", "\r\n")) == read_venue(GOOD)


def test_names_in_any_writing_are_composed() -> None:
    chart, _ = read_venue(edited(3, "Harbour Theatre", "The\u0301a\u0302tre 劇場"))
    assert chart.name == "Th\u00e9\u00e2tre 劇場"


def test_the_example_in_the_documentation_is_good() -> None:
    text = (VENUES.parent / "docs" / "venues.md").read_text(encoding="utf-8")
    example = text.split("```json\n")[1].split("```")[0]
    chart, _ = read_venue(example)
    assert chart.seat_count == 56
    assert SCHEMA.is_valid(json.loads(example))


# bad files: the line that must be named, what is there, what is put there, what must be said

BAD: dict[str, tuple[int, str, str, str]] = {
    "another format": (2, "venue/1", "venue/2", "'format' is not 'worldseat-venue/1'"),
    "an unknown field": (3, '"name"', '"title": "x", "name"', "a venue has no field 'title'"),
    "an unknown field of a row": (12, '"seats"', '"seat": 1, "seats"', "a row has no field 'seat'"),
    "a doubled field": (6, '"currency"', '"minor": 1, "currency"', "'minor' is there twice"),
    "a number for a name": (3, '"Harbour Theatre"', "7", "the venue's name is not text"),
    "no name": (3, "Harbour Theatre", "", "does not have 1 to 80 characters"),
    "a long name": (10, "Stalls", "S" * 41, "does not have 1 to 40 characters"),
    "a long row": (12, '"A"', '"ABCDEFGHIJK"', "does not have 1 to 10 characters"),
    "a space behind": (10, "Stalls", "Stalls ", "begins or ends with a space"),
    "a control character": (10, "Stalls", "St\\u0007", "a character that cannot be printed"),
    "a bare control character": (10, "Stalls", "St\talls", "invalid control character"),
    "a mark that turns writing": (10, "Stalls", "St\\u202e", "that cannot be printed"),
    "half a character": (10, "Stalls", "St\\ud800", "that cannot be printed"),
    "a price in text": (5, "4500", '"45"', "'minor' is not a whole number"),
    "a broken price": (5, "4500", "45.5", "'minor' is not a whole number"),
    "a true price": (5, "4500", "true", "'minor' is not a whole number"),
    "a negative price": (5, "4500", "-1", "'minor' is not between 0 and 100,000,000"),
    "too high a price": (5, "4500", "100000001", "'minor' is not between"),
    "a long number": (5, "4500", "1" * 5_000, "a number has too many digits"),
    "not a number": (5, "4500", "NaN", "NaN is not JSON"),
    "no currency": (6, "EUR", "eur", "not an ISO 4217 code"),
    "a made-up currency": (6, "EUR", "ABC", "not an ISO 4217 code"),
    "a currency in numbers": (6, '"EUR"', "978", "'currency' is not text"),
    "no seats in a row": (12, "20", "0", "'seats' is not between 1 and 200"),
    "a long row of seats": (12, "20", "201", "'seats' is not between 1 and 200"),
    "a row that is no object": (12, '{ "name": "A", "seats": 20 }', "20", "a row is not an object"),
    "no seats": (12, ', "seats": 20', "", "a row lacks the field 'seats'"),
    "a doubled row": (13, '"B"', '"A"', "row 'A' of section 'Stalls' is there already, on line 12"),
    "a row in small letters": (13, '"B"', '"a"', "is there already, on line 12"),
    "a wide row": (13, '"B"', '"\uff21"', "is there already, on line 12"),
    "a doubled section": (17, "Balcony", "STALLS", "section 'STALLS' is there already, on line 10"),
    "one label twice": (
        13,
        '"B"',
        '"A1"',
        "two seats would be called 'Stalls A11'",
    ),
    "a trailing comma": (13, "}", "},", ""),
    "a comment": (2, '"format"', '// hall\n"format"', "expected a field name"),
    "single quotes": (3, '"name"', "'name'", "expected a field name"),
    "no colon": (3, '"name":', '"name"', "expected ':' after 'name'"),
    "no comma": (3, '",', '"', ""),
    "more text": (23, "}", "} {", "there is more text after the end"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_line(name: str) -> None:
    line, old, new, why = BAD[name]
    found, said = refusal(edited(line, old, new))
    # Where a comma is missing or too many, the fault shows at the next thing that stands there.
    assert found in ({line, line + 1} if not why else {line})
    assert why in said


@pytest.mark.parametrize("line", ["format", "name", "price", "sections"])
def test_a_missing_field_is_refused_at_the_object_that_lacks_it(line: str) -> None:
    venue = json.loads(GOOD)
    del venue[line]
    assert refusal(json.dumps(venue)) == (1, f"a venue lacks the field {line!r}")


def test_lists_must_not_be_empty() -> None:
    empty = GOOD[: GOOD.index('"sections"')] + '"sections": []\n}'
    assert refusal(empty) == (8, "'sections' is empty")
    no_rows = GOOD[: GOOD.index('"rows"')] + '"rows": []\n}]}'
    assert refusal(no_rows) == (11, "'rows' of section 'Stalls' is empty")


def test_sections_that_run_into_each_other_are_refused() -> None:
    venue = json.loads(GOOD)
    venue["sections"] = [
        {"name": "Box", "rows": [{"name": "1 A", "seats": 2}]},
        {"name": "Box 1", "rows": [{"name": "A", "seats": 2}]},
    ]
    line, said = refusal(json.dumps(venue, indent=1))
    assert json.dumps(venue, indent=1).splitlines()[line - 1].strip() == '"name": "A",'
    assert "two seats would be called 'Box 1 A1'" in said


def test_a_doubled_row_is_seen_when_all_stands_on_one_line() -> None:
    venue = json.loads(GOOD)
    venue["sections"][0]["rows"][1]["name"] = "A"
    assert refusal(json.dumps(venue))[1] == (
        "row 'A' of section 'Stalls' is there already, on line 1"
    )


@pytest.mark.parametrize("rows", [500, 501])
def test_a_hall_has_at_most_100_000_seats(rows: int) -> None:
    venue = json.loads(GOOD)
    venue["sections"] = [
        {"name": "Field", "rows": [{"name": f"{row}-", "seats": 200} for row in range(rows)]}
    ]
    if rows == 500:
        assert read_venue(json.dumps(venue))[0].seat_count == 100_000
    else:
        assert refusal(json.dumps(venue))[1] == "more than 100,000 seats"


def test_a_file_has_a_size() -> None:
    assert refusal(" " * (venue_file.SIZE_MAX + 1)) == (
        1,
        "a venue file has at most 2,000,000 characters",
    )


def test_bytes_that_are_not_utf_8_are_refused_where_they_stand() -> None:
    assert refusal(GOOD.encode().replace(b"Stalls", b"St\xe4lls")) == (10, "not UTF-8")


@pytest.mark.parametrize(
    "source",
    ["", "   \n", "null", "[]", '"x"', "7", "{", "[" * 100_000],
    ids=["empty", "blank", "null", "list", "text", "number", "open", "deep"],
)
def test_what_is_no_venue_at_all_is_refused(source: str) -> None:
    refusal(source)


def test_nesting_is_bounded() -> None:
    assert parse("[" * DEPTH_MAX + "]" * DEPTH_MAX).line == 1
    with pytest.raises(LinedJsonError, match="nested more than 16 deep"):
        parse("[" * (DEPTH_MAX + 2) + "]" * (DEPTH_MAX + 2))


# properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def plain(node: Any) -> Any:
    value = node.value
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


@settings(max_examples=150, deadline=None)
@given(value=JSON, indent=st.sampled_from([None, 0, 2]))
def test_the_reader_agrees_with_json(value: Any, indent: int | None) -> None:
    assert plain(parse(json.dumps(value, indent=indent))) == value


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet='{}[]",:0aé\n \\u', max_size=30))
def test_the_reader_accepts_nothing_that_json_refuses(text: str) -> None:
    refused_at = 0
    try:
        found = plain(parse(text))
    except LinedJsonError as error:
        refused_at = error.line
    else:
        assert found == json.loads(text)
    assert refused_at <= text.count("\n") + 1


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_good_file_with_one_value_replaced_is_good_or_refused(data: st.DataObject) -> None:
    venue = copy.deepcopy(json.loads(GOOD))
    spot: Any = venue
    while True:
        key: Any = data.draw(
            st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot)))
        )
        if not isinstance(spot[key], dict | list) or data.draw(st.booleans()):
            break
        spot = spot[key]
    spot[key] = data.draw(JSON)
    try:
        chart, price = read_venue(json.dumps(venue))
    except VenueRefused:
        return
    assert 1 <= chart.seat_count <= 100_000
    assert len({place.label for place in chart.places}) == chart.seat_count
    assert price.minor >= 0
    assert SCHEMA.is_valid(venue)
