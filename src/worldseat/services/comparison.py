"""Comparisons: the same stampede at several databases, in turn, with one seed, many times.

What a comparison counted is in its runs, like any other stampede's. Only how far it has come is
kept here, as long as the process lives.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from worldseat.domain.errors import (
    BadRequest,
    NotHere,
    Unavailable,
    UnknownComparison,
    WorldSeatError,
)
from worldseat.domain.run import Cell, Reach, Run
from worldseat.ports.clock import Chance
from worldseat.services.matrix import Matrix
from worldseat.services.stampede import Stampedes

log = structlog.get_logger(__name__)

CELLS_MAX = 100
RUNS_MAX = 1_000
SEED_LIMIT = 2**31
KEPT = 16
"""How many comparisons are remembered, the newest ones."""

TURN_WAIT_S = 60.0
_TURN_POLL_S = 0.2


class Stage(StrEnum):
    """Where a comparison is in its life."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(slots=True, kw_only=True)
class Comparison:
    """One comparison under way or over. `planned` and `done` count runs; `now` is being fired.

    `problems` say, in sentences, which cells could not be fired; the others went on without them.
    """

    comparison_id: str
    event_id: str
    seed: int
    planned: int
    stage: Stage = Stage.RUNNING
    done: int = 0
    now: Cell | None = None
    now_run_id: str | None = None
    run_ids: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Comparisons:
    """Fires comparisons, one at a time in this process."""

    def __init__(self, stampedes: Stampedes, matrix: Matrix, *, chance: Chance) -> None:
        self._stampedes = stampedes
        self._matrix = matrix
        self._chance = chance
        self._known: dict[str, Comparison] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(
        self,
        *,
        event_id: str,
        cells: Sequence[Cell],
        runs: int = 1,
        top_up: bool = False,
        seat: str | None = None,
        seed: int | None = None,
    ) -> Comparison:
        """Fire each cell `runs` times in the background. In each repetition cells take turns.

        With `top_up`, runs that are stored already count, and only what is missing is fired. Run k
        of every cell has the seed plus k. Raises UnknownEvent, UnknownStore, BadRequest,
        Unavailable, or NotHere with the code `comparison-running`, `live-round` or those of a
        stampede.
        """
        if not 1 <= len(cells) <= CELLS_MAX:
            raise BadRequest(f"A comparison has 1 to {CELLS_MAX} cells.")
        whole = await self._stampedes.check(event_id, cells)
        rounds = await self._rounds(whole, runs, top_up=top_up)
        planned = sum(map(len, rounds))
        if planned > RUNS_MAX:
            raise BadRequest(
                f"That would be {planned:,} runs; a comparison has at most {RUNS_MAX:,}.",
                next_step="Ask for fewer runs, or for fewer cells.",
            )
        if self._tasks:
            raise NotHere(
                "comparison-running",
                "Another comparison is running.",
                next_step="Wait until it is over, or stop it.",
            )
        made = Comparison(
            comparison_id=self._chance.new_id("cmp"),
            event_id=event_id,
            seed=self._chance.seed() if seed is None else seed,
            planned=planned,
        )
        self._remember(made)
        task = asyncio.create_task(self._run(made, rounds, seat))
        self._tasks[made.comparison_id] = task
        return made

    def look(self, comparison_id: str) -> Comparison:
        """Return how far a comparison has come. Raises UnknownComparison."""
        found = self._known.get(comparison_id)
        if found is None:
            raise UnknownComparison(f"There is no comparison {comparison_id[:60]!r} here.")
        return found

    def newest(self) -> Comparison | None:
        """Return the comparison that was started last, if any was."""
        return next(reversed(self._known.values()), None)

    def stop(self, comparison_id: str) -> Comparison:
        """Fire nothing more. The run under way is finished and counted.

        Raises UnknownComparison.
        """
        found = self.look(comparison_id)
        if found.stage is Stage.RUNNING:
            found.stage = Stage.STOPPED
        return found

    async def wait(self, comparison_id: str) -> Comparison:
        """Wait until a comparison is over, and return it. Raises UnknownComparison."""
        task = self._tasks.get(comparison_id)
        if task is not None:
            await asyncio.shield(task)
        return self.look(comparison_id)

    async def close(self) -> None:
        """Give up on the comparison under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _remember(self, made: Comparison) -> None:
        while len(self._known) >= KEPT:
            del self._known[next(iter(self._known))]
        self._known[made.comparison_id] = made

    async def _rounds(self, cells: Sequence[Cell], runs: int, *, top_up: bool) -> list[list[Cell]]:
        """Return which cells are fired in each repetition."""
        had: Mapping[Cell, int] = await self._counted(cells) if top_up else {}
        return [[cell for cell in cells if had.get(cell, 0) <= number] for number in range(runs)]

    async def _counted(self, cells: Sequence[Cell]) -> Mapping[Cell, int]:
        """Return how many runs of each cell are stored and have a result."""
        counts: dict[Cell, int] = {}
        for buyers in {cell.buyers for cell in cells}:
            table = await self._matrix.table(buyers=buyers)
            for line in table.lines:
                if line.installed:
                    for spot in line.spots:
                        counts[spot.cell] = spot.measured.runs if spot.measured else 0
        return counts

    async def _run(
        self, made: Comparison, rounds: Sequence[Sequence[Cell]], seat: str | None
    ) -> None:
        """Fire run after run; a cell that cannot be fired is named and left out from then on."""
        failed: set[Cell] = set()
        at: str | None = None
        try:
            for number, cells in enumerate(rounds):
                for cell in cells:
                    if made.stage is Stage.STOPPED:
                        return
                    if cell in failed:
                        continue
                    made.now = cell
                    try:
                        at = await self._fire(made, cell, number, seat=seat, before=at)
                    except WorldSeatError as error:
                        failed.add(cell)
                        made.problems.append(f"{told(cell)}: {error.message}")
                        log.warning("comparison.cell_failed", cell=told(cell), detail=str(error))
            made.stage = Stage.DONE
        finally:
            made.now = made.now_run_id = None
            if made.stage is Stage.RUNNING:
                made.stage = Stage.STOPPED
            self._tasks.pop(made.comparison_id, None)

    async def _fire(
        self, made: Comparison, cell: Cell, number: int, *, seat: str | None, before: str | None
    ) -> str:
        """Fire once and wait for the result; return the seat that was shot at.

        That is the seat that was asked for, or else the one `before`, so that all databases are
        shot at the same one; or the first open one, at first and if a fan has bought it since.
        """
        try:
            run = await self._begin(made, cell, number, seat or before)
        except NotHere as error:
            if error.code != "seat-of-a-fan" or seat is not None or before is None:
                raise
            run = await self._begin(made, cell, number, None)
        made.now_run_id = run.plan.run_id
        made.run_ids.append(run.plan.run_id)
        over = await self._stampedes.wait(run.plan.run_id)
        made.done += 1
        if over.result is not None and over.result.uncounted:
            raise Unavailable(over.result.verdict)
        return over.seat

    async def _begin(self, made: Comparison, cell: Cell, number: int, at: str | None) -> Run:
        """Start the stampede; somebody else's takes seconds, so wait for our turn."""
        until = asyncio.get_running_loop().time() + TURN_WAIT_S
        seed = (made.seed + number) % SEED_LIMIT
        while True:
            try:
                return await self._stampedes.start(
                    event_id=made.event_id, cell=cell, seat=at, seed=seed
                )
            except NotHere as error:
                late = asyncio.get_running_loop().time() > until
                if error.code != "stampede-running" or late:
                    raise
                await asyncio.sleep(_TURN_POLL_S)


def told(cell: Cell) -> str:
    """Return a cell in words: `dsql, naive, burst, two Regions`."""
    where = {None: "all Regions", Reach.ONE: "one Region", Reach.BOTH: "two Regions"}[cell.reach]
    lag = "" if cell.lag_ms is None else f", lag {cell.lag_ms} ms"
    return f"{cell.store}, {cell.code.value}, {cell.arrival.text}, {where}{lag}"
