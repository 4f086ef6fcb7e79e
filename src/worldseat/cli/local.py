"""`worldseat local`: how the local DSQL cluster stands, and what can be let happen to it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import uvloop
from cyclopts import App, Parameter
from rich.table import Table

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, print_json
from worldseat.domain.errors import BadRequest, Unavailable
from worldseat.ports.cluster import BadOrder, ClusterStatus, LocalCluster, RegionState

app = App(
    name="local",
    help="The local DSQL cluster: how it stands; lose a Region, cut it off, order faults.",
)

Region = Annotated[str, Parameter(help="us-east-1, us-east-2, or us-west-2, the witness.")]
DataRegion = Annotated[
    str | None, Parameter(help="us-east-1 or us-east-2; without it, the next in either.")
]
Count = Annotated[int, Parameter(help="How many COMMITs it happens to.")]
Mark = Annotated[str | None, Parameter(help="Only to transactions that sent this text in a write.")]
AsJson = Annotated[bool, Parameter(help="Print one JSON object.")]


@app.command
def status(*, json: AsJson = False, where: Where = HERE) -> int:
    """Say how the Regions and the links between them stand, and what is planned."""
    return _tell(where, lambda cluster: cluster.status(), json=json)


@app.command
def region_down(region: Region, *, json: AsJson = False, where: Where = HERE) -> int:
    """Lose a Region: its connections break, and it accepts none. us-west-2 is the witness."""
    return _order(where, "region-down", json=json, region=region)


@app.command
def region_up(region: Region, *, json: AsJson = False, where: Where = HERE) -> int:
    """Bring a Region back."""
    return _order(where, "region-up", json=json, region=region)


@app.command
def cut_off(region: Region, *, json: AsJson = False, where: Where = HERE) -> int:
    """Cut a Region off from all others: it keeps its clients, and can commit nothing."""
    return _order(where, "cut-off", json=json, region=region)


@app.command
def rejoin(region: Region, *, json: AsJson = False, where: Where = HERE) -> int:
    """Connect a Region again that was cut off."""
    return _order(where, "rejoin", json=json, region=region)


@app.command
def slow(
    region: Region,
    other: Region,
    *,
    ms: Annotated[float, Parameter(help="There and back.")],
    json: AsJson = False,
    where: Where = HERE,
) -> int:
    """Set the round trip between two Regions."""
    return _order(where, "slow", json=json, region=region, other=other, ms=ms)


@app.command
def drop_before(
    region: DataRegion = None,
    *,
    count: Count = 1,
    mark: Mark = None,
    json: AsJson = False,
    where: Where = HERE,
) -> int:
    """Break the connection at the next COMMIT, before it applies."""
    return _order(where, "drop-before", json=json, region=region, count=count, mark=mark)


@app.command
def drop_after(
    region: DataRegion = None,
    *,
    count: Count = 1,
    mark: Mark = None,
    json: AsJson = False,
    where: Where = HERE,
) -> int:
    """Break the connection at the next COMMIT, after it applied and before the answer."""
    return _order(where, "drop-after", json=json, region=region, count=count, mark=mark)


@app.command
def hold(
    region: DataRegion = None,
    *,
    drop: Annotated[bool, Parameter(help="Break the connection at once.")] = False,
    count: Count = 1,
    mark: Mark = None,
    json: AsJson = False,
    where: Where = HERE,
) -> int:
    """Keep the next COMMIT back until `release`."""
    kind = "hold-and-drop" if drop else "hold"
    return _order(where, kind, json=json, region=region, count=count, mark=mark)


@app.command
def release(*, json: AsJson = False, where: Where = HERE) -> int:
    """Let all COMMITs go on that are held."""
    return _order(where, "release", json=json)


@app.command
def unavailable(
    region: DataRegion = None, *, count: Count = 1, json: AsJson = False, where: Where = HERE
) -> int:
    """Answer XX000, service unavailable, at the next statement or COMMIT."""
    return _order(where, "unavailable", json=json, region=region, count=count)


@app.command
def storm(
    region: DataRegion = None, *, count: Count = 1, json: AsJson = False, where: Where = HERE
) -> int:
    """Answer the next COMMITs with 40001, as if each had met a conflict."""
    return _order(where, "storm", json=json, region=region, count=count)


@app.command
def pause(
    region: DataRegion = None,
    *,
    ms: Annotated[float, Parameter(help="For how long; 0 is until `resume`.")] = 0,
    json: AsJson = False,
    where: Where = HERE,
) -> int:
    """Answer nothing in a Region for a while; connections stay open."""
    return _order(where, "pause", json=json, region=region, ms=ms)


@app.command
def resume(region: DataRegion = None, *, json: AsJson = False, where: Where = HERE) -> int:
    """End a pause."""
    return _order(where, "resume", json=json, region=region)


@app.command
def forget(*, mark: Mark = None, json: AsJson = False, where: Where = HERE) -> int:
    """Let nothing happen any more that is planned, or only what has the mark."""
    return _order(where, "forget", json=json, mark=mark)


@app.command
def clear(*, json: AsJson = False, where: Where = HERE) -> int:
    """Bring all back to well: Regions, links, round trips, and nothing planned any more."""
    return _order(where, "clear", json=json)


Ask = Callable[[LocalCluster], Awaitable[ClusterStatus]]


def _order(where: Where, kind: str, *, json: bool, **words: Any) -> int:
    return _tell(where, lambda cluster: cluster.order(kind, **words), json=json)


def _tell(where: Where, ask: Ask, *, json: bool) -> int:
    told = uvloop.run(_asked(where, ask))
    if json:
        print_json(told)
    else:
        _print(told)
    return 0


async def _asked(where: Where, ask: Ask) -> ClusterStatus:
    """Ask the cluster of this folder. Raises BadRequest or Unavailable."""
    cluster = bootstrap.local_cluster(where.settings())
    if cluster is None:
        raise Unavailable(
            f"No local DSQL cluster belongs to {where.home.absolute()} and these addresses.",
            next_step="Start WorldSeat with `make run`, or name its folder with --home.",
        )
    try:
        return await ask(cluster)
    except BadOrder as error:
        raise BadRequest(
            str(error), next_step="Nothing was done. `worldseat local --help` lists the orders."
        ) from error
    except OSError as error:
        raise Unavailable(
            f"The local DSQL cluster of {where.home.absolute()} does not answer.",
            next_step="Start it with `make run` or `worldseat local-dsql`, then try again.",
            operator=str(error),
        ) from error


def _print(told: ClusterStatus) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("Region")
    table.add_column("state")
    for name in ("sessions", "commits", "conflicts", "refused", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right")
    for each in told.regions:
        table.add_row(each.region, _state(each), *_figures(each))
    console.print(table)
    for link in told.links:
        way = "cut" if link.cut else f"{link.rtt_ms:g} ms there and back"
        console.print(f"{link.one} to {link.other}: {way}")
    for fault in told.faults:
        where = fault.region or "any Region"
        left = "" if fault.left is None else f"{fault.left} to come, "
        console.print(f"planned: {fault.kind} in {where}, {left}{fault.done} happened")
    if happened := ", ".join(f"{kind} {number}" for kind, number in told.done.items() if number):
        console.print(f"since it started: {happened}")


def _state(told: RegionState) -> str:
    word = "down" if not told.up else "cut off" if told.cut_off else "ok"
    if told.witness:
        return f"{word}, witness"
    return word if told.can_commit or word != "ok" else "no quorum"


def _figures(told: RegionState) -> list[str]:
    if told.witness:
        return []
    counts = (told.sessions, told.commits, told.conflicts, told.refused)
    times = (told.commit_ms_p50, told.commit_ms_p99)
    return [f"{each:,}" for each in counts] + ["-" if t is None else f"{t:.1f}" for t in times]
