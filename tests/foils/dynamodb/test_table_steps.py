"""One step of the command about tables at a time, on answers that no emulator gives."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from botocore.stub import Stubber
from tests.foils.dynamodb.descriptions import FIRST, SECOND, Told, described, replicated

from worldseat.ports.store import TablesRefused
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import items, tables
from worldseat.stores.dynamodb.aws_tables import Steps
from worldseat.stores.dynamodb.clients import connect

NOWHERE = dict.fromkeys(REGIONS, "http://127.0.0.1:9")


@pytest.fixture
def told() -> Told:
    return Told()


class Stubbed:
    """A real client whose wire is replaced: calls and answers are checked against the model."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.stub = Stubber(client)
        self.stub.activate()

    def describe(self, *answers: dict[str, Any] | None) -> None:
        """Answer with these descriptions in turn; None is a table that is not there."""
        for answer in answers:
            if answer is None:
                self.stub.add_client_error("describe_table", "ResourceNotFoundException")
            else:
                asked = {"TableName": items.SEATS}
                self.stub.add_response("describe_table", answer, asked)

    def update(self, **asked: Any) -> None:
        self.stub.add_response("update_table", {}, {"TableName": items.SEATS, **asked})


class Both:
    """Both Regions on such clients, and the steps that are taken on them."""

    def __init__(self, first: Any, second: Any, told: Told) -> None:
        self.first, self.second = Stubbed(first), Stubbed(second)
        self.steps = Steps({FIRST: first, SECOND: second}, told, 0)


@pytest_asyncio.fixture
async def both(told: Told) -> AsyncIterator[Both]:
    """Every answer that was prepared must have been asked for."""
    async with connect(REGIONS, NOWHERE) as clients:
        both = Both(clients.tables[FIRST], clients.tables[SECOND], told)
        yield both
        both.first.stub.assert_no_pending_responses()
        both.second.stub.assert_no_pending_responses()


CREATED = [{"Create": {"RegionName": SECOND}}]
DELETED = [{"Delete": {"RegionName": SECOND}}]


async def test_a_replica_is_waited_for_and_each_change_is_told(both: Both, told: Told) -> None:
    both.first.describe(replicated(None))
    both.second.describe(None)
    both.first.update(ReplicaUpdates=CREATED, MultiRegionConsistency="EVENTUAL")
    both.first.describe(replicated(None, TableStatus="UPDATING"))
    both.first.describe(*[replicated("CREATING", TableStatus="UPDATING")] * 3)
    both.first.describe(replicated("ACTIVE", TableStatus="UPDATING"), replicated("ACTIVE"))
    await both.steps.replicate(FIRST, SECOND)
    assert told == [
        f"{SECOND} seats_naive being made",
        f"{SECOND} seats_naive its replica is CREATING",
        f"{SECOND} seats_naive its replica is ACTIVE",
        f"{SECOND} seats_naive ready, a replica of {FIRST}",
    ]


async def test_a_replica_that_is_still_being_removed_is_made_again(both: Both) -> None:
    both.first.describe(replicated("DELETING"), replicated("DELETING"), replicated(None))
    both.first.describe(replicated(None))
    both.second.describe(described(TableStatus="DELETING"), None)
    both.first.update(ReplicaUpdates=CREATED, MultiRegionConsistency="EVENTUAL")
    both.first.describe(replicated("ACTIVE"))
    await both.steps.replicate(FIRST, SECOND)


async def test_the_mode_is_not_said_again_with_a_further_replica(both: Both) -> None:
    other = {"RegionName": "us-west-2", "ReplicaStatus": "ACTIVE"}
    both.first.describe(described(Replicas=[other]))
    both.second.describe(None)
    both.first.update(ReplicaUpdates=CREATED)
    both.first.describe(replicated("ACTIVE"))
    await both.steps.replicate(FIRST, SECOND)


@pytest.mark.parametrize("status", ["CREATION_FAILED", "REGION_DISABLED"])
async def test_a_replica_that_cannot_become_ready_is_not_waited_for(
    both: Both, status: str
) -> None:
    both.first.describe(replicated(status), replicated(status))
    with pytest.raises(TablesRefused, match=f"in {SECOND} is {status}"):
        await both.steps.replicate(FIRST, SECOND)


async def test_a_replica_that_never_comes_is_told(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "WAITS_MAX", 2)
    both.first.describe(*[replicated("CREATING")] * 3)
    with pytest.raises(TablesRefused, match="is still CREATING") as refused:
        await both.steps.replicate(FIRST, SECOND)
    assert "goes on where it stopped" in refused.value.next_step


async def test_a_replica_that_is_still_being_made_is_removed_afterwards(both: Both) -> None:
    being_made = replicated("CREATING", TableStatus="UPDATING")
    both.first.describe(being_made, being_made, replicated("ACTIVE"), replicated("ACTIVE"))
    both.first.update(ReplicaUpdates=DELETED)
    both.first.describe(replicated("DELETING", TableStatus="UPDATING"), replicated(None))
    await both.steps.part(FIRST, SECOND)


async def test_a_table_that_is_still_being_removed_is_waited_for(both: Both, told: Told) -> None:
    both.first.describe(described(TableStatus="DELETING"))
    both.first.describe(described(TableStatus="DELETING"), None)
    await both.steps.remove(tables.SEATS_TABLE, FIRST)
    both.first.describe(described(TableStatus="DELETING"), None)
    both.first.stub.add_response("create_table", {}, dict(tables.SEATS_TABLE))
    both.first.describe(described(TableStatus="CREATING"), described())
    await both.steps.make(tables.SEATS_TABLE, FIRST)
    assert told[-1] == f"{FIRST} seats_naive ready"


async def test_a_table_that_somebody_makes_at_the_same_time_is_waited_for(both: Both) -> None:
    both.first.describe(None)
    both.first.stub.add_client_error("create_table", "ResourceInUseException")
    both.first.describe(described(TableStatus="CREATING"), described())
    await both.steps.make(tables.SEATS_TABLE, FIRST)


REFUSALS = [
    ("AccessDeniedException", "AWS denies this identity access", "dynamodb:CreateTable"),
    ("UnrecognizedClientException", "AWS does not accept these credentials", "Sign in"),
    ("ExpiredTokenException", "AWS does not accept these credentials", "Sign in"),
    ("ThrottlingException", "AWS is too busy with", "goes on where it stopped"),
    ("LimitExceededException", "AWS is too busy with", "goes on where it stopped"),
    ("ResourceInUseException", "AWS is too busy with", "goes on where it stopped"),
    ("ValidationException", "AWS refused .*: planted", "Mend what AWS names"),
]


@pytest.mark.parametrize(("code", "message", "next_step"), REFUSALS)
async def test_a_refusal_says_why_and_what_to_do(
    both: Both, code: str, message: str, next_step: str
) -> None:
    both.first.describe(replicated(None))
    both.second.describe(None)
    both.first.stub.add_client_error("update_table", code, "planted")
    with pytest.raises(TablesRefused, match=message) as refused:
        await both.steps.replicate(FIRST, SECOND)
    assert f"seats_naive in {SECOND}" in str(refused.value)
    assert next_step in refused.value.next_step
    assert code in refused.value.detail
