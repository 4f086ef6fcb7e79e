"""The command about tables, on a process that plays AWS, and on answers that it cannot play."""

from typing import Any

import pytest
from botocore import exceptions as boto
from botocore.retries.standard import ExponentialBackoff
from tests.foils.dynamodb.descriptions import FIRST, SECOND, Told, described, replicated
from tests.foils.dynamodb.wiretap import Tap

from worldseat.ports.store import TablesRefused, TableState
from worldseat.settings import REGIONS
from worldseat.stores.dynamodb import items, tables
from worldseat.stores.dynamodb.aws_tables import AwsTables
from worldseat.stores.dynamodb.clients import connect

CHANGES = {"CreateTable", "UpdateTable", "DeleteTable"}


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


@pytest.mark.slow
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
