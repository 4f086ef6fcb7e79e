"""One client's session: its messages taken in batches, answered in order.

A batch that needs no transaction of ours goes to the database behind as it is. All others are run
one Execute after the other through a `Transaction`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from worldseat.local_dsql import wire
from worldseat.local_dsql.backend import Backend, BackendLost
from worldseat.local_dsql.client import Client
from worldseat.local_dsql.cluster import Cluster, Refusal
from worldseat.local_dsql.dialect import Kind, Refused, Statement, read, refuse_parameters
from worldseat.local_dsql.exchange import Unit
from worldseat.local_dsql.execution import Execution
from worldseat.local_dsql.failed import Failed
from worldseat.local_dsql.jobs import Jobs
from worldseat.local_dsql.passing import PASSED_ON
from worldseat.local_dsql.statements import (
    Prepared,
    Statements,
)
from worldseat.local_dsql.transaction import ABORTED

_ENDS = frozenset({Kind.COMMIT, Kind.ROLLBACK})
_LAST_OF_BATCH = b"SHQX"

BEHIND_LOST = wire.error("57P01", "the database behind was stopped", severity="FATAL")
_TOO_OLD = wire.error("57P01", "the session has reached its maximum age", severity="FATAL")


@dataclass(slots=True, kw_only=True)
class _Portal:
    """A client's portal. `told` says that its Bind was answered, `opened` that it runs behind."""

    prepared: Prepared
    values: bytes
    name: bytes
    described: bool = False
    told: bool = False
    opened: bool = False


class Ended(Exception):
    """The client said goodbye."""


class Session:
    """What the client of one connection did so far, and what is open of it."""

    def __init__(
        self,
        *,
        region: str,
        user: str,
        application: str,
        cluster: Cluster,
        backend: Backend,
        jobs: Jobs,
        client: Client,
    ) -> None:
        self.region = region
        self.cluster = cluster
        self.backend = backend
        self._client = client
        self._application = application
        self._statements = Statements(backend, self._note)
        self._portals: dict[bytes, _Portal] = {}
        self._portal_number = 0
        self._execution = Execution(
            self, user=user, client=client, statements=self._statements, jobs=jobs
        )
        self._skipping = False
        self._retiring = self._busy = False
        self._group: list[Unit] = []

    # as the transaction sees it

    async def columns(self, table: str) -> Sequence[tuple[str, str]]:
        """Return the columns of a table and their types."""
        return await self._statements.columns(table)

    def oids(self, name: bytes) -> Sequence[int]:
        """Return the types of a statement's parameters."""
        return self._statements.oids(name)

    def _note(self, sql: str, oids: Sequence[int]) -> None:
        if self.cluster.record is not None:
            self.cluster.record.note(sql, application=self._application, oids=oids)

    def drop_client(self) -> None:
        """Break the client's connection."""
        self._client.drop()

    # its life

    def retire(self) -> None:
        """End as soon as no transaction is open: a session has its age."""
        self._retiring = True
        if self._execution.tx is None and not self._busy:
            self._client.part(_TOO_OLD)

    def lose_backend(self) -> None:
        """Tell a client that waits for nothing; one that waits is told by its statement."""
        if not self._busy:
            self._client.part(BEHIND_LOST)

    async def serve(self) -> None:
        """Answer the client until it goes. Raises Ended, Dropped, BackendLost."""
        batch: list[bytes] = []
        while True:
            batch.append(await self._client.next())
            if batch[-1][0] in _LAST_OF_BATCH:
                self._busy = True
                await self._answer(batch)
                self._busy = False
                batch = []
                if self._retiring and self._execution.tx is None:
                    self._client.part(_TOO_OLD)
                    raise Ended

    async def end(self) -> None:
        """Roll back what is open, and leave the database behind."""
        self._busy = True
        try:
            if self._execution.tx is not None:
                await self._execution.tx.roll_back()
        except (BackendLost, Failed):
            return  # Then it is rolled back already.
        finally:
            self.backend.close()

    async def _answer(self, batch: Sequence[bytes]) -> None:
        """Answer messages that end with Sync, Flush, a simple Query or goodbye."""
        kind = batch[-1][:1]
        if kind == b"X":
            raise Ended
        await self.cluster.flow(self.region)
        await self._statements.note_catalog(self.cluster.catalog, idle=self._execution.tx is None)
        try:
            if kind == b"Q":
                await self._simple(batch[-1][5:-1].decode())
            elif not self._skipping:
                await self._extended(batch[:-1], synced=kind == b"S")
        except (Failed, Refusal) as error:
            self._client.emit(error.answer)
            self._skipping = True
            if self._execution.tx is not None and self._execution.tx.failed:
                await self._execution.tx.roll_back()  # Behind; the client has still to say so.
        except Refused as error:
            await self._execution.refuse(error)
            self._skipping = True
        self._group.clear()
        if kind != b"H":
            self._skipping = False
            if self._execution.tx is None:
                self._portals.clear()  # They end with the transaction that they are of.
            await self._execution.synced()
            self._client.emit(wire.ready(self._execution.state()))
        self._client.flush()

    # the simple protocol

    async def _simple(self, text: str) -> None:
        statements = self._read(text)
        if not statements:
            self._client.emit(wire.EMPTY_QUERY)
        for statement in statements:
            self._allow(statement)
            prepared = await self._prepare(statement, ())
            unit = Unit(
                statement=statement,
                name=prepared.name,
                values=wire.NO_VALUES,
                messages=wire.bind(prepared.name) + wire.describe(b"P", b"") + wire.execute(),
                described=True,
                simple=True,
            )
            await self._execution.run(unit, alone=len(statements) == 1)

    def _read(self, text: str) -> Sequence[Statement]:
        try:
            return read(text)
        except Refused:
            # In a failed transaction this comes first (recorded: aborted_txn_prefers_25P02).
            if self._execution.tx is not None and self._execution.tx.failed:
                raise Failed(wire.error("25P02", ABORTED)) from None
            raise

    def _allow(self, statement: Statement) -> None:
        if (
            self._execution.tx is not None
            and self._execution.tx.failed
            and statement.kind not in _ENDS
        ):
            raise Failed(wire.error("25P02", ABORTED))

    async def _prepare(self, statement: Statement, oids: tuple[int, ...]) -> Prepared:
        try:
            return await self._statements.prepare(statement, oids)
        except Failed as error:
            if self._execution.tx is not None:
                await self._execution.tx.fail(error.answer)
            raise

    # the extended protocol

    async def _extended(self, messages: Sequence[bytes], *, synced: bool) -> None:
        several = sum(message[:1] == b"E" for message in messages) > 1
        for message in messages:
            if message[:1] == b"E":
                await self._execute(message, synced=synced, several=several)
            else:
                await self._ready(message)
        if self._group:
            await self._execution.passing.run(self._group)
        for portal in self._portals.values():
            if not portal.told:
                self._tell(portal)

    async def _ready(self, message: bytes) -> None:
        """Do what one message asks for before an Execute."""
        kind = message[:1]
        if kind == b"B":
            self._bind(wire.read_bind(message))
        elif kind == b"P":
            await self._run_group()
            await self._parse(wire.read_parse(message))
        elif kind == b"D":
            await self._describe(*wire.target_of(message))
        elif kind == b"C":
            await self._run_group()
            self._close(*wire.target_of(message))
        elif kind not in {b"d", b"c", b"f"}:  # What is left of a COPY that has failed.
            raise Refused("0A000", f"messages of kind {kind!r} are not supported")

    def _tell(self, portal: _Portal) -> None:
        """Answer a Bind, and a Describe with it, that no Execute came after."""
        portal.told = True
        self._client.emit(wire.BIND_COMPLETE)
        if portal.described:
            portal.described = False
            self._client.emit(portal.prepared.description[1])

    async def _parse(self, parse: wire.Parse) -> None:
        statements = self._read(parse.sql)
        if len(statements) > 1:
            raise Refused("42601", "cannot insert multiple commands into a prepared statement")
        self._allow(statements[0])
        refuse_parameters(parse.oids)
        self._statements.name(parse.name, await self._prepare(statements[0], parse.oids))
        self._client.emit(wire.PARSE_COMPLETE)

    def _bind(self, bind: wire.Bind) -> None:
        name = bind.portal
        if name:
            self._portal_number += 1
            name = b"p%d" % self._portal_number
        self._portals[bind.portal] = _Portal(
            prepared=self._statements.named(bind.name), values=bind.values, name=name
        )

    async def _describe(self, what: bytes, name: bytes) -> None:
        if what == b"P":
            self._portal(name).described = True
            return
        await self._run_group()
        for found in self._statements.named(name).description:
            self._client.emit(found)

    def _close(self, what: bytes, name: bytes) -> None:
        if what == b"P":
            self._portals.pop(name, None)
        else:
            self._statements.forget(name)
        self._client.emit(wire.CLOSE_COMPLETE)

    def _portal(self, name: bytes) -> _Portal:
        portal = self._portals.get(name)
        if portal is None:
            raise Refused("34000", f'portal "{name.decode()}" does not exist')
        return portal

    async def _execute(self, message: bytes, *, synced: bool, several: bool) -> None:
        name = wire.portal_of(message)
        portal = self._portal(name)
        self._allow(portal.prepared.statement)
        messages = b""
        if not portal.opened:
            messages = wire.bind(portal.prepared.name, portal.values, portal.name)
            if portal.described:
                messages += wire.describe(b"P", portal.name)
        unit = Unit(
            statement=portal.prepared.statement,
            name=portal.prepared.name,
            values=portal.values,
            messages=messages + wire.execute(portal.name, wire.rows_of(message)),
            described=portal.described and not portal.opened,
            simple=False,
            bound_before=portal.told,
        )
        portal.told = portal.opened = True
        if several and synced and self._execution.tx is None and unit.statement.kind in PASSED_ON:
            self._group.append(unit)
            return
        await self._run_group()
        await self._execution.run(unit, alone=synced and not several)

    async def _run_group(self) -> None:
        """Run what was collected to be passed on at once; something else has come between."""
        group, self._group = self._group, []
        for unit in group:
            await self._execution.run(unit, alone=False)
