"""Watching a Region's endpoint: away within about a second, and back by itself.

One connection of the watch's own asks twice a second whether the endpoint answers. When it does
not, fans go elsewhere at once; when a fresh connection gets no answer either, the endpoint is lost,
and whoever still waits for something there is let go. An endpoint that was away serves again once
it has committed something.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog

from worldseat.ports.store import Conflict, StoreError, StoreRefused
from worldseat.stores.dsql import failures, statements
from worldseat.stores.dsql.lanes import LANE_LIFE_S
from worldseat.stores.dsql.standing import OK, Standing

log = structlog.get_logger(__name__)

_HEALTH = statements.load("health.sql")

LOOK_EVERY_S = 0.5
ANSWER_WITHIN_S = 1.0
COMMIT_WITHIN_S = 3.0
"""A commit waits for another Region, so it may take longer than an answer."""

ADMIT_WITHIN_S = 5.0
ALARM_PAUSE_S = 0.05
"""Many lanes may be about to meet the same loss: one look is enough for all of them."""

ASKED_AGAIN_S = 0.02
AGAIN_AFTER_S = (0.1, 0.25, 0.5, 1.0)
"""Pauses before an endpoint that is away is looked at again; the last one repeats."""

TEND_EVERY_S = 10.0
FIRST_TEND_S = 1.0
COMMIT_SEEN_S = 5.0
"""For so long a commit that the watch has seen is proof enough that the endpoint can commit."""


class Watch:
    """Looks at one endpoint.

    `admit` is asked before it serves for the first time; `lost` is called when it is lost; `tend`
    now and then while it is well. `admit` and `tend` may raise StoreError.
    """

    def __init__(
        self,
        standing: Standing,
        *,
        admit: Callable[[], Awaitable[None]],
        lost: Callable[[], None],
        tend: Callable[[], Awaitable[None]],
    ) -> None:
        self._standing = standing
        self._admit = admit
        self._lost = lost
        self._tend = tend
        self._admitted = False
        self._closed = False
        self._failed_count = 0
        self._looking: asyncio.Task[None] | None = None
        self._line: Any = None
        self._line_opened_s = 0.0
        self._committed_s = float("-inf")
        self._looked_s = float("-inf")
        self.refusal: StoreRefused | None = None
        """Why the endpoint may not serve at all, if `admit` said so."""

    async def run(self) -> None:
        """Look for as long as the process lives: now and then, and at once after an alarm."""
        standing = self._standing
        tended_s = time.monotonic() - TEND_EVERY_S + FIRST_TEND_S
        while True:
            standing.alarm.clear()
            await self.look()
            if not standing.serves:
                # Its lanes are lost or will be: open some as soon as it is back.
                tended_s = float("-inf")
            elif time.monotonic() - tended_s > TEND_EVERY_S:
                tended_s = time.monotonic()
                with suppress(StoreError):  # Whoever met it has sounded the alarm.
                    await self._tend()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await standing.alarm.wait()
                    await asyncio.sleep(ALARM_PAUSE_S)

    async def look(self, *, commits: bool = False) -> None:
        """Find out how the endpoint stands; those who ask at the same time share the answer.

        `commits` asks for a commit as well, unless one was seen a moment ago.
        """
        await self._look_together()
        seen_ago_s = time.monotonic() - self._committed_s
        if commits and self._standing.serves and seen_ago_s > COMMIT_SEEN_S:
            self._committed_s = float("-inf")
            await self._look_together()

    async def close(self) -> None:
        """Stop looking, for good."""
        self._closed = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        if self._line is not None:
            self._line.terminate()

    async def _look_together(self) -> None:
        if self._closed:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        await asyncio.shield(self._looking)

    def _pause_s(self) -> float:
        if self._standing.serves:
            return LOOK_EVERY_S
        return AGAIN_AFTER_S[min(self._failed_count, len(AGAIN_AFTER_S)) - 1]

    async def _look(self) -> None:
        if not self._standing.serves:
            # Everybody who finds nobody serving asks: not more often than is of use to them.
            await asyncio.sleep(self._looked_s + ASKED_AGAIN_S - time.monotonic())
        self._looked_s = time.monotonic()
        try:
            if not await self._old_line_answers():
                await self._open_line()
                await self._ask()
            if not self._admitted:
                async with asyncio.timeout(ADMIT_WITHIN_S):
                    await self._admit()
                self._admitted = True
        except (StoreError, ValueError, *failures.DRIVER_ERRORS) as error:
            self.refusal = error if isinstance(error, StoreRefused) else None
            self._away(error)
        else:
            self._well()

    async def _old_line_answers(self) -> bool:
        """Ask on the connection that there is. A lost one may be a fault of its own, and no more.

        Raises what an endpoint says that cannot commit.
        """
        line = self._line
        if line is None or line.is_closed():
            return False
        if time.monotonic() - self._line_opened_s > LANE_LIFE_S:
            line.terminate()
            return False
        try:
            await self._ask()
        except failures.DRIVER_ERRORS as error:
            if failures.takes_no_commits(error):
                raise
            line.terminate()
            self._standing.state = failures.told(error)
            return False
        return True

    async def _open_line(self) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            self._line = await self._standing.opening.connect(
                timeout=ANSWER_WITHIN_S, server_settings={"application_name": "worldseat watch"}
            )
        self._line_opened_s = time.monotonic()

    async def _ask(self) -> None:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await self._line.execute(_HEALTH["answers"])
        if self._standing.serves and self._committed_s > float("-inf"):
            return
        try:
            async with asyncio.timeout(COMMIT_WITHIN_S):
                await self._line.execute(_HEALTH["commits"], f"health {self._standing.region}")
        except failures.DRIVER_ERRORS as error:
            # Somebody else's commit won: so the endpoint does take commits.
            if not isinstance(failures.before_commit(error), Conflict):
                raise
        self._committed_s = time.monotonic()

    def _well(self) -> None:
        if self._failed_count:
            log.info("region.back", region=self._standing.region)
        self._failed_count = 0
        self._standing.state, self._standing.readable = OK, True

    def _away(self, error: BaseException) -> None:
        state = str(error) if isinstance(error, StoreError) else failures.told(error)
        if not self._failed_count:
            log.warning("region.away", region=self._standing.region, detail=state)
        self._failed_count += 1
        self._standing.state = state
        self._standing.readable = failures.takes_no_commits(error)
        if not self._standing.readable:
            if self._line is not None:
                self._line.terminate()
            self._lost()
