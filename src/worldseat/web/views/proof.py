"""The Proof panel: claims beside what carries them, and the very code that ran."""

import hashlib
import inspect
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.run import LOCAL_CLUSTER
from worldseat.web.views import witness
from worldseat.web.views.measured import Measured, grouped
from worldseat.web.views.promises import PromisesView, promises
from worldseat.web.views.run import is_played
from worldseat.web.views.trouble import Trouble

if TYPE_CHECKING:
    from worldseat.domain.run import Run
    from worldseat.domain.verdict import Report
    from worldseat.ports.store import Store
    from worldseat.services.acceptances import NewestReports


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A piece of code that ran, as it stands in the file, with the SHA-256 of that text."""

    name: str
    where: str
    sha256: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView:
    """A database that a stampede can be fired at, what it says of itself, and its adapter."""

    name: str
    title: str
    role: str
    on: str
    played: bool
    """Whether a stand-in plays it."""
    by_cluster: bool
    """Whether that is the local DSQL cluster."""
    isolation: str
    replication: str
    cannot: str
    adapter: Sequence[Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the Witness says of one event's current round."""

    event_id: str
    title: str
    round_id: str
    view: witness.WitnessView


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    """All that the Proof panel shows."""

    product: Sequence[Measured]
    foils: Sequence[Measured]
    foil_installed: bool
    promises: PromisesView | Trouble
    run_count: int
    limit_reached: bool
    judgements: Sequence[Judgement]
    codes: Sequence[Source]
    stores: Sequence[StoreView]
    command: str
    """How to fire the first run, while there is none to repeat."""


def source(thing: object) -> Source:
    """Return the source of a function or class as it was loaded; a text stands for itself."""
    if isinstance(thing, str):
        return Source(name="SQL", where="", sha256=_sha256(thing), text=thing)
    text = inspect.getsource(thing)  # type: ignore[arg-type]  # functions and classes only
    return Source(
        name=getattr(thing, "__qualname__", ""),
        where=getattr(thing, "__module__", ""),
        sha256=_sha256(text),
        text=textwrap.dedent(text),
    )


def proof(
    *,
    runs: Sequence["Run"],
    limit: int,
    reports: Iterable[tuple[str, "Report"]],
    codes: Iterable[object],
    stores: Mapping[str, "Store"],
    accepted: "NewestReports | Trouble",
    url: str,
) -> ProofView:
    """Return the Proof panel. `reports` pairs an event's title with its report; newest runs first.

    `limit` is how many runs were asked for: if as many came, there may be older ones.
    """
    kinds = grouped(runs, url=url)
    foils = {name for name, store in stores.items() if store.role == "foil"}
    return ProofView(
        product=[each for each in kinds if each.cell.store not in foils],
        foils=[each for each in kinds if each.cell.store in foils],
        foil_installed=bool(foils),
        promises=accepted if isinstance(accepted, Trouble) else promises(accepted),
        run_count=len(runs),
        limit_reached=len(runs) >= limit,
        judgements=[_judgement(title, report) for title, report in reports],
        codes=[source(code) for code in codes],
        stores=[_store(store) for store in stores.values()],
        command=f".venv/bin/worldseat break-it --url {url} --runs 10 --json",
    )


def _judgement(title: str, report: "Report") -> Judgement:
    return Judgement(
        event_id=report.event_id,
        title=title,
        round_id=report.round_id,
        view=witness.view(report),
    )


def _store(store: "Store") -> StoreView:
    says = store.guarantees
    return StoreView(
        name=store.name,
        title=store.title,
        role=store.role,
        on="AWS" if store.stand_in is None else store.stand_in,
        played=is_played(store.stand_in),
        by_cluster=store.stand_in == LOCAL_CLUSTER,
        isolation=says.isolation,
        replication=says.replication,
        cannot=says.cannot,
        adapter=[source(each) for each in store.adapter_source],
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
