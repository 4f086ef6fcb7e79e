"""What the driver raises, told in the words of the port. Error codes decide, never texts.

There is no transaction to abort: each call takes effect by itself. So what an error means depends
on whether the call could have taken effect, and on what the purchase had written before it.
"""

from typing import Any

import aiohttp
from botocore import exceptions as boto

from worldseat.ports import aws_answers
from worldseat.ports.store import CommitUnknown, NotCommitted, StoreError, StoreRefused

_CONDITION = "ConditionalCheckFailedException"

THROTTLED = aws_answers.THROTTLED | {"ProvisionedThroughputExceededException"}
# Another Region, or a transaction, is at the item.
CONTENDED = frozenset({"ReplicatedWriteConflictException", "TransactionConflictException"})

# Turned away before anything was written.
_TURNED_AWAY = THROTTLED | CONTENDED
_SERVER_STATUS = 500

_NOT_SENT = (
    boto.ConnectTimeoutError,
    boto.ProxyConnectionError,
    boto.SSLError,
)
TRANSPORT = (
    boto.ConnectionError,
    boto.HTTPClientError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
)


def condition_failed(error: BaseException) -> bool:
    """Say whether a conditional write was refused by its condition."""
    return isinstance(error, boto.ClientError) and _code(error) == _CONDITION


def of_read(error: BaseException) -> StoreError | None:
    """Translate an error of a read: it wrote nothing, whatever happened."""
    if _turned_away(error) or _of_server(error) or isinstance(error, TRANSPORT):
        return NotCommitted(told(error))
    if isinstance(error, boto.ClientError | boto.BotoCoreError):
        return StoreRefused(told(error))
    return None


def of_write(error: BaseException, *, half_done: bool) -> StoreError | None:
    """Translate an error of a write. `half_done`: an earlier write of the purchase took effect.

    A server's error or a lost connection leaves the write unknown: DynamoDB may have done it.
    """
    if _turned_away(error) or _never_sent(error):
        return _nothing_done(error, half_done=half_done)
    if _of_server(error) or isinstance(error, TRANSPORT):
        return CommitUnknown(told(error))
    if isinstance(error, boto.ClientError | boto.BotoCoreError):
        return StoreRefused(told(error))
    return None


def told(error: BaseException) -> str:
    """Return an error for the operator: its code, or its class, and its text."""
    name = _code(error) if isinstance(error, boto.ClientError) else type(error).__name__
    return f"{name}: {error}"


def _nothing_done(error: BaseException, *, half_done: bool) -> StoreError:
    if half_done:
        # Running the whole again would find the seat taken, by this very purchase.
        return StoreRefused(f"the seat was written, the sale was not: {told(error)}")
    return NotCommitted(told(error))


def _never_sent(error: BaseException) -> bool:
    if isinstance(error, boto.EndpointConnectionError):
        # The driver says the same of a connection that was never made and of one that broke.
        return isinstance(error.kwargs.get("error"), aiohttp.ClientConnectorError)
    return isinstance(error, _NOT_SENT)


def _turned_away(error: BaseException) -> bool:
    return isinstance(error, boto.ClientError) and _code(error) in _TURNED_AWAY


def _of_server(error: BaseException) -> bool:
    if not isinstance(error, boto.ClientError):
        return False
    told_status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return int(told_status) >= _SERVER_STATUS


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
