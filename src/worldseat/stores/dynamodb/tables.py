"""The foil's tables: what they look like, and how one of them is made, found and removed.

`seats_naive` is the global table; `sales_naive` is a table of its own in each Region, so that the
count never depends on replication.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from worldseat.ports.store import TableState
from worldseat.stores.dynamodb import items
from worldseat.stores.dynamodb.clients import Client

WAIT_S = 5
WAITS_MAX = 120
GLOBAL_TABLES_VERSION = "2019.11.21"
EVENTUAL = "EVENTUAL"
ABSENT = "absent"
ACTIVE = "ACTIVE"
DELETING = "DELETING"
PASSING = frozenset({"CREATING", "UPDATING", DELETING, ACTIVE})
"""What a table or a replica goes through by itself; any other status needs somebody's hand."""

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
class Found:
    """A table as it was found in one Region.

    `foreign` says why it is not the foil's table, whatever its name; `fault` says why the foil's
    own table cannot be mended by a command. Both are empty for a good one, and for none.
    """

    name: str
    region: str
    status: str
    account: str | None = None
    version: str | None = None
    consistency: str | None = None
    replicas: Mapping[str, str] = field(default_factory=dict)
    foreign: str = ""
    fault: str = ""

    @property
    def there(self) -> bool:
        """Say whether there is such a table."""
        return self.status != ABSENT


async def find(client: Client, definition: Definition, region: str) -> Found:
    """Look at a table in one Region."""
    name = definition["TableName"]
    try:
        table = (await client.describe_table(TableName=name))["Table"]
    except ClientError as error:
        if not _is(error, "ResourceNotFoundException"):
            raise
        return Found(name=name, region=region, status=ABSENT)
    replicas = {
        each["RegionName"]: each["ReplicaStatus"]
        for each in table.get("Replicas", [])
        if each["RegionName"] != region
    }
    # The service's reference: a global table that does not say is eventually consistent.
    consistency = table.get("MultiRegionConsistency") or (EVENTUAL if replicas else None)
    version = table.get("GlobalTableVersion")
    return Found(
        name=name,
        region=region,
        status=table["TableStatus"],
        account=table["TableArn"].split(":")[4],
        version=version,
        consistency=consistency,
        replicas=replicas,
        foreign=_other_key(table, definition),
        fault=_fault(table["TableStatus"], version, consistency),
    )


async def find_all(clients: Mapping[str, Client], definition: Definition) -> Mapping[str, Found]:
    """Look at a table in every Region."""
    found = await asyncio.gather(
        *(find(client, definition, region) for region, client in clients.items())
    )
    return {each.region: each for each in found}


async def states(clients: Mapping[str, Client]) -> Sequence[TableState]:
    """Return where every table of the foil stands, in every Region."""
    seats, sales = await asyncio.gather(
        *(find_all(clients, definition) for definition in (SEATS_TABLE, SALES_TABLE))
    )
    return [
        *(
            _state(each, [other for other in seats if other != each.region])
            for each in seats.values()
        ),
        *(_state(each, []) for each in sales.values()),
    ]


async def make(client: Client, definition: Definition, *, wait_s: int = WAIT_S) -> None:
    """Make a table and wait until it can be used; one that exists is left as it is."""
    try:
        await client.create_table(**definition)
    except ClientError as error:
        if not _is(error, "ResourceInUseException"):
            raise
    await until_usable(client, definition["TableName"], wait_s=wait_s)


async def remove(client: Client, name: str, *, wait_s: int = WAIT_S) -> None:
    """Remove a table and wait until it is gone; one that does not exist is fine."""
    try:
        await client.delete_table(TableName=name)
    except ClientError as error:
        if not _is(error, "ResourceNotFoundException"):
            raise
    await until_gone(client, name, wait_s=wait_s)


async def until_usable(client: Client, name: str, *, wait_s: int = WAIT_S) -> None:
    """Wait until a table is active."""
    await _wait(client, "table_exists", name, wait_s)


async def until_gone(client: Client, name: str, *, wait_s: int = WAIT_S) -> None:
    """Wait until a table is gone."""
    await _wait(client, "table_not_exists", name, wait_s)


async def _wait(client: Client, waiter: str, name: str, wait_s: int) -> None:
    await client.get_waiter(waiter).wait(
        TableName=name, WaiterConfig={"Delay": wait_s, "MaxAttempts": WAITS_MAX}
    )


def _state(found: Found, others: Sequence[str]) -> TableState:
    return TableState(
        name=found.name,
        region=found.region,
        status=found.status,
        account=found.account,
        version=found.version,
        consistency=found.consistency,
        replicas=found.replicas,
        problem=_problem(found, others),
    )


def _problem(found: Found, others: Sequence[str]) -> str:
    if not found.there:
        return "it does not exist"
    if found.foreign or found.fault:
        return found.foreign or found.fault
    if found.status != ACTIVE:
        return f"it is {found.status}"
    for other in others:
        replica = found.replicas.get(other)
        if replica != ACTIVE:
            return f"its replica in {other} is {replica or ABSENT}"
    return ""


def _other_key(table: Mapping[str, Any], definition: Definition) -> str:
    """Say which key a table has that should have another one."""
    has, wanted = _key(table), _key(definition)
    return "" if has == wanted else f"its key is {has}, and the foil's is {wanted}"


def _key(table: Mapping[str, Any]) -> str:
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    names = [each["AttributeName"] for each in table["KeySchema"]]
    return ", ".join(f"{name} ({types[name]})" for name in names)


def _fault(status: str, version: str | None, consistency: str | None) -> str:
    if status not in PASSING:
        return f"it is {status}"
    if version not in {None, GLOBAL_TABLES_VERSION}:
        return f"it is a global table of version {version}, not {GLOBAL_TABLES_VERSION}"
    if consistency not in {None, EVENTUAL}:
        return f"its consistency between Regions is {consistency}, not {EVENTUAL}"
    return ""


def _is(error: Any, code: str) -> bool:
    return bool(error.response["Error"]["Code"] == code)
