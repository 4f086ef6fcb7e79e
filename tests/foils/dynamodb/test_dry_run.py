"""The dry run of the command about tables: the calls that it shows are those that are sent."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.foils.dynamodb.descriptions import Told
from tests.foils.dynamodb.wiretap import Tap

from worldseat.ports.aws_calls import Change
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb.aws_tables import AwsTables

Shown = Sequence[tuple[str, str, Mapping[str, Any]]]


def changes(calls: Sequence[Any]) -> Shown:
    """What would change something, or did: how often AWS is looked at depends on its speed."""
    shown = [(each.region, each.operation, each.params) for each in calls]
    return [each for each in shown if each[1] != "DescribeTable"]


@pytest.mark.slow
async def test_it_shows_what_is_sent_then(cloud: str, tap: Tap) -> None:
    aws = AwsTables(REGIONS, wait_s=0)
    made = await aws.rehearse("create")
    removed = await aws.rehearse("delete")
    tap.calls.clear()
    await aws.create(Told())
    assert changes(made) == changes(tap.calls)
    done = len(tap.calls)
    await aws.delete(Told())
    assert changes(removed) == changes(tap.calls[done:])
    assert {each.service for each in [*made, *removed]} == {"dynamodb"}


@pytest.mark.parametrize("change", ["create", "delete"])
async def test_nobody_need_be_signed_in(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert len(changes(await AwsTables(REGIONS).rehearse(change))) == 4
