"""Statements outside of a transaction, passed on to the database behind as they are.

What a client sends before one Sync is one transaction there, as it is in DSQL. A conflict is told
by the statement itself.
"""

import time
from collections.abc import Sequence

from worldseat.local_dsql import wire
from worldseat.local_dsql.backend import Backend
from worldseat.local_dsql.client import Client
from worldseat.local_dsql.cluster import CONFLICT, STALE, Cluster, Dropped
from worldseat.local_dsql.dialect import Kind
from worldseat.local_dsql.exchange import Unit
from worldseat.local_dsql.failed import Failed

READS = frozenset({Kind.READ, Kind.SET, Kind.COPY_OUT})
PASSED_ON = READS | {Kind.WRITE, Kind.COPY_IN, Kind.LOCK}
_WRITES = frozenset({Kind.WRITE, Kind.COPY_IN})
_IN_THE_WAY = frozenset({"40P01", "55P03"})
_CONFLICTS = _IN_THE_WAY | {"40001"}
_ERROR = ord("E")


class Passing:
    """The way from one client to its session with the database behind."""

    def __init__(self, *, region: str, cluster: Cluster, backend: Backend, client: Client) -> None:
        self._region = region
        self._cluster = cluster
        self._backend = backend
        self._client = client

    async def run(self, units: Sequence[Unit]) -> None:
        """Run statements as one transaction. Raises Failed, Refusal, Dropped, BackendLost."""
        writes = [unit for unit in units if unit.statement.kind in _WRITES]
        if writes:
            await self._write(units, writes)
            return
        if any(unit.statement.kind is Kind.LOCK for unit in units):
            await self._cluster.make_room(None)
        error = await self._exchange(units, collect=False)
        if error is not None and _sqlstate(error) == "55P03":
            # A reader waits for nobody here but for a change of the schema.
            error = wire.error("40001", STALE)
        if error is not None:
            raise Failed(error)

    async def _write(self, units: Sequence[Unit], writes: Sequence[Unit]) -> None:
        cluster, figures = self._cluster, self._cluster.figures[self._region]
        began = time.monotonic()

        def sent() -> bytes:
            return b"".join(unit.sent() for unit in writes)

        await cluster.vote(self._region, sent, self._client.drop)
        cluster.single_writes += 1
        try:
            await cluster.make_room(None)
            error = await self._exchange(units, collect=True)
            # The data of a COPY is gone by then.
            again = all(unit.statement.kind is not Kind.COPY_IN for unit in writes)
            if error is not None and _sqlstate(error) in _IN_THE_WAY and again:
                await cluster.clear_the_way(None)
                error = await self._exchange(units, collect=True)
        finally:
            cluster.single_writes -= 1
        if error is not None:
            if _sqlstate(error) in _CONFLICTS:
                figures.conflicts += 1
                error = wire.error("40001", CONFLICT)
            raise Failed(error)
        cluster.publish(())
        figures.committed((time.monotonic() - began) * 1000)
        if cluster.loses_answer(self._region, sent):
            raise Dropped

    async def _exchange(self, units: Sequence[Unit], *, collect: bool) -> bytes | None:
        """Return an error if there was one. With `collect` nothing else is told then."""
        errors: list[bytes] = []
        told: list[bytes] = []
        hand_on = self._client.hand_on(units[0])
        keep = told.append if collect else hand_on

        def sort(found: bytes) -> None:
            if found[0] == _ERROR:
                errors.append(found)
            else:
                keep(found)

        data = b"".join(unit.messages for unit in units) + wire.SYNC
        answers = await self._backend.exchange(data, sort, end=b"ZG")
        if answers[-1][:1] == b"G":
            self._client.emit(answers[-1])
            self._client.flush()
            await self._copy_in(simple=units[-1].simple)
            await self._backend.exchange(wire.SYNC, sort)
        if errors:
            return errors[0]
        for found in told:
            hand_on(found)
        return None

    async def _copy_in(self, *, simple: bool) -> None:
        """Hand the client's data on, up to its end."""
        while True:
            found = await self._client.next()
            if found[0] in b"dcf":
                self._backend.write(found)
                if found[0] in b"cf" and simple:
                    return
            elif found[0] in b"S":
                return


def _sqlstate(error: bytes) -> str:
    return wire.error_fields(error)["C"]
