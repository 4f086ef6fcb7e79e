"""Changing the schema or who may use it: one connection, one statement per transaction, again.

Every such statement, wherever it runs, refuses the next one for a moment (40001, OC001). What was
changed through one endpoint is there at all of them.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from worldseat.ports.store import Conflict, Duplicate, NotCommitted, StoreError
from worldseat.stores.dsql import access, failures
from worldseat.stores.dsql.endpoint import ADMIN, is_dsql, parse

_EXISTS_ALREADY = frozenset({"42P07", "42701", "42710"})

CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 60.0
ATTEMPTS = 12
PAUSE_S = 0.3
"""A pause that grows by this each time is what AWS's own tests need."""

_Answer = TypeVar("_Answer")


def custom_role(url: str) -> str | None:
    """Return the role of an address of DSQL that is not admin, and so may change nothing.

    None is admin; also plain PostgreSQL, which decides for itself. Raises BadAddress.
    """
    if not is_dsql(url):
        return None
    user = parse(url).user
    return None if user == ADMIN else user


async def through(
    urls: Sequence[str],
    change: Callable[[str], Awaitable[_Answer]],
    *,
    report: Callable[[str], None],
) -> _Answer:
    """Make a change through the first endpoint that answers. Raises StoreError."""
    missed: NotCommitted | None = None
    for url in dict.fromkeys(urls):
        try:
            return await change(url)
        except NotCommitted as error:
            missed = error
            report(f"an endpoint does not answer, or stopped to: {error}")
    raise missed or NotCommitted("no Region is configured")


@asynccontextmanager
async def connection(url: str, *, name: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Open a connection for changes; `name` is what the server calls it. Raises StoreError."""
    try:
        opened = await access.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            server_settings={"application_name": name},
        )
        try:
            yield opened
        finally:
            await opened.close()
    except failures.DRIVER_ERRORS as error:
        raise failures.before_commit(error) or error from error


async def run(line: "asyncpg.Connection[Any]", sql: str, *args: object) -> Sequence[Any]:
    """Run one statement; an object that exists already was made by an interrupted run.

    Raises StoreError.
    """
    try:
        found: Sequence[Any] = await again(lambda: line.fetch(sql, *args))
    except StoreError as error:
        if sqlstate(error) in _EXISTS_ALREADY:
            return []
        raise
    return found


async def again(ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Ask the database, again while another process changes the schema. Raises StoreError."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return await ask()
        except failures.DRIVER_ERRORS as error:
            told = failures.before_commit(error)
            # 23505 in a catalog: two processes made the same table in the same instant.
            retry = isinstance(told, Conflict | Duplicate)
            if not retry or attempt == ATTEMPTS:
                raise told or StoreError(str(error)) from error
            await asyncio.sleep(PAUSE_S * attempt)


def sqlstate(error: StoreError) -> str | None:
    """Return the SQLSTATE behind an error, or None if it did not come from the server."""
    cause = error.__cause__
    return cause.sqlstate if isinstance(cause, asyncpg.PostgresError) else None
