"""`worldseat foil` and a stampede in AWS's mode, as real processes, on what plays AWS."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from worldseat.embedded import EmbeddedPostgres

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow

Done = subprocess.CompletedProcess[str]
Worldseat = Callable[..., Done]
NAMES = {"WORLDSEAT_FOIL_DYNAMODB": "aws", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture
def worldseat(cloud: str, tmp_path: Path) -> Worldseat:
    """Run a command in AWS's mode; `settings` add to or replace variables."""

    def run(*words: str, **settings: str) -> Done:
        kept = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return subprocess.run(
            [sys.executable, "-m", "worldseat", *words, "--home", str(tmp_path / "home")],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": "/usr/bin:/bin", **kept, **NAMES, **settings},
        )

    return run


@pytest.mark.slow
def test_tables_are_made_seen_and_removed_by_commands(worldseat: Worldseat, cloud: str) -> None:
    words = ("--store", "dynamodb")
    assert worldseat("foil", "status", *words).returncode == 1
    made = worldseat("foil", "create", *words)
    assert made.returncode == 0, made.stderr
    assert f"account {cloud}" in made.stdout
    assert "2019.11.21  EVENTUAL" in made.stdout
    assert "127.0.0.1 (not AWS)" in made.stdout
    assert "sales_naive  ready" in made.stderr
    seen = worldseat("foil", "status", "--json", *words)
    assert seen.returncode == 0
    assert json.loads(seen.stdout)["ready"] is True
    assert worldseat("foil", "delete", *words).returncode == 2
    gone = worldseat("foil", "delete", "--yes", *words)
    assert gone.returncode == 0, gone.stderr
    assert worldseat("foil", "status", *words).returncode == 1


@pytest.mark.slow
def test_without_credentials_or_a_profile_it_says_what_to_set(worldseat: Worldseat) -> None:
    for settings in ({"AWS_ACCESS_KEY_ID": ""}, {"AWS_PROFILE": "of-nobody"}):
        done = worldseat("foil", "status", "--store", "dynamodb", **settings)
        assert done.returncode == 2
        assert "no credentials that work were found" in " ".join(done.stderr.split())
        assert "AWS_PROFILE" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_on_this_machine_it_says_when_tables_are_made_and_how_to_use_aws(
    worldseat: Worldseat, tmp_path: Path
) -> None:
    done = worldseat("foil", "create", "--store", "dynamodb", WORLDSEAT_FOIL_DYNAMODB="")
    said = " ".join(done.stdout.split())
    assert done.returncode == 0
    assert "its tables are made when it is first used here" in said
    assert "WORLDSEAT_FOIL_DYNAMODB=aws" in said
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
async def test_a_stampede_in_aws_mode_says_what_it_ran_on(
    worldseat: Worldseat, database: EmbeddedPostgres
) -> None:
    urls = {f"WORLDSEAT_US_EAST_{number}_URL": database.url for number in (1, 2)}

    def run(*words: str) -> Done:
        return worldseat(*words, "--store", "dynamodb", **urls)

    fire = ("break-it", "--json", "--buyers", "8")
    early = await asyncio.to_thread(run, *fire)
    assert early.returncode == 2
    assert "worldseat foil status" in early.stderr
    await asyncio.to_thread(run, "foil", "create")
    done = await asyncio.to_thread(run, *fire)
    report = json.loads(done.stdout)
    assert report["confirmed"] > 1
    assert report["lag_ms"] is None
    # The service's own name is kept for the service: here something else answered.
    assert report["stand_in"] == "what answers at 127.0.0.1, which is not AWS"
