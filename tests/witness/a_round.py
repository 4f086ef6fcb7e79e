"""A round on the real database, ready to be judged and to be tampered with."""

import zlib
from dataclasses import dataclass, field

import asyncpg

from worldseat.domain import history
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Operation, Run
from worldseat.domain.seats import Code
from worldseat.domain.verdict import Report
from worldseat.services.wiring import Services


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round with a stampeded seat (A1), a fan's (A2) and one stampeded twice (A3)."""

    services: Services
    sql: asyncpg.Connection
    event: Event
    runs: dict[str, Run] = field(default_factory=dict)

    async def judge(self, seat: str | None = None) -> Report:
        return await self.services.witness.judge(self.event.event_id, seat=seat)

    async def stampede(self, seat: str) -> Run:
        run = await self.services.stampedes.start(
            event_id=self.event.event_id,
            cell=Cell(store="dsql", code=Code.CONDITIONAL, arrival=Arrival(), buyers=6),
            seat=seat,
            seed=1,
        )
        self.runs[seat] = await self.services.stampedes.wait(run.plan.run_id)
        return self.runs[seat]

    async def execute(self, statement: str, *values: object) -> None:
        tag = await self.sql.execute(statement, self.event.event_id, *values)
        assert not tag.endswith(" 0"), tag

    async def history(self, seat: str) -> list[Operation]:
        return history.load(await self.services.store.history(self.runs[seat].plan.run_id))

    async def rewrite(self, seat: str, operations: list[Operation]) -> None:
        await self.store_history(seat, zlib.compress(history.dump(operations)))

    async def store_history(self, seat: str, body: bytes) -> None:
        run_id = self.runs[seat].plan.run_id
        tag = await self.sql.execute(
            "UPDATE run_history SET body = $2 WHERE run_id = $1", run_id, body
        )
        assert tag == "UPDATE 1"

    async def rows(self, seat: int) -> list[asyncpg.Record]:
        found: list[asyncpg.Record] = await self.sql.fetch(
            "SELECT * FROM op_log WHERE event_id = $1 AND seat_index = $2 ORDER BY recorded_at",
            self.event.event_id,
            seat,
        )
        return found
