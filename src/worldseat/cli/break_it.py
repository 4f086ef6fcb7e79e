"""`worldseat break-it`: fire stampedes and count what the database committed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Protocol

import msgspec
import uvloop
from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.remote import Remote, RemoteStampedes
from worldseat.cli.report import RunReport, report_of
from worldseat.cli.target import rehearsal
from worldseat.cli.terminal import console, errors, print_json
from worldseat.domain.errors import BadRequest
from worldseat.domain.run import BUYERS, Arrival, Cell, Reach
from worldseat.domain.seats import Code
from worldseat.services.wiring import Services
from worldseat.web.answers import run_answer

RUNS_MAX = 1_000
POLL_S = 0.1
SEED_LIMIT = 2**31
RUN_ID_SHOWN = 12
"""Enough to recognise a run in 80 columns; --json has the whole id."""

COLUMNS = ("oversold", "confirmed", "refused", "errors", "unknown", "conflicts", "in flight", "ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One stampede as the command line asks for it."""

    cell: Cell
    seat: str | None
    seed: int | None
    event: str | None


class Range(Protocol):
    """Where stampedes are fired: in this process, or in a WorldSeat that runs already."""

    async def start(self, asked: Asked) -> str:
        """Start one and return its run id."""

    async def look(self, run_id: str) -> tuple[int, RunReport | None]:
        """Return how many buyers are answered, and the report once it is over."""


class OwnRange:
    """Fires from this process, at the database."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def start(self, asked: Asked) -> str:
        """Start a stampede on the event that was asked for."""
        event = rehearsal(await self._services.onsale.events(), asked.event)
        run = await self._services.stampedes.start(
            event_id=event.event_id,
            cell=asked.cell,
            seat=asked.seat,
            seed=asked.seed,
        )
        return run.plan.run_id

    async def look(self, run_id: str) -> tuple[int, RunReport | None]:
        """Read the run."""
        run, progress = await self._services.stampedes.run(run_id)
        answer = msgspec.to_builtins(run_answer(run, progress))
        return (progress.answered if progress else 0), report_of(answer)


def break_it(
    *,
    url: Annotated[str | None, Parameter(env_var="WORLDSEAT_URL")] = None,
    store: str = "dsql",
    code: Code = Code.NAIVE,
    seat: str | None = None,
    buyers: int = BUYERS,
    arrival: str = "burst",
    regions: Reach | None = None,
    lag: int | None = None,
    runs: int = 1,
    seed: int | None = None,
    event: str | None = None,
    json: bool = False,
    where: Where = HERE,
) -> int:
    """Send a stampede at one seat, as often as you like, and count the committed sales.

    Parameters
    ----------
    url:
        A running WorldSeat (http://…) that fires for us, or a postgresql:// address. Without it the
        stampede is fired from here, at the database under --home.
    store:
        Which database: `dsql`, or a foil that is installed.
    code:
        Which purchase code the buyers run.
    seat:
        The target, such as A1. Without it the first open seat.
    buyers:
        2 to 1,000; they alternate between the Regions.
    arrival:
        `burst`, or `spread:200ms`.
    regions:
        Through how many Regions the buyers come. Without it, through all that the store writes in.
    lag:
        The replication's lag in ms, for a foil where it can be chosen.
    runs:
        How many stampedes, one after the other; the seat is reopened between them.
    seed:
        Makes the buyers the same again; each further run adds one.
    event:
        The event's id. Without it the oldest rehearsal.
    json:
        One JSON object per run on standard output.
    """
    if not 1 <= runs <= RUNS_MAX:
        raise BadRequest(f"--runs is 1 to {RUNS_MAX:,}.", next_step="Choose another number.")
    try:
        arrives = Arrival.parse(arrival)
    except ValueError as error:
        raise BadRequest(str(error), next_step="For example --arrival spread:200ms.") from error
    cell = Cell(store=store, code=code, arrival=arrives, reach=regions, lag_ms=lag, buyers=buyers)
    asked = Asked(cell=cell, seat=seat, seed=seed, event=event)
    reports = uvloop.run(_fire(url, where, asked, runs, json=json))
    if not json:
        _summary(reports)
    return 0 if all(each.passed for each in reports) else 1


@asynccontextmanager
async def _range(url: str | None, where: Where) -> AsyncIterator[Range]:
    if url is not None and url.startswith(("http://", "https://")):
        yield RemoteStampedes(Remote(url))
    else:
        async with bootstrap.services(where.settings(url), work=False) as services:
            yield OwnRange(services)


async def _fire(
    url: str | None, where: Where, asked: Asked, runs: int, *, json: bool
) -> list[RunReport]:
    """Fire all runs, one after the other, at the seat that the first one found."""
    reports: list[RunReport] = []
    async with _range(url, where) as firing:
        with _bars(json=json) as bars:
            for number in range(runs):
                report = await _one(firing, asked, bars, f"run {number + 1} of {runs}")
                reports.append(report)
                if json:
                    print_json(report)
                next_seed = None if asked.seed is None else (asked.seed + 1) % SEED_LIMIT
                asked = replace(asked, seat=report.seat, seed=next_seed)
    return reports


async def _one(firing: Range, asked: Asked, bars: Progress, title: str) -> RunReport:
    run_id = await firing.start(asked)
    bar = bars.add_task(title, total=asked.cell.buyers)
    while True:
        answered, report = await firing.look(run_id)
        if report is not None:
            bars.remove_task(bar)
            return report
        bars.update(bar, completed=answered)
        await asyncio.sleep(POLL_S)


def _bars(*, json: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("answered"),
        console=errors,
        transient=True,
        disable=json or not errors.is_terminal,
    )


def _summary(reports: list[RunReport]) -> None:
    first = reports[0]
    played = first.stand_in or "AWS"
    through = first.regions[0] if len(first.regions) == 1 else f"{len(first.regions)} Regions"
    console.print(
        f"\n{first.store} ({played}), {first.code}, {first.arrival}, "
        f"{first.buyers} buyers through {through} at {first.seat}"
    )
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    table.add_column("run")
    for title in COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    for each in reports:
        table.add_row(
            each.run_id[:RUN_ID_SHOWN],
            "none" if each.oversold is None else str(each.oversold),
            str(each.confirmed),
            str(each.refused),
            str(each.errors),
            str(each.unknown),
            str(each.conflicts),
            str(each.in_flight_max),
            f"{each.duration_ms:.0f}",
        )
    console.print(table)
    measured = [each for each in reports if each.oversold is not None]
    clean = sum(each.oversold == 0 for each in measured)
    console.print(f"\nOversold 0 in {clean} of {len(measured)} runs, counted from committed rows.")
    if len(measured) < len(reports):
        console.print(f"{len(reports) - len(measured)} runs gave no result: nobody was confirmed.")
    for text in dict.fromkeys(each.verdict for each in reports):
        console.print(f"The Witness: {text}")
