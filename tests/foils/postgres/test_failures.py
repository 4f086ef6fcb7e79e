"""What the server refuses or ends, told in the words of the port."""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.foils.postgres.foil import (
    buy,
    elsewhere,
    fresh_key,
    key_of,
    opened,
    order_in,
    plan,
    writers,
)
from tests.patience import until

from worldseat.domain import ids
from worldseat.domain.seats import Order, SeatStatus
from worldseat.embedded import EmbeddedPostgres
from worldseat.ports.store import (
    CommitUnknown,
    Conflict,
    Duplicate,
    NotCommitted,
    StoreRefused,
    Writer,
)
from worldseat.stores.postgres import ReadCommittedStore, connections, failures
from worldseat.stores.postgres.purchase import PostgresTransaction
from worldseat.stores.postgres.store import PostgresStore


def of_state(state: str) -> asyncpg.PostgresError:
    """An error that the server answers with this SQLSTATE."""

    class Said(asyncpg.PostgresError):
        pass

    # Not in its body: the driver would take it for its own class of that state.
    Said.sqlstate = state
    return Said("planted")


@pytest.mark.parametrize(
    ("state", "before", "at"),
    [
        ("40001", Conflict, Conflict),
        ("40P01", Conflict, Conflict),
        ("23505", Duplicate, Duplicate),
        ("23514", StoreRefused, StoreRefused),
        ("42P01", StoreRefused, StoreRefused),
        ("40003", NotCommitted, CommitUnknown),
        ("08006", NotCommitted, CommitUnknown),
        ("57014", NotCommitted, CommitUnknown),
        ("57P01", NotCommitted, CommitUnknown),
        ("53300", NotCommitted, CommitUnknown),
        ("58030", NotCommitted, CommitUnknown),
        ("XX000", NotCommitted, CommitUnknown),
        ("25P03", NotCommitted, CommitUnknown),
        ("", NotCommitted, CommitUnknown),
    ],
)
def test_states_decide_and_after_commit_was_sent_only_a_refusal_is_definite(
    state: str, before: type[Exception], at: type[Exception]
) -> None:
    assert type(failures.before_commit(of_state(state))) is before
    assert type(failures.at_commit(of_state(state))) is at
    assert state in str(failures.before_commit(of_state(state)))


@pytest.mark.parametrize(
    "error", [ConnectionResetError(), TimeoutError(), asyncpg.InterfaceError("closed")]
)
def test_a_lost_line_is_definite_only_before_commit_was_sent(error: Exception) -> None:
    assert type(failures.before_commit(error)) is NotCommitted
    assert type(failures.at_commit(error)) is CommitUnknown
    assert type(failures.connecting(error)) is NotCommitted


async def test_the_same_sale_twice_is_a_duplicate(foil: PostgresStore) -> None:
    run = plan()
    async with writers(foil, run, 1) as (writer,):
        await buy(writer, order_in(run, "fan_a"))
        with pytest.raises(Duplicate, match="23505") as told:
            await buy(writer, order_in(run, "fan_a"))
        assert told.value.constraint == "sales_naive_pkey"
        await buy(writer, order_in(run, "fan_b"))
    assert (await foil.tally(run.run_id, key_of(run))).holders == 2


async def test_a_deadlock_is_a_conflict(database: EmbeddedPostgres) -> None:
    run, key = plan(), fresh_key()
    other = plan(key=key)
    met = asyncio.Barrier(2)

    async def take(writer: Writer, first: Order, second: Order) -> None:
        async with writer.transaction() as tx:
            await tx.write_seat(first)
            await met.wait()
            await tx.write_seat(second)

    async with (
        opened(ReadCommittedStore, f"{database.url}&deadlock_timeout=50ms") as foil,
        writers(foil, other, 1),
        writers(foil, run, 2) as (one, two),
    ):
        told = await asyncio.gather(
            take(one, order_in(run, "a"), order_in(other, "a", key=key)),
            take(two, order_in(other, "b", key=key), order_in(run, "b")),
            return_exceptions=True,
        )
    lost = [each for each in told if each is not None]
    assert [type(each) for each in lost] == [Conflict]
    assert "40P01" in str(lost[0])


async def test_a_sale_of_no_run_is_refused_by_the_table(foil: PostgresStore) -> None:
    """A foil sells nothing to fans."""
    run = plan()
    order = order_in(run, "fan_a")
    of_a_fan = Order(**{name: getattr(order, name) for name in Order.__slots__ if name != "run_id"})
    async with writers(foil, run, 1) as (writer,):
        with pytest.raises(StoreRefused, match="23502"):
            await buy(writer, of_a_fan)


async def test_a_backend_that_is_ended_in_mid_transaction_has_committed_nothing(
    foil: PostgresStore, database: EmbeddedPostgres
) -> None:
    run = plan()
    async with writers(foil, run, 1) as (writer,):
        with pytest.raises(NotCommitted):
            await _ended(writer, order_in(run, "fan_a"), database.url)
    tally = await foil.tally(run.run_id, key_of(run))
    assert (tally.holders, tally.seat.status) == (0, SeatStatus.OPEN)


async def _ended(writer: Any, order: Order, url: str) -> None:
    async with writer.transaction() as tx:
        await tx.write_seat(order)
        pid = writer._connection.get_server_pid()
        async with elsewhere(url) as other:
            await other.execute("SELECT pg_terminate_backend($1)", pid)
        await tx.append_sale(order, replaces=ids.ROOT)


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {**connections._SERVER_LIMITS, "statement_timeout": "300ms"}
    monkeypatch.setattr(connections, "_SERVER_LIMITS", limits)
    async with opened(ReadCommittedStore, database.url) as store:
        run = plan()
        async with writers(store, run, 2) as (holder, late), holder.transaction() as tx:
            await tx.write_seat(order_in(run, "fan_a"))
            with pytest.raises(NotCommitted, match="57014"):
                await buy(late, order_in(run, "fan_b"))


async def test_a_buyer_who_dawdles_does_not_keep_the_seat_from_others(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {**connections._SERVER_LIMITS, "idle_in_transaction_session_timeout": "400ms"}
    monkeypatch.setattr(connections, "_SERVER_LIMITS", limits)
    async with opened(ReadCommittedStore, database.url) as store:
        run = plan()

        async def dawdle(writer: Writer, meanwhile: Writer) -> None:
            async with writer.transaction() as tx:
                await tx.write_seat(order_in(run, "fan_slow"))
                await buy(meanwhile, order_in(run, "fan_quick"))
                # The server has hung up on us; wait until our end knows.
                assert isinstance(tx, PostgresTransaction)
                await until(tx._connection.is_closed)

        async with writers(store, run, 2) as (slow, quick):
            with pytest.raises(NotCommitted):
                await dawdle(slow, quick)
            assert (await store.seat(key_of(run))).fan_id == "fan_quick"
