"""One exchange of a transaction with the database behind: what is said, and the answers sorted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from worldseat.local_dsql import wire
from worldseat.local_dsql.backend import Backend
from worldseat.local_dsql.cluster import Cluster
from worldseat.local_dsql.dialect import Statement
from worldseat.local_dsql.failed import Failed

_WORDS = {
    b"_b": "BEGIN ISOLATION LEVEL REPEATABLE READ",
    b"_o": "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    b"_c": "COMMIT",
    b"_r": "ROLLBACK",
    b"_w": "SELECT local_dsql.watch_tables()",
    # Before the first write; after the rows that were only added; around one statement.
    b"_s0": "SAVEPOINT local_dsql_first",
    b"_t0": "ROLLBACK TO SAVEPOINT local_dsql_first",
    b"_s1": "SAVEPOINT local_dsql_added",
    b"_t1": "ROLLBACK TO SAVEPOINT local_dsql_added",
    b"_s2": "SAVEPOINT local_dsql_try",
    b"_t2": "ROLLBACK TO SAVEPOINT local_dsql_try",
    b"_k2": "RELEASE SAVEPOINT local_dsql_try",
}
PREPARED = [wire.parse(name, words) for name, words in _WORDS.items()]
"""What every session with the database behind begins with."""


def _say(name: bytes) -> bytes:
    return wire.bind(name) + wire.execute()


BEGIN, BEGIN_READ_ONLY, COMMIT, ROLL_BACK = (_say(name) for name in (b"_b", b"_o", b"_c", b"_r"))
WATCH_TABLES = _say(b"_w")
FIRST, BACK_TO_FIRST = _say(b"_s0"), _say(b"_t0")
ADDED, BACK_TO_ADDED = _say(b"_s1"), _say(b"_t1")
TRY, KEEP = _say(b"_s2"), _say(b"_k2")
FORGET = _say(b"_t2") + KEEP
"""Take back what was tried; two Executes."""

_COMPLETE = frozenset({b"C", b"I", b"s"})

HandOn = Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One Execute of a client with what it needs.

    `name` is the statement's name in the database behind, `values` the Bind's, `messages` the Bind,
    Describe and Execute as they go there. `described` says that the portal is to be described,
    `simple` that the client speaks the simple protocol, `bound_before` that the client was told
    that its Bind is complete.
    """

    statement: Statement
    name: bytes
    values: bytes
    messages: bytes
    described: bool
    simple: bool
    bound_before: bool = False

    def sent(self) -> bytes:
        """Return what the client sent, so that a fault's mark can be found in it."""
        return self.statement.sql.encode() + self.values


class Behind(Protocol):
    """What a transaction needs of its session."""

    region: str
    cluster: Cluster
    backend: Backend

    async def columns(self, table: str) -> Sequence[tuple[str, str]]:
        """Return the columns of a table and their types."""

    def oids(self, name: bytes) -> Sequence[int]:
        """Return the types of a statement's parameters."""

    def drop_client(self) -> None:
        """Break the client's connection."""


@dataclass(slots=True)
class Answers:
    """The answers of one exchange by the Execute that they belong to.

    Those of the Execute number `wanted` are handed on as they come. `at` is how many were complete,
    so an `error` belongs to that one.
    """

    wanted: int
    hand_on: HandOn
    at: int = 0
    rows: dict[int, list[bytes]] = field(default_factory=dict)
    error: bytes | None = None

    def __call__(self, found: bytes) -> None:
        """Take the next message."""
        kind = found[:1]
        if kind == b"E":
            self.error = found
            return
        if self.at == self.wanted:
            self.hand_on(found)
        if kind == b"D":
            self.rows.setdefault(self.at, []).append(found)
        if kind in _COMPLETE:
            self.at += 1

    @property
    def sqlstate(self) -> str | None:
        """The SQLSTATE of the error, or None."""
        return None if self.error is None else wire.error_fields(self.error)["C"]


def nothing(_found: bytes) -> None:
    """Hand on to nobody."""


async def run(
    backend: Backend, data: bytes, wanted: int = -1, hand_on: HandOn = nothing
) -> Answers:
    """Say all of it at once. Raises BackendLost."""
    answers = Answers(wanted=wanted, hand_on=hand_on)
    await backend.exchange(data + wire.SYNC, answers)
    return answers


async def insist(backend: Backend, data: bytes) -> None:
    """Say what cannot fail. Raises BackendLost, or Failed if it does."""
    answers = await run(backend, data)
    if answers.error is not None:
        raise Failed(answers.error)
