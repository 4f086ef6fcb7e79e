"""JSON that remembers on which line everything stands, so that a refusal can point at it.

Stricter than `json`: no doubled keys, no NaN, bounded nesting.
"""

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, NoReturn

DEPTH_MAX = 16

_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value and its line, from 1; a member of an object stands where its key does.

    `value` is None, a bool, int, float or str, a list of nodes, or a dict of nodes by key.
    """

    value: Any
    line: int


class LinedJsonError(Exception):
    """Text that is not such JSON. `line` counts from 1."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(message)
        self.line = line


def parse(text: str) -> Node:
    """Return the one value that the text holds. Raises LinedJsonError."""
    reader = _Reader(text)
    node = reader.value(0)
    if reader.at < len(text):
        reader.refuse("there is more text after the end")
    return node


class _Reader:
    """A place in the text that moves forward; whitespace behind each token is skipped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._scalars = json.JSONDecoder(parse_constant=self._no_constant)
        self.at = 0
        self._skip()

    def value(self, depth: int) -> Node:
        """Read the value that begins here."""
        if depth > DEPTH_MAX:
            self.refuse(f"nested more than {DEPTH_MAX} deep")
        line = self._line()
        if self._took("{"):
            return Node(value=self._members(depth), line=line)
        if self._took("["):
            return Node(value=self._items(depth), line=line)
        return Node(value=self._scalar(), line=line)

    def refuse(self, why: str, at: int | None = None) -> NoReturn:
        """Raise LinedJsonError for the given place, or for where the reader stands."""
        raise LinedJsonError(why, line=self._line(at))

    def _members(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        if self._took("}"):
            return found
        while True:
            line, at = self._line(), self.at
            if not self._text.startswith('"', at):
                self.refuse("expected a field name in double quotes")
            key = self._scalar()
            if key in found:
                self.refuse(f"the field {key!r} is there twice", at)
            if not self._took(":"):
                self.refuse(f"expected ':' after {key!r}")
            found[key] = Node(value=self.value(depth + 1).value, line=line)
            if self._ended("}"):
                return found

    def _items(self, depth: int) -> list[Node]:
        found: list[Node] = []
        if self._took("]"):
            return found
        while True:
            found.append(self.value(depth + 1))
            if self._ended("]"):
                return found

    def _ended(self, bracket: str) -> bool:
        if self._took(bracket):
            return True
        if not self._took(","):
            self.refuse(f"expected ',' or '{bracket}'")
        return False

    def _scalar(self) -> Any:
        try:
            value, self.at = self._scalars.raw_decode(self._text, self.at)
        except json.JSONDecodeError as error:
            what = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
            self.refuse("expected a value" if what == "expecting value" else what, error.pos)
        except ValueError:
            # Python reads no number of more than 4,300 digits.
            self.refuse("a number has too many digits")
        self._skip()
        return value

    def _no_constant(self, name: str) -> NoReturn:
        self.refuse(f"{name} is not JSON")

    def _took(self, token: str) -> bool:
        if not self._text.startswith(token, self.at):
            return False
        self.at += len(token)
        self._skip()
        return True

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self.at)
        self.at = match.end() if match else self.at

    def _line(self, at: int | None = None) -> int:
        return bisect_right(self._breaks, (self.at if at is None else at) - 1) + 1
