"""The promise of snapshot isolation across Regions: the recorded cases end as recorded."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from worldseat.acceptance.ground import Ground
from worldseat.acceptance.hermitage import BEGIN, CASES, CONFLICT, ROWS, Step, tell, wanted
from worldseat.acceptance.load import Load
from worldseat.acceptance.trial import Trial
from worldseat.domain.acceptance import Promise

PATIENCE_S = 5.0
"""Long for an answer over any distance, and short for a lock that somebody would wait for."""

TRIES = 3
"""A case that met a change of the schema elsewhere (40001 where none is due) is told again."""


def planned() -> Load:
    """Return what is sent: some ten statements of each case, and its rows made anew."""
    return Load(messages=420, transactions=420, bytes_up=110_000, bytes_down=120_000)


async def check(ground: Ground, trial: Trial) -> Promise:
    """Tell every case, session 1 in the first Region and sessions 2 and 3 in the second."""
    trial.expect(len(CASES))
    one, other = ground.regions
    for name, steps in CASES.items():
        trial.goes_on()
        ended = await _undisturbed(ground, one, other, steps)
        number, sql, must, did = _difference(steps, ended)
        trial.case(
            name,
            held=ended == wanted(steps),
            wanted=f"session {number}, {sql}: {must}" if sql else "every step as recorded",
            seen=f"{did}",
        )
    held = trial.tried - trial.broken
    return trial.ended(
        f"{held} of {trial.tried} recorded cases ended as recorded, "
        f"with one session in {one} and two in {other}."
    )


async def _undisturbed(ground: Ground, one: str, other: str, steps: Sequence[Step]) -> list[object]:
    ended = await _told(ground, one, other, steps)
    for _ in range(TRIES - 1):
        if not _disturbed(ended, wanted(steps)):
            break
        ended = await _told(ground, one, other, steps)
    return ended


async def _told(ground: Ground, one: str, other: str, steps: Sequence[Step]) -> list[object]:
    async with AsyncExitStack() as stack:
        sessions: dict[int, Any] = {
            number: await stack.enter_async_context(ground.connected(region))
            for number, region in ((1, one), (2, other), (3, other))
        }
        await _make_rows(sessions[1], ground.tables.pairs)
        return await tell(sessions, steps, ground.tables.pairs, patience_s=PATIENCE_S)


async def _make_rows(line: Any, table: str) -> None:
    await line.execute(BEGIN)
    await line.execute(f"DELETE FROM {table}")  # noqa: S608 - the run's own name.
    for key, value in ROWS:
        await line.execute(
            f"INSERT INTO {table} (id, value) VALUES ({key}, {value})"  # noqa: S608
        )
    await line.execute("COMMIT")


def _disturbed(ended: list[object], must: list[object]) -> bool:
    return any(did == CONFLICT != due for did, due in zip(ended, must, strict=True))


def _difference(steps: Sequence[Step], ended: list[object]) -> tuple[int, str, object, object]:
    """Return the first step that ended otherwise, or nothing and what to say then."""
    for (number, sql, must), did in zip(steps, ended, strict=True):
        if must != did:
            return number, sql.format(t="t"), must, did
    return 0, "", "", "every step as recorded"
