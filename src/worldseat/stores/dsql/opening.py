"""Opening connections no faster than the service takes them.

A DSQL cluster takes a burst of 1,000 new connections and then 100 a second, and refuses more with
53400; with 53300 once 10,000 are open. Both are told to wait, not for good.
"""

import asyncio
import time
from typing import Any

import asyncpg

from worldseat.stores.dsql import access, failures

CONNECTIONS_PER_S = 100.0
BURST = 1_000

PAUSE_S = 0.25
PAUSE_MAX_S = 4.0


class Opening:
    """One endpoint's share: a bucket of `BURST` tokens that fills again with `CONNECTIONS_PER_S`.

    `opened`, `delayed` and `refused` count for the metrics.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.opened = 0
        self.delayed = 0
        self.refused = 0
        self._tokens = float(BURST)
        self._filled_s = time.monotonic()
        self._closed_until_s = 0.0
        self._pause_s = PAUSE_S

    async def connect(self, *_: object, **keywords: Any) -> "asyncpg.Connection[Any]":
        """Wait for a token, then connect. Raises what the driver raises."""
        await self._turn()
        try:
            connection = await access.connect(self.url, **keywords)
        except asyncpg.PostgresError as error:
            if failures.is_overload(error):
                self._back_off()
            raise
        self.opened += 1
        self._pause_s = PAUSE_S
        return connection

    async def _turn(self) -> None:
        now = time.monotonic()
        earned = (now - self._filled_s) * CONNECTIONS_PER_S
        self._tokens = min(self._tokens + earned, float(BURST)) - 1
        self._filled_s = now
        wait_s = max(-self._tokens / CONNECTIONS_PER_S, self._closed_until_s - now)
        if wait_s <= 0:
            return
        self.delayed += 1
        try:
            await asyncio.sleep(wait_s)
        except asyncio.CancelledError:
            self._tokens += 1
            raise

    def _back_off(self) -> None:
        """Open nothing for a while: each round of refusals in a row doubles it."""
        self.refused += 1
        now = time.monotonic()
        if now < self._closed_until_s:
            return
        self._closed_until_s = now + self._pause_s
        self._pause_s = min(self._pause_s * 2, PAUSE_MAX_S)
