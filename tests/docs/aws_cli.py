"""Is this a call that AWS's command line takes?

Asked of AWS's own service models, which botocore has. The command line itself is not installed:
what it adds to the models is listed here.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath
from botocore import xform_name
from tests.docs import templates

# Words that every call takes, and how many values follow: from the command line's reference.
_EVERYWHERE = {"region": 1, "query": 1, "output": 1, "profile": 1, "cli-connect-timeout": 1}
_PAGED = {"max-items": 1, "page-size": 1, "starting-token": 1}
_DEPLOY = {
    "template-file": 1,
    "stack-name": 1,
    "role-arn": 1,
    "capabilities": None,
    "parameter-overrides": None,
    "no-fail-on-empty-changeset": 0,
}
# Commands that are no operation: what they send instead.
DEPLOY_SENDS = ("DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet")
_CUSTOM = {
    ("cloudformation", "deploy"): DEPLOY_SENDS,
    ("configure", "set"): (),
    ("ecr", "get-login-password"): ("GetAuthorizationToken",),
}


def problems(words: Sequence[str], *, first: bool = False) -> list[str]:
    """Say what is wrong with the words after `aws`; nothing if AWS's command line takes them.

    `first`: a stack that is deployed is not there yet.
    """
    service, command, *rest = words
    if (service, command) == ("configure", "set"):
        return (
            [] if len(rest) == len(("name", "value")) and rest[1] else ["set takes name and value"]
        )
    try:
        if (service, command) == ("cloudformation", "deploy"):
            return _of_deploy(_options(rest, {**_EVERYWHERE, **_DEPLOY}), first=first)
        if (service, command) in _CUSTOM:
            _options(rest, _EVERYWHERE)
            return []
        return _of_operation(service, command, rest)
    except ValueError as error:
        return [str(error)]


def sends(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return what a call asks of AWS: IAM's name of the service, and the operation."""
    service, command = words[0], words[1]
    if (service, command) in _CUSTOM:
        return [(service, operation) for operation in _CUSTOM[service, command]]
    signing = model(service).metadata.get("signingName") or model(service).endpoint_prefix
    signing = {"monitoring": "cloudwatch"}.get(signing, signing)
    return [(signing, _operation(service, command, words[2:])[0])]


@cache
def model(service: str) -> Any:
    """Return botocore's model of a service. Raises ValueError."""
    if service not in _session().get_available_services():
        raise ValueError(f"there is no service {service}")
    return _session().get_service_model(service)


@cache
def _session() -> Any:
    return botocore.session.get_session()


def _operation(service: str, command: str, rest: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the operation that a command calls, and the words that are left for it."""
    if command == "wait":
        waiters = _session().get_waiter_model(service)
        named = {xform_name(name, "-"): name for name in waiters.waiter_names}
        if rest[0] not in named:
            raise ValueError(f"{service} has no waiter {rest[0]}")
        return waiters.get_waiter(named[rest[0]]).operation, rest[1:]
    named = {xform_name(name, "-"): name for name in model(service).operation_names}
    if command not in named:
        raise ValueError(f"{service} has no operation {command}")
    return named[command], rest


def _of_operation(service: str, command: str, rest: Sequence[str]) -> list[str]:
    name, words = _operation(service, command, rest)
    operation = model(service).operation_model(name)
    members = operation.input_shape.members if operation.input_shape else {}
    required = operation.input_shape.required_members if operation.input_shape else []
    takes: dict[str, int | None] = dict(_EVERYWHERE)
    if _is_paged(service, name):
        takes |= _PAGED
    for member, shape in members.items():
        option = xform_name(member, "-")
        takes[option] = _count(shape)
        if shape.type_name == "boolean":
            takes[f"no-{option}"] = 0
    given = _options(words, takes)
    wrong = [
        f"{service} {command} needs --{xform_name(each, '-')}"
        for each in required
        if xform_name(each, "-") not in given
    ]
    for option, values in given.items():
        if not all(values):
            wrong.append(f"--{option} of {service} {command} is empty")
        shape = next(
            (each for key, each in members.items() if xform_name(key, "-") == option), None
        )
        if shape is not None and getattr(shape, "enum", None):
            wrong += [f"--{option} cannot be {each}" for each in values if each not in shape.enum]
    if "query" in given and command != "wait":
        wrong += _of_query(given["query"][0], operation.output_shape)
    return wrong


def _of_query(query: str, shape: Any) -> Iterator[str]:
    """The first name of a query must be one of the answer's."""
    leading = jmespath.compile(query).parsed
    while leading["children"]:
        leading = leading["children"][0]
    if leading["type"] == "field" and leading["value"] not in shape.members:
        yield f"the answer has no {leading['value']}"


def _count(shape: Any) -> int | None:
    """How many values follow an option: none, one, or (None) any number."""
    if shape.type_name == "boolean":
        return 0
    return None if shape.type_name in {"list", "structure", "map"} else 1


@cache
def _is_paged(service: str, operation: str) -> bool:
    try:
        _session().get_paginator_model(service).get_paginator(operation)
    except ValueError:
        return False
    return True


def _options(words: Sequence[str], takes: Mapping[str, int | None]) -> dict[str, list[str]]:
    """Read `--name value …` into a dictionary. Raises ValueError."""
    given: dict[str, list[str]] = {}
    option = ""
    for word in words:
        if word.startswith("--"):
            option = word[2:]
            if option not in takes:
                raise ValueError(f"there is no option {word}")
            given[option] = []
        elif not option or (takes[option] is not None and len(given[option]) == takes[option]):
            raise ValueError(f"{word!r} belongs to no option")
        else:
            given[option].append(word)
    for option, values in given.items():
        wanted = takes[option]
        if len(values) != wanted if wanted is not None else not values:
            raise ValueError(f"--{option} lacks its value")
    return given


def _of_deploy(given: Mapping[str, Sequence[str]], *, first: bool) -> list[str]:
    wrong = [
        f"deploy needs --{each}"
        for each in ("region", "stack-name", "template-file")
        if each not in given
    ]
    if wrong:
        return wrong
    name = Path(given["template-file"][0]).stem
    if given["template-file"][0] != f"deploy/{name}.yaml" or name not in templates.names():
        return [f"there is no template {given['template-file'][0]}"]
    if given["stack-name"][0] != f"worldseat-{name}":
        wrong.append(f"{given['stack-name'][0]} is made from {name}")
    values = dict(each.split("=", 1) for each in given.get("parameter-overrides", ()))
    wrong += templates.refused(name, values, first=first)
    named = any(
        key in {"RoleName", "ManagedPolicyName"}
        for key in templates.everything(templates.template(name))
        if isinstance(key, str)
    )
    if named != (given.get("capabilities") == ["CAPABILITY_NAMED_IAM"]):
        wrong.append(f"{name} is deployed with the wrong --capabilities")
    return wrong
