"""`worldseat accept`: try on two endpoints everything that a sale relies on, and report it."""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import uvloop
from cyclopts import App, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table

from worldseat import bootstrap, telemetry
from worldseat.acceptance import latency
from worldseat.acceptance.amounts import RUNS_MAX, Amounts
from worldseat.acceptance.load import Load, usd
from worldseat.acceptance.plan import AROUND, NAMES, PLAN, total
from worldseat.cli import accept_files, accept_show, endpoints_file
from worldseat.cli.accept_sign import sign
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, errors, print_json
from worldseat.domain.acceptance import Promise, Report, Standing
from worldseat.domain.cost import PRICES
from worldseat.domain.errors import BadRequest
from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.settings import Settings

app = App(
    name="accept",
    help="Try on two endpoints everything that a sale relies on, and report it.",
)
app.command(accept_show.show)
app.command(sign)

_Done = TypeVar("_Done")

FOLDER = "acceptance"
LIMIT_USD = 5.0
LIMIT_USD_MAX = 10_000


@app.default
def accept(
    *,
    endpoints: Path | None = None,
    runs: int = 20,
    only: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    limit_usd: float = LIMIT_USD,
    out: Path | None = None,
    dry_run: bool = False,
    yes: bool = False,
    json: bool = False,
    where: Where = HERE,
) -> int:
    """Put every promise to the test, and write a sealed report.

    It makes tables of its own and drops them, sells on a rehearsal of its own that stays, and cuts
    its own connections. Changing the schema makes transactions under way begin again: do not run it
    during a sale. The database behind the endpoints keeps the report, unless it is of --only some
    promises or of fewer than 5 --runs; `worldseat accept show FILE --keep` keeps any.

    Exit status 0: every promise was tried and held. 1: not so, and the last lines say which. 2: the
    run could not begin.

    Parameters
    ----------
    endpoints:
        The file with both Regions' addresses, as `worldseat cluster create` writes it, with the
        role admin. Without it the addresses of the environment, or the local cluster.
    runs:
        Stampedes per code and arrival. What else is tried grows with it.
    only:
        Only these promises. All others count as not tried.
    limit_usd:
        The most that the run may cost, by an upper estimate of what it really sent: 0 to 10,000.
    out:
        The folder for the report: a JSON file, and a page. Without it, `acceptance` under --home.
    dry_run:
        Say what would be done and what it would cost. Nothing is sent, and no database needed.
    yes:
        Do not ask before money is spent.
    json:
        Print the report as one JSON object; with --dry-run, the plan.
    """
    amounts, wanted = _amounts(runs), _wanted(only)
    # Written so that no limit at all, `nan`, is refused too.
    if not 0 <= limit_usd <= LIMIT_USD_MAX:
        raise BadRequest(
            f"--limit-usd is 0 to {LIMIT_USD_MAX:,} dollars.", next_step="Choose another limit."
        )
    settings = where.settings()
    if endpoints is not None:
        settings = replace(settings, database_urls=endpoints_file.read(endpoints))
    if dry_run:
        _tell_plan(settings, amounts, wanted, limit_usd, json=json)
        return 0
    if not _may_begin(settings, amounts, wanted, limit_usd, yes=yes):
        errors.print("Nothing was sent.")
        return 1
    folder = settings.home / FOLDER if out is None else out
    accept_files.make_ready(folder)
    report, not_kept = _run(settings, amounts, wanted, limit_usd, quiet=json)
    written = accept_files.write(report, folder)
    if json:
        print_json({"passed": report.passed, "report": report})
    else:
        accept_show.tell(report)
        console.print(f"\n{written}\n{written.with_suffix('.html')}", markup=False, soft_wrap=True)
    if not_kept:
        errors.print(f"The report is not kept in the database: {not_kept}.", markup=False)
    _name_what_broke(report)
    return 0 if report.passed else 1


def _amounts(runs: int) -> Amounts:
    if not 1 <= runs <= RUNS_MAX:
        raise BadRequest(f"--runs is 1 to {RUNS_MAX}.", next_step="Choose another number.")
    return Amounts(runs=runs)


def _wanted(only: Sequence[str] | None) -> tuple[str, ...]:
    unknown = sorted(set(only or ()) - set(NAMES))
    if unknown:
        raise BadRequest(
            f"There is no promise {unknown[0][:40]!r}.", next_step=f"There are {', '.join(NAMES)}."
        )
    return tuple(name for name in NAMES if not only or name in only)


def _tell_plan(
    settings: Settings, amounts: Amounts, wanted: Sequence[str], limit_usd: float, *, json: bool
) -> None:
    """Say each promise, what it would send, and the estimate."""
    loads = {each.name: each.load(amounts) for each in PLAN if each.name in wanted}
    loads[latency.NAME] = latency.planned(amounts)
    loads["around"] = AROUND
    told = {each.name: each.how for each in PLAN}
    told[latency.NAME] = f"{amounts.commits_each} commits timed in each Region"
    told["around"] = "tables of its own, a rehearsal of its own, and the Witness reading it"
    estimated = usd(total(amounts, tuple(wanted)))
    hosts = {
        region: urlsplit(url).hostname for region, url in settings.database_urls.items()
    } or dict.fromkeys(settings.regions, LOCAL_CLUSTER)
    if json:
        print_json(
            {
                "endpoints": hosts,
                "estimated_usd": round(estimated, 4),
                "limit_usd": limit_usd,
                "prices": PRICES.as_of,
                "promises": [
                    {"name": name, "how": told[name], "load": load, "usd": round(usd(load), 4)}
                    for name, load in loads.items()
                ],
            }
        )
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("promise", "what is done"):
        table.add_column(column)
    for column in ("statements", "writing", "MB", "at most"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, load in loads.items():
        table.add_row(name, told[name], *_row(load))
    for region, host in hosts.items():
        console.print(f"{region}: {host}", markup=False, soft_wrap=True)
    console.print(table)
    _tell_cost(estimated, limit_usd, on=console)
    console.print("Nothing was sent.")


def _row(load: Load) -> tuple[str, str, str, str]:
    megabytes = (load.bytes_up + load.bytes_down) / 1e6
    return (
        f"{load.messages:,.0f}",
        f"{load.transactions:,.0f}",
        f"{megabytes:,.1f}",
        f"${usd(load):.3f}",
    )


def _tell_cost(estimated: float, limit_usd: float, *, on: Console) -> None:
    on.print(
        f"Estimated cost on AWS: ${estimated:.2f} at most, by AWS's prices of {PRICES.as_of}, "
        f"storage left out; the run stops at ${limit_usd:.2f}.",
        soft_wrap=True,
    )
    if estimated > limit_usd:
        on.print("That is more than the limit: it may end before everything was tried.")


def _may_begin(
    settings: Settings, amounts: Amounts, wanted: Sequence[str], limit_usd: float, *, yes: bool
) -> bool:
    """Say what it costs, and ask where it costs anything. Raises BadRequest if nobody can be."""
    if not bootstrap.costs_money(settings):
        return True
    estimated = usd(total(amounts, tuple(wanted)))
    # Standard output may be a program's, which wants the report and nothing else.
    _tell_cost(estimated, limit_usd, on=errors)
    if yes:
        return True
    if not sys.stdin.isatty():
        raise BadRequest(
            "Nothing was sent, for nobody can be asked here.",
            next_step="Say --yes if this money may be spent.",
        )
    return errors.input("Go on? Type yes: ").strip() == "yes"


def _run(
    settings: Settings,
    amounts: Amounts,
    wanted: Sequence[str],
    limit_usd: float,
    *,
    quiet: bool,
) -> tuple[Report, str]:
    # What is cut on purpose is no news.
    telemetry.configure(json=not sys.stderr.isatty(), level=logging.ERROR)
    with Progress(
        TextColumn("{task.description:<18}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=errors,
        transient=True,
        disable=quiet or not errors.is_terminal,
    ) as bars:
        shown: dict[str, TaskID] = {}

        def progress(name: str, done: int, of: int) -> None:
            if name not in shown:
                shown[name] = bars.add_task(name)
            bars.update(shown[name], completed=done, total=of)

        def promise(found: Promise) -> None:
            if not quiet and found.standing is not Standing.NOT_TRIED:
                bars.console.print(f"{found.took_s:6.1f} s  {found.standing:<6}  {found.name}")

        trying = bootstrap.accept(
            settings,
            amounts=amounts,
            only=wanted,
            limit_usd=limit_usd,
            on_progress=progress,
            on_promise=promise,
        )
        try:
            return uvloop.run(_unless_terminated(trying))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def _unless_terminated(trying: Coroutine[Any, Any, _Done]) -> _Done:
    """Stop at SIGTERM as at Ctrl-C: the run takes its tables away before it ends."""
    task = asyncio.create_task(trying)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def _name_what_broke(report: Report) -> None:
    """Name each broken promise with its first broken case, and what was not tried."""
    for each in report.promises:
        if each.standing is Standing.BROKEN:
            case = next((case for case in each.cases if not case.held), None)
            told = f"{case.name}: wanted {case.wanted}, seen {case.seen}" if case else each.seen
            line = f"BROKEN {each.name}: {told}"
            errors.print(line, style="bold red", markup=False, soft_wrap=True)
    for each in report.promises:
        if each.standing is Standing.NOT_TRIED:
            errors.print(f"Not tried {each.name}: {each.seen}", markup=False, soft_wrap=True)
