"""Calls to AWS that a command would send: what a dry run shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Change = Literal["create", "delete"]
"""What can be rehearsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsCall:
    """One call, with all its parameters as they were given to AWS's own library.

    What only AWS can know stands in angle brackets.
    """

    service: str
    region: str
    operation: str
    params: Mapping[str, Any]
