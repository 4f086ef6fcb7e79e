"""Regions as the store and the local cluster would tell of them."""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any

from worldseat.ports.cluster import ClusterStatus, FaultState, LinkState, RegionState
from worldseat.ports.onsale import RegionFigures
from worldseat.web.regions import Seen

from .conftest import REGIONS

WITNESS = "us-west-2"
ALL = (*REGIONS, WITNESS)
OWN = {region: region for region in REGIONS}


def a_region(region: str, served_by: str | None, **other: Any) -> RegionFigures:
    """Return what a server saw of a Region whose fans are served by this one."""
    told: dict[str, Any] = {
        "state": "ok",
        "lanes_open": 2,
        "commits": 1_204,
        "conflicts": 59,
        "retries": 58,
        "unknown": 1,
        "commit_ms_p50": 12.34,
        "commit_ms_p99": 480.6,
    }
    return RegionFigures(region=region, served_by=served_by, **(told | other))


def a_status(
    *,
    down: Collection[str] = (),
    cut_off: Collection[str] = (),
    faults: Sequence[FaultState] = (),
    **done: int,
) -> ClusterStatus:
    """Return how a cluster stands of which these Regions are lost, and these cut off."""
    apart = {*down, *cut_off}

    def commits(region: str) -> bool:
        return region not in apart and len(set(ALL) - apart) > 1

    return ClusterStatus(
        regions=[
            RegionState(
                region=region,
                witness=region == WITNESS,
                up=region not in down,
                cut_off=region in cut_off,
                can_commit=region != WITNESS and commits(region),
                sessions=3,
                commits=4,
                conflicts=5,
                refused=6,
                commit_ms_p50=None,
                commit_ms_p99=None,
            )
            for region in ALL
        ],
        links=[
            LinkState(one=one, other=other, rtt_ms=12.0, cut=bool({one, other} & apart))
            for one, other in combinations(ALL, 2)
        ],
        faults=faults,
        done={kind.replace("_", "-"): number for kind, number in done.items()},
    )


def seen(
    status: ClusterStatus | None = None,
    served: dict[str, str | None] | None = None,
    *,
    problem: str = "",
    states: dict[str, str] | None = None,
) -> Seen:
    """Return what was seen; `served` says by whose endpoint each Region's fans are served."""
    return Seen(
        figures=[
            a_region(region, by, state=(states or {}).get(region, "ok"))
            for region, by in (served or OWN).items()
        ],
        status=status,
        played=status is not None or bool(problem),
        problem=problem,
    )
