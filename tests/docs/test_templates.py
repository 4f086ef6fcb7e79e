"""The templates agree with themselves, with the app that they run, and with the pages."""

import fnmatch
import json
import re
from typing import Any

import pytest
from tests.docs import templates
from tests.docs.answers import DOCS
from tests.docs.page import ROOT
from tests.docs.templates import Function, template

from worldseat.domain import run
from worldseat.services import feed, fence
from worldseat.settings import REGIONS, WITNESS_REGION
from worldseat.stores.dsql import regions
from worldseat.stores.dsql.endpoint import parse
from worldseat.stores.dsql.roles import ROLE
from worldseat.web import server, stream
from worldseat.web.operations import OPERATIONS

FARGATE_STOP_MAX_S = 120
ROOM_S = 10
"""For what a stop does beside waiting for claims: streams end, connections and lanes close."""


def container() -> Any:
    [found] = resource("app", "Definition")["ContainerDefinitions"]
    return found


def resource(name: str, of: str) -> Any:
    return template(name)["Resources"][of]["Properties"]


def attribute(properties: Any, kind: str, key: str) -> str:
    [value] = [each["Value"] for each in properties[kind] if each["Key"] == key]
    return str(value)


def default(name: str, parameter: str) -> Any:
    return template(name)["Parameters"][parameter]["Default"]


def known_variables() -> set[str]:
    """Every WORLDSEAT_ name that the program itself says somewhere."""
    return {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r"""["'](WORLDSEAT_[A-Z0-9_]+)["']""", path.read_text("utf-8"))
    }


@pytest.mark.parametrize("name", templates.names())
def test_every_parameter_is_used_and_every_name_is_known(name: str) -> None:
    whole = template(name)
    parameters, resources = set(whole.get("Parameters", {})), set(whole["Resources"])
    said = templates.used({key: value for key, value in whole.items() if key != "Parameters"})
    assert parameters <= said
    assert {each for each in said if not each.startswith("AWS::")} <= parameters | resources


@pytest.mark.parametrize("name", templates.names())
def test_every_condition_is_used_and_every_parameter_explained(name: str) -> None:
    whole = template(name)
    asked = {
        each.given[0] if each.name == "If" else each.given
        for each in templates.everything(whole)
        if isinstance(each, Function) and each.name in {"If", "Condition"}
    }
    asked |= {each["Condition"] for each in whole["Resources"].values() if "Condition" in each}
    assert asked == set(whole.get("Conditions", {}))
    assert all(each.get("Description") for each in whole.get("Parameters", {}).values())
    assert all(each.get("Description") for each in whole.get("Outputs", {}).values())


def test_the_app_is_told_what_it_knows_and_secrets_only_as_secrets() -> None:
    plain = {each["Name"]: each["Value"] for each in container()["Environment"]}
    hidden = {each["Name"] for each in container()["Secrets"]}
    assert hidden == {"WORLDSEAT_SECRET", "WORLDSEAT_OPERATOR_TOKEN"}
    assert not [name for name in plain if re.search("SECRET|TOKEN|PASSWORD|KEY", name)]
    # The last one is uvicorn's.
    assert (set(plain) | hidden) - {"FORWARDED_ALLOW_IPS"} <= known_variables()
    assert plain["WORLDSEAT_REGION"] == Function("Ref", "AWS::Region")


@pytest.mark.parametrize("region", REGIONS)
def test_the_apps_addresses_are_of_its_own_role(region: str) -> None:
    name = f"WORLDSEAT_{region.upper().replace('-', '_')}_URL"
    [url] = [each["Value"].given for each in container()["Environment"] if each["Name"] == name]
    parameter = f"Endpoint{region.title().replace('-', '')}"
    host = f"abcdefghijklmnopqrstuvwxyz.dsql.{region}.on.aws"
    assert re.fullmatch(template("app")["Parameters"][parameter]["AllowedPattern"], host)
    said = url.replace(f"${{{parameter}}}", host)
    found = parse(said.replace("${DatabaseRole}", default("app", "DatabaseRole")))
    assert (found.region, found.user, found.host) == (region, ROLE, host)


def test_a_task_stops_as_the_app_does() -> None:
    [drain] = [
        int(each["Value"])
        for each in container()["Environment"]
        if each["Name"] == "WORLDSEAT_DRAIN_S"
    ]
    assert drain > 0
    assert drain + server.CLAIMS_WITHIN_S + ROOM_S <= container()["StopTimeout"]
    assert container()["StopTimeout"] <= FARGATE_STOP_MAX_S
    leaves = int(attribute(resource("app", "Tasks"), "TargetGroupAttributes", DELAY))
    assert leaves > fence.FENCE_DEADLINE_S
    page = " ".join((DOCS / "aws.md").read_text("utf-8").split())
    assert f"has {leaves} seconds to finish those under way" in page


DELAY = "deregistration_delay.timeout_seconds"
IDLE = "idle_timeout.timeout_seconds"


def test_the_load_balancer_outlives_a_streams_silence_and_no_connection_of_the_app() -> None:
    idle = int(attribute(resource("app", "Door"), "LoadBalancerAttributes", IDLE))
    assert 5 * feed.BEAT_S < idle < server.KEEP_ALIVE_S
    assert idle > fence.FENCE_DEADLINE_S


def test_health_is_asked_where_the_app_answers() -> None:
    paths = {each.path for each in OPERATIONS}
    tasks = resource("app", "Tasks")
    assert tasks["HealthCheckPath"] in paths
    assert tasks["HealthCheckTimeoutSeconds"] < tasks["HealthCheckIntervalSeconds"]
    for check in ("HealthUsEast1", "HealthUsEast2"):
        assert resource("dns", check)["HealthCheckConfig"]["ResourcePath"] in paths
    assert tasks["Port"] == container()["PortMappings"][0]["ContainerPort"]


def test_a_pause_stops_purchases_and_nothing_else() -> None:
    rule = resource("app", "Pause")
    path, method = rule["Conditions"]
    [pattern] = path["PathPatternConfig"]["Values"]
    [verb] = method["HttpRequestMethodConfig"]["Values"]
    stopped = {
        (each.method, each.path)
        for each in OPERATIONS
        if each.method == verb and fnmatch.fnmatch(each.path, pattern)
    }
    assert stopped == {("POST", "/api/events/{event_id}/claims")}
    [action] = rule["Actions"]
    answer = action["FixedResponseConfig"]
    told = json.loads(answer["MessageBody"])
    # Not below 500: a page takes that for a definite no, and a lost answer may have been a yes.
    assert answer["StatusCode"] == str(told["status"]) == "503"
    assert {"type", "title", "detail", "next"} <= set(told)


def test_a_version_that_fails_is_undone_and_none_is_missed() -> None:
    deployment = resource("app", "Service")["DeploymentConfiguration"]
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert default("app", "TasksMin") >= 2
    assert container()["ReadonlyRootFilesystem"] is True
    assert not container()["User"].startswith(("0", "root"))


def test_a_deployment_does_not_set_back_how_many_tasks_there_are() -> None:
    assert "DesiredCount" not in resource("app", "Service")
    assert resource("app", "TaskCount")["MinCapacity"] == Function("Ref", "TasksMin")


@pytest.mark.parametrize("name", templates.names())
def test_what_is_kept_is_not_in_the_way_after_a_first_deployment_that_failed(name: str) -> None:
    kept = {
        key: each["DeletionPolicy"]
        for key, each in template(name)["Resources"].items()
        if "DeletionPolicy" in each
    }
    assert set(kept.values()) <= {"RetainExceptOnCreate"}, kept


def test_a_task_may_open_as_many_files_as_the_server_wants() -> None:
    [files] = container()["Ulimits"]
    assert files["SoftLimit"] >= server.CONNECTIONS_MAX + server.OTHER_FILES + 64


def test_a_name_leads_to_each_region_only_while_it_is_well() -> None:
    found = [
        each["Properties"]
        for each in template("dns")["Resources"].values()
        if each["Type"] == "AWS::Route53::RecordSet"
    ]
    assert [each["Region"] for each in found] == list(REGIONS)
    assert len({each["Name"].given for each in found}) == 1
    for each in found:
        assert each["AliasTarget"]["EvaluateTargetHealth"] is True
        assert each["HealthCheckId"].name == "Ref"


def test_the_clusters_are_two_with_one_witness() -> None:
    assert default("cluster", "WitnessRegion") == WITNESS_REGION
    assert default("cluster", "DeletionProtection") == "true"
    arn = "arn:aws:dsql:{}:123456789012:cluster/abcdefghijklmnopqrstuvwxyz"
    pair = ",".join(arn.format(region) for region in REGIONS)
    for name, parameter in (("cluster", "PairArns"), ("roles", "ClusterArns")):
        assert not templates.refused(name, {parameter: pair}, first=False)
        assert templates.refused(name, {parameter: pair.replace("east", "west")}, first=False)


# Read in AWS's guide, "Monitoring Aurora DSQL with Amazon CloudWatch", 2026-11-24.
DSQL_METRICS = {
    "ReadOnlyTransactions", "TotalTransactions", "QueryTimeouts", "OccConflicts", "CommitLatency",
    "BytesWritten", "BytesRead", "ComputeTime", "ClusterStorageSize", "ComputeDPU", "ReadDPU",
    "WriteDPU", "MultiRegionWriteDPU", "TotalDPU",
}  # fmt: skip


def test_alarms_look_at_metrics_that_there_are() -> None:
    watched = set()
    for each in templates.everything(template("alarms")):
        if isinstance(each, dict) and each.get("Namespace") == "AWS/AuroraDSQL":
            watched.add(each["MetricName"])
            assert each["Dimensions"] == [
                {"Name": "ClusterId", "Value": Function("Ref", "ClusterId")}
            ]
    assert {"OccConflicts", "CommitLatency", "QueryTimeouts", "TotalDPU"} <= watched <= DSQL_METRICS


def test_operations_explains_every_alarm_there_is() -> None:
    named = {
        each["Properties"]["AlarmName"].removeprefix("worldseat-")
        for name in ("alarms", "dns")
        for each in template(name)["Resources"].values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    page = (DOCS / "operations.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    explained = {name for row in rows for name in re.findall("`([^`]+)`", row)}
    assert explained == named


def test_operations_numbers_are_the_apps() -> None:
    page = " ".join((DOCS / "operations.md").read_text("utf-8").split())
    assert f"at most {stream.STREAMS_MAX:,} live streams" in page
    assert f"and {server.CONNECTIONS_MAX:,} connections" in page
    assert f"up to {regions.FAN_LANES} connections to each endpoint" in page
    assert f"at most {run.IN_FLIGHT_LIMIT} purchases under way" in page
    assert regions.WARM_LANES == 4
    assert "keeps four connections to each open" in page
    assert f"{default('alarms', 'ConflictPercentMax')} of 100 writes lost" in page
    assert f"{default('alarms', 'CommitMsMax')} ms, in 3 of 5 minutes" in page
