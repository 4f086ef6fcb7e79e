"""The promise that what one Region has acknowledged, the other reads at once, and for good."""

from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.trial import Trial
from worldseat.acceptance.undisturbed import again, in_transaction
from worldseat.domain.acceptance import Promise


def planned(amounts: Amounts) -> Load:
    """Return what is sent: a small transaction and a read of it."""
    each = Load(messages=4, transactions=1, bytes_up=800, bytes_down=700)
    return each.times(2 * amounts.reads_each_way) + Load(messages=30, bytes_up=20_000)


async def check(ground: Ground, trial: Trial) -> Promise:
    """Write through one Region and read through the other, in turn; at the end count the rows."""
    table, wanted = ground.tables.reads, 2 * ground.amounts.reads_each_way
    trial.expect(wanted + 1)
    acknowledged: list[int] = []
    missed = 0
    async with AsyncExitStack() as stack:
        lines = {
            region: await stack.enter_async_context(ground.connected(region))
            for region in ground.regions
        }
        for number in range(wanted):
            if not trial.goes_on():
                break
            writer = ground.regions[number % 2]
            reader = ground.other_than(writer)
            write = partial(_write, lines[writer], table, number, writer)
            if number % 4 > 1:
                write = partial(in_transaction, lines[writer], write)
            await again(write)
            acknowledged.append(number)
            seen = await again(partial(_read, lines[reader], table, number))
            missed += seen != writer
            trial.case(
                f"row {number}, from {writer}",
                held=seen == writer,
                wanted=f"{reader} reads it at once",
                seen="it is not there" if seen is None else f"written by {seen}",
            )
        await _judge_the_end(trial, lines, table, acknowledged)
    return trial.ended(
        f"{len(acknowledged) - missed} of {len(acknowledged)} rows that one Region had "
        f"acknowledged were read through the other at once; at the end they were counted in both."
    )


async def _judge_the_end(
    trial: Trial, lines: dict[str, Any], table: str, acknowledged: list[int]
) -> None:
    counts = {
        region: await line.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
        for region, line in lines.items()
    }
    trial.case(
        "all rows at the end",
        held=set(counts.values()) == {len(acknowledged)},
        wanted=f"{len(acknowledged)} rows in both Regions",
        seen=", ".join(f"{count} in {region}" for region, count in counts.items()),
        listed=True,
    )


async def _write(line: Any, table: str, number: int, region: str) -> None:
    await line.execute(
        f"INSERT INTO {table} (id, written_by) VALUES ($1, $2)",  # noqa: S608 - the run's own name.
        number,
        region,
    )


async def _read(line: Any, table: str, number: int) -> str | None:
    found: str | None = await line.fetchval(
        f"SELECT written_by FROM {table} WHERE id = $1",  # noqa: S608 - the run's own name.
        number,
    )
    return found
