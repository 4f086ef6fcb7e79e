"""`worldseat cost`: what tickets cost on Aurora DSQL, from what stored stampedes really sent."""

from typing import Annotated

import msgspec
import uvloop
from cyclopts import Parameter
from rich.table import Table

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.remote import Remote
from worldseat.cli.terminal import console, print_json
from worldseat.domain.errors import BadRequest
from worldseat.domain.run import BUYERS, BUYERS_MAX, BUYERS_MIN
from worldseat.services.costs import TICKETS, TICKETS_MAX, Costs, costs
from worldseat.web.views.costs import CostFigures, costs_view
from worldseat.web.views.costs_words import PARTS


def cost(
    *,
    url: Annotated[str | None, Parameter(env_var="WORLDSEAT_URL")] = None,
    tickets: int = TICKETS,
    buyers: int = BUYERS,
    json: bool = False,
    where: Where = HERE,
) -> int:
    """Estimate DPU and dollars from stored runs; the exit status is 1 when there is none.

    Parameters
    ----------
    url:
        A running WorldSeat (http://…) to ask, or a postgresql:// address.
    tickets:
        How many tickets are sold.
    buyers:
        How many press for each seat where they press: runs of this size are counted.
    json:
        One JSON object on standard output, as `GET /api/costs` answers.
    """
    if not 1 <= tickets <= TICKETS_MAX:
        raise BadRequest(f"--tickets is 1 to {TICKETS_MAX:,}.", next_step="Choose another number.")
    if not BUYERS_MIN <= buyers <= BUYERS_MAX:
        message = f"--buyers is {BUYERS_MIN} to {BUYERS_MAX:,}."
        raise BadRequest(message, next_step="Choose another number.")
    found = uvloop.run(_costs(url, where, tickets=tickets, buyers=buyers))
    if json:
        print_json(found)
    else:
        _print(found)
    return 0 if any(line.counted for line in found.lines) else 1


async def _costs(url: str | None, where: Where, *, tickets: int, buyers: int) -> Costs:
    if url is not None and url.startswith(("http://", "https://")):
        answer = await Remote(url).get(f"/api/costs?tickets={tickets}&buyers={buyers}")
        return msgspec.convert(answer, type=Costs)
    async with bootstrap.services(where.settings(url), work=False) as services:
        runs = await services.matrix.runs()
        return costs(runs, services.store, tickets=tickets, buyers=buyers)


def _print(found: Costs) -> None:
    """Print the table, then what it takes for granted."""
    view = costs_view(found)
    console.print(f"{view.title}. {view.basis}")
    console.print()
    for row in view.rows:
        console.print(f"{row.code} code, {row.case}", style="bold")
        if row.figures is None:
            console.print("  not measured yet: worldseat compare --store dsql --runs 5")
        else:
            console.print(_table(row.figures))
        console.print()
    console.print("What this takes for granted", style="bold")
    for each in view.assumptions:
        console.print(f"- {each}", style="dim")


def _table(figures: CostFigures) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
    table.add_row("  US dollars", figures.usd)
    table.add_row("  DPU", figures.dpu)
    for name, part in zip(PARTS, figures.parts, strict=True):
        table.add_row(f"    {name}", part)
    table.add_row("  per ticket", f"{figures.transactions}: {figures.ends}")
    table.add_row("", f"{figures.statements} statements")
    table.add_row("", f"{figures.written} written, billed as {figures.billed}")
    table.add_row("  kept for a month", figures.kept)
    table.add_row("  from", f"{figures.runs}, {figures.when}, {figures.commits}")
    return table
