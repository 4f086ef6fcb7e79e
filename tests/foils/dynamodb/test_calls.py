"""Every call that the foil sends, judged by botocore's own model of the service, and a bit beyond.

The model knows operations, parameters and types. What it does not know is checked by hand: that an
expression uses the names and values that come with it, and that keys have the types of the tables.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from tests.foils.dynamodb.descriptions import Told
from tests.foils.dynamodb.foil import fire, key_of, plan, setup_in
from tests.foils.dynamodb.wiretap import Call, Tap

from worldseat.domain.seats import Code
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import tables
from worldseat.stores.dynamodb.aws_tables import AwsTables
from worldseat.stores.dynamodb.store import DynamoStore

OF_RUNS = {
    ("dynamodb", "CreateTable"),
    ("dynamodb", "DescribeTable"),
    ("dynamodb", "GetItem"),
    ("dynamodb", "PutItem"),
    ("dynamodb", "Query"),
    ("dynamodb", "UpdateItem"),
    ("dynamodbstreams", "DescribeStream"),
    ("dynamodbstreams", "GetShardIterator"),
    ("dynamodbstreams", "GetRecords"),
}
OF_TABLES = {
    ("dynamodb", "CreateTable"),
    ("dynamodb", "DeleteTable"),
    ("dynamodb", "DescribeTable"),
    ("dynamodb", "UpdateTable"),
}
EXPRESSIONS = ("ConditionExpression", "KeyConditionExpression", "UpdateExpression")
WORDS_OF_EXPRESSIONS = {"SET", "AND", "OR", "attribute_not_exists"}
BARE_NAMES = {"op_id", "written_at_us"}
"""Attributes named without a placeholder: neither is among DynamoDB's reserved words."""


def check(call: Call) -> None:
    """Fail on whatever the service would turn down."""
    report = ParamValidator().validate(dict(call.params), call.model.input_shape)
    assert not report.has_errors(), f"{call.operation}: {report.generate_report()}"
    check_expressions(call.params)
    check_key(call)


def check_expressions(params: Mapping[str, Any]) -> None:
    used: set[str] = set()
    for kind in EXPRESSIONS:
        used |= set(re.findall(r"[#:]?[A-Za-z_]+", params.get(kind, "")))
    names = {word for word in used if word[0] == "#"}
    values = {word for word in used if word[0] == ":"}
    assert names == set(params.get("ExpressionAttributeNames", ()))
    assert values == set(params.get("ExpressionAttributeValues", ()))
    assert used - names - values <= WORDS_OF_EXPRESSIONS | BARE_NAMES


def check_key(call: Call) -> None:
    """See that keys have the attributes, and these the types, that the table was made with."""
    for definition in (tables.SEATS_TABLE, tables.SALES_TABLE):
        if call.params.get("TableName") != definition["TableName"]:
            continue
        types = {
            each["AttributeName"]: each["AttributeType"]
            for each in definition["AttributeDefinitions"]
        }
        given = call.params.get("Key")
        if given is not None:
            assert set(given) == set(types)
        for name, value in (given or call.params.get("Item") or {}).items():
            assert types.get(name, next(iter(value))) == next(iter(value)), (name, value)


@pytest.mark.parametrize(
    "bad",
    [
        {"ConditionExpression": "op_id = :since"},
        {"UpdateExpression": "SET #a = :b", "ExpressionAttributeValues": {":b": {}}},
        {"ExpressionAttributeNames": {"#unused": "x"}},
        {"ConditionExpression": "region = :r", "ExpressionAttributeValues": {":r": {}}},
    ],
)
def test_the_check_fails_on_what_the_service_would_turn_down(bad: Mapping[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_expressions(bad)


async def test_every_call_of_a_run_is_one_that_the_service_knows(tap: Tap, tmp_path: Path) -> None:
    store = DynamoStore(setup_in(tmp_path), on_aws=False)
    await store.open()
    try:
        first = plan(Code.NAIVE, buyers=4)
        await fire(store, first)
        sold = (await store.tally(first.run_id, key_of(first))).seat
        assert await store.sold_in_run(sold)
        again = plan(Code.CONDITIONAL, key=sold.key, buyers=4)
        await store.reopen(sold, run_id=again.run_id)
        await fire(store, again)
        await store.tally(again.run_id, sold.key)
        await fire(store, plan(Code.CONDITIONAL, buyers=2))
        await store.floor(again.event_id, again.round_id)
    finally:
        await store.close()
    assert {(call.service, call.operation) for call in tap.calls} == OF_RUNS
    assert {call.region for call in tap.calls} == set(REGIONS)
    for call in tap.calls:
        check(call)
    expressions = {
        call.params["ConditionExpression"]
        for call in tap.calls
        if call.operation == "PutItem" and "ConditionExpression" in call.params
    }
    # First of a seat, after a release, and the replicator's.
    assert len(expressions) == 3


async def test_every_call_about_tables_is_one_that_the_service_knows(tap: Tap, cloud: str) -> None:
    made = AwsTables(REGIONS, wait_s=0)
    await made.create(Told())
    states = await made.status()
    await made.delete(Told())
    assert {each.account for each in states} == {cloud}
    assert {(call.service, call.operation) for call in tap.calls} == OF_TABLES
    for call in tap.calls:
        check(call)


def test_the_paginator_and_the_waiters_that_are_used_are_in_the_model() -> None:
    session = get_session()
    assert "Query" in session.get_paginator_model("dynamodb")._paginator_config
    assert {"TableExists", "TableNotExists"} <= set(
        session.get_waiter_model("dynamodb").waiter_names
    )
    assert "GetRecords" not in session.get_paginator_model("dynamodbstreams")._paginator_config
