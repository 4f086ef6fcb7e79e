"""Throttled and unanswered calls in a whole stampede: errors or unknown, and never a sale."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
from tests.foils.dynamodb.faulty import timed_out
from tests.foils.dynamodb.foil import APART_MS, ground_of, sales_counted_elsewhere
from tests.foils.dynamodb.wiretap import Faults

from worldseat.domain.event import Event
from worldseat.domain.run import Cell, Result, RunStatus
from worldseat.domain.seats import Code
from worldseat.services import firing
from worldseat.services.attempt import RetryPolicy
from worldseat.services.wiring import Services
from worldseat.stores.dynamodb import items
from worldseat.stores.dynamodb.store import DynamoStore


@pytest.fixture
def faults(foil: DynamoStore, services: Services) -> Iterator[Faults]:
    """What is planted in the way of the buyers; the replicator has connections of its own."""
    planted = Faults()
    with ExitStack() as stack:
        for client in ground_of(foil).clients.values():
            stack.enter_context(planted.in_the_way_of(client))
        yield planted
    assert planted.left() == 0


async def result_of(
    services: Services, event: Event, code: Code, buyers: int
) -> tuple[str, Result]:
    """Fire a stampede at the foil; it must be counted, whatever was in its way."""
    begun = await services.stampedes.start(
        event_id=event.event_id,
        cell=Cell(store="dynamodb", code=code, lag_ms=APART_MS, buyers=buyers),
    )
    run = await services.stampedes.wait(begun.plan.run_id)
    assert run.status is RunStatus.DONE
    assert run.result is not None
    assert run.result.uncounted == ""
    return begun.plan.run_id, run.result


def to(table: str) -> Any:
    def is_to(asked: Mapping[str, Any]) -> bool:
        return bool(asked["TableName"] == table)

    return is_to


@pytest.mark.slow
async def test_a_table_that_takes_no_writes_sells_nothing_and_says_so(
    services: Services,
    foil: DynamoStore,
    event: Event,
    faults: Faults,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    buyers, tries = 20, 4
    monkeypatch.setattr(firing, "RUN_POLICY", RetryPolicy(attempts_max=tries))
    code = "ProvisionedThroughputExceededException"
    # Each of them is turned away as often as the harness asks.
    faults.refuse("PutItem", code, times=buyers * tries)
    run_id, result = await result_of(services, event, Code.NAIVE, buyers)
    assert (result.errors, result.refused, result.unknown) == (buyers, 0, 0)
    assert (result.confirmed, result.oversold, result.app_believed) == (0, None, 0)
    assert result.retries_max == tries - 1
    assert sales_counted_elsewhere(foil, run_id) == 0


async def test_each_fault_is_counted_as_what_it_is(
    services: Services, foil: DynamoStore, event: Event, faults: Faults
) -> None:
    """The ledger turns away 3, is not reached by 4, and takes 5 whose answers are lost."""
    of_sales = to(items.SALES)
    faults.refuse("PutItem", "ThrottlingException", times=3, when=of_sales)
    faults.plant("PutItem", timed_out(), times=4, when=of_sales)
    faults.plant("PutItem", timed_out(), times=5, late=True, when=of_sales)
    run_id, result = await result_of(services, event, Code.NAIVE, 40)
    assert (result.errors, result.unknown) == (3, 9)
    # The five are in the ledger, and nobody was told that they are.
    assert result.confirmed == result.app_believed + 5
    assert result.confirmed == sales_counted_elsewhere(foil, run_id)
    assert result.app_believed + result.refused + 3 + 9 == 40


async def test_a_throttled_purchase_is_let_in_later_and_counted_once(
    services: Services, foil: DynamoStore, event: Event, faults: Faults
) -> None:
    for code in ("RequestLimitExceeded", "ReplicatedWriteConflictException"):
        faults.refuse("PutItem", code, times=2, when=to(items.SEATS))
    run_id, result = await result_of(services, event, Code.CONDITIONAL, 4)
    assert (result.errors, result.unknown) == (0, 0)
    assert result.confirmed == sales_counted_elsewhere(foil, run_id) == 2
    assert result.refused == 2
