"""An AWS account made of paper: it answers botocore's own clients, and nothing leaves the process.

Calls are validated and serialised by botocore from the service's model, as those to AWS are. What
is played: client tokens, tags, pages of lists, deletion protection, and the states of two clusters
that are peered (`PENDING_SETUP` until both name each other) or deleted (`PENDING_DELETE` until the
peer goes too). Where AWS takes minutes, this takes a given number of looks.
"""

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.loaders import create_loader
from botocore.session import Session

from worldseat.ports.aws_calls import AwsCall

ACCOUNT = "000000000000"
"""The paper account, where the real one is not known."""

_IDENTIFIER_LENGTH = 26
_OK = 200
_IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult>"
    "<Account>{account}</Account><Arn>arn:aws:iam::{account}:user/paper</Arn>"
    "<UserId>paper</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>"
)

# What botocore would read from somebody's AWS variables and files, cut off from both: a profile
# that does not exist must not stop a rehearsal.
_NO_VARIABLES = {
    name: (None, None, os.devnull if name.endswith("_file") else default, convert)
    for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
}

# Read from disk once, and not for every session.
_MODELS = create_loader()


@dataclass(slots=True, kw_only=True)
class PaperCluster:
    """A cluster in the account. `looks` is how many more looks show its present state."""

    region: str
    identifier: str
    arn: str
    status: str
    tags: Mapping[str, str]
    witness: str | None
    peers: list[str] = field(default_factory=list)
    protected: bool = True
    looks: int = 0
    created_at: float = field(default_factory=time.time)


class PaperAccount:
    """The account. `looks` is how many looks a state of AWS's own takes; `page` a list's length.

    `unlisted` are the identifiers of clusters that are shown, but not listed yet.
    """

    def __init__(self, account: str | None = None, *, looks: int = 0, page: int = 100) -> None:
        self.account = account or ACCOUNT
        self.clusters: dict[str, PaperCluster] = {}
        self.unlisted: set[str] = set()
        self._looks = looks
        self._page = page
        self._ever: dict[str, PaperCluster] = {}
        self._answers: dict[str, Mapping[str, Any]] = {}
        self._calls: list[AwsCall] = []
        # Each call comes from a thread of its own.
        self._lock = threading.Lock()

    def session(self) -> Session:
        """Return a session whose clients are all answered here."""
        session = Session(_NO_VARIABLES)
        session.register_component("data_loader", _MODELS)
        session.set_credentials("paper", "paper")
        session.set_config_variable("ignore_configured_endpoint_urls", value=True)
        session.register("before-parameter-build", self._record)
        session.register("before-send", self.answer)
        return session

    def calls(self) -> Sequence[AwsCall]:
        """Return all calls so far; what only AWS can know stands in angle brackets."""
        names = {self.account: "<your account>"} if self.account == ACCOUNT else {}
        for token, made in self._ever.items():
            names[made.identifier] = f"<identifier of {made.region}>"
            names[made.arn] = f"<arn of {made.region}>"
            names[token] = f"<token of this request in {made.region}, always the same>"
        return [_masked(each, names) for each in self._calls]

    def forget_calls(self) -> None:
        """Begin the list of calls anew."""
        self._calls.clear()

    def answer(self, request: Any, event_name: str, **_: object) -> AWSResponse:
        """Answer a request in AWS's place; registered for `before-send`."""
        operation = event_name.rpartition(".")[2]
        if operation == "GetCallerIdentity":
            return _response(request.url, _OK, _IDENTITY.format(account=self.account).encode())
        with self._lock:
            status, body = self._answered(operation, request)
        return _response(request.url, status, json.dumps(body).encode())

    def _record(self, params: Mapping[str, Any], model: Any, context: Any, **_: object) -> None:
        shown = dict(params)
        # UpdateCluster and DeleteCluster: botocore makes a new one for each call.
        if "clientToken" in shown and model.name != "CreateCluster":
            shown["clientToken"] = "<new for each call>"
        self._calls.append(
            AwsCall(
                service=model.service_model.service_name,
                region=context["client_region"],
                operation=model.name,
                params=shown,
            )
        )

    def _answered(self, operation: str, request: Any) -> tuple[int, Mapping[str, Any]]:
        at = urlsplit(request.url)
        region = (at.hostname or "").split(".")[1]
        asked, query = json.loads(request.body or "{}"), parse_qs(at.query)
        token = asked.get("clientToken") or query.get("client-token", [""])[0]
        if token in self._answers:
            return _OK, self._answers[token]
        if operation == "ListClusters":
            return self._list(region, query)
        if operation == "CreateCluster":
            status, answer = self._create(region, asked)
        else:
            identifier = unquote(at.path.rpartition("/")[2])
            status, answer = self._of_one(operation, region, identifier, asked)
        if token and status == _OK:
            self._answers[token] = answer
        return status, answer

    def _of_one(
        self, operation: str, region: str, identifier: str, asked: Mapping[str, Any]
    ) -> tuple[int, Mapping[str, Any]]:
        found = self.clusters.get(identifier)
        if found is None or found.region != region:
            text = f"{identifier} is not there"
            more = {"resourceId": identifier, "resourceType": "cluster"}
            return _error(404, "ResourceNotFoundException", text, **more)
        if operation == "GetCluster":
            return self._get(found)
        if operation == "UpdateCluster":
            return self._update(found, asked)
        return self._delete(found)

    def _create(self, region: str, asked: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        identifier = f"paper{len(self._ever) + 1:x}".ljust(_IDENTIFIER_LENGTH, "0")
        several = asked.get("multiRegionProperties", {})
        made = PaperCluster(
            region=region,
            identifier=identifier,
            arn=f"arn:aws:dsql:{region}:{self.account}:cluster/{identifier}",
            status="PENDING_SETUP" if several else "CREATING",
            tags=asked.get("tags", {}),
            witness=several.get("witnessRegion"),
            peers=several.get("clusters", []),
            protected=asked.get("deletionProtectionEnabled", True),
        )
        self.clusters[identifier] = self._ever[asked["clientToken"]] = made
        return _OK, _described(made)

    def _list(
        self, region: str, query: Mapping[str, Sequence[str]]
    ) -> tuple[int, Mapping[str, Any]]:
        listed = [each for name, each in self.clusters.items() if name not in self.unlisted]
        here = [each for each in listed if each.region == region]
        start = int(query.get("next-token", ["0"])[0])
        end = start + self._page
        shown = [{"identifier": each.identifier, "arn": each.arn} for each in here[start:end]]
        return _OK, {"clusters": shown, **({"nextToken": str(end)} if len(here) > end else {})}

    def _get(self, found: PaperCluster) -> tuple[int, Mapping[str, Any]]:
        answer = {**_described(found), "tags": found.tags}
        if found.looks:
            found.looks -= 1
        elif found.status in {"CREATING", "UPDATING"}:
            found.status = "ACTIVE"
        elif found.status == "DELETING":
            del self.clusters[found.identifier]
        elif found.status == "PENDING_DELETE" and not self._partners(found):
            found.status = "DELETING"
        return _OK, answer

    def _update(
        self, found: PaperCluster, asked: Mapping[str, Any]
    ) -> tuple[int, Mapping[str, Any]]:
        if found.status in {"CREATING", "UPDATING", "DELETING", "PENDING_DELETE"}:
            return _error(409, "ConflictException", f"{found.identifier} is {found.status}")
        found.protected = asked.get("deletionProtectionEnabled", found.protected)
        found.peers = asked.get("multiRegionProperties", {}).get("clusters", found.peers)
        for other in self._partners(found):
            if found.arn in other.peers and found.status == other.status == "PENDING_SETUP":
                for each in (found, other):
                    each.status, each.looks = "CREATING", self._looks
        return _OK, _described(found)

    def _delete(self, found: PaperCluster) -> tuple[int, Mapping[str, Any]]:
        if found.protected:
            text = f"{found.identifier} is protected"
            return _error(400, "ValidationException", text, reason="deletionProtectionEnabled")
        if found.status in {"CREATING", "UPDATING"}:
            return _error(409, "ConflictException", f"{found.identifier} is {found.status}")
        partners = self._partners(found)
        kept = any(each.status not in {"DELETING", "PENDING_DELETE"} for each in partners)
        found.status = "PENDING_DELETE" if kept else "DELETING"
        for each in [found, *partners]:
            if not kept:
                each.status, each.looks = "DELETING", self._looks
        return _OK, _described(found)

    def _partners(self, found: PaperCluster) -> list[PaperCluster]:
        # AWS takes both names in both clusters: one that names itself is not its own partner.
        others = [each for each in self.clusters.values() if each is not found]
        return [each for each in others if each.arn in found.peers]


def _described(found: PaperCluster) -> Mapping[str, Any]:
    several = {"witnessRegion": found.witness, "clusters": [found.arn, *found.peers]}
    return {
        "identifier": found.identifier,
        "arn": found.arn,
        "status": found.status,
        "creationTime": found.created_at,
        "deletionProtectionEnabled": found.protected,
        "endpoint": f"{found.identifier}.dsql.{found.region}.on.aws",
        **({} if found.witness is None else {"multiRegionProperties": several}),
    }


def _error(status: int, code: str, text: str, **more: str) -> tuple[int, Mapping[str, Any]]:
    return status, {"__type": code, "message": text, **more}


def _masked(call: AwsCall, names: Mapping[str, str]) -> AwsCall:
    def shown(value: Any) -> Any:
        if isinstance(value, str):
            return names.get(value, value)
        if isinstance(value, Mapping):
            return {name: shown(each) for name, each in value.items()}
        return [shown(each) for each in value] if isinstance(value, list) else value

    return AwsCall(
        service=call.service,
        region=call.region,
        operation=call.operation,
        params=shown(call.params),
    )


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self) -> Sequence[bytes]:
        return [self._body]


def _response(url: str, status: int, body: bytes) -> AWSResponse:
    return AWSResponse(url, status, {"content-type": "application/json"}, _Raw(body))
