"""`worldseat accept` as a person starts it: what it says before anything is sent, and the sign-off.

What it tries is tested in tests/acceptance.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.acceptance_reports import report

from worldseat import telemetry
from worldseat.acceptance.plan import NAMES
from worldseat.cli import app, endpoints_file
from worldseat.domain.acceptance import is_sealed
from worldseat.domain.acceptance_file import read_report, write_report
from worldseat.settings import REGIONS

ON_AWS = {
    region: f"postgresql://admin@{'a' * 26}.dsql.{region}.on.aws:5432/postgres"
    for region in REGIONS
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave the tests' logging and settings alone, and work in a folder of the test's own."""
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    monkeypatch.chdir(tmp_path)
    for region in REGIONS:
        monkeypatch.delenv(f"WORLDSEAT_{region.upper().replace('-', '_')}_URL", raising=False)


@pytest.fixture
def on_aws(tmp_path: Path) -> str:
    """A file of endpoints on AWS, which nobody can reach here."""
    endpoints_file.write(tmp_path / "endpoints.json", ON_AWS)
    return "endpoints.json"


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    out, err = capsys.readouterr()
    return " ".join(out.split()), " ".join(err.split())


def test_a_dry_run_says_each_promise_and_the_estimate_and_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["accept", "--dry-run"]) == 0
    out, _ = said(capsys)
    for name in NAMES:
        assert name in out
    assert "us-east-1: local DSQL cluster" in out
    assert "Estimated cost on AWS: $" in out
    assert "the run stops at $5.00" in out
    assert out.endswith("Nothing was sent.")
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_a_part_on_aws_names_the_endpoints(
    on_aws: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--dry-run", "--json", "--endpoints", on_aws, "--runs", "3", "--only", "fence")
    assert app.run(["accept", *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["promises"]] == ["fence", "latency", "around"]
    assert told["endpoints"] == {region: f"{'a' * 26}.dsql.{region}.on.aws" for region in REGIONS}
    assert 0 < told["estimated_usd"] < told["limit_usd"] == 5


def test_money_is_not_spent_where_nobody_can_be_asked(
    on_aws: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.run(["accept", "--endpoints", on_aws, "--limit-usd", "0.001"]) == 2
    out, err = said(capsys)
    assert not out, "a program may read it"
    assert "Estimated cost on AWS: $" in err
    assert "That is more than the limit" in err
    assert "Nothing was sent, for nobody can be asked here. Say --yes" in err
    assert [file.name for file in tmp_path.iterdir()] == [on_aws]


def test_whoever_says_no_has_spent_nothing(
    on_aws: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("rich.console.Console.input", lambda *_, **__: "no")
    assert app.run(["accept", "--endpoints", on_aws]) == 1
    assert said(capsys)[1].endswith("Nothing was sent.")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--runs", "0"), "--runs is 1 to 100"),
        (("--runs", "101"), "--runs is 1 to 100"),
        (("--only", "tokens", "luck"), "There is no promise 'luck'"),
        (("--limit-usd", "-1"), "--limit-usd is 0 or more"),
        (("--limit-usd", "nan"), "--limit-usd is 0 or more"),
        (("--endpoints", "nowhere.json"), "cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert app.run(["accept", *words]) == 2
    assert told in said(capsys)[1]
    assert list(tmp_path.iterdir()) == []


def test_plain_postgresql_is_no_pair_of_endpoints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = dict.fromkeys(REGIONS, "postgresql://127.0.0.1:1/postgres")
    endpoints_file.write(tmp_path / "endpoints.json", plain)
    assert app.run(["accept", "--endpoints", "endpoints.json"]) == 2
    assert "needs two endpoints of Aurora DSQL" in said(capsys)[1]


def test_a_sign_off_names_who_and_leaves_the_seal_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    file.write_text(write_report(report(signed_off=())))
    assert app.run(["accept", "sign", str(file), "--by", "Ada Invented", "--note", "Read."]) == 0
    assert app.run(["accept", "sign", str(file), "--by", "Bo Invented"]) == 0
    signed = read_report(file.read_bytes())
    assert is_sealed(signed)
    assert [(each.by, each.note) for each in signed.signed_off] == [
        ("Ada Invented", "Read."),
        ("Bo Invented", ""),
    ]
    page = file.with_suffix(".html").read_text()
    assert "Ada Invented" in page
    assert "Bo Invented" in page
    assert "Signed off by Ada Invented" in said(capsys)[0]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["report.html", "report.json"]


def test_nobody_signs_what_was_changed_or_without_a_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    file.write_text(write_report(replace(report(), git_commit="another")))
    before = file.read_bytes()
    assert app.run(["accept", "sign", str(file), "--by", "Ada Invented"]) == 2
    assert "The seal of report.json is broken" in said(capsys)[1]
    file.write_text(write_report(report()))
    for name in ("", " ", "x" * 81):
        assert app.run(["accept", "sign", str(file), "--by", name]) == 2
    assert "A name has 1 to 80 characters" in said(capsys)[1]
    file.write_bytes(before)
    assert app.run(["accept", "show", str(file)]) == 1
