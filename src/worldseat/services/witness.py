"""The Witness: reads a round through the store's port and has the domain judge it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC

from worldseat.domain import evidence, history
from worldseat.domain.errors import Unavailable, UnknownEvent, UnknownSeat
from worldseat.domain.evidence import Evidence
from worldseat.domain.judge import judge
from worldseat.domain.run import Operation, Run, RunStatus
from worldseat.domain.verdict import Report
from worldseat.ports.clock import Clock
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import StoreError, StoreRefused

RUNS_MAX = 10_000
"""How many stampedes of one round are judged."""


class Witness:
    """Judges rounds of the product's database, from what is committed there and nothing else."""

    def __init__(self, store: OnSaleStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        # A judgement reads a whole round: one at a time, so that asking often cannot exhaust us.
        self._turn = asyncio.Lock()

    async def judge(
        self, event_id: str, *, round_id: str | None = None, seat: str | None = None
    ) -> Report:
        """Judge a round (the current one, unless named), and one seat of it if its label is given.

        Raises UnknownEvent for an event, or a round of it, that is not there; UnknownSeat; and
        Unavailable when the database cannot be read.
        """
        try:
            async with self._turn:
                return await self._judge(event_id, round_id, seat)
        except StoreError as error:
            raise Unavailable(
                "The Witness cannot read the database right now.",
                operator=str(error),
                next_step="Nothing was judged. Try again in a few seconds.",
            ) from error

    async def _judge(self, event_id: str, round_id: str | None, seat: str | None) -> Report:
        event = await self._store.event(event_id)
        if event is None:
            raise UnknownEvent(f"There is no event {event_id[:60]!r}.")
        if round_id is None:
            round_id = event.current_round_id
        elif round_id not in {each.round_id for each in await self._store.rounds(event_id)}:
            raise UnknownEvent(f"{event.title} has no round {round_id[:60]!r}.")
        index = None
        if seat is not None and (index := event.chart.index_of(seat)) is None:
            raise UnknownSeat(f"{event.title} has no seat {seat[:40]!r}.")
        # Histories first and plans last: whatever a history tells was committed before the log is
        # read, and every stampede whose rows are in the log has its plan among those read after it.
        recorded = await self._recorded(event_id, round_id)
        before = await self._store.floor(event_id, round_id)
        log = await self._store.log_of_round(event_id, round_id)
        after = await self._store.floor(event_id, round_id)
        plans = {run.plan.run_id: run.plan for run in await self._runs(event_id, round_id)}
        lanes = await self._store.lanes_of_round(event_id, round_id)
        judged_at = self._clock.now().astimezone(UTC).isoformat(timespec="milliseconds")

        def at_leisure() -> Report:
            """Do the counting; in a thread, for a long one must not hold up sales."""
            settled, seats = evidence.at_one_moment(before, log, after)
            histories, damaged = recorded.read()
            return judge(
                Evidence(
                    chart=event.chart,
                    event_id=event_id,
                    round_id=round_id,
                    log=settled,
                    seats=seats,
                    histories=histories,
                    plans=plans,
                    damaged=damaged,
                    lanes=lanes,
                ),
                seat=index,
                judged_at=judged_at.replace("+00:00", "Z"),
            )

        return await asyncio.to_thread(at_leisure)

    async def _recorded(self, event_id: str, round_id: str) -> "_Recorded":
        recorded = _Recorded()
        for run in await self._runs(event_id, round_id):
            run_id = run.plan.run_id
            if run.status is RunStatus.RUNNING:
                continue
            try:
                lines = await self._store.history(run_id)
            except StoreRefused as error:
                recorded.damaged[run_id] = str(error)
                continue
            if lines:
                recorded.lines[run_id] = lines
            elif run.status is RunStatus.DONE:
                # A run is marked done after its history is committed, so somebody took it away.
                recorded.damaged[run_id] = "nothing is stored"
        return recorded

    async def _runs(self, event_id: str, round_id: str) -> Sequence[Run]:
        """Return the stampedes that were fired at this store in the round, oldest first."""
        newest_first = await self._store.runs(event_id=event_id, round_id=round_id, limit=RUNS_MAX)
        return [run for run in reversed(newest_first) if run.plan.store == self._store.name]


@dataclass(slots=True, kw_only=True)
class _Recorded:
    """Histories as stored, oldest run first, and the runs whose history cannot be read."""

    lines: dict[str, bytes] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)

    def read(self) -> tuple[dict[str, list[Operation]], dict[str, str]]:
        """Return the operations by run, and the runs whose history cannot be read, with why."""
        operations: dict[str, list[Operation]] = {}
        damaged = dict(self.damaged)
        for run_id, lines in self.lines.items():
            try:
                operations[run_id] = history.load(lines)
            except history.HistoryError as error:
                damaged[run_id] = error.message
        return operations, damaged
