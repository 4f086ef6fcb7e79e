"""Counting from committed items: both Regions' ledgers, consistent reads, each sale once."""

from collections.abc import Mapping, Sequence
from typing import Any

from worldseat.domain.seats import LogRow
from worldseat.stores.dynamodb import failures, items
from worldseat.stores.dynamodb.clients import Client


async def rows_of_run(clients: Mapping[str, Client], run_id: str) -> Sequence[LogRow]:
    """Return the rows that a run left in any Region's ledger, by sale id. Raises StoreError."""
    found: dict[str, LogRow] = {}
    for client in clients.values():
        for item in await query(client, items.SALES, "run_id", run_id):
            row = items.log_row(item)
            found.setdefault(row.op_id, row)
    return [found[op_id] for op_id in sorted(found)]


async def seats_of_floor(client: Client, event_id: str, round_id: str) -> Sequence[items.Item]:
    """Return the seat items of a round in one Region, by index. Raises StoreError."""
    return await query(client, items.SEATS, "floor", items.floor_of(event_id, round_id))


async def query(client: Client, table: str, key: str, value: str) -> Sequence[items.Item]:
    """Return every item under a partition key, by consistent reads, page by page."""
    asked: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "#key = :value",
        "ExpressionAttributeNames": {"#key": key},
        "ExpressionAttributeValues": {":value": {"S": value}},
        "ConsistentRead": True,
    }
    found: list[items.Item] = []
    try:
        async for page in client.get_paginator("query").paginate(**asked):
            found.extend(page["Items"])
    except Exception as error:
        told = failures.of_read(error)
        if told is None:
            raise
        raise told from error
    return found
