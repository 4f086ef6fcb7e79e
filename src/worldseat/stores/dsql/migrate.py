"""Migrations as DSQL wants them: one statement per file, each in its own transaction.

A folder per change under migrations/, its files applied in order. An index is built in the
background: its statement answers with a job, which is waited for, and `NN_name.verify.sql` asks
whether the index can be used, since a job may end well and say otherwise in its details. On plain
PostgreSQL the word ASYNC is dropped, here and nowhere else.

Only the role admin may change the schema. Any other role that runs the product may ask whether the
schema is up to date, and no more.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

from worldseat.ports.store import NotCommitted, StoreRefused
from worldseat.stores.dsql import changing
from worldseat.stores.dsql.changing import again, run
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

VERIFY_POLL_S = 0.25
VERIFY_DEADLINE_S = 300.0

_JOB_FAILED = frozenset({"failed", "cancelled"})
_NAME = "worldseat migrate"


class SchemaBehind(StoreRefused):
    """The schema lacks changes that this role may not make; nothing was tried."""

    def __init__(self, user: str, missing: Sequence[str]) -> None:
        self.user = user
        self.missing = tuple(missing)
        super().__init__(
            f"the schema lacks {len(missing)} statements, from {missing[0]} on, and the role "
            f"{user} may not change it"
        )


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


def planned() -> list[tuple[str, str]]:
    """Return every statement that an empty database is sent, in order, each with what it is."""
    found = [("the ledger of changes", _LEDGER.strip() + ";")]
    for change in changes():
        found.append((change.change_id, change.sql.strip()))
        if change.verify is not None:
            found.append((f"{change.change_id}, asked until true", change.verify.strip()))
        note = _NOTE.replace("$1", f"'{change.change_id}'").replace("$2", f"'{change.digest}'")
        found.append((f"{change.change_id}, noted", note.strip() + ";"))
    return found


async def migrate_through(urls: Sequence[str], *, report: Callable[[str], None]) -> int:
    """Bring the schema up to date through the first endpoint that answers.

    Return how many statements ran. Raises StoreError.
    """

    async def at(url: str) -> int:
        return await migrate(url, plain=not is_dsql(url), report=report)

    return await changing.through(urls, at, report=report)


async def migrate(url: str, *, plain: bool, report: Callable[[str], None]) -> int:
    """Bring the schema up to date through one endpoint; return how many statements ran.

    `plain` says that the database is PostgreSQL and not DSQL. Safe to run twice, and by two
    processes at once. Raises StoreError; SchemaBehind if there is something to do and the address
    is that of a role which may not do it.
    """
    async with changing.connection(url, name=_NAME) as connection:
        applied = await _applied(connection)
        missing = _missing(applied or {})
        if missing and (role := changing.custom_role(url)) is not None:
            raise SchemaBehind(role, [change.change_id for change in missing])
        if applied is None:
            await run(connection, _LEDGER)
        for change in missing:
            drops = plain and _ASYNC in change.sql
            began_s = time.monotonic()
            await _apply(connection, change, plain=plain)
            took = f"{time.monotonic() - began_s:.1f} s"
            note = ", ASYNC dropped" if drops else ""
            report(f"migration {change.change_id} ({took}{note})")
        return len(missing)


async def _applied(connection: "asyncpg.Connection[Any]") -> Mapping[str, str] | None:
    """Return the digest of each change that was applied, or None if there is no ledger.

    It is only looked for: to make it again would disturb everybody's transactions on DSQL.
    """
    try:
        found = await again(lambda: connection.fetch(_APPLIED))
    except StoreRefused as error:
        match changing.sqlstate(error):
            case "42P01":
                return None
            case "42501":
                message = f"{error}: `worldseat cluster grant` gives the role what it needs"
                raise StoreRefused(message) from error
        raise
    return {record["change_id"]: record["digest"] for record in found}


def _missing(applied: Mapping[str, str]) -> list[Change]:
    """Return what was not applied yet, in order. Raises StoreRefused if one was edited since."""
    everything = changes()
    for change in everything:
        if applied.get(change.change_id, change.digest) != change.digest:
            message = f"migration {change.change_id} was edited after it had been applied"
            raise StoreRefused(message)
    return [change for change in everything if change.change_id not in applied]


async def _apply(connection: "asyncpg.Connection[Any]", change: Change, *, plain: bool) -> None:
    sql = change.sql.replace(_ASYNC, "INDEX ", 1) if plain else change.sql
    answer = await run(connection, sql)
    if change.verify is not None:
        job_id = answer[0]["job_id"] if answer and not plain else None
        await _built(connection, change, change.verify, job_id)
    # Two processes that note the same change at once conflict: ON CONFLICT cannot see the other's.
    await run(connection, _NOTE, change.change_id, change.digest)


async def _built(
    connection: "asyncpg.Connection[Any]", change: Change, verify: str, job_id: str | None
) -> None:
    """Wait until an index is there and valid; its job is None if somebody else began it."""
    ends_s = time.monotonic() + VERIFY_DEADLINE_S
    while not await again(lambda: connection.fetchval(verify)):
        job = await again(lambda: connection.fetchrow(_JOB, job_id)) if job_id else None
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
