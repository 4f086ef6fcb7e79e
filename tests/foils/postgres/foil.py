"""Stampedes at the foil, single purchases by hand, and another program's count of both."""

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg

from worldseat.domain import ids
from worldseat.domain.run import Arrival, Plan
from worldseat.domain.seats import Code, Mode, Order, SeatKey
from worldseat.ports.store import StoreSetup, Writer
from worldseat.services.firing import Fired, Firing
from worldseat.settings import REGIONS
from worldseat.stores.postgres.store import PostgresStore
from worldseat.system import SystemChance, SystemClock

BUYERS = 60
EVENT = "evt_foil"
ROUND = "rehearsal-1"
REGION = REGIONS[0]

_seats = itertools.count()
_chance = SystemChance()


def setup_at(server_url: str | None) -> StoreSetup:
    """Say how to build the foil beside a server."""
    return StoreSetup(
        regions=REGIONS,
        urls={},
        home=Path(),
        process="test",
        chance=_chance,
        server_url=server_url,
    )


@asynccontextmanager
async def opened(kind: type[PostgresStore], server_url: str | None) -> AsyncIterator[PostgresStore]:
    """Open a foil, and close it in the end."""
    store = kind(setup_at(server_url))
    try:
        await store.open()
        yield store
    finally:
        await store.close()


def fresh_key() -> SeatKey:
    """A seat that nobody has touched."""
    return SeatKey(event_id=EVENT, round_id=ROUND, seat_index=next(_seats))


def plan(
    code: Code = Code.NAIVE,
    *,
    key: SeatKey | None = None,
    spread_ms: int = 0,
    buyers: int = BUYERS,
) -> Plan:
    """A run of its own on a seat of its own."""
    return Plan(
        run_id=_chance.new_id("run"),
        event_id=EVENT,
        round_id=ROUND,
        seat_index=(key or fresh_key()).seat_index,
        store="postgres",
        stand_in="test",
        code=code,
        arrival=Arrival(spread_ms=spread_ms),
        buyers=buyers,
        seed=1,
        regions=(REGION,),
        git_commit="test",
    )


def key_of(of: Plan) -> SeatKey:
    return SeatKey(event_id=of.event_id, round_id=of.round_id, seat_index=of.seat_index)


def order_in(run: Plan, fan: str, *, key: SeatKey | None = None) -> Order:
    """What one buyer of a run asks for."""
    place = key or key_of(run)
    claim = ids.claim_id(fan, f"{run.run_id} {place.seat_index}")
    return Order(
        key=place,
        mode=Mode.REHEARSAL,
        fan_id=fan,
        claim_id=claim,
        op_id=ids.op_id(claim, 0),
        request_hash=ids.request_hash(fan, run.event_id, (place.seat_index,)),
        code=run.code,
        region=REGION,
        run_id=run.run_id,
    )


@asynccontextmanager
async def writers(store: PostgresStore, run: Plan, count: int) -> AsyncIterator[list[Writer]]:
    """Hold several connections of a run's bench."""
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(store.bench(run, REGION, count))
        yield [await stack.enter_async_context(bench.writer()) for _ in range(count)]


async def buy(writer: Writer, order: Order) -> None:
    """Take the seat and write down the sale, as the naive code does once it has read."""
    async with writer.transaction() as tx:
        await tx.write_seat(order)
        await tx.append_sale(order, replaces=ids.ROOT)


async def fire(
    store: PostgresStore, of: Plan, *, on_answer: Callable[[int], None] = lambda _: None
) -> Fired:
    """Fire a plan as Break it does, without a fence: a foil has none."""
    firing = Firing(of, store, fence=None, clock=SystemClock(), chance=_chance, on_answer=on_answer)
    return await firing.fire()


@asynccontextmanager
async def elsewhere(url: str, database: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """Another program's connection."""
    connection = await asyncpg.connect(url, database=database)
    try:
        yield connection
    finally:
        await connection.close()


async def sales_counted_elsewhere(url: str, store: PostgresStore, run_id: str) -> int:
    """How many sales a run left in the foil's ledger, counted in plain SQL by another program."""
    async with elsewhere(url, store.own) as connection:
        found = await connection.fetchval(
            "SELECT count(DISTINCT op_id) FROM sales_naive WHERE run_id = $1 AND kind = 'sell'",
            run_id,
        )
    return int(found)


async def databases(url: str) -> set[str]:
    """Every database of a server."""
    async with elsewhere(url) as connection:
        return {record[0] for record in await connection.fetch("SELECT datname FROM pg_database")}


async def drop(url: str, store: PostgresStore | type[PostgresStore]) -> None:
    """Drop the foil's own database, whoever is connected to it."""
    async with elsewhere(url) as connection:
        await connection.execute(f'DROP DATABASE IF EXISTS "{store.own}" WITH (FORCE)')
