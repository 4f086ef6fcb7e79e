"""deploy/roles.yaml lets the foil's operator do what its commands and purchases send, no more."""

import re

import pytest
from tests.docs import rights

from worldseat import telemetry
from worldseat.cli import app
from worldseat.stores.dynamodb import items

# What AWS's guide, "How global tables use AWS IAM", asks for to add and remove a replica.
REPLICAS = {
    "CreateTableReplica", "DeleteTableReplica", "Scan", "Query", "UpdateItem", "PutItem", "GetItem",
    "DeleteItem", "BatchWriteItem",
}  # fmt: skip
PURCHASES = {"GetItem", "PutItem", "Query"}


def test_the_foils_operator_may_do_what_is_sent_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    monkeypatch.setenv("WORLDSEAT_FOIL_DYNAMODB", "aws")
    sent = set()
    for change in ("create", "delete"):
        assert app.run(["foil", change, "--store", "dynamodb", "--dry-run"]) == 0
        told = capsys.readouterr().out
        sent |= set(re.findall(r"^dynamodb us-east-[12] (\w+) \{", told, re.MULTILINE))
    assert {"CreateTable", "UpdateTable", "DeleteTable"} <= sent
    wanted = {f"dynamodb:{name}" for name in sent | REPLICAS | PURCHASES}
    granted = rights.actions("roles", "FoilOperator")
    assert granted == wanted | {"iam:CreateServiceLinkedRole"}


def test_only_the_foils_two_tables_are_in_it() -> None:
    for each in rights.statements("roles", "FoilOperator"):
        if each.actions != ("iam:CreateServiceLinkedRole",):
            tables = {resource.given.rpartition("/")[2] for resource in each.resources}
            assert tables == {items.SEATS, items.SALES}
