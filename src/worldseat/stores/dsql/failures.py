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
# Classes of errors that say: the server, not the statement. 08 connection, 53 resources,
# 57P admin shutdown and cannot-connect-now, XX000 "server unavailable" on DSQL (facts/dsql.md 1.24).
_SERVER = ("08", "53", "57", "XX", "58")

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
            return Conflict(_told(error))
        if state == _DUPLICATE:
            return Duplicate(_told(error), constraint=error.constraint_name or "")
        if state.startswith(_SERVER):
            return NotCommitted(_told(error))
        return StoreRefused(_told(error))
    if isinstance(error, DRIVER_ERRORS):
        return NotCommitted(_told(error))
    return None


def at_commit(error: BaseException) -> StoreError | None:
    """Translate an error met after COMMIT was sent: only a definite abort is one."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        if state in _CONFLICTS:
            return Conflict(_told(error))
        if state == _DUPLICATE:
            return Duplicate(_told(error), constraint=error.constraint_name or "")
        if not state.startswith(_SERVER):
            return StoreRefused(_told(error))
    if isinstance(error, DRIVER_ERRORS):
        return CommitUnknown(_told(error))
    return None


def _told(error: BaseException) -> str:
    state = getattr(error, "sqlstate", None)
    name = type(error).__name__
    return f"{state} {error}" if state else f"{name}: {error}"
