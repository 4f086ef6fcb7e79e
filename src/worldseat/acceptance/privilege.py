"""The promise that the role which sells can neither change the schema nor rewrite the log."""

from typing import Any

import asyncpg

from worldseat.acceptance.ground import Ground
from worldseat.acceptance.load import Load
from worldseat.acceptance.trial import Trial
from worldseat.domain.acceptance import Promise
from worldseat.ports.store import StoreError
from worldseat.stores.dsql import access, changing
from worldseat.stores.dsql.endpoint import ADMIN, as_user, parse

NAME = "least-privilege"
APP_ROLE = "worldseat_app"
WITHIN_S = 10.0
DENIED = "42501"
_ALLOWED = "allowed: "
_REFUSED_LOGIN = "28"

_EXISTS = "SELECT count(*) FROM pg_roles WHERE rolname = $1"
_ASKED = {
    "UPDATE op_log": "SELECT has_any_column_privilege($1::text::name, 'op_log', 'UPDATE')",
    "DELETE FROM op_log": "SELECT has_table_privilege($1::text::name, 'op_log', 'DELETE')",
    "CREATE TABLE": "SELECT has_schema_privilege($1::text::name, 'public', 'CREATE')",
}
"""What the catalog is asked where these credentials may not log in as the role."""


def planned() -> Load:
    """Return what is sent: a login and a few refused statements per Region."""
    return Load(messages=60, transactions=20, bytes_up=30_000, bytes_down=60_000)


async def role_of(ground: Ground) -> str | None:
    """Return the role that sells, if it is another one than admin.

    The addresses name it, or the database has the one that `worldseat cluster grant` makes. Raises
    what the driver raises, and NotCommitted without credentials.
    """
    named = {parse(url).user for url in ground.lead_to.values()} - {ADMIN}
    if named:
        return min(named)
    async with ground.connected(ground.regions[0]) as line:
        return APP_ROLE if await line.fetchval(_EXISTS, APP_ROLE) else None


async def check(ground: Ground, trial: Trial) -> Promise:
    """Try as the role what only admin, or nobody, may do."""
    role = await role_of(ground) or APP_ROLE
    tried = _tried(ground)
    trial.expect(len(tried) * len(ground.regions))
    asked_of_catalog, left = False, ""
    for region in ground.regions:
        trial.goes_on()
        try:
            line = await _as_role(ground, region, role)
        except asyncpg.PostgresError as error:
            if not (error.sqlstate or "").startswith(_REFUSED_LOGIN):
                raise
            asked_of_catalog = True
            await _ask_catalog(ground, trial, region, role)
            continue
        try:
            for name, (sql, made) in tried.items():
                seen = await _state(line, sql)
                trial.case(
                    f"{region}: {name} as {role}", held=seen == DENIED, wanted=DENIED, seen=seen
                )
                if made and seen.startswith(_ALLOWED):
                    left += await _undo(ground, line, made)
        finally:
            line.terminate()
    how = ", asked of the catalog, as these credentials may not log in as it" * asked_of_catalog
    return trial.ended(
        f"{trial.tried - trial.broken} of {trial.tried} things that {role} may not do were "
        f"refused{how}.{left}"
    )


async def _as_role(ground: Ground, region: str, role: str) -> Any:
    return await access.connect(
        as_user(ground.lines[region].url, role), timeout=WITHIN_S, command_timeout=WITHIN_S
    )


async def _ask_catalog(ground: Ground, trial: Trial, region: str, role: str) -> None:
    async with ground.connected(region) as line:
        for name, sql in _ASKED.items():
            allowed = await line.fetchval(sql, role)
            trial.case(
                f"{region}: {name} as {role}, by the catalog",
                held=not allowed,
                wanted="not allowed",
                seen="allowed" if allowed else "not allowed",
            )


def _tried(ground: Ground) -> dict[str, tuple[str, str]]:
    """Return what is tried, and what would then be there should it be allowed after all.

    It would hurt nobody: no row has an empty op_id, and the tables are the run's own.
    """
    table, forbidden = ground.tables.reads, ground.tables.forbidden
    return {
        "UPDATE op_log": ("UPDATE op_log SET fan_id = fan_id WHERE op_id = ''", ""),
        "DELETE FROM op_log": ("DELETE FROM op_log WHERE op_id = ''", ""),
        "CREATE TABLE": (f"CREATE TABLE {forbidden} (id int)", f"TABLE {forbidden}"),
        "ALTER TABLE": (f"ALTER TABLE {table} ADD COLUMN forbidden text", ""),
        "DROP TABLE": (f"DROP TABLE {table}", ""),
        "CREATE ROLE": (f"CREATE ROLE {forbidden}", f"ROLE {forbidden}"),
    }


async def _state(line: Any, sql: str) -> str:
    try:
        done = await line.execute(sql)
    except asyncpg.PostgresError as error:
        return error.sqlstate or type(error).__name__
    return f"{_ALLOWED}{done}"


async def _undo(ground: Ground, line: Any, made: str) -> str:
    """Drop what should not have been made; say what is left, or nothing.

    A table that is left goes with the run's own in the end.
    """
    try:
        await changing.run(line, f"DROP {made}")
    except StoreError as error:
        if made == f"TABLE {ground.tables.forbidden}":
            ground.tables.also_made(ground.tables.forbidden)
        return f" {made} is left: {error}."
    return ""
