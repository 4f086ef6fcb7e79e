"""The product store by itself, and what a fan or a stampede's buyer asks of it."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from worldseat.domain import ids
from worldseat.domain.event import Event
from worldseat.domain.seats import Code, Order, SeatKey
from worldseat.ports.store import StoreSetup
from worldseat.settings import REGIONS
from worldseat.stores.dsql import DsqlStore
from worldseat.system import SystemChance

_Kind = TypeVar("_Kind", bound=DsqlStore)

_processes = itertools.count(1)


Where = str | Mapping[str, str]
"""An address for each Region, or one for all."""


def setup_at(where: Where, process: str | None = None) -> StoreSetup:
    """Say how to build a store whose Regions reach these addresses."""
    return StoreSetup(
        regions=REGIONS,
        urls=dict.fromkeys(REGIONS, where) if isinstance(where, str) else where,
        home=Path(),
        process=process or fresh_process(),
        chance=SystemChance(),
    )


@asynccontextmanager
async def opened_as(
    kind: type[_Kind], where: Where, *, process: str | None = None
) -> AsyncIterator[_Kind]:
    """Open a store of this kind, and close it in the end."""
    store = kind(setup_at(where, process))
    try:
        await store.open()
        yield store
    finally:
        await store.close()


def opened(where: Where, *, process: str | None = None) -> AbstractAsyncContextManager[DsqlStore]:
    """Open the product store, and close it in the end."""
    return opened_as(DsqlStore, where, process=process)


def order_for(
    event: Event, seat: str, *, fan: str = "fan_a", key: str = "k", run_id: str | None = None
) -> Order:
    """Return what a fan asks for, or a stampede's buyer if `run_id` is given."""
    index = event.chart.index_of(seat)
    assert index is not None
    claim = ids.claim_id(fan, f"{event.event_id} {key}")
    return Order(
        key=SeatKey(event_id=event.event_id, round_id=event.current_round_id, seat_index=index),
        mode=event.mode,
        fan_id=fan,
        claim_id=claim,
        op_id=ids.op_id(claim, 0),
        request_hash=ids.request_hash(fan, event.event_id, (index,)),
        code=Code.CONDITIONAL,
        region=REGIONS[0],
        run_id=run_id,
    )


def fresh_process() -> str:
    """Return a name for one store, by which its lanes are found."""
    return f"test:{next(_processes)}"
