"""What deploy/ lets somebody do, as IAM reads it."""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.docs import aws_cli, templates

# IAM's prefix of a service, and botocore's name of it where the two differ.
_SERVICES = {"elasticloadbalancing": "elbv2", "servicequotas": "service-quotas"}

# Actions that are no operation: rights that an operation asks for besides its own. From AWS's
# Service Authorization Reference; DynamoDB's from its guide, "How global tables use AWS IAM".
PERMISSION_ONLY = frozenset({
    "budgets:ModifyBudget",
    "budgets:ViewBudget",
    "dsql:AddPeerCluster",
    "dsql:DbConnect",
    "dsql:DbConnectAdmin",
    "dsql:PutMultiRegionProperties",
    "dsql:PutWitnessRegion",
    "dsql:RemovePeerCluster",
    "dynamodb:CreateTableReplica",
    "dynamodb:DeleteTableReplica",
    "iam:PassRole",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy: what it is on, and its actions."""

    where: str
    actions: tuple[str, ...]
    resources: tuple[Any, ...]
    conditions: Mapping[str, Any]


def statements(name: str, resource: str) -> list[Statement]:
    """Return the statements of a resource of a template: a policy's, or a role's policies'."""
    properties = templates.template(name)["Resources"][resource]["Properties"]
    policies = [properties, *properties.get("Policies", ())]
    documents = [each["PolicyDocument"] for each in policies if "PolicyDocument" in each]
    return [
        Statement(
            where=f"{name}.yaml, {resource}",
            actions=tuple(_several(each["Action"])),
            resources=tuple(_several(each["Resource"])),
            conditions=each.get("Condition", {}),
        )
        for document in documents
        for each in document["Statement"]
    ]


def everybody() -> Iterator[tuple[str, str]]:
    """Yield each template and resource that grants something."""
    for name in templates.names():
        for resource, about in templates.template(name)["Resources"].items():
            if about["Type"] in {"AWS::IAM::ManagedPolicy", "AWS::IAM::Role"}:
                yield name, resource


def actions(name: str, resource: str) -> set[str]:
    """Return all actions that a resource grants."""
    return {each for found in statements(name, resource) for each in found.actions}


def covered(action: str, granted: Iterable[str]) -> bool:
    """Say whether one of the actions granted is this one, or a pattern that it fits."""
    return any(fnmatch.fnmatchcase(action.lower(), each.lower()) for each in granted)


def exists(action: str) -> bool:
    """Say whether AWS knows the action; of a pattern, whether it means anything at all."""
    prefix, _, operation = action.partition(":")
    if action in PERMISSION_ONLY:
        return True
    known = aws_cli.model(_SERVICES.get(prefix, prefix)).operation_names
    return bool(fnmatch.filter(known, operation))


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
