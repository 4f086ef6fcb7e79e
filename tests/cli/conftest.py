"""Running commands: as a process of its own, or here."""

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from worldseat import telemetry
from worldseat.cli import app
from worldseat.services.wiring import Services
from worldseat.settings import Settings

Done = subprocess.CompletedProcess[str]
Worldseat = Callable[..., Done]


@pytest.fixture
def addresses(settings: Settings) -> Mapping[str, str]:
    """What tells a command where the test run's cluster is."""
    return {
        f"WORLDSEAT_{region.upper().replace('-', '_')}_URL": url
        for region, url in settings.database_urls.items()
    }


@pytest.fixture
def worldseat(addresses: Mapping[str, str], services: Services, tmp_path: Path) -> Worldseat:
    """Run a command against the test run's cluster; its folder is a temporary one."""

    def run(*words: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "worldseat", *words, "--home", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={"PATH": "/usr/bin:/bin", **addresses},
        )

    return run


@pytest.fixture
def here(
    addresses: Mapping[str, str],
    services: Services,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Worldseat:
    """Run a command in this process: half a second cheaper, and the same code from its words on."""
    for name, url in addresses.items():
        monkeypatch.setenv(name, url)

    # Each real process configures its own logging; this one's belongs to the tests.
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)

    def run(*words: str) -> Done:
        status = app.run([*words, "--home", str(tmp_path)])
        out, err = capsys.readouterr()
        return Done(words, status, out, err)

    return run
