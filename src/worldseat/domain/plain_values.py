"""Dataclasses as plain JSON values and back, by their declared types and without libraries.

Writing never fails on what a run has seen: numbers take the type that was declared, and what cannot
be printed is replaced. Reading takes only what writing can have made.
"""

import math
import types
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, NoReturn, Union, get_args, get_origin, get_type_hints

from worldseat.domain.lined_json import Node

TEXT_MAX = 4_000
"""Characters of one text. A longer one is cut when it is written."""

ITEMS_MAX = 5_000
NUMBER_MAX = 10**12

_LOST = "\N{REPLACEMENT CHARACTER}"
_CUT = "…"

Rules = Callable[[Any], str | None]
"""Looks at a value of a dataclass and says what is wrong with it, or None."""


class PlainRefused(Exception):
    """A value that does not fit its declared type. `line` counts from 1."""

    def __init__(self, why: str, *, line: int) -> None:
        super().__init__(why)
        self.line = line


def plain(value: Any, kind: Any) -> Any:
    """Return a value of this type as JSON values: numbers, text, lists and objects."""
    if _is_record(kind):
        return {name: plain(getattr(value, name), of) for name, of in _declared(kind).items()}
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Sequence:
        return [plain(each, inside[0]) for each in value]
    if origin is dict:
        return {_text(key): plain(each, inside[1]) for key, each in value.items()}
    if _optional(origin):
        return None if value is None else plain(value, inside[0])
    if kind is str or _is_enum(kind):
        return _text(str(value))
    return kind(value)


def read(node: Node, kind: Any, what: str, rules: Rules) -> Any:
    """Return the value of this type that was written. Raises PlainRefused.

    Every dataclass in it is shown to the `rules`.
    """
    if _is_record(kind):
        return _read_fields(node, kind, what, rules)
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Sequence:
        items = _typed(node, what, list, "a list")
        if len(items) > ITEMS_MAX:
            _refuse(node, f"{what} has more than {ITEMS_MAX:,} items")
        return tuple(read(each, inside[0], f"an item of {what}", rules) for each in items)
    if origin is dict:
        members = _typed(node, what, dict, "an object")
        for key in members:
            _printable(node, what, key)
        return {key: read(each, inside[1], f"{key!r}", rules) for key, each in members.items()}
    if _optional(origin):
        return None if node.value is None else read(node, inside[0], what, rules)
    return _read_scalar(node, kind, what)


def _read_fields(node: Node, kind: Any, what: str, rules: Rules) -> Any:
    members = _typed(node, what, dict, "an object")
    declared = _declared(kind)
    for key, each in members.items():
        if key not in declared:
            _refuse(each, f"{what} has no field {key[:40]!r}")
    for name in declared:
        if name not in members:
            _refuse(node, f"{what} lacks the field {name!r}")
    value = kind(
        **{name: read(members[name], of, f"{name!r}", rules) for name, of in declared.items()}
    )
    wrong = rules(value)
    if wrong is not None:
        _refuse(node, wrong)
    return value


def _read_scalar(node: Node, kind: Any, what: str) -> Any:
    if kind is bool:
        return _typed(node, what, bool, "true or false")
    if kind is int:
        return _bounded(node, what, _typed(node, what, int, "a whole number"))
    if kind is float:
        if type(node.value) not in {int, float}:
            _refuse(node, f"{what} is not a number")
        return float(_bounded(node, what, node.value))
    text = _typed(node, what, str, "text")
    _printable(node, what, text)
    if not _is_enum(kind):
        return text
    if text not in set(kind):
        _refuse(node, f"{what} is none of {', '.join(kind)}")
    return kind(text)


def _bounded(node: Node, what: str, number: float) -> float:
    # Python reads 1e999 as infinite.
    if not math.isfinite(number) or not 0 <= number <= NUMBER_MAX:
        _refuse(node, f"{what} is not between 0 and {NUMBER_MAX:,}")
    return number


def _printable(node: Node, what: str, text: str) -> None:
    if text != _text(text):
        _refuse(node, f"{what} is too long or holds a character that cannot be printed")


def _text(text: str) -> str:
    """Return the text with lines and printable characters only, and not too long.

    Not printable: control characters, surrogates, marks that turn the direction of writing.
    """
    kept = text
    if not text.isprintable():
        kept = "".join(char if char.isprintable() or char == "\n" else _LOST for char in text)
    return kept if len(kept) <= TEXT_MAX else kept[: TEXT_MAX - len(_CUT)] + _CUT


@cache
def _declared(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}


def _is_record(kind: Any) -> bool:
    return is_dataclass(kind)


def _optional(origin: Any) -> bool:
    return origin in {Union, types.UnionType}


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _typed(node: Node, what: str, kind: type, called: str) -> Any:
    # Not isinstance: to Python True is an int.
    if type(node.value) is not kind:
        _refuse(node, f"{what} is not {called}")
    return node.value


def _refuse(node: Node, why: str) -> NoReturn:
    raise PlainRefused(why, line=node.line)
