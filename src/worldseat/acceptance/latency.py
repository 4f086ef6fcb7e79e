"""How long a COMMIT takes through each Region's endpoint, straight from here to it."""

import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import asyncpg

from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.hermitage import BEGIN
from worldseat.acceptance.load import Load
from worldseat.acceptance.trial import LimitReached
from worldseat.acceptance.undisturbed import again
from worldseat.domain.acceptance import Latency

NAME = "latency"

_EACH = Load(messages=3, transactions=1, bytes_up=500, bytes_down=300)


def planned(amounts: Amounts) -> Load:
    """Return what is sent: one small row per commit."""
    return _EACH.times(2 * amounts.commits_each)


async def measure(
    ground: Ground, found: list[Latency], on_progress: Callable[[str, int, int], None]
) -> None:
    """Commit small rows, one after the other, and time each COMMIT; add the figures to `found`.

    Raises LimitReached once the run has cost as much as it may, with what was timed until then in
    `found`, and what the driver raises.
    """
    each, total = ground.amounts.commits_each, ground.amounts.commits_each * len(ground.regions)
    for place, region in enumerate(ground.regions):
        took_ms: list[float] = []
        async with ground.connected(region, directly=True) as line:
            for number in range(each):
                if not ground.within_limit():
                    break
                took_ms.append(await again(partial(_timed, line, ground.tables.commits, number)))
                ground.note(_EACH)
                on_progress(NAME, place * each + number + 1, total)
        if took_ms:
            found.append(_latency(region, took_ms))
        if len(took_ms) < each:
            raise LimitReached


async def _timed(line: Any, table: str, number: int) -> float:
    """Commit one row, and return how long its COMMIT took, in ms."""
    await line.execute(BEGIN)
    try:
        await line.execute(
            f"INSERT INTO {table} (id, number) VALUES ($1, $2)",  # noqa: S608 - the run's own name.
            secrets.token_hex(8),
            number,
        )
    except asyncpg.PostgresError:
        await line.execute("ROLLBACK")
        raise
    sent_s = time.perf_counter()
    await line.execute("COMMIT")
    return (time.perf_counter() - sent_s) * 1000


def _latency(region: str, took_ms: list[float]) -> Latency:
    ordered = sorted(took_ms)
    last = len(ordered) - 1

    def at(share: float) -> float:
        return round(ordered[round(last * share)], 3)

    return Latency(
        region=region,
        commits=len(ordered),
        p50_ms=at(0.50),
        p95_ms=at(0.95),
        p99_ms=at(0.99),
        max_ms=at(1.0),
    )
