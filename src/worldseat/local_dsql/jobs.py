"""What DSQL does in the background: index builds and validations, kept in sys.jobs.

Also what takes the superuser of the database behind: mapping roles to IAM identities.
"""

import asyncio
import base64
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from worldseat.local_dsql.dialect import Kind, Refused, Statement, refuse_job_id
from worldseat.local_dsql.dialect.background import concurrently
from worldseat.local_dsql.ground import ADMIN

INDEX_BUILD = "INDEX_BUILD"
# PostgreSQL tells nobody when a build is over, or has named its index: it is asked.
WAIT_POLL_S = 0.05
_NAMED_POLL_S = 0.005

_SUBMIT = """
INSERT INTO sys.jobs (job_id, status, job_type, class_id, object_id, object_name)
VALUES ($1, 'submitted', $2, 'pg_class'::regclass, to_regclass($3), $3)
"""
_UPDATE = "UPDATE sys.jobs SET status = $2, details = $3, update_time = now() WHERE job_id = $1"
_STATUS = "SELECT status FROM sys.jobs WHERE job_id = $1"
_MAP = """
INSERT INTO sys.iam_pg_role_mappings VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_UNMAP = "DELETE FROM sys.iam_pg_role_mappings WHERE pg_role_name = $1 AND arn = $2"
_MAPPED = "SELECT pg_role_name, arn FROM sys.iam_pg_role_mappings"
_ROLE = "SELECT true FROM pg_roles WHERE rolname = $1 AND rolcanlogin"
_KEY_COLUMNS = """
SELECT array_agg(a.attname::text) FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indisprimary AND i.indrelid = to_regclass($1)
"""
_IS_NAMED = "SELECT to_regclass($1) IS NOT NULL"
_DONE = frozenset({"completed", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One build or validation: its id, the SQL that does it, and what it is about."""

    job_id: str
    sql: str
    job_type: str
    object_name: str
    schema: str


class Jobs:
    """The background work of one cluster."""

    def __init__(self, postgres_url: str) -> None:
        self._url = postgres_url
        self._running: set[asyncio.Task[None]] = set()

    async def plan(self, statement: Statement, schema: str) -> Job:
        """Return the job that a statement asks for. Raises Refused for what cannot be built."""
        if statement.kind is Kind.VALIDATE_ASYNC:
            kind, sql = "CONSTRAINT_VALIDATION", statement.sql
        else:
            build = concurrently(statement)
            kind, sql = INDEX_BUILD, build.sql
            if statement.index and not build.if_not_exists:
                await self._refuse_taken(statement.index, schema)
        job_id = base64.b32encode(uuid.uuid4().bytes).decode().lower().rstrip("=")
        name = statement.index or statement.constraint or statement.table or ""
        return Job(job_id=job_id, sql=sql, job_type=kind, object_name=name, schema=schema)

    async def _refuse_taken(self, name: str, schema: str) -> None:
        if await self._ask(_IS_NAMED, name, schema=schema):
            raise Refused("42P07", f'relation "{name}" already exists')

    async def submit(self, job: Job) -> None:
        """Put the job on record, and begin it; an index is there then, and not yet valid."""
        await self._ask(_SUBMIT, job.job_id, job.job_type, job.object_name, schema=job.schema)
        task = asyncio.create_task(self._work(job))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if job.job_type == INDEX_BUILD:
            while not (task.done() or await self._is_named(job)):  # noqa: ASYNC110 - another's work.
                await asyncio.sleep(_NAMED_POLL_S)

    async def _is_named(self, job: Job) -> bool:
        return bool(await self._ask(_IS_NAMED, job.object_name, schema=job.schema))

    async def wait(self, job_id: str) -> None:
        """Return when a job is over, however it ended. Raises Refused."""
        refuse_job_id(job_id)
        while (status := await self._ask(_STATUS, job_id)) not in _DONE:
            if status is None:
                raise Refused("22023", f"job {job_id} does not exist")
            await asyncio.sleep(WAIT_POLL_S)

    async def play(self, statement: Statement, parameters: Sequence[str]) -> str:
        """Play what DSQL's own words ask for; return its tag. Raises Refused."""
        if statement.kind is Kind.EMPTY:
            return ""
        if statement.kind is Kind.WAIT_FOR_JOB:
            job_id = statement.job
            if job_id is None:
                place = statement.job_parameter or 1
                job_id = parameters[place - 1] if place <= len(parameters) else ""
            await self.wait(job_id)
            return "CALL"
        await self._map_role(statement)
        return "GRANT" if statement.grant else "REVOKE"

    async def _map_role(self, statement: Statement) -> None:
        """Let an IAM identity log in as a role, or no longer. Raises Refused."""
        role = statement.role or ""
        if role == ADMIN:
            raise Refused("0A000", "Role admin not supported")
        if not await self._ask(_ROLE, role):
            raise Refused("42704", f"Role {role} does not exist")
        if statement.grant:
            await self._ask(_MAP, role, statement.arn, ADMIN)
        else:
            await self._ask(_UNMAP, role, statement.arn)

    async def key_columns(self, table: str) -> Collection[str]:
        """Return the columns of a table's primary key."""
        return await self._ask(_KEY_COLUMNS, table) or ()

    async def roles(self) -> Mapping[str, Collection[str]]:
        """Return the IAM identities of each custom role."""
        connection = await asyncpg.connect(self._url)
        try:
            found: dict[str, set[str]] = {}
            for role, arn in await connection.fetch(_MAPPED):
                found.setdefault(role, set()).add(arn)
            return found
        finally:
            await connection.close()

    async def close(self) -> None:
        """Stop what is under way; it is recorded as failed at the next start."""
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _work(self, job: Job) -> None:
        await self._ask(_UPDATE, job.job_id, "processing", None)
        try:
            await self._ask(job.sql, schema=job.schema)
        except asyncpg.PostgresError as error:
            await self._ask(_UPDATE, job.job_id, "failed", str(error))
        else:
            await self._ask(_UPDATE, job.job_id, "completed", None)

    async def _ask(self, sql: str, *values: object, schema: str = "public") -> Any:
        path = '"' + schema.replace('"', '""') + '", public'
        connection = await asyncpg.connect(self._url, server_settings={"search_path": path})
        try:
            return await connection.fetchval(sql, *values)
        finally:
            await connection.close()
