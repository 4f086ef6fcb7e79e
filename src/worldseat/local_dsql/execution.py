"""What becomes of one statement: passed on, run in a transaction, or played here."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from worldseat.local_dsql import wire
from worldseat.local_dsql.client import Client
from worldseat.local_dsql.cluster import Refusal
from worldseat.local_dsql.dialect import Kind, Refused, Statement
from worldseat.local_dsql.exchange import Behind, Unit
from worldseat.local_dsql.failed import Failed
from worldseat.local_dsql.ground import ADMIN
from worldseat.local_dsql.jobs import Jobs
from worldseat.local_dsql.passing import PASSED_ON, READS, Passing
from worldseat.local_dsql.statements import (
    DEALLOCATE_ALL,
    GIVES_JOB,
    JOB_ID,
    PLAYED_HERE,
    Statements,
)
from worldseat.local_dsql.transaction import Transaction

_NOTHING_OPEN = wire.message(
    b"N", b"SWARNING\0VWARNING\0C25P01\0Mthere is no transaction in progress\0\0"
)
_OPEN_ALREADY = wire.message(
    b"N", b"SWARNING\0VWARNING\0C25001\0Mthere is already a transaction in progress\0\0"
)


class Execution:
    """The statements of one session, and the transaction that is open (`tx`)."""

    def __init__(
        self, behind: Behind, *, user: str, client: Client, statements: Statements, jobs: Jobs
    ) -> None:
        self.tx: Transaction | None = None
        self.passing = Passing(
            region=behind.region, cluster=behind.cluster, backend=behind.backend, client=client
        )
        self._behind = behind
        self._region = behind.region
        self._cluster = behind.cluster
        self._user = user
        self._client = client
        self._statements = statements
        self._jobs = jobs

    async def run(self, unit: Unit, *, alone: bool) -> None:
        """Run one statement; `alone` says that it is all that comes before the next Sync.

        Raises Failed, Refused, Refusal, Dropped, BackendLost.
        """
        kind = unit.statement.kind
        if kind in PLAYED_HERE or unit.statement.tag == DEALLOCATE_ALL:
            await self._play(unit)
        elif self.tx is None and alone and kind in PASSED_ON:
            await self.passing.run([unit])
            if kind is Kind.SET:
                self._statements.note_setting()
        else:
            if self.tx is None:
                self.tx = Transaction(self._behind, implicit=True, read_only=False)
            hand_on = self._client.hand_on(unit)
            if kind is Kind.SET:
                await self.tx.set(unit, hand_on)
                self._statements.note_setting()
            elif kind in READS:
                await self.tx.read(unit, hand_on)
            elif kind in {Kind.WRITE, Kind.LOCK}:
                await self.tx.write(unit, hand_on)
            elif kind is Kind.DDL:
                await self._refuse_key_columns(unit.statement)
                await self.tx.change_schema(unit, hand_on)
            else:
                raise Refused("0A000", "COPY is played outside of a transaction block only")

    async def _refuse_key_columns(self, statement: Statement) -> None:
        for name in statement.dropped_columns:
            if name in await self._jobs.key_columns(statement.table or ""):
                raise Refused("0A000", f"cannot drop primary key column {name}")

    async def _play(self, unit: Unit) -> None:
        """Answer a statement that the database behind never sees."""
        control = _CONTROLS.get(unit.statement.kind)
        if control is not None:
            self._client.tell(unit, await control(self, unit.statement))
        elif unit.statement.tag == DEALLOCATE_ALL:
            self._statements.forget_all()
            self._client.tell(unit, DEALLOCATE_ALL)
        elif unit.statement.kind in GIVES_JOB:
            await self._plan_job(unit)
        else:
            await self._play_own_words(unit)

    async def _play_own_words(self, unit: Unit) -> None:
        """Play what only DSQL knows, and what changes nothing that a transaction sees."""
        if unit.statement.kind is Kind.IAM:
            if self._user != ADMIN:
                raise Refused("42501", f"permission denied to grant role {unit.statement.role}")
            await self._cluster.vote(self._region, unit.sent, self._client.drop)
        self._client.tell(unit, await self._jobs.play(unit.statement, _parameters(unit)))

    async def _plan_job(self, unit: Unit) -> None:
        """Begin a job when the transaction of its statement commits, which changes the schema."""
        tx = self.tx or Transaction(self._behind, implicit=True, read_only=False)
        self.tx = tx
        schema = await self._statements.schema_of(unit.statement.table or "")
        job = await self._jobs.plan(unit.statement, schema)
        await tx.note_schema_change()
        tx.on_commit.append(partial(self._jobs.submit, job))
        self._client.tell(unit, unit.statement.tag, column=JOB_ID, value=job.job_id)

    async def _begin(self, statement: Statement) -> str:
        if self.tx is None:
            self.tx = Transaction(self._behind, implicit=False, read_only=statement.read_only)
        elif self.tx.implicit:
            self.tx.implicit = False
        else:
            self._client.emit(_OPEN_ALREADY)
        return statement.tag

    async def _commit(self, statement: Statement) -> str:
        _refuse_chain(statement)
        tx, self.tx = self.tx, None
        if tx is None:
            self._client.emit(_NOTHING_OPEN)
            return "COMMIT"
        if tx.failed:
            await tx.roll_back()
            return "ROLLBACK"
        await tx.commit()
        return "COMMIT"

    async def _roll_back(self, statement: Statement) -> str:
        _refuse_chain(statement)
        tx, self.tx = self.tx, None
        if tx is None:
            self._client.emit(_NOTHING_OPEN)
        else:
            await tx.roll_back()
        return "ROLLBACK"

    # the transaction

    def state(self) -> bytes:
        """Return how ReadyForQuery tells of the transaction."""
        if self.tx is None:
            return wire.IDLE
        return wire.FAILED if self.tx.failed else wire.IN_TRANSACTION

    async def refuse(self, error: Refused) -> None:
        """Answer what is refused; a transaction fails with it."""
        answer = wire.error(error.sqlstate, error.message, hint=error.hint, position=error.position)
        if self.tx is not None:
            try:
                await self.tx.fail(answer)
            except Failed as failed:
                answer = failed.answer
        self._client.emit(answer)

    async def synced(self) -> None:
        """End the transaction that was only around the statements before this Sync."""
        tx = self.tx
        if tx is None or not tx.implicit:
            return
        self.tx = None
        if tx.failed:
            await tx.roll_back()
            return
        try:
            await tx.commit()
        except (Failed, Refusal) as error:
            self._client.emit(error.answer)


_CONTROLS: Mapping[Kind, Callable[[Execution, Statement], Awaitable[str]]] = {
    Kind.BEGIN: Execution._begin,  # noqa: SLF001 - the table is the class's own.
    Kind.COMMIT: Execution._commit,  # noqa: SLF001
    Kind.ROLLBACK: Execution._roll_back,  # noqa: SLF001
}


def _refuse_chain(statement: Statement) -> None:
    if statement.chained:
        raise Refused("0A000", f"{statement.tag} AND CHAIN not supported")


def _parameters(unit: Unit) -> list[str]:
    return [(value or b"").decode(errors="replace") for value in wire.parameters(unit.values)]
