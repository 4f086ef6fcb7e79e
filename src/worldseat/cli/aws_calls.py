"""How a dry run is told: the calls that would be sent, in their order, and that none was."""

import json
import sys
from collections.abc import Sequence

from worldseat.cli.terminal import console, print_json
from worldseat.ports.aws_calls import AwsCall, Change

BEGINS = {"create": "where nothing is there yet", "delete": "where all is there"}


def show(title: str, change: Change, calls: Sequence[AwsCall]) -> None:
    """Print one line per call: service, Region, operation, and all parameters as JSON."""
    console.print(f"{title} (dry run: nothing was sent)", style="bold")
    console.print(f"These calls would be, in this order, {BEGINS[change]}:")
    unknown = False
    for each in calls:
        words = json.dumps(each.params, ensure_ascii=False)
        unknown = unknown or "<" in words
        # Not by rich, which would break long lines.
        sys.stdout.write(f"{each.service} {each.region} {each.operation} {words}\n")
    console.print("Calls that only look would be repeated until AWS is done.")
    if unknown:
        console.print("What stands in <angle brackets> is known only when they are sent.")


def show_json(title: str, change: Change, calls: Sequence[AwsCall]) -> None:
    """Print the same as one JSON object."""
    print_json({"command": title, "sent": False, "begins": BEGINS[change], "calls": calls})
