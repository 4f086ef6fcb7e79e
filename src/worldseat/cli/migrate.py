"""`worldseat migrate`: bring the schema up to date."""

import uvloop

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, print_json


def migrate(*, dry_run: bool = False, json: bool = False, where: Where = HERE) -> int:
    """Bring the schema up to date, one statement per transaction, and print each step.

    Safe to run twice, by two processes, and again after an interruption. Through the first Region
    that answers: the other has it at once. Every WorldSeat does the same when it starts; run this
    before an on-sale opens, for a change of schema makes purchases under way begin again. It needs
    addresses of the role admin; `worldseat cluster grant` then gives the app's role what is new.

    Parameters
    ----------
    dry_run:
        Print every statement that an empty database is sent, in order, and touch nothing.
    json:
        Print one JSON object instead.
    """
    if dry_run:
        return _print_planned(json=json)
    steps: list[str] = []

    def report(text: str) -> None:
        steps.append(text)
        if not json:
            console.print(text, markup=False)

    ran = uvloop.run(bootstrap.migrate(where.settings(), report))
    if json:
        print_json({"ran": ran, "steps": steps})
    elif ran:
        console.print(f"{ran} statements ran. The schema is up to date.")
    else:
        console.print("Nothing to do: the schema is up to date.")
    return 0


def _print_planned(*, json: bool) -> int:
    planned = bootstrap.planned_migration()
    if json:
        print_json({"statements": [{"what": what, "sql": sql} for what, sql in planned]})
        return 0
    for what, sql in planned:
        console.print(f"-- {what}\n{sql}\n", markup=False, soft_wrap=True)
    return 0
