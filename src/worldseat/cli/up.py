"""`worldseat up`: start everything and serve until Ctrl-C."""

import os
from dataclasses import replace
from typing import Annotated

import uvloop
from cyclopts import Parameter

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console
from worldseat.domain.errors import BadRequest
from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS, Settings
from worldseat.web.app import create_app
from worldseat.web.leaving import Leaving
from worldseat.web.server import serve

TOKEN_LENGTH_MIN = 16
DRAIN_MAX_S = 3_600


def up(
    *,
    port: Annotated[int, Parameter(env_var="PORT")] = 8000,
    host: Annotated[str, Parameter(env_var="WORLDSEAT_HOST")] = "127.0.0.1",
    region: Annotated[str | None, Parameter(env_var="WORLDSEAT_REGION")] = None,
    drain_s: Annotated[float, Parameter(env_var="WORLDSEAT_DRAIN_S")] = 0,
    where: Where = HERE,
) -> None:
    """Start WorldSeat: the database, the seeded events, the pages. Ctrl-C stops all of it.

    Break it and Reset are open only on a loopback address; elsewhere they need the operator token
    in WORLDSEAT_OPERATOR_TOKEN.

    Parameters
    ----------
    region:
        The Region where this process stands: it serves all its fans there, and through the other
        while that is away. Without it, fans are spread over both.
    drain_s:
        How long it goes on serving after SIGTERM, for a load balancer to see it leave: /healthz
        says 503 at once. A second signal ends it. Ctrl-C never waits.
    """
    token = os.environ.get("WORLDSEAT_OPERATOR_TOKEN")
    if token is not None and len(token) < TOKEN_LENGTH_MIN:
        raise BadRequest(
            f"The operator token is shorter than {TOKEN_LENGTH_MIN} characters.",
            next_step="Choose a longer WORLDSEAT_OPERATOR_TOKEN.",
        )
    settings = replace(
        where.settings(), host=host, port=port, operator_token=token, region=_known(region)
    )
    if not 0 <= drain_s <= DRAIN_MAX_S:
        raise BadRequest(
            f"A server cannot drain for {drain_s:g} s.",
            next_step=f"Choose 0 to {DRAIN_MAX_S} for WORLDSEAT_DRAIN_S.",
        )
    uvloop.run(_serve(settings, Leaving(drain_s)))


def _known(region: str | None) -> str | None:
    if region is not None and region not in REGIONS:
        raise BadRequest(
            f"There is no Region {region[:80]!r} that takes writes.",
            next_step=f"Say {' or '.join(REGIONS)} in WORLDSEAT_REGION, or nothing for both.",
        )
    return region


async def _serve(settings: Settings, leaving: Leaving) -> None:
    async with bootstrap.services(settings) as services:
        await serve(
            create_app(services, leaving),
            settings,
            services.feed.close,
            leaving=leaving,
            on_ready=lambda host, port: _welcome(services, host, port),
        )


def _welcome(services: Services, host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    base = f"http://{shown}:{port}"
    stand_in = services.store.stand_in
    console.print(f"\n[bold]WorldSeat[/bold] is open at [bold]{base}[/bold]")
    if stand_in:
        what = (
            f"the {stand_in}" if stand_in == LOCAL_CLUSTER else f"{stand_in}, behind both Regions,"
        )
        console.print(f"On this machine {what} stands in for Aurora DSQL.", soft_wrap=True)
    if services.settings.region:
        console.print(f"It stands in {services.settings.region} and serves all its fans there.")
    console.print(f"""
  {base}/         the command center
  {base}/compare  the same code on every database
  {base}/proof    every claim beside its runs
  {base}/regions  how the Regions stand

On the page: click a seat and press Buy, or press Break it.
From another terminal:
  .venv/bin/worldseat break-it --runs 3    60 buyers, one seat, three times
  .venv/bin/worldseat witness              judge the whole floor
  .venv/bin/worldseat doctor               check everything

Ctrl-C stops it. What was sold stays.""")
