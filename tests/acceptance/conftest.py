"""Acceptance runs as a person starts them, on clusters of which one thing may be broken."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from worldseat import telemetry
from worldseat.cli import app, endpoints_file
from worldseat.domain.acceptance import Promise, Report
from worldseat.domain.acceptance_file import read_report
from worldseat.local_dsql import descriptor
from worldseat.settings import REGIONS

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 10.0


@contextmanager
def cluster(home: Path, fault: str) -> Iterator[Path]:
    """Run a cluster with a fault in a process of its own; yield the file of its endpoints."""
    home.mkdir()
    words = ("--home", str(home), "--no-delays", "--ends-with", str(os.getpid()))
    with (home / "cluster.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "TERM"),
                *(sys.executable, "-m", "tests.acceptance.broken_cluster", fault, *words),
            ],
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
    try:
        file = home / "endpoints.json"
        at = ready(process, home)
        endpoints_file.write(file, {region: at.url(region) for region in REGIONS})
        yield file
    finally:
        process.terminate()
        process.wait(STOPPED_WITHIN_S)


def ready(process: "subprocess.Popen[bytes]", home: Path) -> descriptor.Descriptor:
    """Wait until a cluster is open."""
    ends_s = time.monotonic() + READY_WITHIN_S
    while True:
        found = descriptor.read(home)
        if found is not None:
            return found
        if process.poll() is not None or time.monotonic() > ends_s:
            raise AssertionError((home / "cluster.log").read_text())
        time.sleep(0.02)


class Accepted:
    """What a run ended with: its exit status, what it said, and its report."""

    def __init__(self, status: int, out: str, err: str, folder: Path) -> None:
        self.status = status
        self.out = out
        self.err = err
        self.files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)

    @property
    def report(self) -> Report:
        """The last report that was written."""
        assert self.files, self.err
        return read_report(self.files[-1].read_bytes())

    def promise(self, name: str) -> Promise:
        """One of its promises."""
        return next(each for each in self.report.promises if each.name == name)


Accept = Callable[..., Accepted]


@pytest.fixture
def accept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Accept:
    """Run `worldseat accept` in this process; its report is written to a folder of its own."""
    monkeypatch.setattr(telemetry, "configure", lambda **_: None)
    for region in REGIONS:
        monkeypatch.delenv(f"WORLDSEAT_{region.upper().replace('-', '_')}_URL", raising=False)

    def run(*words: str) -> Accepted:
        out = tmp_path / "reports"
        status = app.run(["accept", *words, "--out", str(out), "--home", str(tmp_path / "home")])
        said, complained = capsys.readouterr()
        return Accepted(status, said, complained, out)

    return run
