"""`worldseat accept` as a person starts it: what it says before anything is sent, and the sign-off.

What it tries is tested in tests/acceptance.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.acceptance_reports import report, signed

from worldseat import bootstrap, telemetry
from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.plan import NAMES
from worldseat.bootstrap import acceptance
from worldseat.cli import app, endpoints_file
from worldseat.domain.acceptance import Report, is_sealed
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
        (("--limit-usd", "-1"), "--limit-usd is 0 to 10,000"),
        (("--limit-usd", "nan"), "--limit-usd is 0 to 10,000"),
        (("--limit-usd", "inf"), "--limit-usd is 0 to 10,000"),
        (("--limit-usd", "10000.01"), "--limit-usd is 0 to 10,000"),
        (("--endpoints", "nowhere.json"), "cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert app.run(["accept", *words]) == 2
    assert told in said(capsys)[1]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Note a run that begins, and end it there."""
    found: list[object] = []

    async def begin(settings: object, **_: object) -> tuple[Report, str]:
        found.append(settings)
        return report(), ""

    monkeypatch.setattr(bootstrap, "accept", begin)
    return found


@pytest.mark.parametrize("out", ["taken", "taken/below", "/proc/self"])
def test_a_run_does_not_begin_where_its_report_cannot_be_written(
    on_aws: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], begun: list[object], out: str
) -> None:
    (tmp_path / "taken").write_text("a file")
    assert app.run(["accept", "--endpoints", on_aws, "--yes", "--out", out]) == 2
    told = said(capsys)[1]
    assert f"Nothing was sent, for no report can be written into {out}: " in told
    assert "Name another folder with --out." in told
    assert begun == []


def test_the_folder_is_there_before_the_run_and_holds_the_report_after_it(
    on_aws: str, tmp_path: Path, begun: list[object]
) -> None:
    assert app.run(["accept", "--endpoints", on_aws, "--yes", "--out", "new/folder"]) == 0
    assert len(begun) == 1
    names = sorted(file.name for file in (tmp_path / "new" / "folder").iterdir())
    assert names == ["acc_invented.html", "acc_invented.json"]


def test_swapped_addresses_of_the_environment_are_refused_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for region, other in zip(REGIONS, reversed(REGIONS), strict=True):
        monkeypatch.setenv(f"WORLDSEAT_{region.upper().replace('-', '_')}_URL", ON_AWS[other])

    async def reached(*_: object) -> None:
        pytest.fail("an endpoint was asked")

    monkeypatch.setattr(acceptance, "bring_schema", reached)
    assert app.run(["accept", "--yes", "--home", str(tmp_path)]) == 2
    told = said(capsys)[1]
    assert "the endpoints of us-east-1 and us-east-2 are swapped; exchange them" in told
    assert "WORLDSEAT_US_EAST_1_URL" in told


@pytest.mark.parametrize(
    ("only", "runs", "why"),
    [
        (NAMES, 5, ""),
        (NAMES, 4, "it had fewer than 5 --runs"),
        (NAMES[:-1], 5, "only some promises were to be tried"),
    ],
)
def test_only_a_whole_run_is_kept_by_itself(only: tuple[str, ...], runs: int, why: str) -> None:
    assert acceptance.not_kept(only, Amounts(runs=runs)) == why


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


def test_no_more_than_a_hundred_people_sign_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.json"
    by_one = signed(report())
    file.write_text(write_report(replace(by_one, signed_off=(*by_one.signed_off,) * 99)))
    assert app.run(["accept", "sign", str(file), "--by", "Bo Invented"]) == 0
    whole = file.read_bytes()
    assert app.run(["accept", "sign", str(file), "--by", "Cy Invented"]) == 2
    assert "has 100 sign-offs, and no report may have more" in said(capsys)[1]
    assert file.read_bytes() == whole
    assert len(read_report(whole).signed_off) == 100


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
