"""Migrations as DSQL wants them: one statement per file, each in its own transaction.

A folder per change under migrations/, its files applied in order. An index is built in the
background: its statement answers with a job, which is waited for, and `NN_name.verify.sql` asks
whether the index can be used, since a job may end well and say otherwise in its details. On plain
PostgreSQL the word ASYNC is dropped, here and nowhere else.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeVar

import asyncpg

from worldseat.ports.store import Conflict, Duplicate, NotCommitted, StoreError, StoreRefused
from worldseat.stores.dsql import access, failures
from worldseat.stores.dsql.endpoint import is_dsql

_LEDGER = """
CREATE TABLE schema_change (
    change_id text PRIMARY KEY,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_APPLIED = "SELECT change_id, digest FROM schema_change"
_NOTE = """
INSERT INTO schema_change (change_id, digest) VALUES ($1, $2) ON CONFLICT (change_id) DO NOTHING
"""
_JOB = "SELECT status, details FROM sys.jobs WHERE job_id = $1"
_ASYNC = "INDEX ASYNC "
_EXISTS_ALREADY = frozenset({"42P07", "42701", "42710"})
_NO_SUCH_TABLE = "42P01"

CONNECT_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 60.0
ATTEMPTS = 12
PAUSE_S = 0.3
"""Every DDL statement, wherever it runs, refuses the next one for a moment (40001, OC001); a pause
that grows by this each time is what AWS's own tests need."""

VERIFY_POLL_S = 0.25
VERIFY_DEADLINE_S = 300.0

_JOB_FAILED = frozenset({"failed", "cancelled"})

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One statement of one migration."""

    change_id: str
    sql: str
    verify: str | None

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the statement, so that an edited migration is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def changes() -> list[Change]:
    """Return every statement of every migration, in order."""
    found: list[Change] = []
    root = files(__package__).joinpath("migrations")
    for folder in sorted(root.iterdir(), key=lambda entry: entry.name):
        if not folder.is_dir():
            continue
        texts = {entry.name: entry.read_text() for entry in folder.iterdir()}
        found.extend(
            Change(
                change_id=f"{folder.name}/{name}",
                sql=texts[name],
                verify=texts.get(f"{name.removesuffix('.sql')}.verify.sql"),
            )
            for name in sorted(texts)
            if name.endswith(".sql") and not name.endswith(".verify.sql")
        )
    return found


async def migrate_through(urls: Sequence[str], *, report: Callable[[str], None]) -> int:
    """Bring the schema up to date through the first endpoint that answers.

    DDL that was run at one endpoint is there at all of them. Return how many statements ran. Raises
    StoreError.
    """
    missed: NotCommitted | None = None
    for url in dict.fromkeys(urls):
        try:
            return await migrate(url, plain=not is_dsql(url), report=report)
        except NotCommitted as error:
            missed = error
            report(f"an endpoint does not answer, or stopped to: {error}")
    raise missed or NotCommitted("no Region is configured")


async def migrate(url: str, *, plain: bool, report: Callable[[str], None]) -> int:
    """Bring the schema up to date through one endpoint; return how many statements ran.

    `plain` says that the database is PostgreSQL and not DSQL. Safe to run twice, and by two
    processes at once. Raises StoreError.
    """
    async with _connection(url) as connection:
        applied = await _applied(connection)
        ran = 0
        for change in changes():
            if change.change_id in applied:
                if applied[change.change_id] != change.digest:
                    message = f"migration {change.change_id} was edited after it had been applied"
                    raise StoreRefused(message)
                continue
            drops = plain and _ASYNC in change.sql
            began_s = time.monotonic()
            await _apply(connection, change, plain=plain)
            took = f"{time.monotonic() - began_s:.1f} s"
            note = ", ASYNC dropped" if drops else ""
            report(f"migration {change.change_id} ({took}{note})")
            ran += 1
        return ran


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    try:
        connection = await access.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            server_settings={"application_name": "worldseat migrate"},
        )
        try:
            yield connection
        finally:
            await connection.close()
    except failures.DRIVER_ERRORS as error:
        raise failures.before_commit(error) or error from error


async def _applied(connection: "asyncpg.Connection[Any]") -> dict[str, str]:
    """Return the digest of each change that was applied; make the ledger if there is none.

    It is looked for first: to make it again would disturb everybody's transactions on DSQL.
    """
    try:
        found = await _again(lambda: connection.fetch(_APPLIED))
    except StoreRefused as error:
        cause = error.__cause__
        if not isinstance(cause, asyncpg.PostgresError) or cause.sqlstate != _NO_SUCH_TABLE:
            raise
        await _run(connection, _LEDGER)
        found = await _again(lambda: connection.fetch(_APPLIED))
    return {record["change_id"]: record["digest"] for record in found}


async def _apply(connection: "asyncpg.Connection[Any]", change: Change, *, plain: bool) -> None:
    sql = change.sql.replace(_ASYNC, "INDEX ", 1) if plain else change.sql
    answer = await _run(connection, sql)
    if change.verify is not None:
        job_id = answer[0]["job_id"] if answer and not plain else None
        await _built(connection, change, change.verify, job_id)
    # Two processes that note the same change at once conflict: ON CONFLICT cannot see the other's.
    await _run(connection, _NOTE, change.change_id, change.digest)


async def _built(
    connection: "asyncpg.Connection[Any]", change: Change, verify: str, job_id: str | None
) -> None:
    """Wait until an index is there and valid; its job is None if somebody else began it."""
    ends_s = time.monotonic() + VERIFY_DEADLINE_S
    while not await _again(lambda: connection.fetchval(verify)):
        job = await _again(lambda: connection.fetchrow(_JOB, job_id)) if job_id else None
        if job is not None and job["status"] in _JOB_FAILED:
            message = (
                f"migration {change.change_id}: job {job_id} {job['status']}, {job['details']}. "
                "Mend that, drop the invalid index, and run `worldseat migrate` again"
            )
            raise StoreRefused(message)
        if time.monotonic() > ends_s:
            message = (
                f"migration {change.change_id}: not valid after {VERIFY_DEADLINE_S:.0f} s. "
                "`worldseat migrate` goes on waiting; an index that failed must be dropped first"
            )
            raise NotCommitted(message)
        await asyncio.sleep(VERIFY_POLL_S)


async def _run(connection: "asyncpg.Connection[Any]", sql: str, *args: object) -> Sequence[Any]:
    """Run one statement; an object that exists already was made by an interrupted run."""
    try:
        found: Sequence[Any] = await _again(lambda: connection.fetch(sql, *args))
    except StoreError as error:
        cause = error.__cause__
        if isinstance(cause, asyncpg.PostgresError) and cause.sqlstate in _EXISTS_ALREADY:
            return []
        raise
    return found


async def _again(ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Ask the database, again while another process changes the schema. Raises StoreError."""
    attempt = 0
    while True:
        attempt += 1
        try:
            return await ask()
        except failures.DRIVER_ERRORS as error:
            told = failures.before_commit(error)
            # 23505 in a catalog: two processes made the same table in the same instant.
            again = isinstance(told, Conflict | Duplicate)
            if not again or attempt == ATTEMPTS:
                raise told or StoreError(str(error)) from error
            await asyncio.sleep(PAUSE_S * attempt)
