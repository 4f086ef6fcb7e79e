"""`worldseat reset`: open a new round of a rehearsal."""

import uvloop

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.target import rehearsal
from worldseat.cli.terminal import console, print_json


def reset(*, event: str | None = None, json: bool = False, where: Where = HERE) -> int:
    """Open a new round of a rehearsal: every seat is open again, and nothing is deleted.

    Parameters
    ----------
    event:
        The event's id. Without it the oldest rehearsal.
    json:
        Print one JSON object.
    """
    event_id, round_id = uvloop.run(_reset(where, event))
    if json:
        print_json({"event_id": event_id, "round_id": round_id})
    else:
        console.print(f"{event_id} now shows {round_id}. Tickets of older rounds are void.")
    return 0


async def _reset(where: Where, wanted: str | None) -> tuple[str, str]:
    async with bootstrap.services(where.settings(), work=False) as services:
        event = rehearsal(await services.onsale.events(), wanted)
        return event.event_id, await services.onsale.reset(event.event_id)
