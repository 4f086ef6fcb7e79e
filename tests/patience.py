"""Waiting for something that another process, or the database, does in its own time."""

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(
    condition: Callable[[], Awaitable[bool] | bool],
    *,
    within_s: float = 10.0,
    every_s: float = 0.01,
) -> None:
    """Wait until the condition holds. Raises TimeoutError if it does not in time."""
    ends = time.monotonic() + within_s
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return
        if time.monotonic() > ends:
            message = f"not so within {within_s:g} s"
            raise TimeoutError(message)
        await asyncio.sleep(every_s)
