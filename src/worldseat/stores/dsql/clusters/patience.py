"""How long a command waits for AWS: from one look to the next, and in all."""

import asyncio
import time

WAIT_S = 5.0
"""From one look to the next."""

DEADLINE_S = 30 * 60.0
"""How long AWS may take to make the clusters, or to remove them."""


class Patience:
    """It begins when it is made."""

    def __init__(self, wait_s: float = WAIT_S, deadline_s: float = DEADLINE_S) -> None:
        self._wait_s = wait_s
        self._deadline_s = deadline_s
        self._until = time.monotonic() + deadline_s

    @property
    def over(self) -> bool:
        """Say whether there was time enough."""
        return time.monotonic() >= self._until

    @property
    def in_words(self) -> str:
        """How long that is."""
        return f"{self._deadline_s / 60:g} minutes"

    async def pause(self) -> None:
        """Wait until the next look."""
        await asyncio.sleep(self._wait_s)
