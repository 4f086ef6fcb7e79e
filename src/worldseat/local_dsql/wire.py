"""PostgreSQL's protocol, version 3: messages split from bytes, and the few that are built here.

Layout and codes are those of the protocol's documentation (chapter "Frontend/Backend Protocol").
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import Struct

MESSAGE_BYTES_MAX = 32 * 1024 * 1024
"""The largest message that is taken in; a write transaction has 10 MiB at most."""

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL_3 = 196608

_LENGTH = Struct("!I")
_COUNT = Struct("!H")
_HEADER = 5
_NULL = 0xFFFFFFFF

SYNC = b"S\0\0\0\4"
IDLE, IN_TRANSACTION, FAILED = b"I", b"T", b"E"
PARSE_COMPLETE = b"1\0\0\0\4"
BIND_COMPLETE = b"2\0\0\0\4"
CLOSE_COMPLETE = b"3\0\0\0\4"
NO_DATA = b"n\0\0\0\4"
EMPTY_QUERY = b"I\0\0\0\4"
AUTH_CLEARTEXT = b"R\0\0\0\x08\0\0\0\3"
AUTH_OK = b"R\0\0\0\x08\0\0\0\0"

TEXT_OID = 25


class TooLarge(Exception):
    """A message is larger than anything that this protocol needs here."""


class Splitter:
    """Cuts a stream of bytes into whole messages: one byte of kind, four of length, the body."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete with this data, each with its header.

        Raises TooLarge.
        """
        if self._rest:
            data = self._rest + data
        found: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= _HEADER:
            length = _LENGTH.unpack_from(data, at + 1)[0] + 1
            if length > MESSAGE_BYTES_MAX:
                raise TooLarge
            if end - at < length:
                break
            found.append(data[at : at + length])
            at += length
        self._rest = data[at:] if at else data
        return found


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Return one message."""
    return kind + _LENGTH.pack(len(body) + 4) + body


def ready(state: bytes) -> bytes:
    """Return ReadyForQuery: `IDLE`, `IN_TRANSACTION` or `FAILED`."""
    return message(b"Z", state)


def complete(tag: str) -> bytes:
    """Return CommandComplete."""
    return message(b"C", tag.encode() + b"\0")


def text_columns(names: Sequence[str]) -> bytes:
    """Return a RowDescription of columns of type text, in text format."""
    body = _COUNT.pack(len(names))
    for name in names:
        body += name.encode() + b"\0" + Struct("!IHIhiH").pack(0, 0, TEXT_OID, -1, -1, 0)
    return message(b"T", body)


def text_row(values: Iterable[str]) -> bytes:
    """Return a DataRow of texts."""
    cells = [value.encode() for value in values]
    body = b"".join(_LENGTH.pack(len(cell)) + cell for cell in cells)
    return message(b"D", _COUNT.pack(len(cells)) + body)


def cells(row: bytes) -> list[bytes | None]:
    """Return the cells of a DataRow."""
    return _cells(row, _HEADER)[0]


def error(
    sqlstate: str,
    text: str,
    *,
    severity: str = "ERROR",
    hint: str | None = None,
    position: int | None = None,
) -> bytes:
    """Return an ErrorResponse; `position` counts characters of the statement from 1."""
    fields = {
        b"S": severity,
        b"V": severity,
        b"C": sqlstate,
        b"M": text,
        b"H": hint,
        b"P": position and str(position),
    }
    body = b"".join(key + value.encode() + b"\0" for key, value in fields.items() if value)
    return message(b"E", body + b"\0")


def error_fields(found: bytes) -> dict[str, str]:
    """Return the fields of an ErrorResponse by their letters: C is the SQLSTATE, M the text."""
    pieces = found[_HEADER:].split(b"\0")
    return {piece[:1].decode(): piece[1:].decode(errors="replace") for piece in pieces if piece}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parse:
    """A Parse message taken apart. `oids` are the types of the first parameters; 0: not said."""

    name: bytes
    sql: str
    oids: tuple[int, ...]


def read_parse(found: bytes) -> Parse:
    """Take a Parse message apart."""
    name, sql, rest = found[_HEADER:].split(b"\0", 2)
    count = _COUNT.unpack_from(rest)[0]
    oids = Struct(f"!{count}I").unpack_from(rest, 2)
    return Parse(name=name, sql=sql.decode(), oids=oids)


def parse(name: bytes, sql: str, oids: Sequence[int] = ()) -> bytes:
    """Return a Parse message."""
    types = _COUNT.pack(len(oids)) + Struct(f"!{len(oids)}I").pack(*oids)
    return message(b"P", name + b"\0" + sql.encode() + b"\0" + types)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A Bind message taken apart; `values` are the formats, parameters and result formats."""

    portal: bytes
    name: bytes
    values: bytes


NO_VALUES = b"\0\0\0\0\0\0"
"""No parameters; all results as text."""


def read_bind(found: bytes) -> Bind:
    """Take a Bind message apart."""
    portal, name, values = found[_HEADER:].split(b"\0", 2)
    return Bind(portal=portal, name=name, values=values)


def bind(name: bytes, values: bytes = NO_VALUES, portal: bytes = b"") -> bytes:
    """Return a Bind message."""
    return message(b"B", portal + b"\0" + name + b"\0" + values)


def _cells(body: bytes, at: int) -> tuple[list[bytes | None], int]:
    """Return the cells that are counted and written at a place, and where they end."""
    found: list[bytes | None] = []
    count = _COUNT.unpack_from(body, at)[0]
    at += 2
    for _ in range(count):
        length = _LENGTH.unpack_from(body, at)[0]
        at += 4
        if length == _NULL:
            found.append(None)
            continue
        found.append(body[at : at + length])
        at += length
    return found, at


def parameters(values: bytes) -> list[bytes | None]:
    """Return the parameters among a Bind's values, as they were sent."""
    return _cells(values, 2 + 2 * _COUNT.unpack_from(values)[0])[0]


def as_text(values: bytes) -> bytes:
    """Return a Bind's values with all results asked for as text."""
    _, at = _cells(values, 2 + 2 * _COUNT.unpack_from(values)[0])
    return values[:at] + b"\0\0"


def execute(portal: bytes = b"", rows: int = 0) -> bytes:
    """Return an Execute message; `rows` 0 means all."""
    return message(b"E", portal + b"\0" + _LENGTH.pack(rows))


def portal_of(found: bytes) -> bytes:
    """Return the portal that an Execute names."""
    return found[_HEADER:].split(b"\0", 1)[0]


def rows_of(found: bytes) -> int:
    """Return how many rows an Execute asks for; 0: all."""
    rows: int = _LENGTH.unpack_from(found, len(found) - 4)[0]
    return rows


def describe(what: bytes, name: bytes) -> bytes:
    """Return a Describe message of a statement (`S`) or portal (`P`)."""
    return message(b"D", what + name + b"\0")


def close(what: bytes, name: bytes) -> bytes:
    """Return a Close message."""
    return message(b"C", what + name + b"\0")


def target_of(found: bytes) -> tuple[bytes, bytes]:
    """Return what a Describe or Close names: `S` or `P`, and the name."""
    return found[_HEADER : _HEADER + 1], found[_HEADER + 1 : -1]


def parameter_oids(found: bytes) -> tuple[int, ...]:
    """Return the types in a ParameterDescription."""
    count = _COUNT.unpack_from(found, _HEADER)[0]
    oids: tuple[int, ...] = Struct(f"!{count}I").unpack_from(found, _HEADER + 2)
    return oids


def startup(values: dict[str, str]) -> bytes:
    """Return a StartupMessage."""
    body = b"".join(f"{key}\0{value}\0".encode() for key, value in values.items()) + b"\0"
    return _LENGTH.pack(len(body) + 8) + _LENGTH.pack(PROTOCOL_3) + body


def read_startup(body: bytes) -> dict[str, str]:
    """Return the values of a StartupMessage, without its length and version."""
    words = body.rstrip(b"\0").split(b"\0")
    return {
        key.decode(): value.decode() for key, value in zip(words[::2], words[1::2], strict=False)
    }
