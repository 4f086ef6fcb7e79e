"""A text is split into statements, and each says what it is."""

from pathlib import Path

import pytest

import worldseat.stores.dsql
from worldseat.local_dsql.dialect import Kind, Refused, Statement, read, refuse_job_id

_JOB = "qfzv5uemkrg2lbczil2fim3o2q"


def only(text: str) -> Statement:
    (statement,) = read(text)
    return statement


@pytest.mark.parametrize(
    ("text", "kind", "tag"),
    [
        ("SELECT 1", Kind.READ, "SELECT"),
        ("VALUES (1)", Kind.READ, "SELECT"),
        ("TABLE t", Kind.READ, "SELECT"),
        ("SHOW timezone", Kind.READ, "SHOW"),
        ("EXPLAIN DELETE FROM t", Kind.READ, "EXPLAIN"),
        ("EXPLAIN (ANALYZE off) DELETE FROM t", Kind.READ, "EXPLAIN"),
        ("EXPLAIN (ANALYZE 0) DELETE FROM t", Kind.READ, "EXPLAIN"),
        ("EXPLAIN (ANALYZE 1) DELETE FROM t", Kind.WRITE, "EXPLAIN"),
        ("EXPLAIN (ANALYZE true, VERBOSE) DELETE FROM t", Kind.WRITE, "EXPLAIN"),
        ("EXPLAIN ANALYZE SELECT 1 FROM t FOR UPDATE", Kind.LOCK, "EXPLAIN"),
        ("INSERT INTO t VALUES (1)", Kind.WRITE, "INSERT"),
        ("UPDATE t SET a = 1", Kind.WRITE, "UPDATE"),
        ("DELETE FROM t", Kind.WRITE, "DELETE"),
        ("WITH x AS (DELETE FROM t RETURNING a) SELECT a FROM x", Kind.WRITE, "SELECT"),
        ("SELECT a FROM t FOR UPDATE", Kind.LOCK, "SELECT"),
        ("SELECT (SELECT a FROM t FOR KEY SHARE)", Kind.LOCK, "SELECT"),
        ("BEGIN", Kind.BEGIN, "BEGIN"),
        ("START TRANSACTION", Kind.BEGIN, "START TRANSACTION"),
        ("COMMIT", Kind.COMMIT, "COMMIT"),
        ("END", Kind.COMMIT, "COMMIT"),
        ("ROLLBACK", Kind.ROLLBACK, "ROLLBACK"),
        ("ABORT", Kind.ROLLBACK, "ROLLBACK"),
        ("CREATE ROLE app WITH LOGIN", Kind.DDL, "CREATE ROLE"),
        ("GRANT SELECT ON t TO app", Kind.DDL, "GRANT"),
        ("REVOKE app FROM other", Kind.DDL, "REVOKE ROLE"),
        ("COMMENT ON TABLE t IS 'x'", Kind.DDL, "COMMENT"),
        ("DROP INDEX i", Kind.DDL, "DROP INDEX"),
        ("ALTER VIEW v RENAME TO w", Kind.DDL, "ALTER VIEW"),
        ("ALTER TABLE t RENAME COLUMN a TO b", Kind.DDL, "ALTER TABLE"),
        ("ALTER TABLE t RENAME CONSTRAINT a TO b", Kind.DDL, "ALTER TABLE"),
        ("ALTER SEQUENCE s OWNER TO x", Kind.DDL, "ALTER SEQUENCE"),
        ("ALTER FUNCTION f() SET SCHEMA s", Kind.DDL, "ALTER FUNCTION"),
        ("SET timezone = 'UTC'", Kind.SET, "SET"),
        ("SET TIME ZONE 'UTC'", Kind.SET, "SET"),
        ("SET LOCAL enable_seqscan = off", Kind.SET, "SET"),
        ("RESET ALL", Kind.SET, "RESET"),
        ("RESET timezone", Kind.SET, "RESET"),
        ("DEALLOCATE ALL", Kind.SET, "DEALLOCATE ALL"),
        ("COPY t FROM STDIN", Kind.COPY_IN, "COPY"),
        ("COPY t (a) TO STDOUT", Kind.COPY_OUT, "COPY"),
        ("COPY (SELECT 1) TO STDOUT", Kind.COPY_OUT, "COPY"),
        ("", Kind.EMPTY, ""),
        (" ; -- nothing\n;", Kind.EMPTY, ""),
    ],
)
def test_each_statement_says_what_it_does(text: str, kind: Kind, tag: str) -> None:
    statement = only(text)
    assert (statement.kind, statement.tag) == (kind, tag)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("UPDATE seat SET a = 1 FROM other", ("seat",)),
        ('INSERT INTO "S x"."T""" VALUES (1)', ('"S x"."T"""',)),
        ("DELETE FROM public.seat AS s USING other", ("public.seat",)),
        (
            "WITH x AS (INSERT INTO a VALUES (1)), y AS (UPDATE b SET c = 1) DELETE FROM d",
            tuple("abd"),
        ),
        ("WITH x AS (DELETE FROM a RETURNING b) INSERT INTO a SELECT b FROM x", ("a",)),
        ("COPY s.t FROM STDIN", ("s.t",)),
        ("COPY s.t TO STDOUT", ()),
        ("SELECT * FROM seat", ()),
        ("EXPLAIN DELETE FROM seat", ()),
        ("EXPLAIN ANALYZE DELETE FROM seat", ("seat",)),
    ],
)
def test_the_tables_that_a_statement_writes_are_named(text: str, written: tuple[str, ...]) -> None:
    assert sorted(only(text).written) == sorted(written)


def test_a_write_says_whether_it_answers_rows() -> None:
    assert only("UPDATE t SET a = 1 RETURNING a").returning
    assert not only("UPDATE t SET a = 1").returning
    assert only("WITH x AS (DELETE FROM t RETURNING a) SELECT 1").returning
    assert only("EXPLAIN ANALYZE DELETE FROM t").returning
    assert not only("EXPLAIN DELETE FROM t").returning


def test_a_lock_says_how_strong_it_is() -> None:
    assert only("SELECT a FROM t FOR UPDATE").lock == "UPDATE"
    assert only("SELECT a FROM t FOR KEY SHARE").lock == "KEY SHARE"
    assert only("SELECT a FROM t FOR KEY SHARE FOR UPDATE OF t").lock == "UPDATE"
    assert only("SELECT a FROM t FOR UPDATE FOR KEY SHARE OF t").lock == "UPDATE"
    assert only("SELECT a FROM t").lock is None
    assert only("INSERT INTO u SELECT a FROM t FOR UPDATE").lock is None
    assert only("EXPLAIN ANALYZE SELECT a FROM t FOR UPDATE").lock == "UPDATE"
    assert only("EXPLAIN SELECT a FROM t FOR UPDATE").lock is None


def test_transactions_say_their_modes() -> None:
    assert only("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY").read_only
    assert not only("BEGIN READ WRITE").read_only
    assert not only("BEGIN").read_only
    assert only("COMMIT AND CHAIN").chained
    assert not only("COMMIT AND NO CHAIN").chained


def test_set_says_which_parameter() -> None:
    assert only("SET Application_Name TO 'x'").setting == "application_name"
    assert only("SET ROLE app").setting == "role"
    assert only("SET NAMES 'UTF8'").setting == "client_encoding"
    assert only("RESET search_path").setting == "search_path"
    assert only("RESET ALL").setting is None
    level = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    assert only(level).setting == "default_transaction_isolation"


def test_several_statements_come_in_their_order_with_their_own_text() -> None:
    text = "BEGIN; INSERT INTO t VALUES ('é;');\n-- the end\nCOMMIT ;"
    found = read(text)
    assert [each.kind for each in found] == [Kind.BEGIN, Kind.WRITE, Kind.COMMIT]
    assert [each.text for each in found] == [
        "BEGIN",
        "INSERT INTO t VALUES ('é;')",
        "COMMIT",
    ]
    assert [each.sql for each in found] == [each.text for each in found]


def test_one_refused_statement_refuses_the_whole_text() -> None:
    with pytest.raises(Refused, match="Truncate"):
        read("SELECT 1; TRUNCATE t; SELECT 2")


def test_a_known_text_is_not_read_again() -> None:
    text = "SELECT 'known'"
    assert read(text) is read(text)


def test_a_large_text_is_read_and_not_kept() -> None:
    rows = ", ".join(["('" + "x" * 40 + "'::text)"] * 3_000)
    text = f"INSERT INTO t VALUES {rows}"
    found = read(text)
    assert found[0].written == ("t",)
    assert read(text) is not found


@pytest.mark.slow
def test_a_long_text_of_short_expressions_is_read() -> None:
    assert len(read("SELECT " + ", ".join(["f(1 + 1, 2) + 1"] * 20_000))) == 1


def test_a_copy_names_its_table() -> None:
    assert only("COPY s.t TO STDOUT").table == "s.t"
    assert only("COPY t FROM STDIN").table == "t"
    assert only("COPY (SELECT 1) TO STDOUT").table is None


def test_a_syntax_error_says_where_in_characters() -> None:
    with pytest.raises(Refused) as caught:
        read("SELECT 'éé' FROM FROM")
    assert caught.value.sqlstate == "42601"
    assert caught.value.message == 'syntax error at or near "FROM"'
    assert caught.value.position == 18


def test_a_syntax_error_behind_a_word_of_the_service_says_where() -> None:
    with pytest.raises(Refused) as caught:
        read("CREATE INDEX ASYNC i ON ON t (a)")
    assert caught.value.position == 25


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 20_000,
        "SELECT " + "(" * 900 + "1" + ")" * 900 + "".join([" + 1"] * 900),
        "SELECT " + " + ".join(["1"] * 200_000),
        "SELECT 1" + " UNION SELECT 1" * 100_000,
        "SELECT f(" + " || ".join(["g(1, 2)"] * 150_000) + ")",
        "SELECT 1 FROM t" + " CROSS JOIN t" * 100_000,
    ],
    ids=["open", "nested", "sum", "union", "inside", "join"],
)
def test_what_is_nested_too_deeply_is_refused_and_not_fatal(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    assert (caught.value.sqlstate, caught.value.message) == ("54001", "stack depth limit exceeded")


@pytest.mark.parametrize("text", ["SELECT '\0'", "SELECT '\ud800'"])
def test_what_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    assert caught.value.sqlstate == "22021"


def test_a_job_is_waited_for_by_its_id_or_a_parameter() -> None:
    statement = only(f"CALL sys.wait_for_job('{_JOB}')")
    assert (statement.kind, statement.job, statement.job_parameter) == (
        Kind.WAIT_FOR_JOB,
        _JOB,
        None,
    )
    assert only(f"CALL sys.wait_for_job('{_JOB}'::text)").job == _JOB
    assert only("CALL sys.wait_for_job($1)").job_parameter == 1
    assert only("CALL sys.wait_for_job($2::text)").job_parameter == 2
    refuse_job_id(_JOB)
    for text in ("", _JOB[:-1], _JOB + "a", _JOB.upper(), _JOB[:-1] + "1"):
        with pytest.raises(Refused) as caught:
            refuse_job_id(text)
        assert caught.value.sqlstate == "22P02"


_FILES = sorted(Path(worldseat.stores.dsql.__file__).parent.rglob("*.sql"))


@pytest.mark.parametrize("path", _FILES, ids=[f"{file.parent.name}/{file.name}" for file in _FILES])
def test_every_sql_file_of_the_product_is_taken(path: Path) -> None:
    statements = read(path.read_text())
    assert Kind.EMPTY not in {each.kind for each in statements}
