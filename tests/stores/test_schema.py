"""The schema: DSQL's dialect, migrations that can be repeated, rules that no code can bypass."""

import asyncio
import itertools
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from tests.behind import Database
from tests.patience import until

import worldseat
from worldseat.ports.store import NotCommitted, StoreRefused
from worldseat.stores.dsql import migrate as runner
from worldseat.stores.dsql import purchase, roles, statements

SOURCE = Path(worldseat.__file__).parent
DSQL = SOURCE / "stores" / "dsql"
SQL_FILES = sorted(DSQL.rglob("*.sql"))
MIGRATIONS = [path for path in SQL_FILES if "migrations" in path.parts]
# The local cluster is the service itself: it reads the dialect, and speaks PostgreSQL behind it.
# Acceptance tries on purpose what the service must refuse, on tables of its own.
PRODUCT = [
    path for path in SOURCE.rglob("*.py") if not {"local_dsql", "acceptance"} & {*path.parts}
]
LINT = Path(sys.executable).with_name("dsql-lint")

# What DSQL refuses and the linter, older than that knowledge or blind to functions, lets through.
BEYOND_THE_LINT = re.compile(
    r"advisory|statement_timeout|lock_timeout|set_config|nextval|skip locked|for share"
    r"|(?<!text)\[\]",
    re.IGNORECASE,
)

_numbers = itertools.count(1)


def lint(*paths: Path) -> list[str]:
    """Return what is wrong in these files, as `file: rule`."""
    done = subprocess.run(
        [LINT, "--format", "json", *paths], capture_output=True, text=True, check=False
    )
    found = [
        f"{Path(file['file']).name}: {wrong['rule']}"
        for file in json.loads(done.stdout)["files"]
        for wrong in file["diagnostics"]
    ]
    assert (done.returncode != 0) == bool(found), done.stderr
    return found


def plain_sql(path: Path) -> str:
    """Return a file's statements without comments."""
    lines = path.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).strip()


# the dialect


def test_every_sql_file_is_in_dsqls_dialect() -> None:
    assert len(SQL_FILES) > 15
    assert lint(*SQL_FILES) == []
    strayed = {path.name: BEYOND_THE_LINT.findall(plain_sql(path)) for path in SQL_FILES}
    assert not any(strayed.values()), strayed


def test_sql_that_stands_in_code_is_in_dsqls_dialect(tmp_path: Path) -> None:
    role = roles.Grantee(role=roles.ROLE, arn="arn:aws:iam::111122223333:role/app")
    texts = [runner._LEDGER, runner._APPLIED, runner._NOTE, runner._JOB, purchase.BEGIN]
    texts += role.planned()
    inline = tmp_path / "inline.sql"
    inline.write_text(";\n".join(text.strip() for text in texts) + ";\n")
    assert lint(inline) == []
    looks_like_sql = re.compile(r'"(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|BEGIN) (?![0-9])')
    others = {
        f"{path.name}: {match[1]}"
        for path in PRODUCT
        # A foil speaks its own database's dialect.
        if "stores" not in path.parts or "dsql" in path.parts
        for match in looks_like_sql.finditer(path.read_text())
    }
    known = {"purchase.py: BEGIN", "migrate.py: SELECT", "roles.py: CREATE"}
    # The control breaks the rule on purpose, and is never used as a store.
    assert others == known | {"control.py: BEGIN"}


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("CREATE INDEX by_fan ON op_log (fan_id);", "index_async"),
        ("CREATE TABLE ticket (ticket_id bigserial PRIMARY KEY);", "serial_type"),
        ("CREATE TABLE claim (seats text[]);", "array_type"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE;", "transaction_isolation"),
        ("SAVEPOINT before_sale;", "unsupported_savepoint"),
        ("LISTEN sales;", "unsupported_listen"),
        ("TRUNCATE op_log;", "truncate"),
    ],
)
def test_the_lint_fails_on_a_planted_file(tmp_path: Path, planted: str, rule: str) -> None:
    bad = tmp_path / "bad.sql"
    bad.write_text(f"SELECT 1;\n{planted}\n")
    assert any(wrong.startswith(f"bad.sql: {rule}") for wrong in lint(bad))


@pytest.mark.parametrize(
    "planted", ["SELECT pg_advisory_lock(1)", "SET statement_timeout = 1", "SELECT $1::uuid[]"]
)
def test_the_own_list_knows_what_the_lint_does_not(planted: str) -> None:
    assert BEYOND_THE_LINT.search(planted)
    assert not BEYOND_THE_LINT.search("SELECT unnest($1::text[])")


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_migration_file_holds_one_statement(path: Path) -> None:
    text = plain_sql(path)
    assert text.endswith(";")
    assert text.count(";") == 1


def test_every_index_is_async_in_the_file_and_has_its_verification() -> None:
    indexes = [change for change in runner.changes() if "CREATE INDEX" in change.sql]
    assert indexes
    assert all("CREATE INDEX ASYNC " in index.sql and index.verify for index in indexes)
    assert not any("UNIQUE INDEX" in change.sql for change in runner.changes())


def test_only_the_runner_knows_the_word_async() -> None:
    knows = {path.name for path in PRODUCT if "ASYNC" in _code(path.read_text())}
    assert knows == {"migrate.py"}


def _code(text: str) -> str:
    return re.sub(r"#.*", "", text)


async def test_every_query_fits_the_schema(sql: asyncpg.Connection) -> None:
    files = [path.name for path in SQL_FILES if path.parent.name == "queries"]
    assert files
    for file in files:
        for name, text in statements.load(file).items():
            assert (await sql.prepare(text)).get_query() == text, name


# migrations


@dataclass(frozen=True)
class Fresh:
    """A database of its own, without a schema."""

    url: str
    connection: asyncpg.Connection
    said: list[str] = field(default_factory=list)

    async def migrate(self) -> int:
        return await runner.migrate(self.url, plain=True, report=self.said.append)

    async def noted(self) -> list[str]:
        rows = await self.connection.fetch("SELECT change_id FROM schema_change ORDER BY 1")
        return [row[0] for row in rows]


@pytest_asyncio.fixture
async def fresh(database: Database) -> AsyncIterator[Fresh]:
    name = f"fresh_{next(_numbers)}"
    admin = await asyncpg.connect(database.url)
    await admin.execute(f"CREATE DATABASE {name}")
    url = database.url.replace("/postgres?", f"/{name}?")
    connection = await asyncpg.connect(url)
    yield Fresh(url, connection)
    await connection.close()
    await admin.execute(f"DROP DATABASE {name} (FORCE)")
    await admin.close()


async def test_migrations_run_once_and_then_never_again(fresh: Fresh) -> None:
    everything = [change.change_id for change in runner.changes()]
    assert await fresh.migrate() == len(everything)
    assert await fresh.noted() == sorted(everything)
    dropped = [text for text in fresh.said if "ASYNC dropped" in text]
    assert len(fresh.said) == len(everything)
    assert [text.split()[1] for text in dropped] == [
        change.change_id for change in runner.changes() if "ASYNC" in change.sql
    ]
    fresh.said.clear()
    assert await fresh.migrate() == 0
    assert fresh.said == []


async def test_several_processes_migrate_at_once(fresh: Fresh) -> None:
    await asyncio.gather(*(fresh.migrate() for _ in range(6)))
    assert await fresh.noted() == sorted(change.change_id for change in runner.changes())


async def test_a_migration_whose_note_was_lost_is_taken_up(fresh: Fresh) -> None:
    await fresh.migrate()
    await fresh.connection.execute(
        "DELETE FROM schema_change WHERE change_id IN ('0003_seat/01_table.sql', "
        "'0005_op_log/02_index.sql')"
    )
    assert await fresh.migrate() == 2
    assert await fresh.migrate() == 0


async def test_a_note_that_another_process_makes_at_the_same_time_is_no_failure(
    fresh: Fresh,
) -> None:
    await fresh.migrate()
    change = runner.changes()[2]
    await fresh.connection.execute(
        "DELETE FROM schema_change WHERE change_id = $1", change.change_id
    )
    other = fresh.connection.transaction()
    await other.start()
    await fresh.connection.execute(runner._NOTE, change.change_id, change.digest)
    migrating = asyncio.create_task(fresh.migrate())

    async def waits() -> bool:
        return bool(
            await fresh.connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
        )

    await until(waits)
    await other.commit()
    # Its INSERT could not see the other's row, so the database reported a conflict.
    assert await migrating == 1
    assert await fresh.migrate() == 0


async def test_an_edited_migration_is_refused(fresh: Fresh) -> None:
    await fresh.migrate()
    await fresh.connection.execute(
        "UPDATE schema_change SET digest = 'of another text' WHERE change_id LIKE '0005%table%'"
    )
    with pytest.raises(StoreRefused, match=r"0005_op_log/01_table\.sql was edited"):
        await fresh.migrate()


@pytest.mark.parametrize("there", [True, False])
async def test_an_index_counts_once_it_is_verified(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    change = runner.Change(
        change_id="9999/01.sql", sql="CREATE TABLE late (x int)", verify=f"SELECT {there}"
    )
    monkeypatch.setattr(runner, "changes", lambda: [change])
    monkeypatch.setattr(runner, "VERIFY_DEADLINE_S", 0.3)
    if there:
        assert await fresh.migrate() == 1
        assert await fresh.noted() == ["9999/01.sql"]
    else:
        with pytest.raises(NotCommitted):
            await fresh.migrate()
        assert await fresh.noted() == []


async def _begin_a_job(fresh: Fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Play the service that builds an index: its statement answers with the id of a job."""
    await fresh.connection.execute("CREATE SCHEMA sys")
    await fresh.connection.execute(
        "CREATE TABLE sys.jobs (job_id text, status text, details text, done bool DEFAULT false)"
    )
    change = runner.Change(
        change_id="9999/01.sql",
        sql="INSERT INTO sys.jobs VALUES ('job_1', 'processing') RETURNING job_id",
        verify="SELECT bool_and(done) FROM sys.jobs",
    )
    monkeypatch.setattr(runner, "changes", lambda: [change])
    monkeypatch.setattr(runner, "VERIFY_DEADLINE_S", 5.0)


async def test_a_build_in_the_background_is_waited_for(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _begin_a_job(fresh, monkeypatch)
    monkeypatch.setattr(runner, "VERIFY_POLL_S", 0.02)
    migrating = asyncio.create_task(
        runner.migrate(fresh.url, plain=False, report=fresh.said.append)
    )
    await asyncio.sleep(0.2)
    assert not migrating.done()
    # A job may be complete and its index not valid: only the index itself counts.
    await fresh.connection.execute("UPDATE sys.jobs SET status = 'completed'")
    await asyncio.sleep(0.1)
    assert not migrating.done()
    assert await fresh.noted() == []
    await fresh.connection.execute("UPDATE sys.jobs SET done = true")
    assert await migrating == 1
    assert await fresh.noted() == ["9999/01.sql"]


async def test_a_build_that_failed_is_told_with_its_reason(
    fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _begin_a_job(fresh, monkeypatch)
    migrating = asyncio.create_task(runner.migrate(fresh.url, plain=False, report=print))

    async def begun() -> bool:
        return bool(await fresh.connection.fetchval("SELECT count(*) FROM sys.jobs"))

    await until(begun)
    await fresh.connection.execute("UPDATE sys.jobs SET status = 'failed', details = 'too large'")
    with pytest.raises(StoreRefused, match=r"9999/01\.sql: job job_1 failed, too large"):
        await migrating
    assert await fresh.noted() == []


async def test_an_up_to_date_schema_is_read_and_not_touched(fresh: Fresh) -> None:
    await fresh.migrate()
    # Whoever may only read can tell, and no DDL disturbs the transactions of others.
    url = f"{fresh.url}&default_transaction_read_only=on"
    assert await runner.migrate(url, plain=True, report=print) == 0


async def test_the_second_endpoint_is_used_when_the_first_is_away(
    fresh: Fresh, tmp_path: Path
) -> None:
    away = f"postgresql://postgres@/postgres?host={tmp_path}"
    ran = await runner.migrate_through([away, fresh.url], report=fresh.said.append)
    assert ran == len(runner.changes())
    assert "does not answer" in fresh.said[0]
    with pytest.raises(NotCommitted):
        await runner.migrate_through([away, away], report=print)


async def test_the_verification_reads_the_index_itself(fresh: Fresh) -> None:
    await fresh.migrate()
    (verify,) = {
        change.verify for change in runner.changes() if change.change_id == "0007_run/02_index.sql"
    }
    assert verify
    assert await fresh.connection.fetchval(verify) is True
    await fresh.connection.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'run_by_start'::regclass"
    )
    assert await fresh.connection.fetchval(verify) is False


async def test_a_database_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(NotCommitted):
        await runner.migrate(
            f"postgresql://postgres@/postgres?host={tmp_path}", plain=True, report=print
        )


# what the schema refuses, whatever the code does

Row = dict[str, object]

ROWS: dict[str, Row] = {
    "op_log": {
        "op_id": "op_1",
        "claim_id": "clm_1",
        "event_id": "evt_plain",
        "round_id": "rehearsal-1",
        "mode": "rehearsal",
        "seat_index": 0,
        "kind": "sell",
        "fan_id": "fan_1",
        "prev_op_id": "root",
        "guard_op_id": "root",
        "request_hash": "hash",
        "code": "conditional",
        "run_id": None,
        "region": "us-east-1",
        "lane": "lan_1",
        "lane_seq": 1,
    },
    "event": {
        "event_id": "evt_plain",
        "title": "A PLAIN EVENT",
        "mode": "rehearsal",
        "venue_name": "hall",
        "chart": "{}",
        "chart_digest": "digest",
        "seat_count": 96,
        "price_minor": 15_000,
        "currency": "USD",
        "current_round_id": "rehearsal-1",
    },
    "sale_round": {
        "event_id": "evt_plain",
        "round_id": "rehearsal-1",
        "round_number": 1,
        "mode": "rehearsal",
        "seat_count": 96,
    },
    "seat": {
        "event_id": "evt_plain",
        "round_id": "rehearsal-1",
        "seat_index": 0,
        "status": "open",
        "fan_id": None,
        "op_id": "root",
    },
    "run": {
        "run_id": "run_1",
        "event_id": "evt_plain",
        "round_id": "rehearsal-1",
        "seat_index": 0,
        "seat": "A1",
        "store": "dsql",
        "code": "naive",
        "arrival": "burst",
        "buyers": 60,
        "seed": 1,
        "regions": "us-east-1,us-east-2",
        "git_commit": "abc",
        "status": "running",
    },
    "run_history": {"run_id": "run_1", "piece": 0, "body": b"x"},
    "lane": {"lane": "lan_1", "region": "us-east-1", "process": "here:1"},
    "acceptance": {
        "report_id": "acc_1",
        "digest": "digest",
        "stand_in": None,
        "finished_at": datetime(2026, 1, 2, tzinfo=UTC),
        "body": b"x",
    },
    "acceptance_sign_off": {
        "report_id": "acc_1",
        "signed_by": "Ada",
        "signed_at": "2026-01-03T00:00:00Z",
        "note": "",
    },
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A row that must be refused by a named rule, and its twin that must be taken."""

    name: str
    table: str
    constraint: str
    bad: Row
    twin: Row
    before: tuple[Row, ...] = ()


STAMPEDE: Row = {"run_id": "run_1", "code": "naive", "guard_op_id": None}
LIVE: Row = {"round_id": "live-1", "mode": "live"}
VOID: Row = {"kind": "void", "code": None, "prev_op_id": "outside", "guard_op_id": None}
NEXT: Row = {"op_id": "op_2", "claim_id": "clm_2", "fan_id": "fan_2", "lane_seq": 2}
UNGUARDED = "op_log_only_a_stampede_is_unguarded"

RULES = [
    Rule(
        name="a stampede's row in a live round",
        table="op_log",
        constraint="op_log_stampede_is_a_rehearsal",
        bad=STAMPEDE | LIVE,
        twin=STAMPEDE,
    ),
    Rule(
        name="a stampede's row in a live round that says it is a rehearsal",
        table="op_log",
        constraint="op_log_mode_is_the_rounds",
        bad=STAMPEDE | {"round_id": "live-1"},
        twin=STAMPEDE,
    ),
    Rule(
        name="a fan's row without a guard",
        table="op_log",
        constraint=UNGUARDED,
        bad={"code": "naive", "guard_op_id": None},
        twin={"code": "naive"},
    ),
    Rule(
        name="a stampede's row of the engine without a guard",
        table="op_log",
        constraint=UNGUARDED,
        bad=STAMPEDE | {"code": "engine"},
        twin=STAMPEDE | {"code": "engine", "guard_op_id": "root"},
    ),
    Rule(
        name="a stampede's naive row that hides behind a guard",
        table="op_log",
        constraint=UNGUARDED,
        bad=STAMPEDE | {"guard_op_id": "root"},
        twin=STAMPEDE,
    ),
    Rule(
        name="a release without a guard",
        table="op_log",
        constraint=UNGUARDED,
        bad={"kind": "release", "code": None, "run_id": "run_1", "guard_op_id": None},
        twin={"kind": "release", "code": None, "run_id": "run_1"},
    ),
    Rule(
        name="a void with a guard",
        table="op_log",
        constraint=UNGUARDED,
        bad=VOID | {"guard_op_id": "outside"},
        twin=VOID,
    ),
    Rule(
        name="a guard that is not what the code read",
        table="op_log",
        constraint="op_log_guard_equals_prev",
        bad={"prev_op_id": "op_0"},
        twin={"prev_op_id": "op_0", "guard_op_id": "op_0"},
    ),
    Rule(
        name="a fork: two sales replace the same transition",
        table="op_log",
        constraint="op_log_guard",
        before=({},),
        bad=NEXT,
        twin=NEXT | {"prev_op_id": "op_1", "guard_op_id": "op_1"},
    ),
    Rule(
        name="a fork of a sale and a release",
        table="op_log",
        constraint="op_log_guard",
        before=({}, NEXT | {"prev_op_id": "op_1", "guard_op_id": "op_1"}),
        bad=NEXT
        | {"op_id": "op_3", "lane_seq": 3, "kind": "release", "code": None}
        | {"prev_op_id": "op_1", "guard_op_id": "op_1"},
        twin=NEXT
        | {"op_id": "op_3", "lane_seq": 3, "kind": "release", "code": None}
        | {"prev_op_id": "op_2", "guard_op_id": "op_2"},
    ),
    Rule(
        name="a number of a lane twice",
        table="op_log",
        constraint="op_log_lane",
        before=({},),
        bad=NEXT | {"seat_index": 1, "lane_seq": 1},
        twin=NEXT | {"seat_index": 1},
    ),
    Rule(
        name="an op_id twice",
        table="op_log",
        constraint="op_log_pkey",
        before=({},),
        bad=NEXT | {"seat_index": 1, "op_id": "op_1"},
        twin=NEXT | {"seat_index": 1},
    ),
    Rule(
        name="a void over a sale",
        table="op_log",
        constraint="op_log_pkey",
        before=({},),
        bad=VOID | {"lane_seq": 2},
        twin=VOID | NEXT,
    ),
    Rule(
        name="a void inside the chain",
        table="op_log",
        constraint="op_log_void_is_outside",
        bad=VOID | {"prev_op_id": "root"},
        twin=VOID,
    ),
    Rule(
        name="a sale outside the chain",
        table="op_log",
        constraint="op_log_void_is_outside",
        bad={"prev_op_id": "outside", "guard_op_id": "outside"},
        twin={},
    ),
    Rule(
        name="a sale by no code",
        table="op_log",
        constraint="op_log_sale_names_its_code",
        bad={"code": None},
        twin={},
    ),
    Rule(
        name="a kind that nobody knows",
        table="op_log",
        constraint="op_log_kind_check",
        bad={"kind": "swap"},
        twin={},
    ),
    Rule(
        name="a lane that counts from 0",
        table="op_log",
        constraint="op_log_lane_seq_check",
        bad={"lane_seq": 0},
        twin={},
    ),
    Rule(
        name="a rehearsal that shows a live round",
        table="event",
        constraint="event_round_has_its_mode",
        bad={"current_round_id": "live-1"},
        twin={"current_round_id": "rehearsal-7"},
    ),
    Rule(
        name="a live event that shows a rehearsal",
        table="event",
        constraint="event_live_is_never_reset",
        bad={"mode": "live"},
        twin={"mode": "live", "current_round_id": "live-1"},
    ),
    Rule(
        name="a live event in a second round",
        table="event",
        constraint="event_live_is_never_reset",
        bad={"mode": "live", "current_round_id": "live-2"},
        twin={"mode": "live", "current_round_id": "live-1"},
    ),
    Rule(
        name="a round whose id hides its mode",
        table="sale_round",
        constraint="sale_round_id_names_its_mode",
        bad={"mode": "live"},
        twin={"mode": "live", "round_id": "live-1"},
    ),
    Rule(
        name="a sold seat without an owner",
        table="seat",
        constraint="seat_has_an_owner_when_sold",
        bad={"status": "sold"},
        twin={"status": "sold", "fan_id": "fan_1", "op_id": "op_1"},
    ),
    Rule(
        name="an open seat with an owner",
        table="seat",
        constraint="seat_has_an_owner_when_sold",
        bad={"fan_id": "fan_1"},
        twin={},
    ),
    Rule(
        name="a seat twice in a round",
        table="seat",
        constraint="seat_pkey",
        before=({},),
        bad={"status": "sold", "fan_id": "fan_1"},
        twin={"round_id": "rehearsal-2"},
    ),
    Rule(
        name="a stampede in a live round",
        table="run",
        constraint="run_is_a_rehearsal",
        bad={"round_id": "live-1"},
        twin={},
    ),
    Rule(
        name="a run that is over without a result",
        table="run",
        constraint="run_over_has_a_result",
        bad={"status": "done"},
        twin={"status": "done", "result": "{}"},
    ),
    Rule(
        name="a stampede of one",
        table="run",
        constraint="run_buyers_check",
        bad={"buyers": 1},
        twin={"buyers": 2},
    ),
    Rule(
        name="a piece of a history twice",
        table="run_history",
        constraint="run_history_pkey",
        before=({},),
        bad={"body": b"y"},
        twin={"piece": 1},
    ),
    Rule(
        name="a lane twice",
        table="lane",
        constraint="lane_pkey",
        before=({},),
        bad={"process": "there:2"},
        twin={"lane": "lan_2"},
    ),
    Rule(
        name="an acceptance report twice",
        table="acceptance",
        constraint="acceptance_pkey",
        before=({},),
        bad={"digest": "of another one"},
        twin={"report_id": "acc_2"},
    ),
    Rule(
        name="an acceptance report that is too large",
        table="acceptance",
        constraint="acceptance_body_is_small",
        bad={"body": b"x" * (512 * 1024 + 1)},
        twin={"body": b"x" * (512 * 1024)},
    ),
    Rule(
        name="a sign-off twice",
        table="acceptance_sign_off",
        constraint="acceptance_sign_off_pkey",
        before=({},),
        bad={"note": "said again"},
        twin={"signed_by": "Grace"},
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
async def test_the_schema_has_the_last_word(sql: asyncpg.Connection, rule: Rule) -> None:
    for wanted, row in ((rule.constraint, rule.bad), (None, rule.twin)):
        transaction = sql.transaction()
        await transaction.start()
        try:
            for before in rule.before:
                await insert(sql, rule.table, before)
            assert await refused_by(sql, rule.table, row) == wanted
        finally:
            await transaction.rollback()


async def test_the_rules_reach_every_constraint_of_op_log(sql: asyncpg.Connection) -> None:
    named = await sql.fetch(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'op_log'::regclass"
        " AND contype IN ('c', 'u', 'p')"
    )
    tried = {rule.constraint for rule in RULES}
    untried = {row["conname"] for row in named} - tried
    assert untried == {"op_log_mode_check", "op_log_code_check", "op_log_seat_index_check"}


async def test_a_sale_always_names_what_it_replaced(sql: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.NotNullViolationError, match="prev_op_id"):
        await insert(sql, "op_log", {"prev_op_id": None, "guard_op_id": None})


async def test_a_stampedes_own_rows_may_fork_so_that_they_show_what_the_database_does(
    sql: asyncpg.Connection,
) -> None:
    transaction = sql.transaction()
    await transaction.start()
    for number in range(1, 4):
        row = {"op_id": f"op_{number}", "fan_id": f"fan_{number}", "lane_seq": number}
        assert await refused_by(sql, "op_log", STAMPEDE | row) is None
    await transaction.rollback()


async def test_the_seeded_live_on_sale_cannot_be_reset_by_plain_sql(
    sql: asyncpg.Connection,
) -> None:
    live = "evt_aurora-club"
    for other in ("live-2", "rehearsal-1"):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await sql.execute(
                "UPDATE event SET current_round_id = $2 WHERE event_id = $1", live, other
            )
        assert refused.value.constraint_name == "event_live_is_never_reset"
    shown = await sql.fetchval("SELECT current_round_id FROM event WHERE event_id = $1", live)
    assert shown == "live-1"


async def insert(sql: asyncpg.Connection, table: str, changed: Row) -> None:
    row = ROWS[table] | changed
    places = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})"
    await sql.execute(statement, *row.values())


async def refused_by(sql: asyncpg.Connection, table: str, changed: Row) -> str | None:
    """Insert a row; return the rule that refused it, or None."""
    try:
        await insert(sql, table, changed)
    except asyncpg.IntegrityConstraintViolationError as error:
        return str(error.constraint_name)
    return None
