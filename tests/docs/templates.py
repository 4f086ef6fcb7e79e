"""The CloudFormation templates of deploy/, read without AWS."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass(frozen=True, slots=True)
class Function:
    """A function of CloudFormation's, such as !Ref, and what it was given."""

    name: str
    given: Any


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML has no types.
    """Reads the short forms of functions."""


def _function(loader: Any, name: str, node: Any) -> Function:
    if isinstance(node, yaml.MappingNode):
        return Function(name, loader.construct_mapping(node, deep=True))
    if isinstance(node, yaml.SequenceNode):
        return Function(name, loader.construct_sequence(node, deep=True))
    return Function(name, loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _function)


def names() -> list[str]:
    """Return the templates' names, which are their stacks' without `worldseat-`."""
    return sorted(path.stem for path in DEPLOY.glob("*.yaml"))


@cache
def template(name: str) -> Mapping[str, Any]:
    """Return a template as plain values, and Function where CloudFormation works something out."""
    read: Mapping[str, Any] = yaml.load((DEPLOY / f"{name}.yaml").read_text("utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    return read


def long_form(value: Any) -> Any:
    """Return a template as JSON can say it: functions by their long names."""
    if isinstance(value, Function):
        given = long_form(value.given)
        if value.name in {"Ref", "Condition"}:
            return {value.name: given}
        return {f"Fn::{value.name}": given.split(".", 1) if value.name == "GetAtt" else given}
    if isinstance(value, Mapping):
        return {key: long_form(each) for key, each in value.items()}
    return [long_form(each) for each in value] if isinstance(value, list) else value


def everything(value: Any) -> Iterator[Any]:
    """Yield a value and all that is in it."""
    yield value
    if isinstance(value, Function):
        yield from everything(value.given)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield key
            yield from everything(each)
    elif isinstance(value, list):
        for each in value:
            yield from everything(each)


def used(value: Any) -> set[str]:
    """Return the names that !Ref, !GetAtt and !Sub mention; AWS's own ones begin with AWS::."""
    found: set[str] = set()
    for each in everything(value):
        if not isinstance(each, Function):
            continue
        if each.name == "Ref":
            found.add(each.given)
        elif each.name == "GetAtt":
            found.add(each.given.partition(".")[0])
        elif each.name == "Sub":
            text, own = each.given if isinstance(each.given, list) else (each.given, {})
            named = {name.partition(".")[0] for name in re.findall(r"\$\{([^}]+)\}", text)}
            found |= named - set(own)
    return found


def refused(name: str, given: Mapping[str, str], *, first: bool) -> list[str]:
    """Say what CloudFormation would find wrong with the values given for a template's parameters.

    `first`: the stack is not there yet, so a parameter without a default needs a value.
    """
    parameters: Mapping[str, Mapping[str, Any]] = template(name).get("Parameters", {})
    wrong = [f"{name} has no parameter {each}" for each in given if each not in parameters]
    for parameter, about in parameters.items():
        if parameter not in given:
            if first and "Default" not in about:
                wrong.append(f"{name} needs {parameter}")
            continue
        wrong.extend(_refused(f"{name}'s {parameter}", given[parameter], about))
    return wrong


def _refused(what: str, value: str, about: Mapping[str, Any]) -> Sequence[str]:
    wrong = []
    if (pattern := about.get("AllowedPattern")) and not re.fullmatch(pattern, value):
        wrong.append(f"{what} cannot be {value!r}")
    if (allowed := about.get("AllowedValues")) and value not in map(str, allowed):
        wrong.append(f"{what} cannot be {value!r}")
    if about["Type"] == "Number" and not about.get("MinValue", 0) <= float(value):
        wrong.append(f"{what} cannot be {value!r}")
    if not value:
        wrong.append(f"{what} is empty")
    return wrong
