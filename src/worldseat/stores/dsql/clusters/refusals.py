"""Why AWS did not do what the command about clusters asked, and what a person can do about it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore import exceptions as boto

from worldseat.ports import aws_answers
from worldseat.ports.clusters import ClustersRefused
from worldseat.settings import WITNESS_REGION

AGAIN = "Wait a minute and run the command again: it goes on where it stopped."

_SIGN_IN = (
    "Sign in as for the AWS command line: AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY."
)
_MEND = "Mend what AWS names, then run the command again: it goes on where it stopped."
_UNSURE = (
    "It may have done it all the same. The same command finds out, and never makes a second one."
)

# What each operation needs, by the service's own model and its guide to service-linked roles.
_OF_PEERING = (
    "dsql:PutMultiRegionProperties, dsql:AddPeerCluster (on both clusters) and "
    f"dsql:PutWitnessRegion (in the Region itself and in {WITNESS_REGION})"
)
_ALLOW = {
    "CreateCluster": (
        f"dsql:CreateCluster, dsql:TagResource, {_OF_PEERING}; and for the first cluster of an "
        "account iam:CreateServiceLinkedRole for dsql.amazonaws.com"
    ),
    "UpdateCluster": f"dsql:UpdateCluster, dsql:GetCluster, {_OF_PEERING}",
    "GetCallerIdentity": "sts:GetCallerIdentity, which only an explicit Deny can take away",
}

_THROTTLED = aws_answers.THROTTLED | {"SlowDown"}
_CONFLICT = frozenset({"ConflictException"})
_QUOTA = frozenset({"ServiceQuotaExceededException"})
_GONE = frozenset({"ResourceNotFoundException"})
_INVALID = frozenset({"ValidationException"})
_TRANSPORT = (boto.ConnectionError, boto.HTTPClientError, OSError)
_OF_SERVER = 500


class Unsure(ClustersRefused):
    """AWS may have done what it was asked for: no answer came, or one of a failing server."""


class Passing(ClustersRefused):
    """AWS could not be looked at just now, and may be in a moment."""


@contextmanager
def told(operation: str, region: str) -> Iterator[None]:
    """Turn what the driver raises about a call in a Region into a refusal with a next step."""
    try:
        yield
    except (boto.BotoCoreError, boto.ClientError, OSError) as error:
        message, next_step = _words(error, operation, region)
        kind = _kind(error, operation)
        if kind is Unsure:
            message = f"{message} {_UNSURE}"
        raise kind(message, next_step=next_step, detail=_detail(error)) from error


def _detail(error: BaseException) -> str:
    name = code_of(error) if isinstance(error, boto.ClientError) else type(error).__name__
    return f"{name}: {error}"


def code_of(error: Any) -> str:
    """Return the service's own code of an error that it answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _words(error: BaseException, operation: str, region: str) -> tuple[str, str]:
    what = f"{operation} in {region}"
    if isinstance(error, boto.ClientError):
        return _of_answer(error, operation, region)
    if isinstance(error, aws_answers.NO_CREDENTIALS):
        return f"AWS cannot be asked for {what}: no credentials that work were found.", _SIGN_IN
    if isinstance(error, boto.ParamValidationError):
        return f"{what} was not sent: its parameters are not what AWS takes.", "Report it."
    if isinstance(error, _TRANSPORT):
        return f"AWS does not answer to {what}.", f"Check the network. {AGAIN}"
    return f"AWS cannot be asked for {what}.", "Check the AWS settings of this machine."


def _of_answer(error: Any, operation: str, region: str) -> tuple[str, str]:
    what, code = f"{operation} in {region}", code_of(error)
    said = str(error.response.get("Error", {}).get("Message") or code)
    needs = _ALLOW.get(operation, f"dsql:{operation}")
    meanings = (
        (
            aws_answers.DENIED,
            f"AWS denies this identity {what}: {said}",
            f"Allow it {needs}. {AGAIN}",
        ),
        (
            aws_answers.EXPIRED,
            f"These credentials have expired ({code}).",
            f"Sign in again. {AGAIN}",
        ),
        (
            aws_answers.NOT_KNOWN,
            f"AWS does not accept these credentials for {what} ({code}).",
            _SIGN_IN,
        ),
        (
            _THROTTLED,
            f"AWS throttles {what}, however often it is asked ({code}).",
            AGAIN,
        ),
        (_CONFLICT, f"AWS is at work on another change, so it refused {what}: {said}", AGAIN),
        (
            _QUOTA,
            f"A quota of this account stops {what}: {said}",
            _raise_quota(error.response, region),
        ),
        (_GONE, f"What {what} is about is not there: {said}", AGAIN),
        (_INVALID, f"AWS does not take {what}: {said}", _MEND),
    )
    for codes, message, next_step in meanings:
        if code in codes:
            return message, next_step
    if _of_server(error):
        return f"AWS failed at {what} ({code}).", AGAIN
    return f"AWS refused {what}: {said}", _MEND


def _kind(error: BaseException, operation: str) -> type[ClustersRefused]:
    looks = operation.startswith(("Get", "List"))
    if isinstance(error, boto.ClientError):
        failed = _of_server(error)
        passing = failed or code_of(error) in _THROTTLED
    else:
        passing = isinstance(error, _TRANSPORT)
        failed = passing and not isinstance(error, boto.ConnectTimeoutError)
    if looks:
        return Passing if passing else ClustersRefused
    return Unsure if failed else ClustersRefused


def _of_server(error: Any) -> bool:
    metadata = error.response.get("ResponseMetadata", {})
    return int(metadata.get("HTTPStatusCode", 0)) >= _OF_SERVER


def _raise_quota(response: Mapping[str, Any], region: str) -> str:
    """Say how a quota is raised. AWS names it; without a change 5 clusters of several Regions."""
    quota = response.get("quotaCode")
    which = f" --quota-code {quota}" if quota else ""
    return (
        "Delete a cluster that nobody needs (AWS's default is 5 clusters of several Regions in "
        "each Region), or have the quota raised, in AWS's console under Service Quotas, Amazon "
        f"Aurora DSQL, or by this command:\n"
        f"aws service-quotas request-service-quota-increase --region {region} "
        f"--service-code {response.get('serviceCode') or 'dsql'}{which} --desired-value N\n"
        "Then run the same command again: it goes on where it stopped."
    )
