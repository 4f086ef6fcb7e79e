"""The foil's tables: what they look like, and how they are made, seen and removed.

`seats_naive` is the global table; `sales_naive` is a table of its own in each Region, so that the
count never depends on replication.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from worldseat.ports.store import NotCommitted
from worldseat.stores.dynamodb import items
from worldseat.stores.dynamodb.clients import Client

WAIT_S = 5
WAITS_MAX = 120
GLOBAL_TABLES_VERSION = "2019.11.21"

Definition = Mapping[str, Any]


def _definition(name: str, partition: str, sort: str, sort_type: str) -> dict[str, Any]:
    return {
        "TableName": name,
        "AttributeDefinitions": [
            {"AttributeName": partition, "AttributeType": "S"},
            {"AttributeName": sort, "AttributeType": sort_type},
        ],
        "KeySchema": [
            {"AttributeName": partition, "KeyType": "HASH"},
            {"AttributeName": sort, "KeyType": "RANGE"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }


SEATS_TABLE: Definition = {
    **_definition(items.SEATS, "floor", "seat_index", "N"),
    # A replica can be added only to a table that streams both images.
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
SALES_TABLE: Definition = _definition(items.SALES, "run_id", "op_id", "S")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableState:
    """One table in one Region. `status` is the service's own word, or `absent`."""

    name: str
    region: str
    status: str
    consistency: str | None = None
    version: str | None = None
    replicas: Mapping[str, str] = field(default_factory=dict)


async def create(client: Client, definition: Definition, *, wait_s: int = WAIT_S) -> None:
    """Create a table and wait until it can be used; one that exists is left as it is."""
    try:
        await client.create_table(**definition)
    except ClientError as error:
        if not _is(error, "ResourceInUseException"):
            raise
    await client.get_waiter("table_exists").wait(
        TableName=definition["TableName"],
        WaiterConfig={"Delay": wait_s, "MaxAttempts": WAITS_MAX},
    )


async def delete(client: Client, name: str, *, wait_s: int = WAIT_S) -> None:
    """Delete a table and wait until it is gone; one that does not exist is fine."""
    try:
        await client.delete_table(TableName=name)
    except ClientError as error:
        if not _is(error, "ResourceNotFoundException"):
            raise
    await client.get_waiter("table_not_exists").wait(
        TableName=name, WaiterConfig={"Delay": wait_s, "MaxAttempts": WAITS_MAX}
    )


async def describe(client: Client, name: str, region: str) -> TableState:
    """Return where a table stands."""
    try:
        table = (await client.describe_table(TableName=name))["Table"]
    except ClientError as error:
        if not _is(error, "ResourceNotFoundException"):
            raise
        return TableState(name=name, region=region, status="absent")
    return TableState(
        name=name,
        region=region,
        status=table["TableStatus"],
        consistency=table.get("MultiRegionConsistency"),
        version=table.get("GlobalTableVersion"),
        replicas={
            replica["RegionName"]: replica.get("ReplicaStatus", "")
            for replica in table.get("Replicas", [])
        },
    )


async def add_replica(
    client: Client, name: str, region: str, replica: str, *, wait_s: float = WAIT_S
) -> None:
    """Add a replica (version 2019.11.21, eventually consistent) and wait until it is active."""
    if replica not in (await describe(client, name, region)).replicas:
        # One replica a call is all that UpdateTable takes; without MultiRegionConsistency the
        # table is eventually consistent, which is what the foil is about.
        await client.update_table(
            TableName=name, ReplicaUpdates=[{"Create": {"RegionName": replica}}]
        )
    await _until_replica(client, name, region, replica, "ACTIVE", wait_s)


async def remove_replica(
    client: Client, name: str, region: str, replica: str, *, wait_s: float = WAIT_S
) -> None:
    """Remove a replica and wait until it is gone."""
    if replica in (await describe(client, name, region)).replicas:
        await client.update_table(
            TableName=name, ReplicaUpdates=[{"Delete": {"RegionName": replica}}]
        )
    await _until_replica(client, name, region, replica, None, wait_s)


async def create_all(clients: Mapping[str, Client]) -> None:
    """Make the foil on AWS: a ledger in each Region, and the seats from the first to the others."""
    first, *others = clients
    await asyncio.gather(*(create(client, SALES_TABLE) for client in clients.values()))
    await create(clients[first], SEATS_TABLE)
    for other in others:
        await add_replica(clients[first], items.SEATS, first, other)


async def delete_all(clients: Mapping[str, Client]) -> None:
    """Remove the foil from AWS: replicas first, for a table with replicas cannot go."""
    first, *others = clients
    for other in others:
        await remove_replica(clients[first], items.SEATS, first, other)
    await delete(clients[first], items.SEATS)
    await asyncio.gather(*(delete(client, items.SALES) for client in clients.values()))


async def status_all(clients: Mapping[str, Client]) -> Sequence[TableState]:
    """Return where every table of the foil stands, in every Region."""
    return [
        await describe(client, name, region)
        for region, client in clients.items()
        for name in (items.SEATS, items.SALES)
    ]


async def _until_replica(
    client: Client, name: str, region: str, replica: str, wanted: str | None, wait_s: float
) -> None:
    state = TableState(name=name, region=region, status="absent")
    for _ in range(WAITS_MAX):
        state = await describe(client, name, region)
        if state.status in {"ACTIVE", "absent"} and state.replicas.get(replica) == wanted:
            return
        await asyncio.sleep(wait_s)
    message = f"{name}: its replica in {replica} is {state.replicas.get(replica, 'absent')}"
    raise NotCommitted(message)


def _is(error: Any, code: str) -> bool:
    return bool(error.response["Error"]["Code"] == code)
