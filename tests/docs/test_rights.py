"""Least privilege: what is granted exists, is used, and is enough for what the commands send."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from tests.docs import aws_cli, rights, templates
from tests.docs.page import Call

from worldseat import telemetry
from worldseat.cli import app

# What else a call asks for, by the words it carries: from the "Required permissions" of
# CreateCluster and UpdateCluster in the service's own model.
ASKED_BESIDES = {
    "multiRegionProperties": "dsql:PutMultiRegionProperties",
    "witnessRegion": "dsql:PutWitnessRegion",
    "clusters": "dsql:AddPeerCluster",
    "tags": "dsql:TagResource",
}
CLUSTER_OPERATOR = ("roles", "ClusterOperator")
DEPLOYER = ("builder", "Deployer")


def sent(*words: str, capsys: pytest.CaptureFixture[str]) -> Sequence[Mapping[str, Any]]:
    assert app.run([*words, "--dry-run", "--json"]) == 0
    calls: Sequence[Mapping[str, Any]] = json.loads(capsys.readouterr().out)["calls"]
    return calls


def names_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from names_in(each)


def asked(calls: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the actions that IAM asks for; anybody may ask STS who he is."""
    found = {f"{each['service']}:{each['operation']}" for each in calls if each["service"] != "sts"}
    for each in calls:
        found |= {ASKED_BESIDES[name] for name in names_in(each["params"]) if name in ASKED_BESIDES}
    return found


def test_the_cluster_operator_may_do_what_the_commands_send_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    create = sent("cluster", "create", capsys=capsys)
    delete = sent("cluster", "delete", capsys=capsys)
    assert {"CreateCluster", "DeleteCluster"} <= {each["operation"] for each in [*create, *delete]}
    granted = rights.actions(*CLUSTER_OPERATOR)
    # The first cluster in an account makes the service's own role.
    assert granted == asked([*create, *delete]) | {"iam:CreateServiceLinkedRole"}


def test_no_call_leaves_the_resources_that_the_operator_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    regions = {each["region"] for each in sent("cluster", "create", capsys=capsys)}
    assert regions == {"us-east-1", "us-east-2"}
    witness = {
        found["witnessRegion"]
        for each in sent("cluster", "create", capsys=capsys)
        if (found := each["params"].get("multiRegionProperties"))
    }
    [condition] = [
        each.conditions
        for each in rights.statements(*CLUSTER_OPERATOR)
        if each.actions == ("dsql:PutWitnessRegion",)
    ]
    assert condition == {"StringEquals": {"dsql:WitnessRegion": witness.pop()}}
    assert not witness


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("AppRole", {"dsql:DbConnect"}),
        ("MigratorRole", {"dsql:DbConnectAdmin"}),
        ("AcceptanceRole", {"dsql:DbConnect", "dsql:DbConnectAdmin"}),
    ],
)
def test_a_role_of_the_database_opens_the_two_clusters_and_nothing_else(
    role: str, may: set[str]
) -> None:
    assert rights.actions("roles", role) == may
    for each in rights.statements("roles", role):
        assert each.resources == (
            templates.Function("Split", [",", templates.Function("Ref", "ClusterArns")]),
        )


# IAM's own limits, in characters without spaces: of a policy, and of all that a role holds inline.
POLICY_MAX, INLINE_MAX = 6_144, 10_240


@pytest.mark.parametrize(("name", "resource"), list(rights.everybody()))
def test_a_policy_is_not_longer_than_iam_takes(name: str, resource: str) -> None:
    about = templates.template(name)["Resources"][resource]
    policies = [about["Properties"], *about["Properties"].get("Policies", ())]
    documents = [each["PolicyDocument"] for each in policies if "PolicyDocument" in each]
    written = json.dumps(templates.long_form(documents), separators=(",", ":"))
    assert len(written) <= (INLINE_MAX if about["Type"] == "AWS::IAM::Role" else POLICY_MAX)


def test_no_right_is_a_whole_service() -> None:
    for name, resource in rights.everybody():
        for each in rights.statements(name, resource):
            assert not [
                action for action in each.actions if action.endswith(("*:*", ":*", ":Put*"))
            ]


# Changes to what has no name before AWS gives it one.
ON_ANYTHING = (
    "route53:ChangeTagsForResource", "route53:CreateHealthCheck", "route53:DeleteHealthCheck",
    "route53:UpdateHealthCheck", "sns:Unsubscribe",
)  # fmt: skip


def test_what_changes_something_names_it_or_the_region() -> None:
    for name, resource in rights.everybody():
        for each in rights.statements(name, resource):
            if "*" in each.resources and not each.conditions:
                changes = [
                    action
                    for action in each.actions
                    if not action.partition(":")[2].startswith(
                        ("Describe", "Filter", "Get", "List")
                    )
                    and not action.startswith(ON_ANYTHING)
                ]
                assert not changes, each.where


@pytest.mark.parametrize("name", ["aws", "operations"])
def test_who_follows_the_page_may_make_its_calls(
    name: str, called: Mapping[str, list[Call]]
) -> None:
    granted = rights.actions(*DEPLOYER)
    missing = set()
    for call in called[name]:
        # By the administrator: rights, and the stacks that hold them.
        if call.program != "aws" or call.words[0] in {"iam", "configure"}:
            continue
        for service, operation in aws_cli.sends(call.words):
            if not rights.covered(f"{service}:{operation}", granted):
                missing.add(f"{service}:{operation}")
    assert not missing


def test_who_deploys_never_reads_the_signing_key_and_removes_no_other_secret() -> None:
    on = {
        action: [text.given.rpartition(":")[2] for text in each.resources]
        for each in rights.statements(*DEPLOYER)
        for action in each.actions
        if action.startswith("secretsmanager:")
    }
    assert on.pop("secretsmanager:GetSecretValue") == ["worldseat/operator-token-*"]
    assert on
    assert all(names == ["worldseat/signing-key-*"] for names in on.values())


def test_records_are_changed_in_one_zone_only() -> None:
    [zones] = [
        each.resources
        for each in rights.statements("builder", "Builder")
        if "route53:ChangeResourceRecordSets" in each.actions
    ]
    assert zones == (templates.Function("Sub", "arn:aws:route53:::hostedzone/${HostedZoneId}"),)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "resource"), list(rights.everybody()))
def test_every_action_that_is_granted_exists(name: str, resource: str) -> None:
    unknown = {each for each in rights.actions(name, resource) if not rights.exists(each)}
    assert not unknown


# What the types' handlers may call for parts of them that the templates do not use.
UNUSED = (
    "acm-pca:", "billing:", "cognito-idp:", "firehose:", "kms:", "lambda:", "s3:",
    "route53-recovery-control-config:",
    "application-autoscaling:DeleteScheduledAction", "application-autoscaling:PutScheduledAction",
    "dsql:DeleteClusterPolicy", "dsql:PutClusterPolicy",
    "ec2:AssociateSubnetCidrBlock", "ec2:AttachVpnGateway", "ec2:CreateVpcEncryptionControl",
    "ec2:DetachVpnGateway", "ec2:DisassociateSubnetCidrBlock", "ec2:ModifyVpcTenancy",
    "ecr:DeleteRepositoryPolicy", "ecr:SetRepositoryPolicy",
    "ecs:PutAccountSetting",
    "elasticloadbalancing:ModifyIpPools",
    "logs:AssociateKmsKey", "logs:CreateLogDelivery", "logs:DeleteDataProtectionPolicy",
    "logs:DeleteIndexPolicy", "logs:DeleteResourcePolicy", "logs:DisassociateKmsKey",
    "logs:PutBearerTokenAuthentication", "logs:PutDataProtectionPolicy", "logs:PutIndexPolicy",
    "logs:PutLogGroupDeletionProtection", "logs:PutResourcePolicy",
    "sns:PutDataProtectionPolicy",
)  # fmt: skip


@pytest.mark.slow
def test_the_builder_may_do_what_cloudformation_does_with_each_type() -> None:
    schema = pytest.importorskip("cfnlint.schema").PROVIDER_SCHEMA_MANAGER
    granted = rights.actions("builder", "Builder")
    missing = set()
    for name in set(templates.names()) - {"roles", "builder"}:
        for about in templates.template(name)["Resources"].values():
            handlers = schema.get_resource_schema("us-east-1", about["Type"]).schema.get(
                "handlers", {}
            )
            for handler in handlers.values():
                missing |= {
                    f"{each} for {about['Type']}"
                    for each in handler["permissions"]
                    if not each.startswith(UNUSED) and not rights.covered(each, granted)
                }
    assert not missing
