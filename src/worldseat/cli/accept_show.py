"""`worldseat accept show`: what a report file says, and whether it still says what was measured."""

from pathlib import Path

import uvloop
from rich.table import Table
from rich.text import Text

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, print_json
from worldseat.domain.acceptance import Promise, Report, Standing, is_sealed
from worldseat.domain.acceptance_file import SIZE_MAX, read_report
from worldseat.web.views.acceptance import Verdict, counted, spent_words, verdict
from worldseat.web.views.run import ran_on

_MARKS = {Standing.HELD: "✓", Standing.BROKEN: "✕", Standing.NOT_TRIED: "–"}
_STYLES = {Standing.HELD: "green", Standing.BROKEN: "bold red", Standing.NOT_TRIED: "dim"}


def show(file: Path, /, *, keep: bool = False, json: bool = False, where: Where = HERE) -> int:
    """Show what a report file of `worldseat accept` says, and check its seal.

    Exit status 0: the seal is whole and every promise was tried and held. 1: not so. 2: the file is
    no report, or could not be kept.

    Parameters
    ----------
    file:
        The JSON file of the report.
    keep:
        Keep the report in this WorldSeat's database as well, so that its pages show it. A report
        with a broken seal is refused.
    json:
        Print one JSON object instead of tables.
    """
    report = read(file)
    if keep:
        uvloop.run(_keep(report, where))
    if json:
        print_json({"sealed": is_sealed(report), "passed": report.passed, "report": report})
    else:
        tell(report)
        if keep:
            console.print(f"\nKept. Its page: /acceptance/{report.report_id}", markup=False)
    return 0 if is_sealed(report) and report.passed else 1


def read(file: Path) -> Report:
    """Return the report of a file. Raises OSError or ReportRefused."""
    with file.open("rb") as opened:
        return read_report(opened.read(SIZE_MAX + 1))


def tell(report: Report) -> None:
    """Print a report for people: the verdict first, then every promise."""
    told = verdict(report)
    console.print(Text.assemble("\n", (_marked(told), _style(told))))
    for sentence in told.sentences:
        console.print(sentence, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("promise", ratio=2)
    table.add_column("tried", ratio=1)
    table.add_column("what was seen", ratio=4)
    for each in report.promises:
        mark = Text(_MARKS[each.standing], style=_STYLES[each.standing])
        table.add_row(mark, Text(each.title), Text(counted(each)), Text(_seen(each)))
    console.print()
    console.print(table)
    console.print(f"\non {ran_on(report.stand_in)}", markup=False)
    for region, host in report.endpoints.items():
        console.print(f"  {region}: {host}", markup=False, style="dim")
    console.print(
        f"{report.started_at} to {report.finished_at}, WorldSeat {report.version}, "
        f"commit {report.git_commit}",
        markup=False,
    )
    console.print(spent_words(report), markup=False)
    for note in report.notes:
        console.print(note, markup=False, style="dim")
    seal = "whole" if is_sealed(report) else "BROKEN"
    console.print(f"seal {seal}: SHA-256 {report.digest or 'none'}", markup=False)
    for sign_off in report.signed_off:
        note = f": {sign_off.note}" if sign_off.note else ""
        console.print(f"signed off by {sign_off.by}, {sign_off.at}{note}", markup=False)
    if not report.signed_off:
        console.print("not signed off")


async def _keep(report: Report, where: Where) -> None:
    async with bootstrap.services(where.settings(), work=False) as services:
        await services.acceptances.keep(report)


def _seen(promise: Promise) -> str:
    failed = [f"{case.name}: {case.seen}" for case in promise.cases if not case.held]
    return "\n".join([promise.seen, *failed])


def _marked(told: Verdict) -> str:
    return f"{told.mark} {told.head}"


def _style(told: Verdict) -> str:
    return {"good": "bold green", "bad": "bold red"}.get(told.tone, "bold")
