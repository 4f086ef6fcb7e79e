"""`worldseat migrate` and `worldseat doctor`, on a local cluster that they start themselves."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worldseat import telemetry
from worldseat.cli import app
from worldseat.stores.dsql.migrate import changes

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("worldseat")


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; return its exit status and what it printed."""
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)

    def one(*words: str) -> tuple[int, str]:
        status = app.run([*words, "--home", str(home)])
        # What is logged goes to the same place in a test.
        lines = capsys.readouterr().out.splitlines()
        return status, "\n".join(line for line in lines if not line.startswith("20"))

    return one


def found(printed: str) -> dict[str, dict[str, Any]]:
    return {each["check"]: each for each in json.loads(printed)["findings"]}


def test_migrate_prints_each_step_once_and_doctor_then_finds_all_well(run: Run) -> None:
    status, printed = run("migrate")
    everything = changes()
    assert status == 0
    for change in everything:
        assert f"migration {change.change_id} (" in printed
    # The cluster builds indexes as the service does: nothing was taken out of any statement.
    assert "ASYNC dropped" not in printed
    assert f"{len(everything)} statements ran" in printed

    status, printed = run("migrate", "--json")
    assert (status, json.loads(printed)) == (0, {"ran": 0, "steps": []})
    assert "Nothing to do" in run("migrate")[1]

    status, printed = run("doctor", "--json")
    findings = found(printed)
    assert status == 0, printed
    for region in ("us-east-1", "us-east-2"):
        steps = ("address", "reachable", "way in", "isolation", "commits", "clock", "serves")
        assert all(findings[f"{region} {step}"]["ok"] for step in steps)
        assert findings[f"{region} serves"]["seen"] == f"its fans are served by {region}"


def test_doctor_says_how_to_mend_a_database_that_is_away(run: Run, tmp_path: Path) -> None:
    away = f"postgresql:///postgres?host={tmp_path}&user=nobody"
    status, printed = run("doctor", "--json", "--us-east-1-url", away, "--us-east-2-url", away)
    findings = found(printed)
    assert status == 1
    assert findings["database"]["ok"] is False
    for region in ("us-east-1", "us-east-2"):
        assert findings[f"{region} way in"]["ok"] is False
        assert "Check the address" in findings[f"{region} way in"]["mend"]
