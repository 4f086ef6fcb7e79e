"""`worldseat foil` as a person runs it, on a foil whose tables are in memory.

How a real foil does it is tested beside that foil; this must hold with no foil installed.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from worldseat import bootstrap, telemetry
from worldseat.cli import app, terminal
from worldseat.domain.errors import UnknownStore
from worldseat.ports.aws_calls import AwsCall, Change
from worldseat.ports.store import (
    Guarantees,
    TableReport,
    Tables,
    TablesRefused,
    TableState,
    TableStep,
)
from worldseat.settings import REGIONS, Settings

Run = Callable[..., tuple[int, str, str]]
SAYS = Guarantees(
    isolation="", replication="", cannot="", two_writers="", elsewhere="SHELF=cloud moves it."
)


@dataclass
class Shelf:
    """Tables in memory: one per Region. `refuses` is what it says instead of working."""

    ready: bool = True
    refuses: TablesRefused | None = None
    there: dict[str, TableState] = field(default_factory=dict)

    async def where(self) -> str:
        return "a cloud, both Regions"

    async def create(self, report: TableReport) -> None:
        for region in REGIONS:
            report(TableStep(name="seats", region=region, text="being made"))
            if self.refuses is not None:
                raise self.refuses
            self.there[region] = TableState(
                name="seats",
                region=region,
                status="ACTIVE",
                account="000000000042",
                version="v2",
                consistency="EVENTUAL",
                replicas={"mars": "ACTIVE"},
                problem="" if self.ready else "its replica in mars is CREATING",
            )

    async def status(self) -> Sequence[TableState]:
        absent = TableState(name="seats", region="", status="absent", problem="it does not exist")
        return [self.there.get(region) or replace(absent, region=region) for region in REGIONS]

    async def delete(self, report: TableReport) -> None:
        for region in list(self.there):
            report(TableStep(name="seats", region=region, text="removed"))
            del self.there[region]

    async def rehearse(self, change: Change) -> Sequence[AwsCall]:
        words = {"TableName": "seats", "Long": "x" * 100}
        return [AwsCall(service="shelf", region="mars", operation=change, params=words)]


@dataclass
class Foil:
    """As much of a foil as the command looks at."""

    tables: Tables | None
    name: str = "shelf"
    title: str = "A Shelf"
    guarantees: Guarantees = SAYS


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def foils(shelf: Shelf) -> tuple[list[Foil], dict[str, str]]:
    """What is registered: change it before the command runs."""
    return [Foil(shelf)], {}


@pytest.fixture
def run(
    foils: tuple[list[Foil], dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in this process; return its status, its output and what it complained of."""

    def registered(
        _: Settings, name: str | None = None
    ) -> tuple[Sequence[Foil], Mapping[str, str]]:
        built, missing = foils
        if name not in {None, *(each.name for each in built), *missing}:
            raise UnknownStore(f"There is no foil {name!r}.", next_step="Foils here: shelf.")
        return built if name not in missing else [], missing

    monkeypatch.setattr(bootstrap, "foils", registered)
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)

    def command(*words: str) -> tuple[int, str, str]:
        status = app.run(["foil", *words, "--home", str(tmp_path)])
        out, err = capsys.readouterr()
        return status, out, err

    return command


def test_create_tells_each_step_and_shows_what_there_is_then(run: Run, shelf: Shelf) -> None:
    status, out, err = run("create")
    assert status == 0
    assert [line.split()[2:] for line in err.splitlines()] == [
        ["us-east-1", "seats", "being", "made"],
        ["us-east-2", "seats", "being", "made"],
    ]
    assert "A Shelf: a cloud, both Regions" in out
    assert "us-east-2  seats  ACTIVE  v2       EVENTUAL     mars ACTIVE" in out
    assert "account 000000000042" in out
    assert set(shelf.there) == set(REGIONS)
    assert max(map(len, out.splitlines())) <= 80


def test_status_says_by_its_exit_status_whether_all_is_ready(run: Run, shelf: Shelf) -> None:
    status, out, _ = run("status")
    assert status == 1
    assert out.count("absent") == 2
    assert "Not ready" in out
    run("create")
    status, out, _ = run("status")
    assert status == 0
    assert "Not ready" not in out
    shelf.ready = False
    run("create")
    status, out, _ = run("status")
    assert status == 1
    assert "seats in us-east-2: its replica in mars is CREATING." in out


def test_status_for_programs_is_one_object_per_foil(run: Run) -> None:
    run("create")
    status, out, err = run("status", "--json")
    (line,) = out.splitlines()
    said = json.loads(line)
    assert (status, err) == (0, "")
    assert (said["store"], said["ready"], said["made_when_used"]) == ("shelf", True, False)
    assert said["where"] == "a cloud, both Regions"
    assert [each["region"] for each in said["tables"]] == list(REGIONS)
    assert said["tables"][0]["replicas"] == {"mars": "ACTIVE"}


def test_a_refusal_is_told_with_its_next_step_and_its_detail(run: Run, shelf: Shelf) -> None:
    shelf.refuses = TablesRefused("The cloud says no.", next_step="Ask it.", detail="[Denied]: no")
    status, _, err = run("create")
    assert status == 2
    assert err.splitlines()[1:] == ["The cloud says no.", "Ask it.", "[Denied]: no"]


def test_delete_asks_and_takes_only_yes(
    run: Run, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("create")
    asked: list[str] = []
    answers = iter(["y", "", "yes"])

    def answer(question: str) -> str:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr(terminal.console, "input", answer)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for _ in range(2):
        status, out, _ = run("delete")
        assert status == 1
        assert "Nothing was removed." in out
        assert len(shelf.there) == 2
    status, out, err = run("delete")
    assert status == 0
    assert "Removed." in out
    assert "account 000000000042" in out
    assert err.count("removed") == 2
    assert shelf.there == {}
    assert asked == ["Remove 2 tables with all that they hold? Type yes: "] * 3


def test_delete_without_anybody_to_ask_needs_yes(
    run: Run, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("create")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    status, _, err = run("delete")
    assert status == 2
    assert "--yes" in err
    assert len(shelf.there) == 2
    assert run("delete", "--yes")[0] == 0
    assert shelf.there == {}
    status, out, _ = run("delete", "--yes")
    assert status == 0
    assert "There is nothing to remove." in out


@pytest.mark.parametrize("change", ["create", "delete"])
def test_a_dry_run_prints_every_call_whole_and_changes_nothing(
    run: Run, shelf: Shelf, change: str
) -> None:
    status, out, err = run(change, "--dry-run")
    assert (status, err, shelf.there) == (0, "", {})
    assert f"worldseat foil {change} --store shelf (dry run: nothing was sent)" in out
    words = json.dumps({"TableName": "seats", "Long": "x" * 100})
    assert f"shelf mars {change} {words}\n" in out


@pytest.mark.parametrize("command", ["create", "status", "delete"])
def test_a_foil_that_makes_its_own_tables_says_so_and_how_to_move_it(
    run: Run, foils: tuple[list[Foil], dict[str, str]], command: str
) -> None:
    foils[0][:] = [Foil(None)]
    status, out, _ = run(command)
    said = " ".join(out.split())
    assert status == 0
    assert "A Shelf: its tables are made when it is first used here" in said
    assert "SHELF=cloud moves it." in said


def test_status_for_programs_says_that_too(
    run: Run, foils: tuple[list[Foil], dict[str, str]]
) -> None:
    foils[0][:] = [Foil(None)]
    status, out, _ = run("status", "--json")
    said = json.loads(out)
    assert (status, said["made_when_used"], said["where"], said["tables"]) == (0, True, None, [])


def test_a_foil_that_lacks_something_stops_the_others_only_when_it_is_named(
    run: Run, foils: tuple[list[Foil], dict[str, str]]
) -> None:
    foils[1]["other"] = "pip install 'worldseat[other]'"
    run("create")
    status, out, err = run("status")
    assert status == 0
    assert "ACTIVE" in out
    assert "other: pip install 'worldseat[other]'" in err
    status, out, err = run("status", "--store", "other")
    assert (status, out) == (2, "")
    assert "pip install 'worldseat[other]'" in err


def test_without_any_foil_it_says_so(
    run: Run, foils: tuple[list[Foil], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    foils[0].clear()
    status, _, err = run("status")
    assert status == 0
    assert "No foil is registered here." in err


def test_an_unknown_foil_and_the_product_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the real composition root, which starts no database to find out."""
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    for name in ("mars", "dsql"):
        assert app.run(["foil", "create", "--store", name, "--home", str(tmp_path)]) == 2
        assert f"There is no foil '{name}'." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
