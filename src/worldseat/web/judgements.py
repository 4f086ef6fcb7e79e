"""The Witness on a page: a judgement reads a whole round, and a page must not wait for that long.

Whoever opens the page starts a judgement, or joins the one under way, and waits half a second for
it. If it takes longer, the page shows the newest one there is, with its time, and says that the
next is being made.
"""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from worldseat.domain.errors import WorldSeatError
from worldseat.domain.verdict import Report

if TYPE_CHECKING:
    from worldseat.services.witness import Witness

WAIT_S = 0.5
VALID_S = 2.0
"""How long a judgement of an unchanged round is shown again. Short: rows can be tampered with."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be judged, and `state`: whatever changes when the round's committed rows do."""

    event_id: str
    seat: str | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest judgement of an event, if there is one, and whether the next is under way."""

    report: Report | None
    pending: bool


class Judgements:
    """The newest judgement of each event, made one at a time."""

    def __init__(self, witness: "Witness") -> None:
        self._witness = witness
        self._made: dict[str, tuple[Asked, float, Report]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def newest(self, asked: Asked) -> Newest:
        """Return the newest judgement, waiting a little for one of the present state.

        Raises what the Witness raises, if that comes within the wait.
        """
        if not self._is_valid(asked):
            task = self._tasks.get(asked.event_id)
            if task is None:
                task = asyncio.create_task(self._judge(asked))
                self._tasks[asked.event_id] = task
                task.add_done_callback(lambda done: self._settle(asked, done))
            await asyncio.wait({task}, timeout=WAIT_S)
            if task.done():
                task.result()
        made = self._made.get(asked.event_id)
        return Newest(report=made[2] if made else None, pending=asked.event_id in self._tasks)

    def _is_valid(self, asked: Asked) -> bool:
        made = self._made.get(asked.event_id)
        now_s = asyncio.get_running_loop().time()
        return made is not None and made[0] == asked and now_s - made[1] < VALID_S

    async def _judge(self, asked: Asked) -> None:
        report = await self._witness.judge(asked.event_id, seat=asked.seat)
        self._made[asked.event_id] = (asked, asyncio.get_running_loop().time(), report)

    def _settle(self, asked: Asked, task: "asyncio.Task[None]") -> None:
        self._tasks.pop(asked.event_id, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            detail = error.operator if isinstance(error, WorldSeatError) else repr(error)
            _log.warning("witness.no_judgement", event_id=asked.event_id, detail=detail)
