"""`worldseat foil`: the tables of a foil on AWS, which cost money while they exist."""

import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import uvloop
from cyclopts import App, Parameter
from rich.table import Table

from worldseat import bootstrap
from worldseat.cli import aws_calls
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, errors, print_json
from worldseat.domain.errors import BadRequest, Refused, Unavailable
from worldseat.ports.aws_calls import Change
from worldseat.ports.store import Store, TableReport, Tables, TablesRefused, TableState, TableStep

app = App(name="foil", help="Foils: make, look at or remove the tables of one on AWS.")

WAITING = "AWS takes minutes. Ctrl-C stops waiting; the same command goes on from there."
ABSENT = "absent"

DryRun = Annotated[
    bool, Parameter(help="Print every call in order and send none. Needs no credentials.")
]

_Answer = TypeVar("_Answer")


@app.command
def create(*, store: str | None = None, dry_run: DryRun = False, where: Where = HERE) -> int:
    """Make a foil's tables on AWS, and show them. What is there already is left as it is.

    Parameters
    ----------
    store:
        The foil. Without it, every foil that is registered.
    """
    for foil, tables in _foils(where, store):
        if tables is None:
            _say_made_when_used(foil)
            continue
        if dry_run:
            _rehearse(foil, tables, "create")
            continue
        place = _ask(tables.where())
        console.print(f"{foil.title}: {place}", style="bold")
        with _steps() as report:
            _ask(tables.create(report))
        _show(_ask(tables.status()))
    return 0


@app.command
def status(*, store: str | None = None, json: bool = False, where: Where = HERE) -> int:
    """Show where a foil's tables stand; the exit status is 1 when one of them is not ready.

    Parameters
    ----------
    store:
        The foil. Without it, every foil that is registered.
    json:
        One JSON object per foil on standard output.
    """
    ready = True
    for foil, tables in _foils(where, store):
        states = [] if tables is None else _ask(tables.status())
        ready = ready and not any(each.problem for each in states)
        if json:
            print_json(_plain(foil, tables, states))
        elif tables is None:
            _say_made_when_used(foil)
        else:
            console.print(f"{foil.title}: {_ask(tables.where())}", style="bold")
            _show(states)
    return 0 if ready else 1


@app.command
def delete(
    *,
    store: str | None = None,
    yes: bool = False,
    dry_run: DryRun = False,
    where: Where = HERE,
) -> int:
    """Remove a foil's tables from AWS, with all that they hold.

    Parameters
    ----------
    store:
        The foil. Without it, every foil that is registered.
    yes:
        Do not ask.
    """
    for foil, tables in _foils(where, store):
        if tables is None:
            _say_made_when_used(foil)
            continue
        if dry_run:
            _rehearse(foil, tables, "delete")
            continue
        there = [each for each in _ask(tables.status()) if each.status != ABSENT]
        console.print(f"{foil.title}: {_ask(tables.where())}", style="bold")
        if not there:
            console.print("There is nothing to remove.")
            continue
        _show(there)
        if not yes and not _confirmed(there):
            console.print("Nothing was removed.")
            return 1
        with _steps() as report:
            _ask(tables.delete(report))
        console.print("Removed.")
    return 0


def _foils(where: Where, name: str | None) -> Iterator[tuple[Store, Tables | None]]:
    """Give each foil that is meant. Raises UnknownStore, or Unavailable if the only one lacks."""
    built, missing = bootstrap.foils(where.settings(), name)
    for lacking, what in missing.items():
        if name is not None:
            raise Unavailable(f"{lacking} cannot be used here.", next_step=what)
        errors.print(f"{lacking}: {what}", markup=False)
    if not built and not missing:
        errors.print("No foil is registered here.")
    for foil in built:
        yield foil, foil.tables


def _rehearse(foil: Store, tables: Tables, change: Change) -> None:
    title = f"worldseat foil {change} --store {foil.name}"
    aws_calls.show(title, change, _ask(tables.rehearse(change)))


def _ask(call: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Wait for a call about tables; its refusal is told like any other of WorldSeat."""
    try:
        return uvloop.run(call)
    except TablesRefused as error:
        raise Refused(str(error), next_step=error.next_step, operator=error.detail) from error


@contextmanager
def _steps() -> Iterator[TableReport]:
    """Tell each step on standard error, with the seconds since the command began."""
    began = time.monotonic()

    def report(step: TableStep) -> None:
        after = f"{time.monotonic() - began:4.0f} s"
        errors.print(f"{after}  {step.region}  {step.name}  {step.text}", markup=False)

    with errors.status(WAITING):
        yield report


def _show(states: Sequence[TableState]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Region", "table", "status", "version", "consistency", "replicas"):
        table.add_column(column)
    for each in states:
        table.add_row(
            each.region,
            each.name,
            each.status,
            each.version or "–",
            each.consistency or "–",
            ", ".join(f"{region} {status}" for region, status in each.replicas.items()) or "–",
        )
    console.print(table)
    for account in dict.fromkeys(each.account for each in states if each.account):
        console.print(f"account {account}")
    for each in states:
        if each.problem and each.status != ABSENT:
            console.print(f"{each.name} in {each.region}: {each.problem}.", markup=False)
    if any(each.problem for each in states):
        console.print("Not ready: stampedes cannot be fired at it.")


def _confirmed(there: Sequence[TableState]) -> bool:
    """Ask whether the tables may go. Raises BadRequest when nobody can be asked."""
    if not sys.stdin.isatty():
        raise BadRequest(
            "Nothing was removed, for nobody can be asked here.",
            next_step="Say --yes if the tables may go.",
        )
    answer = console.input(f"Remove {len(there)} tables with all that they hold? Type yes: ")
    return answer.strip() == "yes"


def _say_made_when_used(foil: Store) -> None:
    console.print(
        f"{foil.title}: its tables are made when it is first used here, so there is nothing to do. "
        f"{foil.guarantees.elsewhere}".strip(),
        markup=False,
    )


def _plain(foil: Store, tables: Tables | None, states: Sequence[TableState]) -> dict[str, object]:
    return {
        "store": foil.name,
        "title": foil.title,
        "where": None if tables is None else _ask(tables.where()),
        "made_when_used": tables is None,
        "ready": not any(each.problem for each in states),
        "tables": states,
    }
