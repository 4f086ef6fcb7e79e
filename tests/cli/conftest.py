"""Running commands: as a process of its own, or here."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from worldseat import telemetry
from worldseat.cli import app
from worldseat.embedded import EmbeddedPostgres
from worldseat.services.wiring import Services

Done = subprocess.CompletedProcess[str]
Worldseat = Callable[..., Done]


@pytest.fixture
def worldseat(database: EmbeddedPostgres, services: Services, tmp_path: Path) -> Worldseat:
    """Run a command against the test database; its folder is a temporary one."""

    def run(*words: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "worldseat", *words, "--home", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={
                "PATH": "/usr/bin:/bin",
                "WORLDSEAT_US_EAST_1_URL": database.url,
                "WORLDSEAT_US_EAST_2_URL": database.url,
            },
        )

    return run


@pytest.fixture
def here(
    database: EmbeddedPostgres,
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Worldseat:
    """Run a command in this process: half a second cheaper, and the same code from its words on."""
    monkeypatch.setenv("WORLDSEAT_US_EAST_1_URL", database.url)
    monkeypatch.setenv("WORLDSEAT_US_EAST_2_URL", database.url)

    # Each real process configures its own logging; this one's belongs to the tests.
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)

    def run(*words: str) -> Done:
        status = app.run([*words, "--home", str(tmp_path)])
        out, err = capsys.readouterr()
        return Done(words, status, out, err)

    return run
