"""Migrations as DSQL wants them: one statement per file, each in its own transaction.

A folder per change under migrations/, its files applied in order. `NN_name.verify.sql` asks whether
an index that was built in the background is really there. On plain PostgreSQL the word ASYNC is
dropped, here and nowhere else.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

from worldseat.ports.store import Conflict, StoreError, StoreRefused
from worldseat.stores.dsql import failures

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_change (
    change_id text PRIMARY KEY,
    digest text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""
_APPLIED = "SELECT change_id, digest FROM schema_change"
_NOTE = """
INSERT INTO schema_change (change_id, digest) VALUES ($1, $2) ON CONFLICT (change_id) DO NOTHING
"""
_ASYNC = "INDEX ASYNC "
_EXISTS_ALREADY = frozenset({"42P07", "42701", "42710"})

ATTEMPTS = 12
VERIFY_POLL_S = 0.25
VERIFY_DEADLINE_S = 300.0


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


async def migrate(url: str, *, plain: bool, report: Callable[[str], None]) -> int:
    """Bring the schema up to date through one endpoint; return how many statements ran.

    `plain` says that the database is PostgreSQL and not DSQL. Safe to run twice, and by two
    processes at once. Raises StoreError.
    """
    async with _connection(url) as connection:
        await _run(connection, _LEDGER)
        applied = {
            record["change_id"]: record["digest"] for record in await connection.fetch(_APPLIED)
        }
        ran = 0
        for change in changes():
            if change.change_id in applied:
                if applied[change.change_id] != change.digest:
                    message = f"migration {change.change_id} was edited after it had been applied"
                    raise StoreRefused(message)
                continue
            drops = plain and _ASYNC in change.sql
            await _apply(connection, change, plain=plain)
            report(f"migration {change.change_id}" + (" (ASYNC dropped)" if drops else ""))
            ran += 1
        return ran


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    try:
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close()
    except failures.DRIVER_ERRORS as error:
        raise failures.before_commit(error) or error from error


async def _apply(connection: "asyncpg.Connection[Any]", change: Change, *, plain: bool) -> None:
    sql = change.sql.replace(_ASYNC, "INDEX ", 1) if plain else change.sql
    await _run(connection, sql)
    if change.verify is not None:
        async with asyncio.timeout(VERIFY_DEADLINE_S):
            while not await connection.fetchval(change.verify):  # noqa: ASYNC110 - it is the database's event
                await asyncio.sleep(VERIFY_POLL_S)
    # Two processes that note the same change at once conflict: ON CONFLICT cannot see the other's.
    await _run(connection, _NOTE, change.change_id, change.digest)


async def _run(connection: "asyncpg.Connection[Any]", sql: str, *args: object) -> None:
    """Run one statement; an object that exists already was made by an interrupted run."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await connection.execute(sql, *args)
        except asyncpg.PostgresError as error:
            if error.sqlstate in _EXISTS_ALREADY:
                return
            told = failures.before_commit(error)
            # 23505 in a catalog: two processes made the same table in the same instant.
            again = isinstance(told, Conflict) or error.sqlstate == "23505"
            if not again or attempt == ATTEMPTS:
                raise told or StoreError(str(error)) from error
            await asyncio.sleep(0.3 * attempt)
        else:
            return
