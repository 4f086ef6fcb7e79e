"""Read a text: split it into statements, from a cache where it is known."""

from __future__ import annotations

from functools import lru_cache

from worldseat.local_dsql.dialect.parser import Tree, read_tree
from worldseat.local_dsql.dialect.statement import Kind, Statement
from worldseat.local_dsql.dialect.statements import Sent, statement
from worldseat.local_dsql.dialect.words import IamGrant, Marked, take_out

_CACHED = 4096
_CACHED_BYTES = 65_536


def read(text: str) -> tuple[Statement, ...]:
    """The statements of a text, at least one: an empty text holds one of kind EMPTY.

    Known texts of up to 64 kB come from a cache.

    Raises:
        Refused: What the service answers instead: 42601 for what no parser takes, 0A000 for most of
            what it does not support.
    """
    return _known(text) if len(text) <= _CACHED_BYTES else _read(text)


def _read(text: str) -> tuple[Statement, ...]:
    marked = take_out(text)
    found = [(grant.start, _iam(text, grant)) for grant in marked.iams]
    found += [_placed(text, marked, each) for each in read_tree(marked.text)]
    found.sort(key=lambda each: each[0])
    if not found:
        return (Statement(text=text, sql="", kind=Kind.EMPTY, tag=""),)
    return tuple(each for _place, each in found)


_known = lru_cache(maxsize=_CACHED)(_read)


def _placed(text: str, marked: Marked, raw: Tree) -> tuple[int, Statement]:
    start = raw.get("stmt_location", 0)
    end = start + raw["stmt_len"] if "stmt_len" in raw else len(text.encode())
    ((node, body),) = raw["stmt"].items()
    sent = Sent(
        _piece(text, start, end),
        _piece(marked.text, start, end),
        any(start <= place < end for place in marked.asyncs),
        any(start <= place < end for place in marked.usings),
    )
    return start, statement(node, body, sent)


def _piece(text: str, start: int, end: int) -> str:
    if text.isascii():
        return text[start:end].strip()
    return text.encode()[start:end].decode().strip()


def _iam(text: str, grant: IamGrant) -> Statement:
    return Statement(
        text=_piece(text, grant.start, grant.end),
        sql="",
        kind=Kind.IAM,
        tag="AWS IAM GRANT" if grant.grant else "AWS IAM REVOKE",
        role=grant.role,
        arn=grant.arn,
        grant=grant.grant,
    )
