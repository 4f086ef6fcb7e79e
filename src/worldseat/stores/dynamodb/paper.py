"""Tables made of paper: they answer the driver's own clients, and nothing leaves the process.

Calls are validated and serialised by the driver from the service's model, as those to AWS are. What
AWS takes minutes for is done at the next look.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.session import AioSession

from worldseat.ports.aws_calls import AwsCall
from worldseat.stores.dynamodb.clients import unaware_session

_ACCOUNT = "000000000000"
_OK, _REFUSED = 200, 400


class PaperTables:
    """An account without any table at first. `calls` are all that were sent to it."""

    def __init__(self) -> None:
        self.calls: list[AwsCall] = []
        self._tables: dict[tuple[str, str], dict[str, Any]] = {}

    def session(self) -> AioSession:
        """Return a session whose clients are all answered here."""
        session = unaware_session()
        session.set_credentials("paper", "paper")
        session.set_config_variable("ignore_configured_endpoint_urls", value=True)
        session.register("before-parameter-build", self._record)
        session.register("before-send", self._answer)
        return session

    def _record(self, params: Mapping[str, Any], model: Any, context: Any, **_: object) -> None:
        self.calls.append(
            AwsCall(
                service=model.service_model.service_name,
                region=context["client_region"],
                operation=model.name,
                params=dict(params),
            )
        )

    def _answer(self, request: Any, event_name: str, **_: object) -> AioAWSResponse:
        region = (urlsplit(request.url).hostname or "").split(".")[1]
        asked = json.loads(request.body)
        status, body = self._answered(event_name.rpartition(".")[2], region, asked)
        raw = _Raw(json.dumps(body).encode())
        return AioAWSResponse(request.url, status, {"content-type": "application/json"}, raw)

    def _answered(
        self, operation: str, region: str, asked: Mapping[str, Any]
    ) -> tuple[int, Mapping[str, Any]]:
        name = asked["TableName"]
        if operation == "CreateTable":
            self._tables[region, name] = _described(region, asked)
        table = self._tables.get((region, name))
        if table is None:
            return _REFUSED, {"__type": "ResourceNotFoundException", "message": name}
        if operation == "UpdateTable":
            for update in asked["ReplicaUpdates"]:
                self._replicate(table, region, update)
        if operation == "DeleteTable":
            del self._tables[region, name]
        return _OK, {"Table" if operation == "DescribeTable" else "TableDescription": table}

    def _replicate(self, table: dict[str, Any], region: str, update: Mapping[str, Any]) -> None:
        ((change, words),) = update.items()
        other, name = words["RegionName"], table["TableName"]
        if change == "Delete":
            table["Replicas"] = []
            del self._tables[other, name]
            return
        self._tables[other, name] = {**table, **_replicated(region)}
        table.update(_replicated(other))


def _described(region: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "TableName": asked["TableName"],
        "TableStatus": "ACTIVE",
        "TableArn": f"arn:aws:dynamodb:{region}:{_ACCOUNT}:table/{asked['TableName']}",
        "KeySchema": asked["KeySchema"],
        "AttributeDefinitions": asked["AttributeDefinitions"],
    }


def _replicated(other: str) -> Mapping[str, Any]:
    return {
        "GlobalTableVersion": "2019.11.21",
        "Replicas": [{"RegionName": other, "ReplicaStatus": "ACTIVE"}],
    }


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body
