"""The command about tables, on a process that plays AWS, and on answers that it cannot play."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from botocore import exceptions as boto
from botocore.retries.standard import ExponentialBackoff
from botocore.stub import Stubber
from tests.foils.dynamodb.wiretap import Tap

from worldseat.ports.store import TablesRefused, TableState, TableStep
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import items, tables
from worldseat.stores.dynamodb.aws_tables import AwsTables, Steps
from worldseat.stores.dynamodb.clients import connect

FIRST, SECOND = REGIONS
NOWHERE = dict.fromkeys(REGIONS, "http://127.0.0.1:9")
CHANGES = {"CreateTable", "UpdateTable", "DeleteTable"}


class Told(list[str]):
    """What was reported, step by step."""

    def __call__(self, step: TableStep) -> None:
        self.append(f"{step.region} {step.name} {step.text}")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def aws() -> AwsTables:
    return AwsTables(REGIONS, wait_s=0)


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the driver try again at once."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)


def changes(tap: Tap) -> list[str]:
    """The calls that changed something, in order."""
    return [each.operation for each in tap.calls if each.operation in CHANGES]


def by_place(states: "list[TableState] | Any") -> dict[tuple[str, str], TableState]:
    return {(each.name, each.region): each for each in states}


async def make_by_hand(definition: Any, region: str = FIRST) -> None:
    async with connect(REGIONS) as clients:
        await clients.tables[region].create_table(**definition)


async def test_tables_are_made_shown_and_removed(
    cloud: str, tap: Tap, aws: AwsTables, told: Told
) -> None:
    assert {(each.status, each.problem) for each in await aws.status()} == {
        ("absent", "it does not exist")
    }
    await aws.create(told)
    assert changes(tap) == ["CreateTable", "CreateTable", "CreateTable", "UpdateTable"]
    (replicating,) = (each for each in tap.calls if each.operation == "UpdateTable")
    assert replicating.params == {
        "TableName": items.SEATS,
        "ReplicaUpdates": [{"Create": {"RegionName": SECOND}}],
        "MultiRegionConsistency": "EVENTUAL",
    }
    assert told[0] == f"{FIRST} sales_naive being made"
    assert told[-1] == f"{SECOND} seats_naive ready, a replica of {FIRST}"
    made = by_place(await aws.status())
    assert not any(each.problem for each in made.values())
    seats = made[items.SEATS, FIRST]
    assert (seats.version, seats.consistency) == (tables.GLOBAL_TABLES_VERSION, "EVENTUAL")
    assert seats.replicas == {SECOND: "ACTIVE"}
    assert made[items.SEATS, SECOND].replicas == {FIRST: "ACTIVE"}
    assert made[items.SALES, FIRST].replicas == {}
    assert {each.account for each in made.values()} == {cloud}
    # The second time nothing is left to do, on the way there and on the way back.
    done = len(changes(tap))
    await aws.create(told)
    assert len(changes(tap)) == done
    assert f"{FIRST} seats_naive there already" in told
    told.clear()
    await aws.delete(told)
    assert told[0] == f"{SECOND} seats_naive removed"
    assert {each.status for each in await aws.status()} == {"absent"}
    done = len(changes(tap))
    await aws.delete(told)
    assert len(changes(tap)) == done


@pytest.mark.slow
@pytest.mark.parametrize("broken_at", range(4))
async def test_a_command_that_was_broken_off_goes_on_where_it_stopped(
    cloud: str, tap: Tap, aws: AwsTables, told: Told, broken_at: int
) -> None:
    """Every change is refused once, each in a run of its own, on the way there and back."""
    seen: list[str] = []

    def at_this_one(asked: Any) -> bool:
        seen.append(str(asked))
        return len(seen) == broken_at + 1

    for operation in sorted(CHANGES):
        tap.refuse(operation, "ValidationException", when=at_this_one)
    with pytest.raises(TablesRefused, match="planted"):
        await aws.create(told)
    await aws.create(told)
    assert not any(each.problem for each in await aws.status())
    seen.clear()
    for operation in sorted(CHANGES):
        tap.refuse(operation, "ValidationException", when=at_this_one)
    with pytest.raises(TablesRefused, match="planted"):
        await aws.delete(told)
    await aws.delete(told)
    assert {each.status for each in await aws.status()} == {"absent"}


async def test_a_table_with_another_key_is_left_alone(
    cloud: str, tap: Tap, aws: AwsTables, told: Told
) -> None:
    await make_by_hand({**tables.SALES_TABLE, "TableName": items.SEATS})
    done = len(changes(tap))
    said = (
        f"seats_naive in {FIRST} is not the foil's table: its key is run_id \\(S\\), "
        "op_id \\(S\\), and the foil's is floor \\(S\\), seat_index \\(N\\)"
    )
    with pytest.raises(TablesRefused, match=f"{said}. So nothing was made") as refused:
        await aws.create(told)
    assert f"another account than {cloud}" in refused.value.next_step
    with pytest.raises(TablesRefused, match=f"{said}. So nothing was removed"):
        await aws.delete(told)
    assert len(changes(tap)) == done
    state = by_place(await aws.status())[items.SEATS, FIRST]
    assert state.problem.startswith("its key is run_id")


async def test_a_table_by_itself_where_the_replica_belongs_is_named(
    cloud: str, tap: Tap, aws: AwsTables, told: Told
) -> None:
    await make_by_hand(tables.SEATS_TABLE, SECOND)
    done = len(changes(tap))
    with pytest.raises(TablesRefused, match=f"in {SECOND} is a table by itself"):
        await aws.create(told)
    assert len(changes(tap)) == done
    await aws.delete(told)
    await aws.create(told)


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


FAULTS = [
    ({"MultiRegionConsistency": "STRONG"}, "its consistency between Regions is STRONG"),
    pytest.param(
        {"GlobalTableVersion": "2017.11.29"},
        "it is a global table of version 2017.11.29",
        marks=pytest.mark.slow,
    ),
    pytest.param({"TableStatus": "ARCHIVED"}, "it is ARCHIVED", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("fields", "problem"), FAULTS)
async def test_another_mode_is_named_and_nothing_is_made(
    cloud: str, tap: Tap, aws: AwsTables, told: Told, fields: dict[str, str], problem: str
) -> None:
    def of_seats(asked: Any) -> bool:
        return bool(asked["TableName"] == items.SEATS)

    body = replicated("ACTIVE", **fields)
    tap.plant("DescribeTable", (200, body), when=of_seats)
    with pytest.raises(TablesRefused, match=problem):
        await aws.create(told)
    assert changes(tap) == []
    tap.plant("DescribeTable", (200, body), when=of_seats)
    assert [each for each in await aws.status() if each.problem.startswith(problem)]


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("CREATING", "its replica in us-east-2 is CREATING"),
        (None, "its replica in us-east-2 is absent"),
    ],
)
async def test_seats_that_are_not_replicated_are_no_global_table(
    cloud: str, tap: Tap, aws: AwsTables, status: str | None, problem: str
) -> None:
    tap.plant("DescribeTable", (200, replicated(status)))
    assert problem in {each.problem for each in await aws.status()}


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


async def test_throttling_and_a_lost_answer_are_tried_again(
    cloud: str, tap: Tap, aws: AwsTables, told: Told, no_pause: None
) -> None:
    tap.refuse("CreateTable", "ThrottlingException")
    tap.plant("DescribeTable", boto.ReadTimeoutError(endpoint_url="x", error=TimeoutError()))
    await aws.create(told)
    assert not any(each.problem for each in await aws.status())


async def test_a_waiter_that_is_refused_says_so(
    cloud: str, tap: Tap, aws: AwsTables, told: Told
) -> None:
    looks = 0

    def while_waiting(_: Any) -> bool:
        nonlocal looks
        looks += 1
        # Four looks come before anything is made, and one before the first table is.
        return looks == 6

    tap.refuse("DescribeTable", "AccessDeniedException", when=while_waiting)
    with pytest.raises(TablesRefused, match="denies this identity access to sales_naive"):
        await aws.create(told)


async def test_a_wait_without_end_ends(
    cloud: str, tap: Tap, aws: AwsTables, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "WAITS_MAX", 1)
    looks = 0

    def while_waiting(_: Any) -> bool:
        nonlocal looks
        looks += 1
        return looks == 6

    body = described(TableStatus="CREATING")
    tap.plant("DescribeTable", (200, body), when=while_waiting)
    with pytest.raises(TablesRefused, match="AWS is still at work on sales_naive in us-east-1"):
        await aws.create(told)


UNREACHED = [
    ({"AWS_ACCESS_KEY_ID": ""}, "no credentials that work were found", "AWS_PROFILE"),
    ({"AWS_PROFILE": "of-nobody"}, "no credentials that work were found", "AWS_PROFILE"),
    ({"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}, "AWS does not answer", "network"),
]


@pytest.mark.parametrize(("variables", "message", "next_step"), UNREACHED)
async def test_what_stands_between_here_and_aws_is_told(
    cloud: str,
    aws: AwsTables,
    no_pause: None,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    message: str,
    next_step: str,
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TablesRefused, match=message) as refused:
        await aws.status()
    assert next_step in refused.value.next_step
