"""PostgreSQL's own parser, as a library: the one module that knows which.

libpg_query is the parser of PostgreSQL 18, so it also takes what is newer than 16; the server of
version 16 behind this cluster refuses that by itself. Reading asks for the tree as JSON, because
plain dicts are the quickest to build and to walk (18 µs for a short statement, 47 µs as Protocol
Buffers); only a rewrite needs the latter, which can be turned back into SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from postgast import PgQueryError, deparse, parse, scan
from postgast import pg_query_pb2 as nodes
from postgast.native import lib

from worldseat.local_dsql.dialect.refused import Refused

__all__ = ["Token", "TooDeep", "Tree", "nodes", "read_tokens", "read_tree", "rewritable", "write"]

Tree = dict[str, Any]
# What putting a tree for `write` together raises when it gets deeper than some 100 levels.
TooDeep = DecodeError

_SYNTAX_ERROR = "42601"
_TOO_COMPLEX = "54001"
_BAD_TEXT = "22021"
# The library walks a tree by recursion on the C stack without a bound: 100,000 links of one chain
# (1+1+…) end the process, 60,000 do not. A shorter text cannot hold so many.
_SAFE_BYTES = 65_536
_LONGEST_CHAIN = 30_000
# What links a chain, as it is written; whatever else contains it (a date in a text) does no harm
# here, because this only spares most long texts the look at every token.
_LINKS = re.compile(
    rb"[-+*/<>=~!@#%^&|`?:]|\b(?:at|collate|except|intersect|is(?:null)?|join|notnull|union)\b",
    re.IGNORECASE,
)

_DECODER = msgspec.json.Decoder(Tree)
_OPEN, _CLOSE = {nodes.ASCII_40, nodes.ASCII_91}, {nodes.ASCII_41, nodes.ASCII_93}
_BREAKS = {nodes.ASCII_44, nodes.ASCII_59}
_COMMENTS = {nodes.SQL_COMMENT, nodes.C_COMMENT}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the text: bytes `start` to `end`, and how it is written there."""

    start: int
    end: int
    word: str  # In lower case, unless it is quoted.


def read_tree(text: str) -> list[Tree]:
    """The statements of a text: `{"stmt": {"SelectStmt": …}, "stmt_location": …, "stmt_len": …}`.

    Positions count bytes. A member that has its type's zero value is left out.

    Raises:
        Refused: 42601 with the parser's message and place; 54001 for a text nested too deeply (some
            450 levels); 22021 for what cannot be sent in UTF-8.
    """
    raw = _encoded(text)
    if len(raw) > _SAFE_BYTES and len(_LINKS.findall(raw)) > _LONGEST_CHAIN // 2:
        _refuse_chains(text)
    result = lib.pg_query_parse(raw)
    try:
        if result.error:
            error = result.error.contents
            raise _refused(error.message.decode("utf-8", "replace"), error.cursorpos)
        tree: bytes = result.parse_tree
    finally:
        lib.pg_query_free_parse_result(result)
    try:
        found: list[Tree] = _DECODER.decode(tree).get("stmts", [])
    except RecursionError:
        raise _too_complex() from None
    return found


def read_tokens(text: str) -> list[Token]:
    """The words of a text, comments left out.

    Raises:
        Refused: 42601, for example for a quotation that never ends; 22021.
    """
    raw = _encoded(text)
    return [
        Token(token.start, token.end, _written(raw[token.start : token.end]))
        for token in _scanned(text)
        if token.token not in _COMMENTS
    ]


def rewritable(sql: str) -> nodes.ParseResult | None:
    """The tree of a text that `read_tree` took, in the form that `write` takes back.

    None where it is too deep for that (some 45 levels), so that it cannot be rewritten.
    """
    try:
        return parse(sql)
    except TooDeep:
        return None


def write(tree: nodes.ParseResult) -> str:
    """SQL for a tree."""
    return str(deparse(tree))


def _encoded(text: str) -> bytes:
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise Refused(_BAD_TEXT, "the statement is no text in UTF-8") from None
    if b"\0" in raw:
        raise Refused(_BAD_TEXT, 'invalid byte sequence for encoding "UTF8": 0x00')
    return raw


def _scanned(text: str) -> Iterable[nodes.ScanToken]:
    try:
        found: Iterable[nodes.ScanToken] = scan(text).tokens
    except PgQueryError as error:
        raise _refused(error.message, error.cursorpos) from None
    return found


def _written(raw: bytes) -> str:
    word = raw.decode()
    return word if word.startswith(('"', "'")) else word.lower()


def _refused(message: str, position: int) -> Refused:
    if "memory exhausted" in message:
        return _too_complex()
    # The parser counts characters from 1 here, and bytes everywhere else; 0 is "not known".
    return Refused(_SYNTAX_ERROR, message, position=position or None)


def _too_complex() -> Refused:
    return Refused(_TOO_COMPLEX, "stack depth limit exceeded")


def _refuse_chains(text: str) -> None:
    """Keep from the parser what would take the process with it."""
    links = [0]
    for token in _scanned(text):
        if token.token in _OPEN:
            links.append(0)
        elif token.token in _CLOSE:
            if len(links) > 1:
                links.pop()
        elif token.token in _BREAKS:
            links[-1] = 0
        else:
            links[-1] += 1
            if links[-1] > _LONGEST_CHAIN:
                raise _too_complex()
