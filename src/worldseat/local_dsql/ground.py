"""What the database behind must hold before the endpoints open: roles, `sys`, counted writes.

PostgreSQL cannot be told to limit what a transaction modifies. Triggers with transition tables
count it where it happens, cascades and data-modifying WITH included, in a setting that a rolled
back savepoint takes back too.
"""

from collections.abc import Mapping

import asyncpg

from worldseat.local_dsql.limits import Limits

ADMIN = "admin"

_STATEMENTS = (
    f"""
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ADMIN}') THEN
            CREATE ROLE {ADMIN} LOGIN CREATEROLE;
        END IF;
    END $$
    """,
    f"ALTER DATABASE postgres OWNER TO {ADMIN}",
    # Two commits that wait for each other must not wait long to be told.
    "ALTER DATABASE postgres SET deadlock_timeout = '20ms'",
    "ALTER DATABASE postgres SET default_transaction_isolation = 'repeatable read'",
    "CREATE SCHEMA IF NOT EXISTS sys",
    """
    CREATE TABLE IF NOT EXISTS sys.jobs (
        job_id text PRIMARY KEY,
        status text NOT NULL,
        details text,
        job_type text NOT NULL,
        class_id oid,
        object_id oid,
        object_name text,
        start_time timestamptz NOT NULL DEFAULT now(),
        update_time timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS sys.iam_pg_role_mappings (
        pg_role_name text NOT NULL,
        arn text NOT NULL,
        grantor_pg_role_name text NOT NULL,
        PRIMARY KEY (pg_role_name, arn)
    )
    """,
    "CREATE SCHEMA IF NOT EXISTS local_dsql",
    """
    CREATE OR REPLACE FUNCTION local_dsql.count_writes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DECLARE
        rows_max bigint := current_setting('local_dsql.rows_max', true);
        before text[];
        counted bigint;
        sized bigint;
    BEGIN
        IF rows_max IS NULL THEN
            RETURN NULL;  -- Somebody who did not come through the cluster.
        END IF;
        before := string_to_array(current_setting('local_dsql.written', true), ' ');
        SELECT count(*), coalesce(sum(pg_column_size(written.*)), 0)
        INTO counted, sized FROM written;
        IF counted = 0 THEN
            RETURN NULL;
        END IF;
        counted := counted + coalesce(before[1]::bigint, 0);
        sized := sized + coalesce(before[2]::bigint, 0);
        IF counted > rows_max THEN
            RAISE EXCEPTION USING ERRCODE = '54000', MESSAGE = 'transaction row limit exceeded';
        END IF;
        IF sized > current_setting('local_dsql.bytes_max')::bigint THEN
            RAISE EXCEPTION USING ERRCODE = '54000',
                MESSAGE = 'transaction size limit 10mb exceeded';
        END IF;
        PERFORM set_config('local_dsql.written', counted || ' ' || sized, true);
        RETURN NULL;
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION local_dsql.watch_tables() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
    DECLARE
        named text;
    BEGIN
        FOR named IN
            SELECT c.oid::regclass::text
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence = 'p'
              AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'sys', 'local_dsql')
              AND NOT EXISTS (SELECT FROM pg_trigger t
                              WHERE t.tgrelid = c.oid AND t.tgname = 'local_dsql_inserted')
        LOOP
            EXECUTE 'CREATE TRIGGER local_dsql_inserted AFTER INSERT ON ' || named ||
                ' REFERENCING NEW TABLE AS written FOR EACH STATEMENT'
                ' EXECUTE FUNCTION local_dsql.count_writes()';
            EXECUTE 'CREATE TRIGGER local_dsql_updated AFTER UPDATE ON ' || named ||
                ' REFERENCING NEW TABLE AS written FOR EACH STATEMENT'
                ' EXECUTE FUNCTION local_dsql.count_writes()';
            EXECUTE 'CREATE TRIGGER local_dsql_deleted AFTER DELETE ON ' || named ||
                ' REFERENCING OLD TABLE AS written FOR EACH STATEMENT'
                ' EXECUTE FUNCTION local_dsql.count_writes()';
        END LOOP;
    END $$
    """,
    "GRANT USAGE ON SCHEMA sys, local_dsql TO PUBLIC",
    "GRANT SELECT ON ALL TABLES IN SCHEMA sys TO PUBLIC",
    # A database that plain PostgreSQL served before belongs to its superuser.
    """
    DO $$ DECLARE named text; BEGIN
        FOR named IN SELECT c.oid::regclass::text FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'S')
              AND c.relowner <> 'admin'::regrole
              AND NOT EXISTS (SELECT FROM pg_depend d
                              WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
        LOOP
            EXECUTE 'ALTER TABLE ' || named || ' OWNER TO admin';
        END LOOP;
    END $$
    """,
    "SELECT local_dsql.watch_tables()",
    # A job whose cluster ended cannot go on.
    """
    UPDATE sys.jobs SET status = 'failed', details = 'the cluster was stopped', update_time = now()
    WHERE status IN ('submitted', 'processing')
    """,
)


async def prepare(postgres_url: str) -> None:
    """Bring the database behind to this state; safe to do again. Raises asyncpg's errors."""
    connection = await asyncpg.connect(postgres_url)
    try:
        for statement in _STATEMENTS:
            await connection.execute(statement)
    finally:
        await connection.close()


def settings(limits: Limits) -> Mapping[str, str]:
    """Return what a session with the database behind is started with."""
    return {
        "local_dsql.rows_max": str(limits.rows),
        "local_dsql.bytes_max": str(limits.bytes),
        # Longer than a commit takes: then somebody holds what others wait for, and must let go.
        "lock_timeout": "100ms",
        "search_path": '"$user", public',
    }
