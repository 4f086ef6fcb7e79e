"""How a server leaves: it says so, serves on for a while, and waits for the claims under way."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Leaving:
    """What the server, its health and its claims know together of its end.

    Once it has `begun`, health says so and new requests should go elsewhere. `drain_s` is how long
    the server goes on serving after SIGTERM, so that a load balancer finds that out.
    """

    def __init__(self, drain_s: float = 0.0) -> None:
        self.drain_s = drain_s
        self.begun = False
        self.claims = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Count a claim while the database is asked about it; the answer is then sent at once."""
        self.claims += 1
        self._none.clear()
        try:
            yield
        finally:
            self.claims -= 1
            if not self.claims:
                self._none.set()

    async def no_claims(self) -> None:
        """Wait until no claim is under way."""
        await self._none.wait()
