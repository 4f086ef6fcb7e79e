"""`worldseat migrate`: bring the schema up to date."""

import uvloop

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, print_json


def migrate(*, json: bool = False, where: Where = HERE) -> int:
    """Bring the schema up to date, one statement per transaction, and print each step.

    Safe to run twice, by two processes, and again after an interruption. Through the first Region
    that answers: the other has it at once. Every WorldSeat does the same when it starts; run this
    before an on-sale opens, for a change of schema makes purchases under way begin again.

    Parameters
    ----------
    json:
        Print one JSON object instead.
    """
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
