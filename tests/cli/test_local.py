"""`worldseat local` on the real cluster: what is ordered happens, and what is told is so."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace
from tests.patience import until

from worldseat import telemetry
from worldseat.cli import app
from worldseat.local_dsql import descriptor
from worldseat.local_dsql.control import Control
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.ports.cluster import RegionState
from worldseat.services.wiring import Services
from worldseat.settings import REGIONS

from .conftest import Done, Worldseat

EAST_1, EAST_2 = REGIONS


@pytest.fixture
def local(
    cluster_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Worldseat:
    """Run `worldseat local …` in this process, for the cluster of this folder."""
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str, home: Path = cluster_home) -> Done:
        status = app.run(["local", *words, "--home", str(home)])
        out, err = capsys.readouterr()
        return Done(words, status, out, err)

    return run


@pytest_asyncio.fixture
async def control(at: Descriptor, services: Services) -> AsyncIterator[Control]:
    """The cluster itself; in the end all is well again, and the product knows it."""
    orders = Control(at.control)
    yield orders
    await orders.order("clear")
    await until(lambda: all(each.state == "ok" for each in services.store.region_figures()))


async def told(orders: Control, region: str) -> RegionState:
    return next(each for each in (await orders.status()).regions if each.region == region)


async def in_thread(run: Worldseat, *words: str) -> Done:
    """Run a command beside this loop: it makes one of its own."""
    return await asyncio.to_thread(run, *words)


async def test_status_is_for_people_and_for_programs(local: Worldseat, control: Control) -> None:
    said = await in_thread(local, "status")
    assert said.returncode == 0
    for words in (EAST_1, EAST_2, "us-west-2", "ok, witness", "0 ms there and back", "p99 ms"):
        assert words in said.stdout
    plain = json.loads((await in_thread(local, "status", "--json")).stdout)
    assert set(plain) == {"regions", "links", "faults", "done"}
    assert [each["region"] for each in plain["regions"]] == [*REGIONS, "us-west-2"]


async def test_each_order_happens(local: Worldseat, control: Control) -> None:
    assert "down, witness" in (await in_thread(local, "region-down", "us-west-2")).stdout
    assert not (await told(control, "us-west-2")).up
    assert (await in_thread(local, "region-up", "us-west-2")).returncode == 0
    assert (await told(control, "us-west-2")).up
    assert f"{EAST_1} to {EAST_2}: cut" in (await in_thread(local, "cut-off", EAST_1)).stdout
    assert (await told(control, EAST_1)).cut_off
    assert (await in_thread(local, "rejoin", EAST_1)).returncode == 0
    assert not (await told(control, EAST_1)).cut_off
    slow = await in_thread(local, "slow", EAST_2, "us-west-2", "--ms", "70")
    assert f"{EAST_2} to us-west-2: 70 ms there and back" in slow.stdout


FAULTS = {
    ("drop-before", EAST_1, "--count", "3"): ("drop-before", EAST_1, 3),
    ("drop-after", "--count", "2"): ("drop-after", None, 2),
    ("hold", EAST_2): ("hold", EAST_2, 1),
    ("hold", EAST_2, "--drop"): ("hold-and-drop", EAST_2, 1),
}


@pytest.mark.parametrize("words", FAULTS)
async def test_a_fault_waits_for_its_commits(
    local: Worldseat, control: Control, words: tuple[str, ...]
) -> None:
    said = await in_thread(local, *words, "--mark", "nobody sends this", "--json")
    [fault] = json.loads(said.stdout)["faults"]
    assert (fault["kind"], fault["region"], fault["left"]) == FAULTS[words]
    assert (fault["mark"], fault["done"]) == ("nobody sends this", 0)
    assert f"planned: {fault['kind']} in " in (await in_thread(local, "status")).stdout
    assert "planned" not in (await in_thread(local, "clear")).stdout
    assert not (await control.status()).faults


@pytest.mark.parametrize("kind", ["unavailable", "storm", "pause", "resume", "release"])
async def test_the_other_orders_are_taken(local: Worldseat, control: Control, kind: str) -> None:
    before = (await control.status()).done.get(kind, 0)
    words = {"pause": ["--ms", "1"], "release": [], "resume": [EAST_1]}.get(kind, [EAST_1])
    said = await in_thread(local, kind, *words, "--json")
    stands = json.loads(said.stdout)
    planned = [each["kind"] for each in stands["faults"]]
    assert kind in planned or stands["done"].get(kind, 0) == before + 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("region-down", "mars"), "There is no Region 'mars'"),
        (("storm", "us-west-2"), "no endpoint"),
        (("storm", EAST_1, "--count", "0"), "A count is"),
        (("slow", EAST_1, EAST_1, "--ms", "3"), "two Regions"),
    ],
)
async def test_an_order_that_makes_no_sense_is_told_and_not_done(
    local: Worldseat, control: Control, words: tuple[str, ...], said: str
) -> None:
    before = await control.status()
    done = await in_thread(local, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Nothing was done." in done.stderr
    assert (await control.status()).done == before.done


async def test_a_folder_without_a_cluster_says_what_to_do(local: Worldseat, tmp_path: Path) -> None:
    done = await asyncio.to_thread(local, "status", home=tmp_path)
    assert done.returncode == 2
    assert f"No local DSQL cluster belongs to {tmp_path}" in done.stderr
    assert "make run" in done.stderr


async def test_a_cluster_that_was_stopped_says_so(
    local: Worldseat, at: Descriptor, tmp_path: Path
) -> None:
    folder = tmp_path / "dsql"
    folder.mkdir()
    descriptor.write(folder, replace(at, control=str(tmp_path / "gone.sock")))
    done = await asyncio.to_thread(local, "clear", home=tmp_path)
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert "worldseat local-dsql" in done.stderr
