"""Fans who buy until they have a definite answer, and what is committed under their claims."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.trial import LimitReached, Trial
from worldseat.domain import ids
from worldseat.domain.errors import OutcomeUnknown, Refused, Unavailable
from worldseat.domain.event import Event

PATIENCE_S = 25.0
"""So long a fan asks again with the same key; the shop's own deadlines are 8 s each."""

ASK_AGAIN_S = 0.1

A_PURCHASE = Load(messages=8, transactions=1, bytes_up=2_600, bytes_down=1_800)
"""One purchase through the shop, on an open connection; measured at the relays."""

_ROWS = "SELECT op_id, kind, fan_id FROM op_log WHERE event_id = $1 AND round_id = $2"


class Answer(StrEnum):
    """What a fan was told in the end."""

    SOLD = "sold"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One claim: what its fan was told, and after how many unknown answers."""

    fan_id: str
    op_id: str
    seat: str
    region: str
    answer: Answer
    unknowns: int
    detail: str = ""


async def buy(
    ground: Ground,
    event: Event,
    *,
    seat: str,
    fan_id: str,
    key: str,
    on_unknown: Callable[[], None] = lambda: None,
) -> Told:
    """Buy one seat; ask again with the same key until the answer is definite, or for too long.

    `on_unknown` is done at every answer that leaves the fan in doubt.
    """
    ends_s = time.monotonic() + PATIENCE_S
    unknowns, detail = 0, ""
    answer = Answer.UNKNOWN
    while True:
        try:
            await ground.shop.buy(fan_id=fan_id, key=key, event_id=event.event_id, seats=[seat])
        except OutcomeUnknown as error:
            unknowns += 1
            on_unknown()
            detail = error.operator or error.message
            if time.monotonic() < ends_s:
                await asyncio.sleep(ASK_AGAIN_S)
                continue
        except (Refused, Unavailable) as error:
            answer, detail = Answer.REFUSED, error.operator or error.message
        else:
            answer, detail = Answer.SOLD, ""
        return Told(
            fan_id=fan_id,
            op_id=ids.op_id(ids.claim_id(fan_id, key), 0),
            seat=seat,
            region=ground.shop.region_of(fan_id),
            answer=answer,
            unknowns=unknowns,
            detail=detail,
        )


@asynccontextmanager
async def judged(
    ground: Ground, trial: Trial, event: Event, told: Sequence[Told]
) -> AsyncIterator[None]:
    """Judge what was told in the end, also where the trial ends before its time.

    Only at the limit nothing more is asked. `told` may grow until then.
    """
    try:
        yield
    except LimitReached:
        raise
    except Exception:
        # Somebody may have bought then and not been told.
        await _judge(ground, trial, event, told, all_told=False)
        raise
    await _judge(ground, trial, event, told, all_told=True)


async def _judge(
    ground: Ground, trial: Trial, event: Event, told: Sequence[Told], *, all_told: bool
) -> None:
    """Hold the answers against op_log, as each Region shows it; then ask the Witness."""
    for region in ground.regions:
        async with ground.connected(region) as line:
            found = await line.fetch(_ROWS, event.event_id, event.current_round_id)
        wrong = list(_contradictions(told, found, all_told=all_told))
        trial.case(
            f"op_log as {region} shows it",
            held=not wrong,
            wanted="every acknowledged sale is in it, no refused one, and nobody else's",
            seen="; ".join(wrong[:3]) or f"{len(found)} rows, as {len(told)} claims were told",
            listed=True,
        )
    await ask_the_witness(ground, trial, event)


async def ask_the_witness(ground: Ground, trial: Trial, event: Event) -> str:
    """Have the Witness judge the round from what was committed; return its verdict in words.

    Raises Unavailable.
    """
    report = await ground.witness.judge(event.event_id, round_id=event.current_round_id)
    trial.case(
        "the Witness on this round",
        held=report.clean,
        wanted="no violation found",
        seen=report.verdict,
        listed=True,
    )
    return report.verdict


def _contradictions(told: Sequence[Told], found: Sequence[Any], *, all_told: bool) -> Iterator[str]:
    sold = {record["op_id"]: record["fan_id"] for record in found if record["kind"] == "sell"}
    for each in told:
        owner = sold.pop(each.op_id, None)
        if each.answer is Answer.SOLD and owner != each.fan_id:
            yield f"{each.seat} was acknowledged and is not in it ({each.op_id})"
        elif each.answer is Answer.REFUSED and owner is not None:
            yield f"{each.seat} was refused and is in it ({each.op_id})"
    for op_id in sold if all_told else ():
        yield f"{op_id} is in it and nobody asked for it"
