"""Matrices made of runs that nobody fired: a product, a foil with a lag, a foil with one Region."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from worldseat.domain.run import Arrival, Reach, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.ports.store import Guarantees, OtherMode
from worldseat.services.matrix import Matrix, Table
from worldseat.web.views import compare

from .conftest import REGIONS, run_of

EMULATOR = "emulator 1.5"


def a_store(name: str, **other: Any) -> Any:
    """Return what the views see of a store."""
    says: dict[str, Any] = {
        "isolation": f"isolation of {name}",
        "replication": f"replication of {name}",
        "cannot": f"{name} cannot fly",
        "two_writers": f"does to two writers what {name} does",
    }
    modes = other.pop("other_modes", ())
    seen: dict[str, Any] = {
        "name": name,
        "title": name.capitalize(),
        "role": "foil",
        "stand_in": EMULATOR,
        "guarantees": Guarantees(**says, other_modes=modes),
        "regions": REGIONS,
        "in_headline": True,
        "lag_is_chosen": False,
        "adapter_source": (),
    }
    return SimpleNamespace(**(seen | other))


PRODUCT = a_store("dsql", role="product", title="Aurora DSQL", stand_in="PostgreSQL 16.14")
FOIL = a_store(
    "lagging",
    lag_is_chosen=True,
    other_modes=(OtherMode(title="Lagging, strict", would_change="All of it."),),
)
SINGLE = a_store("single", regions=REGIONS[:1], in_headline=False, stand_in="Single 9 itself")
STORES: Mapping[str, Any] = {each.name: each for each in (PRODUCT, FOIL, SINGLE)}
ALONE: Mapping[str, Any] = {PRODUCT.name: PRODUCT}


def fired(
    confirmed: int,
    *,
    at: Any = PRODUCT,
    reach: Reach = Reach.BOTH,
    code: Code = Code.NAIVE,
    arrival: Arrival = Arrival(),  # noqa: B008 - frozen.
    lag_ms: int = 0,
    on: str | None = "",
    buyers: int = 60,
    ended_at: str = "2026-11-24T14:02:11.523Z",
    commit: str = "0123456789abcdef",
    status: RunStatus = RunStatus.DONE,
    **result: Any,
) -> Run:
    """Return a run at a store in which so many buyers got the seat; it took 400 ms."""
    run = run_of(confirmed, store=at.name, code=code, buyers=buyers, status=status, **result)
    plan = replace(
        run.plan,
        stand_in=at.stand_in if on == "" else on,
        arrival=arrival,
        regions=at.regions[:1] if reach is Reach.ONE else REGIONS,
        lag_ms=lag_ms if at.lag_is_chosen else None,
        git_commit=commit,
    )
    return replace(run, plan=plan, finished_at=ended_at)


def table_of(*runs: Run, stores: Mapping[str, Any] = STORES, buyers: int = 60) -> Table:
    """Return the matrix that the services make of these runs."""
    return Matrix(PRODUCT, stores).table_of(runs, buyers=buyers)


def page_of(*runs: Run, stores: Mapping[str, Any] = STORES, **other: Any) -> compare.CompareView:
    """Return the Compare page of these runs."""
    given: dict[str, Any] = {
        "table": table_of(*runs, stores=stores, buyers=other.pop("buyers", 60)),
        "runs": runs,
        "wanted": {},
        "stores": stores,
        "missing": {},
        "events": [],
        "newest": None,
        "url": "http://127.0.0.1:8000",
    }
    return compare.view(**(given | other))


def all_measured() -> Sequence[Run]:
    """Return two runs in every cell of the 2×2, and one of naive code where there is one Region."""
    counts = {
        ("dsql", Code.NAIVE, Reach.ONE): (1, 1),
        ("dsql", Code.NAIVE, Reach.BOTH): (1, 1),
        ("dsql", Code.CONDITIONAL, Reach.ONE): (1, 1),
        ("dsql", Code.CONDITIONAL, Reach.BOTH): (1, 1),
        ("lagging", Code.NAIVE, Reach.ONE): (60, 53),
        ("lagging", Code.NAIVE, Reach.BOTH): (60, 60),
        ("lagging", Code.CONDITIONAL, Reach.ONE): (1, 1),
        ("lagging", Code.CONDITIONAL, Reach.BOTH): (2, 2),
        ("single", Code.NAIVE, Reach.ONE): (1,),
    }
    return [
        fired(confirmed, at=STORES[store], code=code, reach=reach)
        for (store, code, reach), confirmeds in counts.items()
        for confirmed in confirmeds
    ]
