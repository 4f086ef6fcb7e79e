"""What a statement is, as far as the cluster must know before PostgreSQL sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a statement does; one value per way in which the cluster treats it."""

    READ = "read"  # select without a lock, values, explain, show, analyze
    WRITE = "write"  # insert, update, delete; also inside a WITH or an EXPLAIN ANALYZE
    LOCK = "lock"  # select … for update / for key share
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    DDL = "ddl"  # catalog changes, GRANT and REVOKE among them
    SET = "set"  # set, reset, set constraints, deallocate all
    INDEX_ASYNC = "index-async"
    VALIDATE_ASYNC = "validate-async"
    WAIT_FOR_JOB = "wait-for-job"
    IAM = "iam"
    COPY_IN = "copy-in"
    COPY_OUT = "copy-out"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. Names of tables are written so that `::regclass` reads them.

    text: as it was sent, without the comments before it. sql: what PostgreSQL 16 is to be given,
    DSQL's own words blanked out; "" where PostgreSQL has no such statement (IAM, WAIT_FOR_JOB).
    tag: how PostgreSQL's command tag begins ("UPDATE", "CREATE TABLE"); "" for EMPTY.
    written: the tables that INSERT, UPDATE, DELETE or COPY FROM name as their target, each once.
    returning: a WRITE that answers rows. lock: "UPDATE" or "KEY SHARE" where the kind is LOCK.
    """

    text: str
    sql: str
    kind: Kind
    tag: str
    written: tuple[str, ...] = ()
    returning: bool = False
    lock: str | None = None
    # BEGIN, COMMIT and ROLLBACK.
    read_only: bool = False
    chained: bool = False
    # SET: the parameter in lower case; None for RESET ALL, SET CONSTRAINTS and DEALLOCATE ALL.
    setting: str | None = None
    # INDEX_ASYNC, VALIDATE_ASYNC; table and dropped_columns also for ALTER TABLE.
    table: str | None = None
    index: str | None = None  # None: PostgreSQL chooses the name.
    unique: bool = False
    constraint: str | None = None
    # ALTER TABLE … DROP COLUMN: the service refuses to drop a column of the primary key
    # (0A000, "cannot drop primary key column X"), which only the catalog can tell.
    dropped_columns: tuple[str, ...] = ()
    # IAM: `grant` is False for REVOKE.
    role: str | None = None
    arn: str | None = None
    grant: bool = False
    # WAIT_FOR_JOB: the job's id, or the number of the parameter that carries it.
    job: str | None = None
    job_parameter: int | None = None
