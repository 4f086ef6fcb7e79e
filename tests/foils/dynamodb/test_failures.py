"""Errors: turned away is an error, unanswered is unknown, and neither is ever a sale."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import repeat

import pytest
from botocore import exceptions as boto
from botocore.retries.standard import ThrottledRetryableChecker
from botocore.session import get_session
from tests.foils.dynamodb.faulty import (
    FaultyClient,
    FaultyStore,
    answered,
    cut,
    refused,
    reset,
    timed_out,
)
from tests.foils.dynamodb.foil import fire, fresh_key, order_for, plan

from worldseat.domain.run import Outcome
from worldseat.domain.seats import Code
from worldseat.ports.store import CommitUnknown, NotCommitted, StoreError, StoreRefused
from worldseat.services import firing
from worldseat.services.attempt import RetryPolicy
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import clients, failures
from worldseat.stores.dynamodb.clients import connect
from worldseat.stores.dynamodb.purchase import DynamoWriter

TURNED_AWAY = [
    answered("ProvisionedThroughputExceededException"),
    answered("ThrottlingException"),
    answered("RequestLimitExceeded"),
    answered("ReplicatedWriteConflictException"),
    answered("TransactionConflictException"),
    refused(),
    boto.ConnectTimeoutError(endpoint_url="x"),
]
UNANSWERED = [
    answered("InternalServerError", 500),
    answered("ServiceUnavailable", 503),
    timed_out(),
    cut(),
    reset(),
    ConnectionResetError(),
    TimeoutError(),
]
FOR_GOOD = [
    answered("ValidationException"),
    answered("ResourceNotFoundException"),
    answered("AccessDeniedException"),
    boto.NoCredentialsError(),
]


def name(error: Exception) -> str:
    return failures.told(error)[:60]


@pytest.mark.parametrize("error", TURNED_AWAY, ids=name)
def test_what_was_turned_away_may_be_run_again(error: Exception) -> None:
    assert type(failures.of_read(error)) is NotCommitted
    assert type(failures.of_write(error, half_done=False)) is NotCommitted
    half = failures.of_write(error, half_done=True)
    assert type(half) is StoreRefused
    assert "the seat was written, the sale was not" in str(half)


@pytest.mark.parametrize("error", UNANSWERED, ids=name)
def test_what_was_not_answered_is_unknown_for_a_write_and_nothing_for_a_read(
    error: Exception,
) -> None:
    assert type(failures.of_read(error)) is NotCommitted
    for half_done in (False, True):
        assert type(failures.of_write(error, half_done=half_done)) is CommitUnknown


@pytest.mark.parametrize("error", FOR_GOOD, ids=name)
def test_what_is_refused_is_refused_for_good(error: Exception) -> None:
    assert type(failures.of_read(error)) is StoreRefused
    assert type(failures.of_write(error, half_done=False)) is StoreRefused


OF_READS: dict[str, type[StoreError]] = {
    "ProvisionedThroughputExceededException": NotCommitted,
    "RequestLimitExceeded": NotCommitted,
    "ThrottlingException": NotCommitted,
    "InternalServerError": NotCommitted,
    "ResourceNotFoundException": StoreRefused,
}
OF_WRITES = OF_READS | {
    "InternalServerError": CommitUnknown,
    "ReplicatedWriteConflictException": NotCommitted,
    "TransactionConflictException": NotCommitted,
    "ItemCollectionSizeLimitExceededException": StoreRefused,
}
NO_ERROR = "ConditionalCheckFailedException"


def named_in_the_model(operation: str) -> set[str]:
    """The errors that an operation can answer, as botocore's model of the service has them."""
    model = get_session().get_service_model("dynamodb").operation_model(operation)
    return {each.name for each in model.error_shapes}


def test_every_error_that_the_model_names_for_a_purchase_has_a_meaning() -> None:
    """A driver that knows a new one makes this fail, until somebody decides what it means."""
    for operation in ("GetItem", "Query"):
        assert named_in_the_model(operation) == set(OF_READS)
    assert named_in_the_model("PutItem") == {*OF_WRITES, NO_ERROR}
    for code, kind in OF_READS.items():
        assert type(failures.of_read(answered(code, status_of(code)))) is kind
    for code, kind in OF_WRITES.items():
        assert type(failures.of_write(answered(code, status_of(code)), half_done=False)) is kind
    assert failures.condition_failed(answered(NO_ERROR))


def status_of(code: str) -> int:
    return 500 if code == "InternalServerError" else 400


def test_every_code_that_is_named_here_is_one_that_the_service_has() -> None:
    """Modelled, or among those that the driver itself takes for throttling of any service."""
    common = set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES)
    assert named_in_the_model("PutItem") | common >= failures.THROTTLED
    assert named_in_the_model("PutItem") >= failures.CONTENDED
    assert {"ResourceInUseException", "LimitExceededException"} <= named_in_the_model("UpdateTable")
    assert "ResourceInUseException" in named_in_the_model("CreateTable")
    assert "ResourceNotFoundException" in named_in_the_model("DeleteTable")
    assert "ResourceNotFoundException" in named_in_the_model("DescribeTable")


def test_a_fault_of_our_own_is_not_dressed_up() -> None:
    assert failures.of_read(KeyError("op_id")) is None
    assert failures.of_write(KeyError("op_id"), half_done=False) is None
    assert failures.condition_failed(answered("ConditionalCheckFailedException"))
    assert not failures.condition_failed(answered("ValidationException"))


ALWAYS = [
    ("put sales_naive", timed_out(), "unknown", Outcome.INFO),
    ("put seats_naive", cut(), "unknown", Outcome.INFO),
    ("put sales_naive", answered("ThrottlingException"), "store-refused", Outcome.FAIL),
    (
        "put seats_naive",
        answered("ProvisionedThroughputExceededException"),
        "unavailable",
        Outcome.FAIL,
    ),
    ("get seats_naive", timed_out(), "unavailable", Outcome.FAIL),
]


@pytest.mark.parametrize(("where", "error", "reason", "outcome"), ALWAYS)
async def test_nobody_is_sold_anything_by_an_error(
    monkeypatch: pytest.MonkeyPatch, where: str, error: Exception, reason: str, outcome: Outcome
) -> None:
    """All wait for places at once: a place must be given up by whoever was turned away."""
    monkeypatch.setattr(firing, "RUN_POLICY", RetryPolicy(attempts_max=4))
    store = FaultyStore(FaultyClient({where: repeat(error)}))
    async with asyncio.timeout(20):
        fired = await fire(store, plan(Code.NAIVE, buyers=40))
    told = Counter((each.reason, each.outcome) for each in fired.operations)
    assert told[reason, outcome] > 0
    # A later buyer may find the seat taken by one whose sale then failed.
    assert set(told) <= {(reason, outcome), ("taken", Outcome.FAIL)}
    assert all(
        (each.t_return_ns is None) == (each.outcome is Outcome.INFO) for each in fired.operations
    )


async def test_a_throttled_purchase_succeeds_once_it_is_let_in() -> None:
    throttled = [answered("ThrottlingException")] * 2
    store = FaultyStore(FaultyClient({"put seats_naive": throttled}))
    fired = await fire(store, plan(Code.CONDITIONAL, REGIONS[:1], buyers=2))
    assert Counter(each.reason for each in fired.operations) == {"sold": 1, "taken": 1}
    assert sum(each.attempts for each in fired.operations) == 2 + len(throttled)


async def write_at(port: int) -> None:
    """Put a seat at an endpoint by the real driver."""
    region = REGIONS[0]
    async with connect((region,), {region: f"http://127.0.0.1:{port}"}) as connected:
        writer = DynamoWriter(connected.tables[region], region, lane="lane_t")
        async with writer.transaction() as tx:
            await tx.write_seat(order_for(fresh_key(), "fan_wire"))


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def tear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()


async def stammer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("serve", [hang, slam, tear, stammer])
async def test_on_the_wire_an_unanswered_write_is_unknown(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "READ_TIMEOUT_S", 0.3)
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        with pytest.raises(CommitUnknown):
            await write_at(server.sockets[0].getsockname()[1])


async def test_on_the_wire_what_was_never_sent_did_not_happen() -> None:
    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    with pytest.raises(NotCommitted):
        await write_at(port)
