"""What the service says of the foil's seats in a Region, and what a command tells of its steps."""

from typing import Any

from worldseat.ports.store import TableStep
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import items, tables

FIRST, SECOND = REGIONS


class Told(list[str]):
    """What was reported, step by step."""

    def __call__(self, step: TableStep) -> None:
        self.append(f"{step.region} {step.name} {step.text}")


def described(**fields: Any) -> dict[str, Any]:
    """What the service says of the seats in a Region, with these fields."""
    return {
        "Table": {
            "TableName": items.SEATS,
            "TableStatus": "ACTIVE",
            "TableArn": f"arn:aws:dynamodb:{FIRST}:000000000009:table/seats_naive",
            "KeySchema": tables.SEATS_TABLE["KeySchema"],
            "AttributeDefinitions": tables.SEATS_TABLE["AttributeDefinitions"],
            **fields,
        }
    }


def replicated(status: str | None, **fields: Any) -> dict[str, Any]:
    """The same, with a replica that stands like this in the second Region."""
    if status is None:
        return described(**fields)
    replica = {"RegionName": SECOND, "ReplicaStatus": status}
    whole = {"GlobalTableVersion": "2019.11.21", "Replicas": [replica], **fields}
    return described(**whole)
