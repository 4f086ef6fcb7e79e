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

DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

_LOST_RACE = frozenset({"40001", "40P01"})
_KEY_EXISTS = "23505"
_NO_DATABASE = "3D000"

# The server and not the statement: connection, resources, shutdown and cancelled, system, internal.
# 25P03: the server ended a transaction in which nothing happened for too long.
_SERVER = ("08", "53", "57", "58", "XX", "25P03")
# "Statement completion unknown" says itself that it does not know.
_UNDECIDED = (*_SERVER, "40003")


class NoDatabase(NotCommitted):
    """The database that the address names does not exist (3D000)."""


def connecting(error: BaseException) -> StoreError:
    """Translate an error met before there was a connection: nothing was committed."""
    message = f"no connection to PostgreSQL: {told(error)}"
    if getattr(error, "sqlstate", None) == _NO_DATABASE:
        return NoDatabase(message)
    return NotCommitted(message)


def before_commit(error: BaseException) -> StoreError:
    """Translate an error met before COMMIT was sent: nothing was committed."""
    return _definite(error) or NotCommitted(told(error))


def at_commit(error: BaseException) -> StoreError:
    """Translate an error met once COMMIT was sent: only the server's own refusal is definite."""
    return _definite(error) or CommitUnknown(told(error))


def told(error: BaseException) -> str:
    """Return an error for the operator: its SQLSTATE, or its class, and its text."""
    state = getattr(error, "sqlstate", None)
    return f"{state} {error}" if state else f"{type(error).__name__}: {error}"


def _definite(error: BaseException) -> StoreError | None:
    """Return what the server said, if it has judged the statement and rolled it back."""
    if not isinstance(error, asyncpg.PostgresError):
        return None
    # An error without a state was made by the driver, and no server has judged anything.
    state = error.sqlstate or ""
    if not state or state.startswith(_UNDECIDED):
        return None
    if state in _LOST_RACE:
        return Conflict(told(error))
    if state == _KEY_EXISTS:
        return Duplicate(told(error), constraint=error.constraint_name or "")
    return StoreRefused(told(error))
