"""Why AWS did not do what the command about tables asked, and what a person can do about it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from botocore import exceptions as boto

from worldseat.ports import aws_answers
from worldseat.ports.store import TablesRefused
from worldseat.stores.dynamodb import failures

AGAIN = "Wait a minute and run the command again: it goes on where it stopped."

_SIGN_IN = (
    "Sign in as for the AWS command line: AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY."
)
_ALLOW = (
    "Allow this identity dynamodb:CreateTable, CreateTableReplica, UpdateTable, DescribeTable, "
    "DeleteTable and DeleteTableReplica; docs/foils/dynamodb.md lists what replicas need besides."
)
_MEND = "Mend what AWS names, then run the command again: it goes on where it stopped."

_NOT_KNOWN = aws_answers.NOT_KNOWN | aws_answers.EXPIRED
# ResourceInUse: another change of the same table is under way. LimitExceeded: too many at once.
_BUSY = failures.THROTTLED | {"ResourceInUseException", "LimitExceededException"}


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn what the driver raises about `what` into a refusal with a next step."""
    try:
        yield
    except (boto.BotoCoreError, boto.ClientError, aiohttp.ClientError, OSError) as error:
        raise _refusal(error, what) from error


def _refusal(error: BaseException, what: str) -> TablesRefused:
    message, next_step = _words(error, what)
    return TablesRefused(message, next_step=next_step, detail=failures.told(error))


def _words(error: Any, what: str) -> tuple[str, str]:
    if isinstance(error, boto.WaiterError):
        return _of_waiter(error, what)
    if isinstance(error, boto.ClientError):
        return _of_answer(error.response.get("Error", {}), what)
    if isinstance(error, aws_answers.NO_CREDENTIALS):
        return f"AWS cannot be asked about {what}: no credentials that work were found.", _SIGN_IN
    if isinstance(error, failures.TRANSPORT):
        return f"AWS does not answer about {what}.", f"Check the network. {AGAIN}"
    return f"AWS cannot be asked about {what}.", "Check the AWS settings of this machine."


def _of_waiter(error: Any, what: str) -> tuple[str, str]:
    """A waiter ends when its patience does, or when one of its looks was refused."""
    answer = error.last_response if isinstance(error.last_response, dict) else {}
    if "Error" in answer:
        return _of_answer(answer["Error"], what)
    return f"AWS is still at work on {what}.", AGAIN


def _of_answer(answer: Any, what: str) -> tuple[str, str]:
    code = str(answer.get("Code", ""))
    if code in aws_answers.DENIED:
        return f"AWS denies this identity access to {what}.", _ALLOW
    if code in _NOT_KNOWN:
        return f"AWS does not accept these credentials for {what} ({code}).", _SIGN_IN
    if code in _BUSY:
        return f"AWS is too busy with {what} ({code}).", AGAIN
    return f"AWS refused {what}: {answer.get('Message') or code}", _MEND
