"""What commands print: tables and bars for people, JSON for programs, errors as sentences."""

import sys
from typing import Any

import msgspec
from rich.console import Console

from worldseat import telemetry

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON object on one line."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def complain(message: str, next_step: str, operator: str = "") -> None:
    """Say on standard error what happened, what to do, and the detail for operators."""
    errors.print(f"[bold]{_plain(message)}[/bold]")
    errors.print(_plain(next_step))
    if operator:
        errors.print(f"[dim]{_plain(operator)}[/dim]")


def _plain(text: str) -> str:
    """Return the text without secrets, its brackets kept from being read as markup."""
    return telemetry.redact_text(text).replace("[", "\\[")
