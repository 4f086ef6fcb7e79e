"""Ctrl-C while AWS is at work: it ends soon, and says what it leaves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

# A command whose account never gets done with a pair.
PROGRAM = """
from worldseat import bootstrap
from worldseat.cli import main
from worldseat.stores.dsql.clusters import AwsClusters
from worldseat.stores.dsql.clusters.paper import PaperAccount

paper = PaperAccount("123456789012", looks=1_000_000)
bootstrap.clusters = lambda name, account: AwsClusters(name, account, session=paper.session)
main()
"""


@pytest.mark.slow
def test_ctrl_c_names_both_clusters_and_both_ways_on(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "cluster", "create"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    ) as command:
        assert command.stderr is not None
        said: list[str] = []
        while not said or not said[-1].rstrip().endswith("CREATING"):
            said.append(command.stderr.readline())
            assert said[-1], said
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=60)
    left = " ".join(err.split())
    assert command.returncode == 130
    assert left.count("CREATING") >= 2
    assert "There now: us-east-1 " in left
    assert "worldseat cluster create --name worldseat" in left
    assert "worldseat cluster delete --name worldseat" in left
    assert "Traceback" not in left
    assert out == ""
