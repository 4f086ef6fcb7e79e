"""What a transaction has written: tried, answered, and done again when it must be.

PostgreSQL locks what it writes until the transaction ends; DSQL does not. So a write is tried in a
savepoint, answered, and taken back. It is done again before each later statement, which must see
it, and for good at COMMIT. Two kinds stay in place as long as they hurt nobody: all writes of a
transaction that writes alone, and rows that were only added, since nobody else can see them. Who is
in the way of somebody else is asked to let go.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from worldseat.local_dsql import wire
from worldseat.local_dsql.cluster import CONFLICT
from worldseat.local_dsql.dialect import Kind, rewrite
from worldseat.local_dsql.exchange import (
    ADDED,
    BACK_TO_ADDED,
    BACK_TO_FIRST,
    COMMIT,
    FIRST,
    FORGET,
    KEEP,
    TRY,
    Answers,
    Behind,
    HandOn,
    Unit,
    insist,
    nothing,
    run,
)
from worldseat.local_dsql.failed import Failed

TRIES = 8
_IN_THE_WAY = frozenset({"40P01", "55P03"})
_ONCE = b"_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A write that was answered. `told` digests the rows that it answered, if there were any."""

    unit: Unit
    told: bytes | None

    @property
    def again(self) -> bytes:
        """What does it."""
        return wire.bind(self.unit.name, self.unit.values) + wire.execute()


class Writes:
    """The writes of one transaction, in their order; the first `_applied` are in place behind."""

    def __init__(self, behind: Behind) -> None:
        self.doomed = False
        """Whether somebody else has committed what this transaction meant to change."""
        self._behind = behind
        self._pending: list[Pending] = []
        self._applied = 0
        self._added = 0
        self._first = False
        self._added_marked = False

    def __bool__(self) -> bool:
        """Whether anything was written."""
        return bool(self._pending) or self.doomed

    @property
    def in_place(self) -> bool:
        """Whether it holds any lock."""
        return self._applied > 0

    def sent(self) -> bytes:
        """Return what the client sent for them."""
        return b"".join(pending.unit.sent() for pending in self._pending)

    def forget(self) -> None:
        """Nothing of it is in place or pending any more: the transaction is over."""
        self._pending.clear()
        self._applied = self._added = 0

    # statements

    async def see(self, opening: bytes, unit: Unit, hand_on: HandOn) -> Answers:
        """Read with all own writes in sight; an error is the reader's own."""
        while True:
            again = self._pending[self._applied :]
            before = bool(opening) + bool(again)
            data = opening + self._do_again(again, unit.messages, keep=False)
            answers = await run(self._behind.backend, data, before + len(again), hand_on)
            opening = b""
            if answers.error is None or not before <= answers.at < before + len(again):
                return answers
            await insist(self._behind.backend, FORGET)
            self._doom(answers.at - before)

    async def write(self, opening: bytes, unit: Unit, hand_on: HandOn, *, alone: bool) -> None:
        """Write once more. Raises Failed."""
        for _ in range(TRIES + len(self._pending)):
            if await self._try(opening, unit, hand_on, alone=alone):
                return
            opening = b""
        raise self.conflict()

    async def _try(self, opening: bytes, unit: Unit, hand_on: HandOn, *, alone: bool) -> bool:
        """Try it; False if it only has to be tried again. Raises Failed."""
        backend = self._behind.backend
        adds = _only_adds(unit) and self._added == len(self._pending)
        keep = (alone or adds) and self._applied == len(self._pending)
        marks = self._marks(adds=adds)
        again = self._pending[self._applied :]
        before = bool(opening) + len(marks) + 1
        told: list[bytes] = []
        data = opening + b"".join(marks)
        data += self._do_again(again, unit.messages, keep=keep, always=True)
        first = before + len(again)
        answers = await run(backend, data, first, told.append)
        if answers.at >= before - 1:
            self._first = True
            self._added_marked = self._added_marked or not adds
        if answers.error is None:
            self._pending.append(_pending(unit, answers.rows.get(first)))
            self._applied += keep
            self._added += adds and keep
            for found in told:
                hand_on(found)
            return True
        if answers.at < before:
            raise Failed(answers.error)
        await insist(backend, FORGET)
        if answers.sqlstate in _IN_THE_WAY:
            await self._make_way()
            return False
        if answers.at < first:
            self._doom(answers.at - before)
            return False
        unseen = answers.sqlstate == "23505" and await self._key_is_unseen(unit)
        if answers.sqlstate != "40001" and not unseen:
            raise Failed(answers.error)
        await self._answer_from_snapshot(unit, hand_on)
        return True

    def _marks(self, *, adds: bool) -> list[bytes]:
        """Return the savepoints that have to be set before a write."""
        marks = [] if self._first else [FIRST]
        return marks if adds or self._added_marked else [*marks, ADDED]

    def _do_again(
        self, again: Sequence[Pending], messages: bytes, *, keep: bool, always: bool = False
    ) -> bytes:
        """Return what does these writes and then the messages, in a savepoint of their own."""
        if not again and not always:
            return messages
        data = TRY + b"".join(each.again for each in again) + messages
        return data + (KEEP if keep else FORGET)

    def _doom(self, place: int) -> None:
        self.doomed = True
        del self._pending[self._applied + place]

    def conflict(self) -> Failed:
        """Count a conflict, and return it."""
        self._behind.cluster.figures[self._behind.region].conflicts += 1
        return Failed(wire.error("40001", CONFLICT))

    # letting go

    async def stop_holding(self) -> None:
        """Somebody else writes: keep in place only what was added at the beginning."""
        if self._applied > self._added:
            self._applied = self._added
            await insist(self._behind.backend, BACK_TO_ADDED)

    async def let_go(self) -> None:
        """Keep nothing in place."""
        if self._applied:
            self._applied = self._added = 0
            self._added_marked = False
            await insist(self._behind.backend, BACK_TO_FIRST)

    async def _make_way(self) -> None:
        """Let go, and have others let go, for somebody waits for somebody."""
        await self.let_go()
        await self._behind.cluster.clear_the_way(self)

    # answers of a doomed transaction

    async def _key_is_unseen(self, unit: Unit) -> bool:
        """Say whether the key that an INSERT met was committed after our snapshot."""
        sql = rewrite.insert_unless_there(unit.statement)
        if sql is None:
            return False
        return (await self._instead(unit, sql, nothing)).sqlstate == "40001"

    async def _answer_from_snapshot(self, unit: Unit, hand_on: HandOn) -> None:
        """Doom the transaction, and answer the statement as its snapshot has it. Raises Failed."""
        statement = unit.statement
        columns = {table: await self._behind.columns(table) for table in statement.written}
        sql = rewrite.answer_from_snapshot(statement, columns.__getitem__)
        if sql is None:
            raise self.conflict()
        told: list[bytes] = []
        answers = await self._instead(unit, sql, told.append)
        if answers.error is not None:
            raise self.conflict()
        self.doomed = True
        for found in _as_told(unit, told):
            hand_on(found)

    async def _instead(self, unit: Unit, sql: str, hand_on: HandOn) -> Answers:
        """Run another statement with a unit's parameters, and take it back."""
        again = self._pending[self._applied :]
        oids = self._behind.oids(unit.name)
        messages = wire.parse(_ONCE, sql, oids) + wire.bind(_ONCE, unit.values)
        messages += wire.describe(b"P", b"") if unit.described else b""
        messages += wire.execute() + wire.close(b"S", _ONCE)
        data = self._do_again(again, messages, keep=False, always=True)
        answers = await run(self._behind.backend, data, 1 + len(again), hand_on)
        if answers.error is not None:
            await insist(self._behind.backend, FORGET + wire.close(b"S", _ONCE))
        return answers

    # for good

    async def apply(self, since: int) -> list[tuple[str, str]]:
        """Commit; return the rows that were locked and left as they were. Raises Failed.

        `since` is the number of the last commit that this transaction's snapshot may have seen.
        """
        backend, cluster = self._behind.backend, self._behind.cluster
        locks = [each for each in self._pending if each.unit.statement.kind is Kind.LOCK]
        locked_since = cluster.locked_since(since)
        for _ in range(TRIES):
            again = self._pending[self._applied :]
            exact = any(each.told is not None for each in again)
            # With nothing to look at before, all goes at once: an error on the way skips COMMIT.
            careful = bool(locks or locked_since or exact)
            data = TRY + b"".join(each.again for each in again) + KEEP if again else b""
            answers = await run(backend, data if careful else data + COMMIT)
            if answers.error is None:
                break
            if answers.sqlstate not in _IN_THE_WAY:
                raise self._own_fault(answers, len(again)) or self.conflict()
            await insist(backend, FORGET)
            await self._make_way()
        else:
            raise self.conflict()
        if not careful:
            return []
        for place, each in enumerate(again, start=1):
            if each.told is not None and each.told != _digest(answers.rows.get(place, ())):
                # What a default or a function gave cannot be given again: better not at all.
                raise self.conflict()
        for row in locked_since:
            if await self._replaced(row.table, row.ctid):
                raise self.conflict()
        found = [row for each in locks for row in await self._locked_rows(each)]
        committed = await run(backend, COMMIT)
        if committed.error is not None:
            raise self._own_fault(committed, 0) or self.conflict()
        return found

    def _own_fault(self, answers: Answers, again: int) -> Failed | None:
        """Return what COMMIT itself found wrong (a constraint that waits for it), if it did."""
        at_commit = answers.at == (again + 2 if again else 0)
        if answers.error is None or not at_commit or answers.sqlstate in {"40001", None}:
            return None
        return Failed(answers.error)

    async def _locked_rows(self, pending: Pending) -> list[tuple[str, str]]:
        sql = rewrite.locked_rows(pending.unit.statement)
        if sql is None:
            return []
        values = wire.as_text(pending.unit.values)
        data = wire.parse(_ONCE, sql, self._behind.oids(pending.unit.name))
        data += wire.bind(_ONCE, values) + wire.execute() + wire.close(b"S", _ONCE)
        answers = await run(self._behind.backend, TRY + data + KEEP)
        if answers.error is not None:
            # A view has no rows of its own; what was locked through it stays unknown.
            await insist(self._behind.backend, FORGET + wire.close(b"S", _ONCE))
            return []
        rows = [wire.cells(found) for found in answers.rows.get(1, ())]
        return [((table or b"").decode(), (ctid or b"").decode()) for table, ctid in rows]

    async def _replaced(self, table: str, ctid: str) -> bool:
        """Say whether this transaction has replaced that version of a row."""
        sql = f"SELECT 1 FROM {table} WHERE ctid = '{ctid}'"  # noqa: S608 - both from PostgreSQL.
        data = wire.parse(b"", sql) + wire.bind(b"") + wire.execute()
        answers = await run(self._behind.backend, data)
        if answers.error is not None:
            raise self.conflict()
        return not answers.rows


def _only_adds(unit: Unit) -> bool:
    """Say whether a statement adds rows and does nothing else."""
    statement = unit.statement
    return (
        statement.kind is Kind.WRITE
        and len(statement.written) == 1
        and rewrite.insert_unless_there(statement) is not None
    )


def _pending(unit: Unit, rows: Sequence[bytes] | None) -> Pending:
    """Keep what is needed to do it again. Of a lock, PostgreSQL itself says what became of it."""
    told = _digest(rows) if rows and unit.statement.kind is Kind.WRITE else None
    return Pending(unit=replace(unit, messages=b""), told=told)


def _digest(rows: Sequence[bytes]) -> bytes:
    # In any order: done again, the same rows may come in another.
    return hashlib.blake2b(b"".join(sorted(rows)), digest_size=16).digest()


def _as_told(unit: Unit, found: Sequence[bytes]) -> list[bytes]:
    """Return a SELECT's answers as those of the statement that it stands for."""
    statement = unit.statement
    rows = [each for each in found if each[:1] == b"D"]
    verb = f"{statement.tag} 0" if statement.tag == "INSERT" else statement.tag
    shown = statement.returning or statement.kind is Kind.LOCK
    told = [wire.BIND_COMPLETE]
    if shown:
        told += [each for each in found if each[:1] == b"T"] + rows
    elif unit.described:
        told.append(wire.NO_DATA)
    return [*told, wire.complete(f"{verb} {len(rows)}")]
