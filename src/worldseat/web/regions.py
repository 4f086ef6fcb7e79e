"""The API's answers about Regions: how each stands, and orders to the local cluster."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct
from msgspec.json import Decoder
from starlette.requests import Request
from starlette.responses import Response

from worldseat.domain.errors import BadRequest, NotHere, Unavailable
from worldseat.ports.cluster import BadOrder, ClusterStatus, LocalCluster
from worldseat.ports.onsale import RegionFigures
from worldseat.settings import WITNESS_REGION
from worldseat.web.answers import json_answer
from worldseat.web.body import read_json
from worldseat.web.context import Context
from worldseat.web.query import Id
from worldseat.web.shapes import Asked

if TYPE_CHECKING:
    from worldseat.services.wiring import Services

_ANSWER_WITHIN_S = 1.0
"""The cluster answers in milliseconds, or is gone; a page that shows the rest must not wait."""
_COUNT_MAX = 1_000_000
_MS_MAX = 600_000

Kind = Literal[
    "region-down",
    "region-up",
    "cut-off",
    "rejoin",
    "slow",
    "drop-before",
    "drop-after",
    "hold",
    "hold-and-drop",
    "release",
    "unavailable",
    "storm",
    "pause",
    "resume",
    "forget",
    "clear",
]


class OrderBody(Asked, frozen=True, kw_only=True):
    """An order to the local cluster.

    `region` null: every Region that takes writes. `count`: the next so many COMMITs, with `mark`
    only of transactions that sent these bytes. `ms`: a round trip (slow), or how long (pause).
    """

    kind: Kind
    region: Id | None = None
    other: Id | None = None
    count: Annotated[int, Meta(ge=1, le=_COUNT_MAX)] | None = None
    ms: Annotated[int, Meta(ge=0, le=_MS_MAX)] | None = None
    mark: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class RegionAnswer(Struct, frozen=True, kw_only=True):
    """One Region's endpoint as this process saw it since it started: ports.onsale says more."""

    region: str
    state: str
    served_by: str | None
    lanes_open: int
    commits: int
    conflicts: int
    retries: int
    unknown: int
    commit_ms_p50: float | None
    commit_ms_p99: float | None


class RegionsAnswer(Struct, frozen=True, kw_only=True):
    """Every Region. `cluster` is null where there is no local one, or `cluster_problem` says why.

    The figures of `regions` are this process's own; those of `cluster` count everybody's sessions.
    """

    regions: Sequence[RegionAnswer]
    witness_region: str
    stand_in: str | None
    cluster: ClusterStatus | None
    cluster_problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How the Regions stand: what this process saw of each, and what the local cluster says.

    `status` is None without a local cluster, and when it does not answer: `problem` says so.
    """

    figures: Sequence[RegionFigures]
    status: ClusterStatus | None
    played: bool
    problem: str = ""
    stands: str | None = None
    """The Region in which this server stands; None: it serves the fans of both."""


async def look(services: "Services") -> Seen:
    """Look at the Regions. Asks the local cluster, never the database."""
    figures, cluster = services.store.region_figures(), services.cluster
    stands = services.settings.region
    if cluster is None:
        return Seen(figures=figures, status=None, played=False, stands=stands)
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            status = await cluster.status()
    except (OSError, BadOrder) as error:
        return Seen(
            figures=figures, status=None, played=True, problem=_silent(error), stands=stands
        )
    return Seen(figures=figures, status=status, played=True, stands=stands)


async def show_regions(context: Context, _request: Request) -> Response:
    """How every Region stands."""
    return json_answer(_answer(await look(context.services), context.services.store.stand_in))


async def give_order(context: Context, request: Request) -> Response:
    """Let something happen to the local cluster; the answer says how everything stands then."""
    asked = await read_json(request.scope, request.receive, _order)
    services = context.services
    status = await _obeyed(services.cluster, asked)
    seen = Seen(figures=services.store.region_figures(), status=status, played=True)
    return json_answer(_answer(seen, services.store.stand_in))


async def _obeyed(cluster: LocalCluster | None, asked: OrderBody) -> ClusterStatus:
    if cluster is None:
        raise NotHere(
            "no-local-cluster",
            "There is no local DSQL cluster here that could be told anything.",
            next_step="`make run` starts one. Faults of AWS itself cannot be ordered.",
        )
    try:
        return await cluster.order(
            asked.kind,
            region=asked.region,
            other=asked.other,
            count=asked.count,
            ms=asked.ms,
            mark=asked.mark,
        )
    except BadOrder as error:
        raise _BadOrder(str(error)) from error
    except OSError as error:
        raise Unavailable(
            "The local cluster did not answer. What was ordered may have happened.",
            next_step="Look at the Regions panel, then try again.",
            operator=_silent(error),
        ) from error


class _BadOrder(BadRequest):
    """The cluster cannot follow the order; nothing was done."""

    code = "bad-order"
    next_step = "Nothing was done. Correct the order and send it again."


def _answer(seen: Seen, stand_in: str | None) -> RegionsAnswer:
    return RegionsAnswer(
        regions=[
            RegionAnswer(
                region=each.region,
                state=each.state,
                served_by=each.served_by,
                lanes_open=each.lanes_open,
                commits=each.commits,
                conflicts=each.conflicts,
                retries=each.retries,
                unknown=each.unknown,
                commit_ms_p50=each.commit_ms_p50,
                commit_ms_p99=each.commit_ms_p99,
            )
            for each in seen.figures
        ],
        witness_region=WITNESS_REGION,
        stand_in=stand_in,
        cluster=seen.status,
        cluster_problem=seen.problem,
    )


def _silent(error: Exception) -> str:
    """Say why the cluster cannot be asked. A time that ran out has no words of its own."""
    why = getattr(error, "strerror", None) or str(error) or "it takes too long"
    return f"The local cluster does not answer: {why}."


_order = Decoder(OrderBody)
