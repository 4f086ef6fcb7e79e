"""One transaction under optimistic concurrency control, from its BEGIN to its end."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from worldseat.local_dsql import wire
from worldseat.local_dsql.cluster import STALE, UNAVAILABLE, Dropped, Refusal
from worldseat.local_dsql.exchange import (
    BEGIN,
    BEGIN_READ_ONLY,
    COMMIT,
    ROLL_BACK,
    WATCH_TABLES,
    Behind,
    HandOn,
    Unit,
    insist,
    run,
)
from worldseat.local_dsql.failed import Failed
from worldseat.local_dsql.writes import Writes

ABORTED = "current transaction is aborted, commands ignored until end of transaction block"
_SEVERAL_CHANGES = "multiple ddl statements not supported in a transaction"
_MIXED = "ddl and dml are not supported in the same transaction"


class Transaction:
    """A client's transaction, explicit, or (`implicit`) around several statements of one batch."""

    def __init__(self, behind: Behind, *, implicit: bool, read_only: bool) -> None:
        self.implicit = implicit
        self.failed = False
        self.on_commit: list[Callable[[], Awaitable[None]]] = []
        self._writes = Writes(behind)
        self._behind = behind
        self._cluster = behind.cluster
        self._read_only = read_only
        self._began_s = time.monotonic()
        self._begun = False
        self._stale = False
        self._changes_schema = False
        self._wrote = False
        self._snapshot = 0
        self._busy = asyncio.Lock()
        self._asked_to_let_go = False

    # as others see it

    @property
    def writes(self) -> Writes:
        """What it has written so far."""
        return self._writes

    @property
    def snapshot(self) -> int:
        """The number of the last commit that its snapshot may have seen."""
        return self._snapshot

    async def stop_holding(self) -> None:
        """Somebody else begins to write: keep in place only what nobody else can see."""
        async with self._turn():
            await self._writes.stop_holding()
        if self._cluster.holder is self:
            self._cluster.holder = None

    async def let_go(self) -> None:
        """Somebody waits for a lock: keep none, now or as soon as the statement at work is over."""
        if self._busy.locked():
            self._asked_to_let_go = True
            return
        async with self._turn():
            await self._writes.let_go()

    async def expire(self) -> None:
        """End behind: the schema was changed by somebody else."""
        async with self._turn():
            if not self.failed and self._begun:
                self._stale = True
                await self._end_behind()

    # statements

    async def read(self, unit: Unit, hand_on: HandOn) -> None:
        """Run a statement that writes nothing. Raises Failed, BackendLost."""
        async with self._turn():
            self._check()
            answers = await self._writes.see(self._opening(), unit, hand_on)
            if answers.error is not None:
                # A reader waits for nobody here but for a change of the schema.
                waits = answers.sqlstate == "55P03"
                await self._fail(wire.error("40001", STALE) if waits else answers.error)

    async def write(self, unit: Unit, hand_on: HandOn) -> None:
        """Try a write or a lock, answer it, and keep it for COMMIT. Raises Failed, BackendLost."""
        self._refuse(_MIXED, when=self._changes_schema)
        self._check()
        others = await self._cluster.make_room(self)
        async with self._turn():
            self._check()
            if self._cluster.unavailable_now(self._behind.region, unit.sent):
                await self._fail(wire.error("XX000", UNAVAILABLE))
            self._cluster.writers.add(self)
            alone = not others and self._cluster.holder in {None, self}
            if alone:
                self._cluster.holder = self
            self._wrote = True
            try:
                await self._writes.write(self._opening(), unit, hand_on, alone=alone)
            except Failed as error:
                await self._fail(error.answer)

    async def change_schema(self, unit: Unit, hand_on: HandOn) -> None:
        """Run the one statement of this transaction that changes the schema. Raises Failed."""
        self._refuse(_SEVERAL_CHANGES, when=self._changes_schema)
        self._refuse(_MIXED, when=self._wrote)
        await self._cluster.change_schema(self)
        async with self._turn():
            self._check()
            self._changes_schema = True
            opening = self._opening()
            data = opening + unit.messages + WATCH_TABLES
            answers = await run(self._behind.backend, data, int(bool(opening)), hand_on)
            if answers.error is not None:
                await self._fail(answers.error)

    async def set(self, unit: Unit, hand_on: HandOn) -> None:
        """Set something for the session: no savepoint may take it back. Raises Failed."""
        async with self._turn():
            self._check()
            opening = self._opening()
            answers = await run(
                self._behind.backend, opening + unit.messages, int(bool(opening)), hand_on
            )
            if answers.error is not None:
                await self._fail(answers.error)

    async def note_schema_change(self) -> None:
        """Something else changes the schema as the one statement of this kind. Raises Failed."""
        self._refuse(_SEVERAL_CHANGES, when=self._changes_schema)
        self._refuse(_MIXED, when=self._wrote)
        if self._read_only:
            raise Failed(wire.error("25006", "cannot change the schema in a read-only transaction"))
        await self._cluster.change_schema(self)
        self._changes_schema = True

    async def fail(self, answer: bytes) -> None:
        """End with an error that came from elsewhere; the client has still to say so. Raises."""
        async with self._turn():
            await self._fail(answer)

    # its end

    async def roll_back(self) -> None:
        """End without a trace."""
        async with self._turn():
            await self._end_behind()

    async def commit(self) -> None:
        """Commit, or raise Failed, Refusal or Dropped: then nothing was written."""
        try:
            await self._commit()
        except (Failed, Refusal, Dropped):
            await self.roll_back()
            raise
        for then in self.on_commit:
            await then()

    async def _commit(self) -> None:
        self._check()
        if not (self._writes or self._changes_schema):
            async with self._turn():
                self._check()
                if self._begun:
                    await insist(self._behind.backend, COMMIT)
                self._over()
            return
        region, cluster = self._behind.region, self._cluster
        began = time.monotonic()
        await cluster.vote(region, self._writes.sent, self._behind.drop_client)
        async with self._turn():
            self._check()
            if self._writes.doomed:
                raise self._writes.conflict()
            cluster.publish(await self._writes.apply(self._snapshot))
            cluster.catalog += self._changes_schema
            cluster.figures[region].committed((time.monotonic() - began) * 1000)
            if cluster.loses_answer(region, self._writes.sent):
                self._behind.drop_client()
            self._over()

    # rules

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Keep others away from the connection behind; then do what they asked for meanwhile."""
        async with self._busy:
            yield
            if self._asked_to_let_go:
                self._asked_to_let_go = False
                await self._writes.let_go()

    def _opening(self) -> bytes:
        """Return what begins the transaction behind, once: its snapshot is that of now."""
        if self._begun:
            return b""
        self._begun = True
        self._snapshot = self._cluster.commits
        self._cluster.open.add(self)
        return BEGIN_READ_ONLY if self._read_only else BEGIN

    def _check(self) -> None:
        if self.failed:
            raise Failed(wire.error("25P02", ABORTED))
        if self._stale:
            self.failed = True
            raise Failed(wire.error("40001", STALE))
        limit_s = self._cluster.limits.transaction_s
        if time.monotonic() - self._began_s > limit_s:
            self.failed = True
            raise Failed(wire.error("54000", f"transaction age limit of {limit_s:g}s exceeded"))

    def _refuse(self, text: str, *, when: bool) -> None:
        if when and not self.failed:
            self.failed = True
            raise Failed(wire.error("0A000", text))

    async def _fail(self, answer: bytes) -> None:
        self.failed = True
        await self._end_behind()
        raise Failed(answer)

    async def _end_behind(self) -> None:
        begun = self._begun
        self._over()
        if begun and not self._behind.backend.lost:
            await insist(self._behind.backend, ROLL_BACK)

    def _over(self) -> None:
        self._begun = False
        self._writes.forget()
        self._cluster.open.discard(self)
        self._cluster.writers.discard(self)
        if self._cluster.holder is self:
            self._cluster.holder = None
