"""DSQL's own words, which PostgreSQL's parser does not know, found among the tokens of a text.

`CREATE [UNIQUE] INDEX ASYNC`, `ALTER TABLE ASYNC … VALIDATE CONSTRAINT` and `AWS IAM GRANT|REVOKE`.
They are blanked out with spaces of the same length, so every other position stays true.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from worldseat.local_dsql.dialect.names import word_set
from worldseat.local_dsql.dialect.parser import Token, read_tokens
from worldseat.local_dsql.dialect.refused import Refused

# A text without these letters cannot hold the words, which spares most texts the token pass.
_WORTH_A_LOOK = re.compile("async|aws", re.IGNORECASE)
# After ALTER TABLE a word `async` is the table's name when one of the actions follows.
_ACTIONS = word_set(
    "add alter attach cluster detach disable drop enable force inherit no not of owner rename "
    "replica reset set validate"
)
_ARN = re.compile(r"'arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:\S+'")
_IAM_HINT = (
    "AWS IAM GRANT role TO 'arn:aws:iam::111122223333:role/name', "
    "AWS IAM REVOKE role FROM 'arn:aws:iam::111122223333:role/name'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IamGrant:
    """`AWS IAM GRANT role TO 'arn'`, or REVOKE … FROM; `start` and `end` count bytes."""

    start: int
    end: int
    role: str
    arn: str
    grant: bool


@dataclass(frozen=True, slots=True)
class Marked:
    """A text without DSQL's own words, and where they stood (in bytes)."""

    text: str
    asyncs: tuple[int, ...] = ()
    usings: tuple[int, ...] = ()  # USING in CREATE INDEX, which the parser's tree does not show.
    iams: tuple[IamGrant, ...] = ()


def take_out(text: str) -> Marked:
    """The text with DSQL's own words blanked out.

    Raises:
        Refused: 42601 where such a statement is not complete, or a quotation never ends.
    """
    if not _WORTH_A_LOOK.search(text):
        return Marked(text)
    raw = bytearray(text.encode("utf-8", "replace"))
    asyncs: list[int] = []
    usings: list[int] = []
    iams: list[IamGrant] = []
    for words in _statements(read_tokens(text)):
        found = _async_word(words)
        if found:
            asyncs.append(found.start)
            usings.extend(_using(words))
            _blank(raw, found.start, found.end)
        elif [token.word for token in words[:2]] == ["aws", "iam"]:
            iams.append(_iam(words))
            _blank(raw, words[0].start, words[-1].end)
    return Marked(raw.decode(), tuple(asyncs), tuple(usings), tuple(iams))


def without_waiting(sql: str) -> str:
    """The text with NOWAIT and SKIP LOCKED blanked out after its locking clauses.

    Nothing waits for a lock in the service, and nothing is skipped (measured there).
    """
    raw = bytearray(sql.encode())
    tokens = read_tokens(sql)
    spelled = [token.word for token in tokens]
    for place, word in enumerate(spelled):
        strength = spelled[place + 1 : place + 3]
        if word == "for" and (strength[:1] == ["update"] or strength == ["key", "share"]):
            after = place + (2 if strength[0] == "update" else 3)
            if spelled[after : after + 1] == ["of"]:
                after = _past_names(spelled, after + 1)
            for policy in (["nowait"], ["skip", "locked"]):
                if spelled[after : after + len(policy)] == policy:
                    _blank(raw, tokens[after].start, tokens[after + len(policy) - 1].end)
    return raw.decode()


def _past_names(spelled: list[str], place: int) -> int:
    """The place after `a, s.b, c`: names and marks take turns."""
    place += 1
    while spelled[place : place + 1] in ([","], ["."]):
        place += 2
    return place


def _statements(tokens: list[Token]) -> list[list[Token]]:
    found: list[list[Token]] = [[]]
    for token in tokens:
        if token.word == ";":
            found.append([])
        else:
            found[-1].append(token)
    return found


def _async_word(words: list[Token]) -> Token | None:
    """The word ASYNC of the statement, where it is DSQL's and not a name."""
    spelled = [token.word for token in words[:5]]
    if spelled[:3] == ["create", "index", "async"]:
        return words[2]
    if spelled[:4] == ["create", "unique", "index", "async"]:
        return words[3]
    if spelled[:3] == ["alter", "table", "async"] and not _ACTIONS.intersection(spelled[3:4]):
        return words[2]
    return None


def _using(words: list[Token]) -> list[int]:
    """USING before the columns: an access method, named on purpose."""
    for token in words:
        if token.word == "(":
            break
        if token.word == "using":
            return [token.start]
    return []


def _iam(words: list[Token]) -> IamGrant:
    """Read `AWS IAM GRANT role TO 'arn'` and `AWS IAM REVOKE role FROM 'arn'`."""
    match [token.word for token in words]:
        case ["aws", "iam", "grant", role, "to", arn]:
            grant = True
        case ["aws", "iam", "revoke", role, "from", arn]:
            grant = False
        case _:
            raise Refused("42601", "syntax error in AWS IAM statement", hint=_IAM_HINT)
    if role.startswith("'") or not _ARN.fullmatch(arn):
        raise Refused("42601", "syntax error in AWS IAM statement", hint=_IAM_HINT)
    return IamGrant(
        start=words[0].start,
        end=words[-1].end,
        role=role[1:-1].replace('""', '"') if role.startswith('"') else role,
        arn=arn[1:-1],
        grant=grant,
    )


def _blank(raw: bytearray, start: int, end: int) -> None:
    raw[start:end] = b" " * (end - start)
