"""Stampedes at the foil, and another program's count of what they left."""

import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from botocore.session import get_session

from worldseat.domain import ids
from worldseat.domain.run import Arrival, Plan
from worldseat.domain.seats import Code, Mode, Order, SeatKey
from worldseat.ports.store import SeatTransaction, Store, StoreSetup
from worldseat.services.firing import Fired, Firing
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb.ground import LocalGround
from worldseat.stores.dynamodb.store import DynamoStore
from worldseat.system import SystemChance, SystemClock

BUYERS = 60
APART_MS = 300
"""A lag at which no Region hears of the other's winner before its own buyers have pressed, however
busy the machine is: then careful code has its two holders in every run."""

EVENT = "evt_foil"
ROUND = "rehearsal-1"

_other_program = get_session()
_seats = itertools.count()
_chance = SystemChance()


def setup_in(home: Path) -> StoreSetup:
    """Say how to build the foil."""
    return StoreSetup(regions=REGIONS, urls={}, home=home, process="test", chance=_chance)


def fresh_key() -> SeatKey:
    """A seat that nobody has touched."""
    return SeatKey(event_id=EVENT, round_id=ROUND, seat_index=next(_seats))


def plan(
    code: Code,
    regions: tuple[str, ...] = REGIONS,
    *,
    key: SeatKey | None = None,
    spread_ms: int = 0,
    buyers: int = BUYERS,
    lag_ms: int | None = None,
    round_id: str = ROUND,
) -> Plan:
    """A run of its own on a seat of its own."""
    return Plan(
        run_id=_chance.new_id("run"),
        event_id=EVENT,
        round_id=round_id,
        seat_index=(key or fresh_key()).seat_index,
        store="dynamodb",
        stand_in="test",
        code=code,
        arrival=Arrival(spread_ms=spread_ms),
        buyers=buyers,
        seed=1,
        regions=regions,
        git_commit="test",
        lag_ms=(APART_MS if code is Code.CONDITIONAL else 0) if lag_ms is None else lag_ms,
    )


def key_of(of: Plan) -> SeatKey:
    return SeatKey(event_id=of.event_id, round_id=of.round_id, seat_index=of.seat_index)


def order_for(key: SeatKey, fan: str, *, region: str = REGIONS[0], run: str = "run_t") -> Order:
    """What one buyer of a run asks for."""
    claim = ids.claim_id(fan, f"{key.seat_index} {run}")
    return Order(
        key=key,
        mode=Mode.REHEARSAL,
        fan_id=fan,
        claim_id=claim,
        op_id=ids.op_id(claim, 0),
        request_hash=ids.request_hash(fan, key.event_id, (key.seat_index,)),
        code=Code.CONDITIONAL,
        region=region,
        run_id=run,
    )


@asynccontextmanager
async def purchase(store: Store, of: Plan, region: str) -> AsyncIterator[SeatTransaction]:
    """One transaction of a run, through one Region."""
    async with (
        store.bench(of, region, 1) as bench,
        bench.writer() as writer,
        writer.transaction() as tx,
    ):
        yield tx


async def fire(
    store: Store, of: Plan, *, on_answer: Callable[[int], None] = lambda _: None
) -> Fired:
    """Fire a plan as Break it does, without a fence: a foil has none."""
    firing = Firing(of, store, fence=None, clock=SystemClock(), chance=_chance, on_answer=on_answer)
    return await firing.fire()


def ground_of(store: DynamoStore) -> LocalGround:
    """The emulators and the replicator behind a store that was used."""
    assert isinstance(store._ground, LocalGround)
    return store._ground


def scanned(store: DynamoStore, table: str) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Every item of a table by Region, read by plain botocore: another program's look."""
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    for emulator in ground_of(store).emulators:
        client = _other_program.create_client(
            "dynamodb",
            region_name=emulator.region,
            endpoint_url=emulator.url,
            aws_access_key_id="other",
            aws_secret_access_key="other",
        )
        pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        found[emulator.region] = [item for page in pages for item in page["Items"]]
        client.close()
    return found


def sales_counted_elsewhere(store: DynamoStore, run_id: str) -> int:
    """How many sales a run left in both ledgers together, each id once."""
    return len(
        {
            item["op_id"]["S"]
            for items in scanned(store, "sales_naive").values()
            for item in items
            if item["run_id"]["S"] == run_id and item["kind"]["S"] == "sell"
        }
    )


def kill_emulator(store: DynamoStore, number: int) -> None:
    """Kill one Region's emulator with signal 9, and be sure that it is dead."""
    pid = ground_of(store).emulators[number].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def left_running(home: Path) -> list[int]:
    """Every process that still works in this folder."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "cwd").readlink().is_relative_to(home):
                found.append(int(folder.name))
        except OSError:
            continue
    return found
