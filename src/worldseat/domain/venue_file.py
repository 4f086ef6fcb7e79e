"""Venue files (`worldseat-venue/1`): text in, chart and price out, or a refusal with its line.

docs/venues.md describes the format; venues/venue.schema.json says most of it to a machine.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any, NoReturn

from worldseat.domain.currency import CURRENCIES
from worldseat.domain.errors import VenueRefused
from worldseat.domain.event import Money
from worldseat.domain.lined_json import LinedJsonError, Node, parse
from worldseat.domain.venue import Chart, Row, Section

FORMAT = "worldseat-venue/1"
SIZE_MAX = 2_000_000
"""Characters, or bytes if bytes are given."""

SEATS_IN_ROW_MAX = 200
SEATS_MAX = 100_000
PRICE_MINOR_MAX = 100_000_000
HALL_NAME_MAX, SECTION_NAME_MAX, ROW_NAME_MAX = 80, 40, 10

_KINDS = {dict: "an object", list: "a list", str: "text", int: "a whole number"}


def read_venue(source: str | bytes) -> tuple[Chart, Money]:
    """Return the chart and the price that a venue file describes. Raises VenueRefused."""
    if len(source) > SIZE_MAX:
        raise VenueRefused(f"a venue file has at most {SIZE_MAX:,} characters", line=1)
    try:
        root = parse(_text(source))
    except LinedJsonError as error:
        raise VenueRefused(str(error), line=error.line) from error
    fields = _fields(root, "a venue", ("format", "name", "price", "sections"), ("$schema",))
    if "$schema" in fields:
        _typed(fields["$schema"], "'$schema'", str)
    if _typed(fields["format"], "'format'", str) != FORMAT:
        _refuse(fields["format"], f"'format' is not {FORMAT!r}")
    return (
        Chart(
            name=_name(fields["name"], "the venue's name", HALL_NAME_MAX),
            sections=_sections(fields["sections"]),
        ),
        _price(fields["price"]),
    )


def _text(source: str | bytes) -> str:
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise VenueRefused("not UTF-8", line=line) from error


def _price(node: Node) -> Money:
    fields = _fields(node, "'price'", ("minor", "currency"))
    minor = _whole(fields["minor"], "'minor'", 0, PRICE_MINOR_MAX)
    currency = _typed(fields["currency"], "'currency'", str)
    if currency not in CURRENCIES:
        _refuse(fields["currency"], "'currency' is not an ISO 4217 code such as USD")
    return Money(minor=minor, currency=currency)


def _sections(node: Node) -> tuple[Section, ...]:
    found: list[Section] = []
    lines: list[list[int]] = []
    names: dict[str, int] = {}
    total = 0
    for each in _items(node, "'sections'"):
        fields = _fields(each, "a section", ("name", "rows"))
        name = _name(fields["name"], "a section's name", SECTION_NAME_MAX)
        _once(names, name, fields["name"], f"section {name!r}")
        rows, row_lines = _rows(fields["rows"], name)
        total += sum(row.seats for row in rows)
        if total > SEATS_MAX:
            _refuse(each, f"more than {SEATS_MAX:,} seats")
        found.append(Section(name=name, rows=rows))
        lines.append(row_lines)
    _labels_differ(found, lines)
    return tuple(found)


def _rows(node: Node, section: str) -> tuple[tuple[Row, ...], list[int]]:
    found: list[Row] = []
    lines: list[int] = []
    names: dict[str, int] = {}
    for each in _items(node, f"'rows' of section {section!r}"):
        fields = _fields(each, "a row", ("name", "seats"))
        name = _name(fields["name"], "a row's name", ROW_NAME_MAX)
        _once(names, name, fields["name"], f"row {name!r} of section {section!r}")
        seats = _whole(fields["seats"], "'seats'", 1, SEATS_IN_ROW_MAX)
        found.append(Row(name=name, seats=seats))
        lines.append(fields["name"].line)
    return tuple(found), lines


def _labels_differ(sections: list[Section], lines: list[list[int]]) -> None:
    """Refuse two seats that people would call the same: row A seat 11, and row A1 seat 1."""
    seen: dict[str, int] = {}
    places = iter(Chart(name="", sections=tuple(sections)).places)
    for section, row_lines in zip(sections, lines, strict=True):
        for row, line in zip(section.rows, row_lines, strict=True):
            for _ in range(row.seats):
                label = next(places).label
                same = _folded(label)
                if same in seen:
                    why = f"two seats would be called {label!r}: see the row on line {seen[same]}"
                    raise VenueRefused(why, line=line)
                seen[same] = line


def _fields(
    node: Node, what: str, needed: tuple[str, ...], allowed: tuple[str, ...] = ()
) -> Mapping[str, Node]:
    fields: Mapping[str, Node] = _typed(node, what, dict)
    for key, each in fields.items():
        if key not in needed and key not in allowed:
            _refuse(each, f"{what} has no field {key[:40]!r}")
    for key in needed:
        if key not in fields:
            _refuse(node, f"{what} lacks the field {key!r}")
    return fields


def _items(node: Node, what: str) -> list[Node]:
    items: list[Node] = _typed(node, what, list)
    if not items:
        _refuse(node, f"{what} is empty")
    return items


def _whole(node: Node, what: str, least: int, most: int) -> int:
    number: int = _typed(node, what, int)
    if not least <= number <= most:
        _refuse(node, f"{what} is not between {least:,} and {most:,}")
    return number


def _name(node: Node, what: str, longest: int) -> str:
    name = unicodedata.normalize("NFC", _typed(node, what, str))
    if not 1 <= len(name) <= longest:
        _refuse(node, f"{what} does not have 1 to {longest} characters")
    # Not printable: control characters, surrogates, marks that turn the direction of writing.
    if not name.isprintable():
        _refuse(node, f"{what} holds a character that cannot be printed")
    if name != name.strip():
        _refuse(node, f"{what} begins or ends with a space")
    return name


def _once(names: dict[str, int], name: str, node: Node, what: str) -> None:
    same = _folded(name)
    if same in names:
        _refuse(node, f"{what} is there already, on line {names[same]}")
    names[same] = node.line


def _folded(name: str) -> str:
    """Return what two names have in common that people would take for the same."""
    return unicodedata.normalize("NFKC", name).casefold()


def _typed(node: Node, what: str, kind: type) -> Any:
    # Not isinstance: to Python True is an int, to a venue file it is not.
    if type(node.value) is not kind:
        _refuse(node, f"{what} is not {_KINDS[kind]}")
    return node.value


def _refuse(node: Node, why: str) -> NoReturn:
    raise VenueRefused(why, line=node.line)
