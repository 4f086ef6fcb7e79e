"""Statements that nobody should be in the way of, said again when the schema was changed elsewhere.

On DSQL any change of the schema, wherever in the cluster, makes what is under way begin again
(40001, OC001). Nothing is committed then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from worldseat.acceptance.hermitage import BEGIN

TRIES = 6
PAUSE_S = 0.1
"""It grows by this each time."""

_Done = TypeVar("_Done")


async def again(work: Callable[[], Awaitable[_Done]]) -> _Done:
    """Do something that may be done again after a conflict. Raises what the driver raises."""
    for attempt in range(1, TRIES):
        try:
            return await work()
        except asyncpg.SerializationError:
            await asyncio.sleep(PAUSE_S * attempt)
    return await work()


async def in_transaction(line: Any, work: Callable[[], Awaitable[object]]) -> None:
    """Do something between BEGIN and COMMIT. Raises what the driver raises."""
    await line.execute(BEGIN)
    try:
        await work()
    except asyncpg.PostgresError:
        await line.execute("ROLLBACK")
        raise
    await line.execute("COMMIT")
