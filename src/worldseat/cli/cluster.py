"""`worldseat cluster`: the two peered Aurora DSQL clusters on AWS, which cost money."""

import re
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import uvloop
from cyclopts import App, Parameter
from rich.table import Table

from worldseat import bootstrap
from worldseat.cli import aws_calls, cluster_grant, endpoints_file
from worldseat.cli.terminal import console, errors, print_json
from worldseat.domain.errors import BadRequest, Refused
from worldseat.ports.aws_calls import Change
from worldseat.ports.clusters import ClusterReport, Clusters, ClustersRefused, ClusterStep, Pair

app = App(
    name="cluster",
    help="The two Aurora DSQL clusters on AWS: make them, look at them, remove them.",
)
app.command(cluster_grant.grant)

WAITING = "AWS takes minutes. Ctrl-C stops waiting; the same command goes on from there."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_ACCOUNT = re.compile(r"[0-9]{12}")

Name = Annotated[str, Parameter(help="The pair's name: the value of its tag `worldseat`.")]
Account = Annotated[
    str | None, Parameter(help="The account's 12 digits; no other account is touched.")
]
DryRun = Annotated[
    bool, Parameter(help="Print every call in order and send none. Needs no credentials.")
]
AsJson = Annotated[bool, Parameter(help="Print one JSON object on standard output.")]
EndpointsFile = Annotated[
    Path | None, Parameter(name="--endpoints", help="Write both addresses to this file.")
]

_Answer = TypeVar("_Answer")


@app.command
def create(
    *,
    name: Name = "worldseat",
    account: Account = None,
    dry_run: DryRun = False,
    json: AsJson = False,
    endpoints: EndpointsFile = None,
) -> int:
    """Make two peered clusters, us-east-1 and us-east-2, with the witness us-west-2.

    Deletion protection is on. What is there already is left as it is, and what an earlier try left
    half made is completed.
    """
    clusters = _clusters(name, account)
    if dry_run:
        return _rehearse(clusters, name, "create", json=json)
    with _steps() as report:
        pair = _change(clusters, clusters.create(report))
    if endpoints is not None:
        endpoints_file.write(endpoints, pair.urls)
    if json:
        print_json(_plain(pair))
        return 0
    _show(pair)
    _show_addresses(pair, endpoints)
    console.print("Next: worldseat migrate")
    return 0


@app.command
def status(
    *,
    name: Name = "worldseat",
    json: AsJson = False,
    endpoints: EndpointsFile = None,
) -> int:
    """Show how the clusters stand; the exit status is 1 when they cannot be used yet."""
    clusters = _clusters(name, None)
    pair = _ask(clusters.status())
    ready = not pair.problems
    if ready and endpoints is not None:
        endpoints_file.write(endpoints, pair.urls)
    if json:
        print_json(_plain(pair))
        return 0 if ready else 1
    console.print(pair.where, style="bold")
    _show(pair)
    if ready:
        _show_addresses(pair, endpoints)
    elif endpoints is not None:
        console.print(f"{endpoints} was not written.", markup=False)
    return 0 if ready else 1


@app.command
def delete(
    *,
    name: Name = "worldseat",
    account: Account = None,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    dry_run: DryRun = False,
    json: Annotated[bool, Parameter(help="With --dry-run: print one JSON object.")] = False,
) -> int:
    """Remove the clusters with every event, ticket and record in them. AWS keeps no copy."""
    clusters = _clusters(name, account)
    if dry_run:
        return _rehearse(clusters, name, "delete", json=json)
    pair = _ask(clusters.status())
    console.print(pair.where, style="bold")
    if not pair.clusters:
        console.print(f"There are no clusters with the tag worldseat={name}: nothing to remove.")
        return 0
    _show(pair)
    if not yes and not _confirmed(pair):
        console.print("Nothing was removed.")
        return 1
    with _steps() as report:
        _change(clusters, clusters.delete(report))
    console.print("Removed.")
    return 0


def _clusters(name: str, account: str | None) -> Clusters:
    if not _NAME.fullmatch(name):
        raise BadRequest(
            f"{name[:80]!r} cannot be the name of the clusters.",
            next_step="Up to 63 letters, digits, dots, dashes and underscores; a letter first.",
        )
    if account is not None and not _ACCOUNT.fullmatch(account):
        raise BadRequest(
            f"{account[:80]!r} is not an AWS account.", next_step="An account has 12 digits."
        )
    return bootstrap.clusters(name, account)


def _rehearse(clusters: Clusters, name: str, change: Change, *, json: bool) -> int:
    tell = aws_calls.show_json if json else aws_calls.show
    tell(f"worldseat cluster {change} --name {name}", change, _ask(clusters.rehearse(change)))
    return 0


def _ask(call: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Wait for an answer about the clusters; a refusal is told like any other of WorldSeat."""
    try:
        return uvloop.run(call)
    except ClustersRefused as error:
        raise Refused(str(error), next_step=error.next_step, operator=error.detail) from error


def _change(clusters: Clusters, call: Coroutine[Any, Any, _Answer]) -> _Answer:
    """Do the same for a change. Whoever breaks it off is told what it leaves."""
    try:
        return _ask(call)
    except KeyboardInterrupt:
        if left := clusters.left():
            errors.print(left, markup=False)
        raise


@contextmanager
def _steps() -> Iterator[ClusterReport]:
    """Tell each step on standard error, with the seconds since the command began."""
    began = time.monotonic()

    def report(step: ClusterStep) -> None:
        after = f"{time.monotonic() - began:4.0f} s"
        words = [after, step.region, step.text] if step.region else [after, step.text]
        errors.print("  ".join(words), markup=False)

    with errors.status(WAITING):
        yield report


def _show(pair: Pair) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("Region", "cluster", "status", "protected", "witness", "peer"):
        table.add_column(column)
    for each in pair.clusters:
        table.add_row(
            each.region,
            each.identifier,
            each.status,
            "yes" if each.protected else "no",
            each.witness or "–",
            ", ".join(arn.split(":")[3] for arn in each.peers) or "–",
        )
    if pair.clusters:
        console.print(table)
    for problem in pair.problems:
        console.print(f"{problem[:1].upper()}{problem[1:]}.", markup=False)
    console.print("Not ready." if pair.problems else "Ready.")


def _show_addresses(pair: Pair, written: Path | None) -> None:
    """Print what tells WorldSeat where its database is: to be copied, so no line is broken."""
    for region, url in pair.urls.items():
        sys.stdout.write(f"export WORLDSEAT_{region.upper().replace('-', '_')}_URL={url}\n")
    if written is not None:
        console.print(f"Written to {written}.", markup=False)


def _confirmed(pair: Pair) -> bool:
    """Ask whether the clusters may go. Raises BadRequest when nobody can be asked."""
    count = len(pair.clusters)
    warning = (
        f"All data in {'this cluster' if count == 1 else f'these {count} clusters'} is lost for "
        "good: events, orders, tickets and the log that proves them. Deletion protection is taken "
        "off, and AWS keeps no copy unless you made a backup."
    )
    if not sys.stdin.isatty():
        raise BadRequest(
            f"Nothing was removed, for nobody can be asked here. {warning}",
            next_step="Say --yes if they may go.",
        )
    errors.print(warning, style="bold", markup=False)
    return console.input(f"Type the name, {pair.name}, to delete them: ").strip() == pair.name


def _plain(pair: Pair) -> dict[str, object]:
    return {
        "name": pair.name,
        "account": pair.account,
        "where": pair.where,
        "ready": not pair.problems,
        "problems": pair.problems,
        "urls": pair.urls,
        "clusters": pair.clusters,
    }
