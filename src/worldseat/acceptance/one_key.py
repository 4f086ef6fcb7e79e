"""The promise that a key is kept once, however many insert it at the same moment."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import asyncpg

from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.trial import Trial
from worldseat.acceptance.undisturbed import in_transaction
from worldseat.domain.acceptance import Promise

CONNECTIONS_EACH = 6
"""Connections per Region; all of them insert the same key at once."""

INSERTED = "inserted"
REFUSED = frozenset({"23505", "40001"})
"""The key was there already, or somebody else's commit won."""


def planned(amounts: Amounts) -> Load:
    """Return what is sent: a transaction per connection and round."""
    inserts = Load(messages=4, transactions=1, bytes_up=700, bytes_down=600)
    logins = Load(messages=60, bytes_up=36_000, bytes_down=70_000)
    return inserts.times(2 * CONNECTIONS_EACH * amounts.key_rounds) + logins


async def check(ground: Ground, trial: Trial) -> Promise:
    """Insert one key per round from both Regions at once, in a transaction or without one."""
    rounds, table = ground.amounts.key_rounds, ground.tables.keys
    trial.expect(rounds)
    refused: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        lines = [
            (f"{region} {number}", await stack.enter_async_context(ground.connected(region)))
            for number in range(CONNECTIONS_EACH)
            for region in ground.regions
        ]
        reader = await stack.enter_async_context(ground.connected(ground.regions[-1]))
        for number in range(rounds):
            if not trial.goes_on():
                break
            key = f"key {number}"
            answers = (
                _ended(line, partial(_insert, line, table, key, name), in_block=bool(number % 2))
                for name, line in lines
            )
            names = (name for name, _ in lines)
            told = dict(zip(names, await asyncio.gather(*answers), strict=True))
            refused.update(answer for answer in told.values() if answer != INSERTED)
            found = await reader.fetch(
                f"SELECT taken_by FROM {table} WHERE key = $1",  # noqa: S608 - the run's own name.
                key,
            )
            _judge(trial, key, told, [record["taken_by"] for record in found])
    each = ", ".join(f"{count} with {state}" for state, count in sorted(refused.items()))
    return trial.ended(
        f"{trial.tried - trial.broken} of {trial.tried} keys were kept once, each inserted by "
        f"{2 * CONNECTIONS_EACH} connections at the same moment; refused were {each or 'none'}."
    )


def _judge(trial: Trial, key: str, told: dict[str, str], kept: list[str]) -> None:
    winners = [name for name, answer in told.items() if answer == INSERTED]
    strange = sorted(set(told.values()) - REFUSED - {INSERTED})
    trial.case(
        key,
        held=len(kept) == 1 and winners == kept and not strange,
        wanted="1 row, of the one who was told so; all others 23505 or 40001",
        seen=f"{len(kept)} rows, {len(winners)} told so"
        + (f", others {', '.join(strange)}" if strange else ""),
    )


async def _insert(line: Any, table: str, key: str, name: str) -> None:
    await line.execute(
        f"INSERT INTO {table} (key, taken_by) VALUES ($1, $2)",  # noqa: S608 - the run's own name.
        key,
        name,
    )


async def _ended(line: Any, insert: Callable[[], Awaitable[None]], *, in_block: bool) -> str:
    try:
        if in_block:
            await in_transaction(line, insert)
        else:
            await insert()
    except asyncpg.PostgresError as error:
        return error.sqlstate or type(error).__name__
    return INSERTED
