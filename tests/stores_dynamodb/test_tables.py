"""The calls of the AWS path, each judged by botocore's own model of the service."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from tests.stores_dynamodb.foil import fresh_key, order_for

from worldseat.domain import ids
from worldseat.ports.store import NotCommitted, StoreError
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import items, ledger, tables
from worldseat.stores.dynamodb.clients import connect
from worldseat.stores.dynamodb.ground import AwsGround
from worldseat.stores.dynamodb.purchase import DynamoWriter

FIRST, SECOND = REGIONS
NOWHERE = dict.fromkeys(REGIONS, "http://127.0.0.1:9")
ACTIVE = {"Table": {"TableName": items.SEATS, "TableStatus": "ACTIVE"}}


class Stubbed:
    """A real client whose wire is replaced: calls and answers are checked against the model."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.stub = Stubber(client)

    def answer(self, method: str, answer: dict[str, Any], asked: dict[str, Any]) -> None:
        self.stub.add_response(method, answer, asked)

    def refuse(self, method: str, code: str, status: int = 400) -> None:
        self.stub.add_client_error(method, service_error_code=code, http_status_code=status)


@pytest_asyncio.fixture
async def first() -> AsyncIterator[Stubbed]:
    """The first Region; every answer that was prepared must have been asked for."""
    async with connect(REGIONS, NOWHERE) as clients:
        stubbed = Stubbed(clients.tables[FIRST])
        with stubbed.stub:
            yield stubbed
            stubbed.stub.assert_no_pending_responses()


def with_replica(status: str | None) -> dict[str, Any]:
    replicas = [] if status is None else [{"RegionName": SECOND, "ReplicaStatus": status}]
    table = {**ACTIVE["Table"], "GlobalTableVersion": "2019.11.21", "Replicas": replicas}
    return {"Table": table}


async def test_a_table_is_made_and_waited_for(first: Stubbed) -> None:
    first.answer("create_table", {}, dict(tables.SEATS_TABLE))
    first.answer("describe_table", ACTIVE, {"TableName": items.SEATS})
    await tables.create(first.client, tables.SEATS_TABLE, wait_s=0)
    assert tables.SEATS_TABLE["StreamSpecification"] == {
        "StreamEnabled": True,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    assert tables.SEATS_TABLE["BillingMode"] == "PAY_PER_REQUEST"


async def test_a_table_that_exists_is_left(first: Stubbed) -> None:
    first.refuse("create_table", "ResourceInUseException")
    first.answer("describe_table", ACTIVE, {"TableName": items.SALES})
    await tables.create(first.client, tables.SALES_TABLE, wait_s=0)


async def test_other_refusals_are_told(first: Stubbed) -> None:
    first.refuse("create_table", "LimitExceededException")
    with pytest.raises(ClientError, match="LimitExceeded"):
        await tables.create(first.client, tables.SALES_TABLE, wait_s=0)


async def test_a_replica_is_added_and_waited_for(first: Stubbed) -> None:
    asked = {"TableName": items.SEATS}
    first.answer("describe_table", with_replica(None), asked)
    first.answer(
        "update_table", {}, {**asked, "ReplicaUpdates": [{"Create": {"RegionName": SECOND}}]}
    )
    first.answer("describe_table", with_replica("CREATING"), asked)
    first.answer("describe_table", with_replica("ACTIVE"), asked)
    await tables.add_replica(first.client, items.SEATS, FIRST, SECOND, wait_s=0)


async def test_a_replica_that_never_comes_is_told(
    first: Stubbed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "WAITS_MAX", 2)
    for _ in range(3):
        first.answer("describe_table", with_replica("CREATING"), {"TableName": items.SEATS})
    with pytest.raises(NotCommitted, match="its replica in us-east-2 is CREATING"):
        await tables.add_replica(first.client, items.SEATS, FIRST, SECOND, wait_s=0)


async def test_a_table_goes_after_its_replicas(first: Stubbed) -> None:
    asked = {"TableName": items.SEATS}
    first.answer("describe_table", with_replica("ACTIVE"), asked)
    first.answer(
        "update_table", {}, {**asked, "ReplicaUpdates": [{"Delete": {"RegionName": SECOND}}]}
    )
    first.answer("describe_table", with_replica(None), asked)
    await tables.remove_replica(first.client, items.SEATS, FIRST, SECOND, wait_s=0)
    first.answer("delete_table", {}, asked)
    first.refuse("describe_table", "ResourceNotFoundException")
    await tables.delete(first.client, items.SEATS, wait_s=0)


async def test_status_says_what_is_there(first: Stubbed) -> None:
    first.answer("describe_table", with_replica("ACTIVE"), {"TableName": items.SEATS})
    first.refuse("describe_table", "ResourceNotFoundException")
    seats, sales = await tables.status_all({FIRST: first.client})
    assert (seats.status, seats.version) == ("ACTIVE", tables.GLOBAL_TABLES_VERSION)
    assert seats.replicas == {SECOND: "ACTIVE"}
    assert sales.status == "absent"


async def test_every_call_of_a_purchase_is_one_that_the_service_knows(first: Stubbed) -> None:
    order = order_for(fresh_key(), "fan_model")
    first.answer(
        "get_item",
        {},
        {"TableName": items.SEATS, "Key": items.seat_key(order.key), "ConsistentRead": False},
    )
    for _ in range(3):
        first.stub.add_response("put_item", {})
    first.refuse("put_item", "ConditionalCheckFailedException")
    first.refuse("put_item", "ProvisionedThroughputExceededException")
    writer = DynamoWriter(first.client, FIRST, lane="lane_t", begun=set())
    async with writer.transaction() as tx:
        assert (await tx.read_seat(order.key)).op_id == ids.ROOT
        await tx.write_seat(order)
        assert await tx.write_seat_if(order, unchanged_since=ids.ROOT)
        await tx.append_sale(order, replaces=ids.ROOT)
        assert not await tx.write_seat_if(order, unchanged_since="op_x_0")
        with pytest.raises(StoreError, match="ProvisionedThroughputExceeded"):
            await tx.append_sale(order, replaces=ids.ROOT)


async def test_the_ledger_is_read_to_its_last_page(first: Stubbed) -> None:
    order = order_for(fresh_key(), "fan_page")
    last = {"run_id": {"S": "run_t"}, "op_id": {"S": order.op_id}}
    asked = {
        "TableName": items.SALES,
        "KeyConditionExpression": "#key = :value",
        "ExpressionAttributeNames": {"#key": "run_id"},
        "ExpressionAttributeValues": {":value": {"S": "run_t"}},
        "ConsistentRead": True,
    }
    first.answer("query", {"Items": [], "LastEvaluatedKey": last}, asked)
    first.answer("query", {"Items": [last]}, {**asked, "ExclusiveStartKey": last})
    assert await ledger.query(first.client, items.SALES, "run_id", "run_t") == [last]
    first.refuse("query", "ThrottlingException")
    with pytest.raises(NotCommitted, match="Throttling"):
        await ledger.query(first.client, items.SALES, "run_id", "run_t")


async def test_without_credentials_aws_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(NotCommitted, match="Unable to locate credentials"):
        await AwsGround(REGIONS).start()
