"""The service's own words are found among tokens, wherever and however they are written."""

import pytest

from worldseat.local_dsql.dialect import Kind, Refused, Statement, read


def only(text: str) -> Statement:
    (statement,) = read(text)
    return statement


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("CREATE INDEX ASYNC i ON t (a)", "CREATE INDEX       i ON t (a)"),
        ("create unique index async on t (a)", "create unique index       on t (a)"),
        ("CREATE /* é ASYNC */ INDEX\nASYNC i ON t (a)",
         "CREATE /* é ASYNC */ INDEX\n      i ON t (a)"),
        ("CREATE INDEX ASYNC async ON async (async)", "CREATE INDEX       async ON async (async)"),
    ],
)  # fmt: skip
def test_an_index_is_built_asynchronously(text: str, sql: str) -> None:
    statement = only(text)
    assert (statement.kind, statement.text, statement.sql) == (Kind.INDEX_ASYNC, text, sql)


def test_an_index_says_what_it_is_on() -> None:
    statement = only('CREATE UNIQUE INDEX ASYNC "I x" ON s.t (a)')
    assert (statement.index, statement.table, statement.unique) == ("I x", "s.t", True)
    statement = only("CREATE INDEX ASYNC ON t (a)")
    assert (statement.index, statement.table, statement.unique) == (None, "t", False)


@pytest.mark.parametrize(
    "text",
    [
        'CREATE INDEX "ASYNC" i ON t (a)',
        "CREATE ASYNC INDEX i ON t (a)",
        "CREATE TABLE ASYNC t (a int)",
        "ASYNC CREATE INDEX i ON t (a)",
    ],
)
def test_the_word_elsewhere_is_a_syntax_error(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    assert caught.value.sqlstate == "42601"


@pytest.mark.parametrize(
    "text",
    [
        'CREATE INDEX "async" ON t (a)',
        "CREATE UNIQUE INDEX async_i ON t (a)",
    ],
)
def test_a_name_is_not_the_word(text: str) -> None:
    with pytest.raises(Refused, match="please use CREATE INDEX ASYNC"):
        read(text)


def test_names_and_texts_that_spell_the_words_stay() -> None:
    for text in (
        "SELECT 'CREATE INDEX ASYNC i' AS async, aws FROM async -- AWS IAM GRANT",
        "ALTER TABLE async ADD COLUMN a text",
        "ALTER TABLE async RENAME TO aws",
        "SELECT $$; AWS IAM GRANT x TO 'y'$$",
    ):
        assert only(text).sql == text.strip()


def test_a_constraint_is_validated_asynchronously() -> None:
    statement = only('ALTER TABLE ASYNC IF EXISTS s."T" VALIDATE CONSTRAINT "c d"')
    assert statement.kind is Kind.VALIDATE_ASYNC
    assert (statement.table, statement.constraint) == ('s."T"', "c d")
    assert statement.sql == 'ALTER TABLE       IF EXISTS s."T" VALIDATE CONSTRAINT "c d"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ALTER TABLE ASYNC t ADD COLUMN a text", "unsupported ALTER TABLE ASYNC statement"),
        (
            "ALTER TABLE ASYNC t VALIDATE CONSTRAINT a, DROP COLUMN b",
            "unsupported ALTER TABLE ASYNC statement",
        ),
        (
            "ALTER TABLE ASYNC t VALIDATE CONSTRAINT a, VALIDATE CONSTRAINT b",
            "unsupported ALTER TABLE ASYNC statement",
        ),
    ],
)
def test_only_a_constraint_is_altered_asynchronously(text: str, message: str) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    assert (caught.value.sqlstate, caught.value.message) == ("0A000", message)


_ARN = "arn:aws:iam::111122223333:role/app"


def test_a_role_is_opened_to_an_iam_role_and_closed_again() -> None:
    statement = only(f"AWS IAM GRANT App TO '{_ARN}'")
    assert (statement.kind, statement.role, statement.arn) == (Kind.IAM, "app", _ARN)
    assert (statement.grant, statement.sql, statement.tag) == (True, "", "AWS IAM GRANT")
    statement = only(f'aws iam revoke "A "" b" from \'{_ARN}\' ;')
    assert (statement.role, statement.grant, statement.tag) == ('A " b', False, "AWS IAM REVOKE")


def test_iam_stands_among_other_statements_in_its_place() -> None:
    text = f"SELECT 1; AWS IAM GRANT é TO '{_ARN}'; SELECT 2"
    found = read(text)
    assert [each.kind for each in found] == [Kind.READ, Kind.IAM, Kind.READ]
    assert [each.text for each in found] == ["SELECT 1", f"AWS IAM GRANT é TO '{_ARN}'", "SELECT 2"]


@pytest.mark.parametrize(
    "text",
    [
        "AWS IAM",
        "AWS IAM GRANT",
        "AWS IAM GRANT app",
        "AWS IAM GRANT app TO",
        f"AWS IAM GRANT app FROM '{_ARN}'",
        f"AWS IAM REVOKE app TO '{_ARN}'",
        f"AWS IAM GRANT 'app' TO '{_ARN}'",
        f"AWS IAM GRANT app TO '{_ARN}' CASCADE",
        "AWS IAM GRANT app TO 'somebody'",
        "AWS IAM GRANT app TO 'arn:aws:iam::1:role/app'",
        "AWS IAM GRANT app TO app",
        "AWS GRANT app TO app",
    ],
)
def test_an_iam_statement_that_is_not_whole_is_a_syntax_error(text: str) -> None:
    with pytest.raises(Refused) as caught:
        read(text)
    assert caught.value.sqlstate == "42601"


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SELECT a FROM t FOR UPDATE NOWAIT", "SELECT a FROM t FOR UPDATE"),
        ("SELECT a FROM t FOR KEY SHARE SKIP LOCKED LIMIT 1",
         "SELECT a FROM t FOR KEY SHARE             LIMIT 1"),
        ("SELECT skip FROM s.t AS locked, nowait FOR UPDATE OF t, nowait SKIP LOCKED",
         "SELECT skip FROM s.t AS locked, nowait FOR UPDATE OF t, nowait"),
        ("EXPLAIN ANALYZE SELECT a FROM t FOR UPDATE NOWAIT",
         "EXPLAIN ANALYZE SELECT a FROM t FOR UPDATE"),
    ],
)  # fmt: skip
def test_nothing_waits_and_nothing_is_skipped(text: str, sql: str) -> None:
    assert only(text).sql.rstrip() == sql
