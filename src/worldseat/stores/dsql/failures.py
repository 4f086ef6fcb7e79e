"""What the driver raises, told in the words of the port. SQLSTATEs decide, never texts."""

import asyncpg

from worldseat.ports.store import (
    CommitUnknown,
    Conflict,
    Duplicate,
    NotCommitted,
    StoreError,
    StoreRefused,
)

_CONFLICTS = frozenset({"40001", "40P01"})
_DUPLICATE = "23505"
# Classes of errors that say: the server, not the statement. 08 connection, 53 resources, 57P admin
# shutdown and cannot-connect-now, 58 its system, XX000 "server unavailable" on DSQL.
_SERVER = ("08", "53", "57", "XX", "58")
# 40003 says itself that nobody knows whether the statement was completed.
_UNKNOWN_AT_COMMIT = (*_SERVER, "40003")
# The endpoint takes no commits: its Region reaches too few others, or it is a read-only copy. It is
# definite, and another Region's endpoint may well take them.
_NO_COMMITS = "25006"
_OVERLOAD = frozenset({"53300", "53400"})
# Loss of the connection or of the server, as opposed to its refusing what it was asked.
_LOSS = ("08", "57P", "58", "XX")

# What an operator can do about it, where the service's own text does not say.
_ADVICE = {
    "0A000": "Aurora DSQL does not have this; the statement must be written another way",
    "53300": "too many connections to the cluster: fewer or smaller processes, or a higher quota",
    "53400": "connections were opened faster than the service takes them; waiting helps",
    "54000": "a limit of one transaction: 3,000 rows, 10 MiB or 300 s",
}

DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


def before_commit(error: BaseException) -> StoreError | None:
    """Translate an error met before COMMIT was sent: whatever it was, nothing was committed."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        if state in _CONFLICTS:
            return Conflict(told(error))
        if state == _DUPLICATE:
            return Duplicate(told(error), constraint=error.constraint_name or "")
        if state.startswith(_SERVER) or state == _NO_COMMITS:
            return NotCommitted(told(error))
        return StoreRefused(told(error))
    if isinstance(error, DRIVER_ERRORS):
        return NotCommitted(told(error))
    return None


def at_commit(error: BaseException) -> StoreError | None:
    """Translate an error met after COMMIT was sent: only a definite abort is one."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        if state in _CONFLICTS:
            return Conflict(told(error))
        if state == _DUPLICATE:
            return Duplicate(told(error), constraint=error.constraint_name or "")
        if state == _NO_COMMITS:
            return NotCommitted(told(error))
        # An error without a state comes from no server that has decided anything.
        if state and not state.startswith(_UNKNOWN_AT_COMMIT):
            return StoreRefused(told(error))
    if isinstance(error, DRIVER_ERRORS):
        return CommitUnknown(told(error))
    return None


def takes_no_commits(error: BaseException) -> bool:
    """Say whether the endpoint answers and yet cannot commit anything."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate == _NO_COMMITS


def is_overload(error: BaseException) -> bool:
    """Say whether the service refused a connection for the number of them or their rate."""
    return isinstance(error, asyncpg.PostgresError) and error.sqlstate in _OVERLOAD


def is_loss(error: BaseException) -> bool:
    """Say whether the endpoint itself may be gone: worth asking it at once."""
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate:
        return error.sqlstate.startswith(_LOSS)
    return isinstance(error, DRIVER_ERRORS)


def told(error: BaseException) -> str:
    """Return an error for the operator: its SQLSTATE, or its class, its text, and what helps."""
    state = getattr(error, "sqlstate", None)
    text = f"{state} {error}" if state else f"{type(error).__name__}: {error}".rstrip(": ")
    advice = _ADVICE.get(state or "")
    return f"{text} ({advice})" if advice else text
