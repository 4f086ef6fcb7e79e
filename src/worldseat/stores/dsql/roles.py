"""The database role that runs the product, with what it uses and nothing else.

Admin makes it and changes the schema; the role may do neither, and what it has appended to op_log
it can never change or remove: the database refuses, whatever the code does.

The schema `public` needs no grant. On DSQL it is a system entity on which nothing can be granted
(0A000, recorded on real clusters in 2026); every role may use it, and only admin creates in it.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from worldseat.ports.store import StoreRefused
from worldseat.stores.dsql import changing, statements
from worldseat.stores.dsql.changing import again, run
from worldseat.stores.dsql.endpoint import ADMIN, is_dsql

_ROLES = statements.load("roles.sql")

ROLE = "worldseat_app"

NEEDS: Sequence[tuple[str, Sequence[str], Sequence[str]]] = (
    ("schema_change", ("SELECT",), ()),
    ("event", ("SELECT", "INSERT"), ("current_round_id",)),
    ("sale_round", ("SELECT", "INSERT"), ()),
    ("seat", ("SELECT", "INSERT"), ("status", "fan_id", "op_id")),
    ("lane", ("SELECT", "INSERT"), ("closed_seq",)),
    ("op_log", ("SELECT", "INSERT"), ()),
    ("lease", ("SELECT", "INSERT", "DELETE"), ("holder", "expires_at")),
    ("run", ("SELECT", "INSERT"), ("status", "result", "finished_at")),
    ("run_history", ("SELECT", "INSERT"), ()),
    ("acceptance", ("SELECT", "INSERT"), ()),
    ("acceptance_sign_off", ("SELECT", "INSERT"), ()),
)
"""Each table, what the role may do with it, and the columns that it may update."""

_UPDATE = "UPDATE"
_NAME = "worldseat cluster grant"
_ROLE_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_NO_ROLES = frozenset({ADMIN, "public", "none", "current_role", "current_user", "session_user"})
_ARN = re.compile(r"arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:(?:role|user)/[\w+=,.@/-]{1,576}", re.ASCII)

_Do = Callable[[str], Awaitable[None]]


class BadRole(ValueError):
    """A role or an ARN that cannot be; the text says what."""


class RoleLacks(StoreRefused):
    """The role that runs the product may not do all that the product does."""

    def __init__(self, role: str, what: str) -> None:
        self.role = role
        super().__init__(f"the role {role} lacks {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """The role and the IAM identity that may log in as it. Raises BadRole.

    `whole_tables` grants UPDATE on tables and not on columns.
    """

    role: str
    arn: str
    whole_tables: bool = False

    def __post_init__(self) -> None:
        if not _ROLE_NAME.fullmatch(self.role) or self.role in _NO_ROLES:
            raise BadRole(f"{self.role[:80]!r} cannot be the product's database role.")
        if not _ARN.fullmatch(self.arn):
            raise BadRole(f"{self.arn[:200]!r} is not the ARN of an IAM role or user.")

    def planned(self) -> list[str]:
        """Return every statement that a database without the role is sent, in order."""
        return [self.create, self.let_in, *(self.grant(table) for table, _, _ in NEEDS)]

    @property
    def create(self) -> str:
        """The statement that makes the role."""
        return f"CREATE ROLE {self.role} WITH LOGIN"

    @property
    def let_in(self) -> str:
        """The statement that lets the IAM identity log in as the role."""
        return f"AWS IAM GRANT {self.role} TO '{self.arn}'"

    def grant(self, table: str) -> str:
        """Return the statement that gives the role all that it needs of a table."""
        (verbs, columns) = next((verbs, columns) for name, verbs, columns in NEEDS if name == table)
        words = list(verbs)
        if columns:
            words.append(_UPDATE if self.whole_tables else f"{_UPDATE} ({', '.join(columns)})")
        return f"GRANT {', '.join(words)} ON {table} TO {self.role}"

    def needed(self) -> set["Privilege"]:
        """Return every single privilege that the role must have."""
        return {each.whole if self.whole_tables else each for each in _needed()}


@dataclass(frozen=True, slots=True, order=True)
class Privilege:
    """One thing that a role may do with a table, or only with one column of it."""

    table: str
    verb: str
    column: str = ""

    @property
    def whole(self) -> "Privilege":
        """The same on the whole table."""
        return Privilege(self.table, self.verb)

    def __str__(self) -> str:
        """Return it as SQL says it."""
        return f"{self.verb} ({self.column})" if self.column else self.verb

    def revoked_from(self, role: str) -> str:
        """Return the statement that takes it away."""
        return f"REVOKE {self} ON {self.table} FROM {role}"


def _needed() -> set[Privilege]:
    whole = {Privilege(table, verb) for table, verbs, _ in NEEDS for verb in verbs}
    return whole | {
        Privilege(table, _UPDATE, column) for table, _, columns in NEEDS for column in columns
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What was done, in order, and who may log in as the role beside the one that was asked for."""

    ran: Sequence[str]
    also_mapped: Sequence[str]


async def grant_through(
    urls: Sequence[str], grantee: Grantee, *, report: Callable[[str], None]
) -> Granted:
    """Make the role, or bring it to what it needs, through the first endpoint that answers.

    `report` is told each statement that ran. Raises StoreError.
    """

    async def at(url: str) -> Granted:
        return await grant(url, grantee, report=report)

    return await changing.through(urls, at, report=report)


async def grant(url: str, grantee: Grantee, *, report: Callable[[str], None]) -> Granted:
    """Bring the role to what it needs through one endpoint, and prove that it is so.

    What it has beyond is taken away. Safe to run twice: a role that is right is left alone, since
    every grant disturbs everybody's transactions on DSQL. Raises StoreError.
    """
    if not is_dsql(url) or changing.custom_role(url) is not None:
        raise StoreRefused("roles of Aurora DSQL are made by its role admin: use such an address")
    ran: list[str] = []
    async with changing.connection(url, name=_NAME) as line:

        async def do(sql: str) -> None:
            await run(line, sql)
            ran.append(sql)
            report(sql)

        await _refuse_old_schema(line)
        await _let_in(line, grantee, do)
        needed = grantee.needed()
        for beyond in sorted(await _held(line, grantee.role) - needed):
            await do(beyond.revoked_from(grantee.role))
        lacking = needed - await _held(line, grantee.role)
        for table, _, _ in NEEDS:
            if any(each.table == table for each in lacking):
                await do(grantee.grant(table))
        return Granted(ran=ran, also_mapped=await _verified(line, grantee))


async def check_through(urls: Sequence[str], *, report: Callable[[str], None]) -> None:
    """Ask whether the role of these addresses may do all that the product does; admin may.

    Better known at the start than by the first fan who needs it. Raises StoreError; RoleLacks.
    """

    async def at(url: str) -> None:
        role = changing.custom_role(url)
        if role is None:
            return
        async with changing.connection(url, name="worldseat start") as line:
            held = await _held(line, role)
        if lacking := {each for each in _needed() if not held & {each, each.whole}}:
            raise RoleLacks(role, _told(lacking))

    await changing.through(urls, at, report=report)


async def _refuse_old_schema(line: "asyncpg.Connection[Any]") -> None:
    there = {record["relation"] for record in await again(lambda: line.fetch(_ROLES["tables"]))}
    if absent := [table for table, _, _ in NEEDS if table not in there]:
        message = f"there is no table {', '.join(absent)}: run `worldseat migrate` first"
        raise StoreRefused(message)


async def _let_in(line: "asyncpg.Connection[Any]", grantee: Grantee, do: _Do) -> None:
    may_log_in = await again(lambda: line.fetchval(_ROLES["role"], grantee.role))
    if may_log_in is None:
        await do(grantee.create)
    elif not may_log_in:
        message = f"the role {grantee.role} is there and may not log in: drop it, or choose another"
        raise StoreRefused(message)
    if grantee.arn not in await _mapped(line, grantee.role):
        await do(grantee.let_in)


async def _mapped(line: "asyncpg.Connection[Any]", role: str) -> list[str]:
    return [record["arn"] for record in await again(lambda: line.fetch(_ROLES["mapped"], role))]


async def _held(line: "asyncpg.Connection[Any]", role: str) -> set[Privilege]:
    """Return every privilege of the role on a table; a column's only where not the table's."""
    return {
        Privilege(record["relation"], record["verb"], record["attribute"])
        for record in await again(lambda: line.fetch(_ROLES["held"], role))
    }


async def _verified(line: "asyncpg.Connection[Any]", grantee: Grantee) -> list[str]:
    """Ask the database whether all is as it must be; return who else is mapped to the role.

    Raises StoreRefused with what is not.
    """
    role, needed = grantee.role, grantee.needed()
    held = await _held(line, role)
    schema = (await again(lambda: line.fetch(_ROLES["schema"], role)))[0]
    mapped = await _mapped(line, role)
    wrong = [f"it lacks {_told(needed - held)}"] if needed - held else []
    if held - needed:
        wrong.append(f"it has {_told(held - needed)} from elsewhere")
    if not schema["uses"]:
        wrong.append("it may not use the schema public")
    if schema["creates"]:
        wrong.append("it may create in the schema public")
    if grantee.arn not in mapped:
        wrong.append(f"{grantee.arn} is not mapped to it")
    if wrong:
        message = f"the role {role} is not as it must be: {'; '.join(wrong)}"
        raise StoreRefused(message)
    return [arn for arn in mapped if arn != grantee.arn]


def _told(privileges: Iterable[Privilege]) -> str:
    return ", ".join(f"{each} on {each.table}" for each in sorted(privileges))
