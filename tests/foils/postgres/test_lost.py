"""The foil's database or its tables vanish: what was lost is no zero, and it is made anew."""

import asyncio

import pytest
from tests.foils.postgres.foil import (
    BUYERS,
    databases,
    drop,
    elsewhere,
    fire,
    key_of,
    plan,
    sales_counted_elsewhere,
)

from worldseat.domain.run import Outcome
from worldseat.domain.seats import Code
from worldseat.embedded import EmbeddedPostgres
from worldseat.ports.store import StoreLost
from worldseat.stores.postgres.store import PostgresStore

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow

TAKEN_AWAY = {
    "marks": "DROP TABLE runs_begun",
    "ledger": "DROP TABLE sales_naive",
    "schema": "DROP SCHEMA public CASCADE",
}


@pytest.mark.parametrize("what", [*TAKEN_AWAY, "database"])
async def test_what_a_run_left_is_lost_and_the_next_one_is_counted(
    foil: PostgresStore, database: EmbeddedPostgres, what: str
) -> None:
    run = plan(Code.NAIVE, buyers=8)
    await fire(foil, run)
    assert (await foil.tally(run.run_id, key_of(run))).holders >= 1
    if what == "database":
        await drop(database.url, foil)
    else:
        async with elsewhere(database.url, foil.own) as connection:
            await connection.execute(TAKEN_AWAY[what])
    with pytest.raises(StoreLost, match=run.run_id):
        await foil.tally(run.run_id, key_of(run))
    assert foil.own in await databases(database.url)
    again = plan(Code.NAIVE, buyers=8)
    await fire(foil, again)
    counted = (await foil.tally(again.run_id, key_of(again))).holders
    assert counted == await sales_counted_elsewhere(database.url, foil, again.run_id) >= 1


async def test_dropped_in_mid_run_everybody_is_answered_and_nothing_is_counted(
    foil: PostgresStore, database: EmbeddedPostgres
) -> None:
    run = plan(Code.NAIVE, spread_ms=300)
    dropping: list[asyncio.Task[None]] = []

    def drop_now(answered: int) -> None:
        if answered == 20:
            dropping.append(asyncio.create_task(drop(database.url, foil)))

    fired = await asyncio.wait_for(fire(foil, run, on_answer=drop_now), 15)
    await dropping[0]
    assert len(fired.operations) == BUYERS
    late = fired.operations[-1]
    assert (late.outcome, late.reason) == (Outcome.FAIL, "unavailable")
    with pytest.raises(StoreLost):
        await foil.tally(run.run_id, key_of(run))


async def test_a_run_that_never_began_is_not_counted_as_zero(foil: PostgresStore) -> None:
    run = plan()
    with pytest.raises(StoreLost):
        await foil.tally(run.run_id, key_of(run))
