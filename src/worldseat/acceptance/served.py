"""Waiting until a Region's fans are served through its own endpoint, and by no other."""

import asyncio
import time

from worldseat.acceptance.ground import Ground
from worldseat.acceptance.trial import CannotTry, Trial

WITHIN_S = 15.0
LOOK_S = 0.02


async def serves_its_own(ground: Ground, region: str) -> None:
    """Wait until a Region's fans are served through its own endpoint. Raises CannotTry."""
    ends_s = time.monotonic() + WITHIN_S
    while ground.figures(region).served_by != region:
        if time.monotonic() > ends_s:
            state = ground.figures(region).state
            raise CannotTry(f"{region} does not serve its own fans: {state}")
        await asyncio.sleep(LOOK_S)


async def all_serve_their_own(ground: Ground) -> None:
    """Wait until every Region does. Raises CannotTry."""
    for region in ground.regions:
        await serves_its_own(ground, region)


async def serves_again(ground: Ground, trial: Trial, region: str) -> None:
    """Wait for a Region that something was done to: that it never serves again breaks the promise.

    Raises CannotTry then, as nothing more can be tried.
    """
    try:
        await serves_its_own(ground, region)
    except CannotTry as error:
        trial.case(
            f"{region} serves its own fans again",
            held=False,
            wanted=f"within {WITHIN_S:.0f} s",
            seen=str(error),
            listed=True,
        )
        raise
