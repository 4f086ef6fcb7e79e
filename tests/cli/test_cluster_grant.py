"""`worldseat cluster grant`, `migrate --dry-run`, and where `up` is told to stand."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from worldseat import bootstrap, telemetry
from worldseat.cli import app
from worldseat.local_dsql import credentials
from worldseat.local_dsql.descriptor import Descriptor

from .conftest import Worldseat

ARN = credentials.ARN
ROLE = "usher"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder where nothing ever started, with addresses at which nobody answers."""
    for number in (1, 2):
        url = f"postgresql://x{number}.dsql.us-east-{number}.on.aws/postgres?address=127.0.0.9"
        monkeypatch.setenv(f"WORLDSEAT_US_EAST_{number}_URL", url)
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    return tmp_path / "nothing"


@pytest.fixture
def usher(at: Descriptor) -> Iterator[str]:
    """A role that is not there yet, and is gone afterwards."""
    yield ROLE
    with asyncio.Runner() as runner:
        runner.run(_remove(at.postgres_url))


async def _remove(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")
    await connection.execute("DELETE FROM sys.iam_pg_role_mappings WHERE pg_role_name = $1", ROLE)
    await connection.close()


def test_a_dry_run_of_grant_prints_each_statement_and_touches_nothing(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["cluster", "grant", "--role-arn", ARN, "--dry-run", "--home", str(nowhere)]
    assert app.run(words) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [
        f"CREATE ROLE {bootstrap.ROLE} WITH LOGIN;",
        f"AWS IAM GRANT {bootstrap.ROLE} TO '{ARN}';",
    ]
    assert f"GRANT SELECT, INSERT ON op_log TO {bootstrap.ROLE};" in printed
    assert app.run([*words, "--json", "--role", "usher", "--whole-tables"]) == 0
    statements = json.loads(capsys.readouterr().out)["statements"]
    assert len(statements) == len(printed)
    assert "GRANT SELECT, INSERT, UPDATE ON seat TO usher" in statements
    assert not nowhere.exists()


@pytest.mark.parametrize("dry", [["--dry-run"], []])
@pytest.mark.parametrize(
    "wrong", [["--role-arn", "my-role"], ["--role-arn", ARN, "--role", "admin"]]
)
def test_what_cannot_be_granted_is_refused_before_anything_happens(
    nowhere: Path, capsys: pytest.CaptureFixture[str], wrong: list[str], dry: list[str]
) -> None:
    assert app.run(["cluster", "grant", *wrong, *dry, "--home", str(nowhere)]) == 2
    told = capsys.readouterr().err
    assert "is not the ARN" in told or "cannot be the product's database role" in told
    assert "arn:aws:iam::111122223333:role/name" in told
    assert not nowhere.exists()


def test_grant_makes_the_role_and_then_finds_nothing_to_do(here: Worldseat, usher: str) -> None:
    words = ("cluster", "grant", "--role-arn", ARN, "--role", usher)
    done = here(*words)
    assert done.returncode == 0, done.stderr
    assert f"CREATE ROLE {usher} WITH LOGIN\n" in done.stdout
    assert re.search(rf"1\d statements ran: {usher} may do what", done.stdout)
    assert f"Nothing to do: {usher}" in here(*words).stdout
    done = here(*words, "--json")
    assert json.loads(done.stdout) == {
        "role": usher,
        "role_arn": ARN,
        "ran": [],
        "also_mapped": [],
    }


def test_plain_postgresql_has_no_iam(here: Worldseat, at: Descriptor) -> None:
    plain = ("--us-east-1-url", at.postgres_url, "--us-east-2-url", at.postgres_url)
    done = here("cluster", "grant", "--role-arn", ARN, *plain)
    assert (done.returncode, "has no IAM" in done.stderr) == (2, True)


def test_a_dry_run_of_migrate_prints_what_an_empty_database_is_sent(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["migrate", "--dry-run", "--home", str(nowhere)]) == 0
    printed = capsys.readouterr().out
    places = [printed.index(sql) for _, sql in bootstrap.planned_migration()]
    assert places == sorted(places)
    assert "CREATE TABLE schema_change" in printed
    assert "CREATE INDEX ASYNC op_log_by_fan" in printed
    assert app.run(["migrate", "--dry-run", "--json", "--home", str(nowhere)]) == 0
    statements = json.loads(capsys.readouterr().out)["statements"]
    assert [each["sql"] for each in statements] == [sql for _, sql in bootstrap.planned_migration()]
    assert not nowhere.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--region", "us-west-2"], "no Region 'us-west-2' that takes writes"),
        (["--region", "eu-central-1"], "us-east-1 or us-east-2 in WORLDSEAT_REGION"),
        (["--drain-s", "-1"], "cannot drain for -1 s"),
        (["--drain-s", "1e9"], "Choose 0 to 3600"),
    ],
)
def test_up_refuses_what_it_cannot_do(
    nowhere: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert app.run(["up", *words, "--home", str(nowhere)]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not nowhere.exists()
