"""`worldseat witness`: judge a round from its committed history."""

import uvloop
from rich.table import Table

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.target import rehearsal
from worldseat.cli.terminal import console, print_json
from worldseat.domain.verdict import Report

SHOWN_MAX = 20


def witness(
    *,
    event: str | None = None,
    round: str | None = None,  # noqa: A002 - the trade's word, and the option's name
    seat: str | None = None,
    json: bool = False,
    where: Where = HERE,
) -> int:
    """Judge a floor, or one seat of it: forks, lost sales, phantoms, sources that disagree.

    Parameters
    ----------
    event:
        The event's id. Without it the oldest rehearsal.
    round:
        A round such as rehearsal-1. Without it the current one.
    seat:
        One seat, such as A1.
    json:
        Print the whole report as one JSON object.
    """
    report = uvloop.run(_judge(where, event, round, seat))
    if json:
        print_json(report)
    else:
        _tell(report)
    return 0 if report.clean else 1


async def _judge(where: Where, event: str | None, round_id: str | None, seat: str | None) -> Report:
    async with bootstrap.services(where.settings(), work=False) as services:
        events = await services.onsale.events()
        known = {each.event_id for each in events}
        event_id = event if event in known else rehearsal(events, event).event_id
        return await services.witness.judge(event_id, round_id=round_id, seat=seat)


def _tell(report: Report) -> None:
    console.print(f"\n[bold]{report.verdict}[/bold]\n")
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("event", report.event_id),
        ("round", report.round_id),
        ("operations judged", f"{report.operations:,}"),
        ("histories judged", f"{report.histories:,}"),
        ("committed transitions", f"{report.transitions:,}"),
        ("seats", f"{report.seats:,}"),
        ("unknown outcomes, unresolved", f"{report.unknowns.unresolved:,}"),
    ):
        table.add_row(name, value)
    console.print(table)
    if report.seat is not None:
        console.print(f"\nSeat {report.seat.seat}: {report.seat.verdict}", markup=False)
        console.print(f"app, log, seat table: {report.seat.sources.equation}", markup=False)
    for violation in report.violations[:SHOWN_MAX]:
        console.print(f"\n{violation.fault}: {violation.sentence}", markup=False)
        console.print(violation.operator, style="dim", markup=False)
    if report.violation_count > SHOWN_MAX:
        console.print(f"\nand {report.violation_count - SHOWN_MAX} more (see --json)")
