"""The story at the top of the page: the product's newest run, and beside it only what is like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from worldseat.domain.errors import Unavailable
from worldseat.domain.run import Cell, Reach, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.ports.onsale import OnSaleStore
from worldseat.ports.store import Store, StoreError
from worldseat.services.matrix import Measured, measured

RUNS_LOOKED_AT = 1_000
NEVER = "not measured yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One database of the story. `note` says why there is no number, or is empty.

    `zero_runs` of `like_runs` runs with the same store, stand-in, code, buyers, arrival and Regions
    oversold nothing; runs with nobody confirmed are no result and are not counted. `oversold_low`
    and `oversold_high` are the least and the most that those runs oversold.
    """

    store: str
    title: str
    role: str
    stand_in: str | None
    measured: Run | None
    note: str
    two_writers: str
    zero_runs: int
    like_runs: int
    oversold_low: int | None
    oversold_high: int | None
    careful: Measured | None
    """The same with `conditional` code, in both Regions."""
    careful_per_region: bool
    """Whether each of those runs had one holder in each Region."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The product, and the foils that are installed (none is a normal state)."""

    product: Side
    foils: list[Side]


class Headline:
    """Tells the story of an event from its stored runs."""

    def __init__(self, store: OnSaleStore, stores: Mapping[str, Store]) -> None:
        self._store = store
        self._stores = stores

    async def story(self, event_id: str) -> Story:
        """Return the newest product run and, for each foil, its newest run that is like it.

        Raises Unavailable.
        """
        try:
            runs = await self._store.runs(event_id=event_id, limit=RUNS_LOOKED_AT)
        except StoreError as error:
            raise Unavailable("Runs cannot be read right now.", operator=str(error)) from error
        over = [run for run in runs if run.status is RunStatus.DONE]
        lead = next((run for run in over if run.plan.store == self._store.name), None)
        return Story(
            product=self._side(self._store, lead, over, NEVER),
            foils=[
                self._foil(store, lead, over)
                for name, store in self._stores.items()
                if name != self._store.name and store.in_headline
            ],
        )

    def _foil(self, store: Store, lead: Run | None, over: Sequence[Run]) -> Side:
        own = [run for run in over if run.plan.store == store.name]
        if lead is None:
            return self._side(store, own[0] if own else None, over, NEVER)
        like = next((run for run in own if _pairs(lead, run)), None)
        plan = lead.plan
        note = (
            f"not measured at {plan.buyers} buyers, {plan.code.value}, {plan.arrival.text}: run it"
        )
        return self._side(store, like, over, note)

    def _side(self, store: Store, run: Run | None, over: Sequence[Run], note: str) -> Side:
        alike = [
            other.result.oversold
            for other in over
            if run is not None
            and kind_of(other) == kind_of(run)
            and other.result is not None
            and other.result.oversold is not None
        ]
        careful = [other for other in over if run is not None and _is_careful(other, run)]
        return Side(
            store=store.name,
            title=store.title,
            role=store.role,
            stand_in=run.plan.stand_in if run else store.stand_in,
            measured=run,
            note="" if run else note,
            two_writers=store.guarantees.two_writers,
            zero_runs=sum(count == 0 for count in alike),
            like_runs=len(alike),
            oversold_low=min(alike, default=None),
            oversold_high=max(alike, default=None),
            careful=measured(careful),
            careful_per_region=all(
                region.confirmed == 1
                for other in careful
                if other.result is not None
                for region in other.result.regions
            ),
        )


def _is_careful(run: Run, like: Run) -> bool:
    """Say whether a run is what this one would be with conditional code in both Regions."""
    wanted = replace(like.plan.cell, code=Code.CONDITIONAL, reach=Reach.BOTH)
    return (run.plan.cell, run.plan.stand_in) == (wanted, like.plan.stand_in)


def kind_of(run: Run) -> tuple[Cell, str | None]:
    """Return what two runs must share before their results may be counted together."""
    return run.plan.cell, run.plan.stand_in


def _pairs(one: Run, other: Run) -> bool:
    """Say whether runs on two databases are like: only then do they stand side by side.

    The databases differ, and so may what each says of its replication.
    """
    cells = [replace(run.plan.cell, store="", lag_ms=None) for run in (one, other)]
    in_flight = [run.result.in_flight_max if run.result else None for run in (one, other)]
    return cells[0] == cells[1] and in_flight[0] == in_flight[1]
