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
        if state.startswith(_SERVER):
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
        # An error without a state comes from no server that has decided anything.
        if state and not state.startswith(_UNKNOWN_AT_COMMIT):
            return StoreRefused(told(error))
    if isinstance(error, DRIVER_ERRORS):
        return CommitUnknown(told(error))
    return None


def told(error: BaseException) -> str:
    """Return an error for the operator: its SQLSTATE, or its class, and its text."""
    state = getattr(error, "sqlstate", None)
    name = type(error).__name__
    return f"{state} {error}" if state else f"{name}: {error}"
