"""AWS as the tests have it: the paper account, with failures planted in the way of calls.

Every answer is checked against botocore's model of the service, as every question is by botocore.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from botocore.session import Session
from botocore.validate import validate_parameters

from worldseat.ports.clusters import Cluster, ClusterStep
from worldseat.settings import REGIONS, WITNESS_REGION
from worldseat.stores.dsql.clusters import AwsClusters
from worldseat.stores.dsql.clusters.paper import PaperAccount, PaperCluster, _response

ACCOUNT = "123456789012"
NAME = "worldseat"
FIRST, SECOND = REGIONS
CHANGES = ("CreateCluster", "UpdateCluster", "DeleteCluster")
MADE = [f"CreateCluster {FIRST}", f"CreateCluster {SECOND}", f"UpdateCluster {FIRST}"]
"""The changes by which a pair is made from nothing."""

REMOVED = [
    *[f"UpdateCluster {FIRST}", f"UpdateCluster {SECOND}"],
    *[f"DeleteCluster {FIRST}", f"DeleteCluster {SECOND}"],
]
"""And by which it is removed."""

UNDISTURBED = [
    f"GetCallerIdentity {FIRST}",
    f"ListClusters {FIRST}",
    f"ListClusters {SECOND}",
    f"CreateCluster {FIRST}",
    *[f"GetCluster {FIRST}"] * 2,
    f"CreateCluster {SECOND}",
    f"GetCluster {SECOND}",
    *[f"GetCluster {FIRST}", f"GetCluster {SECOND}"],
    f"UpdateCluster {FIRST}",
    *[f"GetCluster {FIRST}", f"GetCluster {SECOND}"] * 2,
]
"""All calls by which a pair is made, apart from looks while AWS is at work."""


class Killed(BaseException):
    """The process is gone: nothing in the code under test can catch this and go on."""


@dataclass(kw_only=True)
class Fault:
    """What becomes of the calls that `when` chooses; `late`: AWS does it, the answer is lost."""

    when: Callable[[str, str], bool]
    end: Callable[[Any], AWSResponse]
    times: int = 1
    late: bool = False


class Told(list[str]):
    """What was reported, step by step."""

    def __call__(self, step: ClusterStep) -> None:
        self.append(f"{step.region} {step.text}".strip())


@dataclass
class Played:
    """An account, the calls that were sent to it, and the failures that are planted there."""

    paper: PaperAccount = field(default_factory=lambda: PaperAccount(ACCOUNT))
    sent: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    lag: int = 0
    """How many looks late AWS shows what became of a cluster."""

    _looks: dict[str, list[AWSResponse]] = field(default_factory=dict)

    def clusters(self, name: str = NAME, account: str | None = None, **words: Any) -> AwsClusters:
        """The command, on this account."""
        # A wait without end is a failure of the test, not a test without end.
        words = {"wait_s": 0, "deadline_s": 30, **words}
        return AwsClusters(name, account, session=self.session, **words)

    def session(self) -> Session:
        session = self.paper.session()
        # Every handler of an event is asked: with both, the account would act on refused calls.
        session.unregister("before-send", self.paper.answer)
        session.register("before-send", self._meet)
        session.register("after-call", _of_model)
        return session

    def refuse(
        self,
        operation: str,
        code: str,
        *,
        status: int = 400,
        region: str | None = None,
        times: int = 1,
        **more: str,
    ) -> None:
        """Have the next calls of an operation answered with an error of the service."""
        body = json.dumps({"__type": code, "message": "planted", **more}).encode()
        if operation == "GetCallerIdentity":
            body = f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>".encode()
        self.faults.append(
            Fault(
                when=lambda asked, at: asked == operation and region in {None, at},
                end=lambda request: _response(request.url, status, body),
                times=times,
            )
        )

    def lose(self, operation: str, *, times: int = 1, late: bool = True) -> None:
        """Lose the answers to the next calls of an operation."""
        self.faults.append(
            Fault(when=lambda asked, _: asked == operation, end=_lost, times=times, late=late)
        )

    def kill_at(self, call: int, *, late: bool = False) -> None:
        """End the process at the call of that number, counted from 1 and from now."""
        until = len(self.sent) + call
        self.faults.append(Fault(when=lambda *_: len(self.sent) == until, end=_killed, late=late))

    def add(self, region: str, **words: Any) -> PaperCluster:
        """Put a cluster into the account as if somebody had made it long ago."""
        identifier = f"old{len(self.paper.clusters)}{region[-1]}".ljust(26, "x")
        made = PaperCluster(
            **{
                "region": region,
                "identifier": identifier,
                "arn": f"arn:aws:dsql:{region}:{ACCOUNT}:cluster/{identifier}",
                "status": "ACTIVE",
                "tags": {"worldseat": NAME},
                "witness": WITNESS_REGION,
                **words,
            }
        )
        self.paper.clusters[identifier] = made
        return made

    def pair(self, **words: Any) -> tuple[PaperCluster, PaperCluster]:
        """Put a whole pair into the account."""
        first, second = self.add(FIRST, **words), self.add(SECOND, **words)
        first.peers, second.peers = [second.arn], [first.arn]
        return first, second

    def changes(self) -> list[str]:
        """The calls that changed something, in order."""
        return [each for each in self.sent if each.startswith(CHANGES)]

    def is_one_ready_pair(self) -> bool:
        """Say whether there are two clusters, and they are what they should be."""
        there = list(self.paper.clusters.values())
        return (
            sorted(each.region for each in there) == list(REGIONS)
            and all(each.status == "ACTIVE" and each.protected for each in there)
            and [each.peers for each in there] == [[each.arn] for each in reversed(there)]
        )

    def _meet(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        operation = event_name.rpartition(".")[2]
        region = request.url.split(".")[1]
        self.sent.append(f"{operation} {region}")
        for fault in self.faults:
            if fault.times and fault.when(operation, region):
                fault.times -= 1
                if fault.late:
                    self.paper.answer(request, event_name)
                return fault.end(request)
        answer = self.paper.answer(request, event_name)
        if self.lag == 0 or operation != "GetCluster":
            return answer
        looks = self._looks.setdefault(request.url, [])
        looks.append(answer)
        if len(looks) > self.lag:
            return looks[-1 - self.lag]
        return _response(request.url, 404, b'{"__type": "ResourceNotFoundException"}')


def some_slow(cases: Sequence[tuple[Any, ...]], first: int) -> list[Any]:
    """The first cases, and the others for `make check`: each differs from those in a word only."""
    slow = pytest.mark.slow
    return [*cases[:first], *(pytest.param(*each, marks=slow) for each in cases[first:])]


def cluster(region: str = FIRST, number: int = 1, **words: Any) -> Cluster:
    """A cluster as it is found."""
    identifier = f"id{number}{region[-1]}".ljust(26, "0")
    return Cluster(
        **{
            "region": region,
            "identifier": identifier,
            "arn": f"arn:aws:dsql:{region}:{ACCOUNT}:cluster/{identifier}",
            "account": ACCOUNT,
            "status": "ACTIVE",
            "endpoint": f"{identifier}.dsql.{region}.on.aws",
            "created_at": datetime(2026, 1, 1, tzinfo=UTC),
            "witness": WITNESS_REGION,
            **words,
        }
    )


def _of_model(http_response: Any, parsed: Mapping[str, Any], model: Any, **_: object) -> None:
    """Fail when an answer has not the form that the service's model gives it."""
    if http_response.status_code == 200:
        answer = {name: each for name, each in parsed.items() if name != "ResponseMetadata"}
        validate_parameters(answer, model.output_shape)


def _lost(request: Any) -> AWSResponse:
    raise ReadTimeoutError(endpoint_url=request.url, error=TimeoutError())


def _killed(request: Any) -> AWSResponse:
    raise Killed(request.url)
