"""The starting gate of a stampede: everybody stands ready, then one shot releases all of them."""

import asyncio

from worldseat.ports.clock import Clock

READY_DEADLINE_S = 15.0


class Gate:
    """Opens once `expected` buyers stand at it with a connection in hand, or gave up trying."""

    def __init__(self, expected: int, clock: Clock) -> None:
        self._expected = expected
        self._clock = clock
        self._arrived = 0
        self._full = asyncio.Event()
        self._open = asyncio.Event()
        self.opened_ns = 0

    @property
    def is_open(self) -> bool:
        """Say whether the shot was fired."""
        return self._open.is_set()

    def arrive(self) -> None:
        """Stand at the gate."""
        self._arrived += 1
        if self._arrived >= self._expected:
            self._full.set()

    async def passed(self) -> None:
        """Wait for the shot."""
        await self._open.wait()

    async def fire(self) -> bool:
        """Release everybody once all are ready. False, and nobody passes, if they never are."""
        try:
            async with asyncio.timeout(READY_DEADLINE_S):
                await self._full.wait()
        except TimeoutError:
            return False
        self.opened_ns = self._clock.monotonic_ns()
        self._open.set()
        return True
