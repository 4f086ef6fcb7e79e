"""The image: as much of it as can be built and run without Docker."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib.metadata import distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests import environment
from tests.docs import dockerfile
from tests.docs.page import ROOT
from tests.docs.templates import template
from tests.docs.test_templates import known_variables

from worldseat.cli.app import app as commands
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.settings import REGIONS

OPEN_S = 30.0
STOP_S = 20.0
NOWHERE = Path("/nonexistent")


def test_what_is_copied_is_there_and_sent_to_the_builder() -> None:
    ignored = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert set(dockerfile.copied()) == let_in
    assert all((ROOT / name).exists() for name in let_in)


def test_the_command_is_one_that_worldseat_takes() -> None:
    [command] = dockerfile.of("CMD")
    program, *words = command.words
    assert program == "worldseat"
    commands.parse_args(words, exit_on_error=False, print_error=False)


def test_the_environment_is_one_that_worldseat_knows() -> None:
    ours = {name for name in dockerfile.variables() if name.startswith("WORLDSEAT_")}
    assert ours <= known_variables()


def test_image_and_task_agree() -> None:
    [container] = template("app")["Resources"]["Definition"]["Properties"]["ContainerDefinitions"]
    [user], [port], [stop] = (dockerfile.of(word) for word in ("USER", "EXPOSE", "STOPSIGNAL"))
    assert user.rest == container["User"]
    assert int(user.rest.partition(":")[0]) > 0
    assert int(port.rest) == container["PortMappings"][0]["ContainerPort"]
    assert stop.rest == "SIGTERM"
    assert dockerfile.instructions()[-1].word == "CMD"


def test_all_that_is_installed_is_pinned_by_hash() -> None:
    installs = [each.rest for each in dockerfile.of("RUN") if " install " in each.rest]
    from_index, own = installs
    assert "--require-hashes --only-binary :all: --requirement requirements.txt" in from_index
    assert "--no-deps --no-build-isolation ." in own
    pinned = (ROOT / "requirements.txt").read_text("utf-8")
    assert re.search(r"^hatchling==", pinned, re.MULTILINE)
    # No foil and no tool comes along.
    assert not re.search(r"^(aiobotocore|ministack|pytest|cfn-lint)==", pinned, re.MULTILINE)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image's /opt/worldseat would be: its pinned packages, and the wheel of its files."""
    build = tmp_path_factory.mktemp("build")
    for name in dockerfile.copied():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, build / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, build / name)
    text = (build / "requirements.txt").read_text("utf-8")
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE))
    there = [
        each for each in distributions() if re.sub(r"[-_.]+", "-", each.name).lower() in pinned
    ]
    venv = tmp_path_factory.mktemp("opt") / "worldseat"
    environment.make(venv, there)
    python = venv / "bin" / "python"
    wheel_of(build, python)
    [wheel] = (build / "dist").glob("*.whl")
    with ZipFile(wheel) as opened:
        opened.extractall(environment.packages_of(venv))
    return python


def wheel_of(build: Path, python: Path) -> None:
    words = [str(python), "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist"]
    done = subprocess.run(words, cwd=build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def running(python: Path, at: Descriptor, log: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """Run the image's command with its environment and the task's, where nothing can be written."""
    given = {
        **dockerfile.variables(),
        "PATH": "/usr/bin:/bin",
        "WORLDSEAT_COMMIT": "0123456789ab",
        "WORLDSEAT_REGION": "us-east-2",
        "WORLDSEAT_DRAIN_S": "0",
        "WORLDSEAT_SECRET": base64.b64encode(bytes(33)).decode(),
        "WORLDSEAT_OPERATOR_TOKEN": "a-token-of-the-operator",
        "FORWARDED_ALLOW_IPS": "*",
    }
    for region in REGIONS:
        given[f"WORLDSEAT_{region.upper().replace('-', '_')}_URL"] = at.url(region)
    [command] = dockerfile.of("CMD")
    words = [str(python), "-m", *command.words, "--port", "0"]
    with log.open("w") as written:
        # Nobody can make a file in /proc, root included.
        process = subprocess.Popen(
            words, cwd="/proc", env=given, stdout=written, stderr=subprocess.STDOUT, text=True
        )
    try:
        yield port_of(process, log), process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def port_of(process: subprocess.Popen[str], log: Path) -> int:
    ends = time.monotonic() + OPEN_S
    while time.monotonic() < ends:
        if found := re.search(r"http://0\.0\.0\.0:(\d+)", log.read_text("utf-8")):
            return int(found[1])
        assert process.poll() is None, log.read_text("utf-8")
        time.sleep(0.05)
    pytest.fail(log.read_text("utf-8"))


@pytest.mark.slow
def test_it_serves_without_a_home_a_writable_disk_or_a_foil(
    image: Path, at: Descriptor, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    assert not NOWHERE.exists()
    with running(image, at, log) as (port, process):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            health = json.load(answer)
        assert (health["status"], health["region"]) == ("ok", "us-east-2")
        healthy(port)
        # Behind https the fan's cookie is for https only.
        line = HTTPConnection("127.0.0.1", port, timeout=10)
        line.request("GET", "/", headers={"X-Forwarded-Proto": "https"})
        assert "; Secure" in (line.getresponse().headers["set-cookie"] or "")
        line.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0, log.read_text("utf-8")
    assert not NOWHERE.exists()
    assert "Traceback" not in log.read_text("utf-8")
    with pytest.raises(AssertionError):
        healthy(port)


def healthy(port: int) -> None:
    """Do what HEALTHCHECK does, at this port. Raises AssertionError."""
    [check] = dockerfile.of("HEALTHCHECK")
    python, *words = json.loads(check.rest[check.rest.index("[") :])
    assert python == "python"
    words = [word.replace(":8000", f":{port}") for word in words]
    done = subprocess.run(
        [sys.executable, *words], env={"PATH": os.defpath}, capture_output=True, check=False
    )
    assert done.returncode == 0
