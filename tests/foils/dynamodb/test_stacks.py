"""The templates of deploy/ in a CloudFormation that somebody else wrote.

ministack comes with this foil; that is why the test is here. It works out every function of the
templates, and what came of one stack is given to the next. What it does not play is left out, so
that nothing here speaks of it: DSQL's clusters and Route 53's checks as types, autoscaling,
budgets, alarms over several metrics. Nothing is started: a service's tasks would need Docker. Its
!Ref of a secret is the name, where AWS's is the ARN, so the ARN is asked for; and it leaves out the
first word of a target group's full name.
"""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from botocore.session import Session
from tests.docs import templates
from tests.docs.templates import template

from worldseat.stores.dynamodb.emulator import Emulator, find_program

pytestmark = pytest.mark.slow

REGION = "us-east-1"
SETTLED_S = 30.0
ARNS = [
    f"arn:aws:dsql:{region}:123456789012:cluster/abcdefghijklmnopqrstuvwxyz"
    for region in ("us-east-1", "us-east-2")
]
HOSTS = {f"EndpointUsEast{n}": f"abcdefghij.dsql.us-east-{n}.on.aws" for n in (1, 2)}
NOT_PLAYED = {
    "app": {"Service", "TaskCount", "FollowLoad", "FromDoorToTask"},
    "alarms": {"Budget", "Conflicts"},
}

NOTHING: Mapping[str, str] = {}

Client = Callable[[str], Any]


class Aws(Emulator):
    """One ministack process that plays what the templates need."""

    def _environment(self) -> dict[str, str]:
        services = "acm,cloudformation,cloudwatch,ec2,ecr,ecs,elbv2,iam,logs,route53,secretsmanager"
        return {**super()._environment(), "SERVICES": f"{services},elasticloadbalancing,sns,sts"}


@pytest_asyncio.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    emulator = Aws(find_program(), REGION, tmp_path)
    await emulator.launch()
    session = Session()
    session.set_credentials("made", "up")
    yield lambda service: session.create_client(
        service, region_name=REGION, endpoint_url=emulator.url
    )
    emulator.kill()


def body(name: str) -> str:
    whole = dict(template(name))
    left_out = NOT_PLAYED.get(name, set())
    whole["Resources"] = {
        key: each for key, each in whole["Resources"].items() if key not in left_out
    }
    return json.dumps(templates.long_form(whole), default=str)


def settled(formation: Any, name: str) -> Mapping[str, Any]:
    ends = time.monotonic() + SETTLED_S
    while time.monotonic() < ends:
        stack: Mapping[str, Any] = formation.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            return stack
        time.sleep(0.05)
    pytest.fail(f"{name} is still being built")


def built(
    client: Client, name: str, given: Mapping[str, str] = NOTHING, *, again: bool = False
) -> Mapping[str, str]:
    """Build a stack, or bring it to these values, and return what it tells."""
    assert not templates.refused(name, given, first=not again)
    formation = client("cloudformation")
    change = formation.update_stack if again else formation.create_stack
    change(
        StackName=name,
        TemplateBody=body(name),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": given[key]} for key in given],
    )
    stack = settled(formation, name)
    wanted = "UPDATE_COMPLETE" if again else "CREATE_COMPLETE"
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    why = [each.get("ResourceStatusReason") for each in events if "FAIL" in each["ResourceStatus"]]
    assert stack["StackStatus"] == wanted, why
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}


async def test_what_one_stack_tells_builds_the_next(client: Client) -> None:
    zone = client("route53").create_hosted_zone(Name="example.com", CallerReference="1")
    zone_id = zone["HostedZone"]["Id"].rpartition("/")[2]
    built(client, "builder", {"HostedZoneId": zone_id})
    assert not built(client, "roles")
    told = built(client, "secrets")
    secrets = {
        key: client("secretsmanager").describe_secret(SecretId=name)["ARN"]
        for key, name in told.items()
    }
    roles = built(client, "roles", {"ClusterArns": ",".join(ARNS), **secrets}, again=True)
    assert granted(client, "worldseat-app") == {"dsql:DbConnect": ARNS}
    assert granted(client, "worldseat-migrator") == {"dsql:DbConnectAdmin": ARNS}
    may_read = granted(client, "worldseat-start")["secretsmanager:GetSecretValue"]
    assert may_read == [arn.replace(REGION, "us-east-*") for arn in secrets.values()]

    ground = built(client, "region")
    assert len(ground["SubnetIds"].split(",")) == 3
    given = {
        "VpcId": ground["VpcId"],
        "SubnetIds": ground["SubnetIds"],
        "Image": f"{ground['RepositoryUri']}:0123456789ab",
        "DomainName": "tickets.example.com",
        "HostedZoneId": zone_id,
        "AppRoleArn": roles["AppRoleArn"],
        "StartRoleArn": roles["StartRoleArn"],
        "Sales": "paused",
    }
    app = built(client, "app", {**given, **HOSTS, **secrets})
    [container] = client("ecs").describe_task_definition(taskDefinition="worldseat")[
        "taskDefinition"
    ]["containerDefinitions"]
    plain = {each["name"]: each["value"] for each in container["environment"]}
    assert plain["WORLDSEAT_REGION"] == REGION
    for name, host in zip(("US_EAST_1", "US_EAST_2"), HOSTS.values(), strict=True):
        address = f"postgresql://worldseat_app@{host}:5432/postgres"
        assert plain[f"WORLDSEAT_{name}_URL"] == address
    watched = {
        "ClusterId": ARNS[0][-26:],
        "Email": "oncall@example.com",
        "DoorFullName": app["DoorFullName"],
        "TasksFullName": f"targetgroup/{app['TasksFullName']}",
    }
    built(client, "alarms", watched)


def granted(client: Client, role: str) -> dict[str, list[str]]:
    """Return each action that a role's policies allow, and on what."""
    iam = client("iam")
    found: dict[str, list[str]] = {}
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for each in document["Statement"]:
            several = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
            found |= dict.fromkeys(several, each["Resource"])
    return found
