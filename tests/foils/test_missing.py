"""A foil that is registered and cannot be had: the product starts, and says what is missing."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution, entry_points
from pathlib import Path

import pytest
from tests import environment
from tests.removal import ENTRIES, PRODUCT, copy_all

from worldseat.embedded import EmbeddedPostgres

# It takes long, and `make check` runs it on every change.
pytestmark = pytest.mark.slow

REGISTERED = {
    entry.name: entry.module.removeprefix(f"{ENTRIES}.")
    for entry in entry_points(group=ENTRIES)
    if entry.name != PRODUCT
}
WITH_AN_EXTRA = sorted(
    set(REGISTERED.values()).intersection(
        distribution("worldseat").metadata.get_all("Provides-Extra") or ()
    )
)


def variables() -> dict[str, str]:
    """What the programs are started with: no path to another WorldSeat, and no setting of one."""
    kept = {"PATH", "HOME", "LANG", "TMPDIR"}
    return {
        **{name: value for name, value in os.environ.items() if name in kept},
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "200",
    }


def doctor(python: Path, home: Path, **settings: str) -> dict[str, str]:
    """What the doctor found, by what it looked at."""
    done = subprocess.run(
        [python, "-m", "worldseat", "doctor", "--json", "--home", home],
        capture_output=True,
        text=True,
        check=False,
        env={**variables(), **settings},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"]
    return {finding["check"]: finding["seen"] for finding in report["findings"]}


@contextmanager
def opened(python: Path, home: Path) -> Iterator[str]:
    """Start the app and yield its address; in the end it stops by itself."""
    with subprocess.Popen(
        [python, "-m", "worldseat", "up", "--port", "0", "--home", home],
        stdout=subprocess.PIPE,
        text=True,
        env=variables(),
    ) as process:
        assert process.stdout is not None
        found = next(filter(None, (re.search(r"http://[\d.:]+", line) for line in process.stdout)))
        try:
            yield found[0]
        finally:
            process.terminate()
    assert process.returncode == 0


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own server
        text: str = answer.read().decode()
        return text


@pytest.mark.parametrize("foil", WITH_AN_EXTRA)
def test_without_its_extra_the_product_starts_and_says_what_to_install(
    tmp_path: Path, foil: str
) -> None:
    """In an environment with what the product needs, and no other package."""
    python = environment.make(tmp_path / "venv", environment.needed_by("worldseat"))
    what_to_do = f"pip install 'worldseat[{foil}]'"
    with opened(python, tmp_path / "home") as url:
        assert "Aurora DSQL" in read(url)
        assert f"worldseat[{foil}]" in read(f"{url}/compare")
        found = doctor(python, tmp_path / "home")
    for name, module in REGISTERED.items():
        assert (what_to_do in found.get(f"foil {name}", "")) is (module == foil)


def test_foils_whose_folders_were_deleted_are_told_by_the_doctor(
    tmp_path: Path, database: EmbeddedPostgres
) -> None:
    """In a copy that was installed in place, as `make` does it, before the folders were deleted."""
    tree = tmp_path / "tree"
    copy_all(tree)
    python = environment.make(tmp_path / "venv", environment.all_but("worldseat"))
    packages = environment.packages_of(tmp_path / "venv")
    (packages / "worldseat.pth").write_text(f"{tree / 'src'}\n")
    installed = distribution("worldseat")
    [metadata] = {file.parts[0] for file in installed.files or () if file.name == "METADATA"}
    (packages / metadata).symlink_to(Path(str(installed.locate_file(metadata))))
    addresses = dict.fromkeys(("WORLDSEAT_US_EAST_1_URL", "WORLDSEAT_US_EAST_2_URL"), database.url)
    for step in (shutil.rmtree, leave_bytecode):
        for module in set(REGISTERED.values()):
            step(tree / "src" / "worldseat" / "stores" / module)
        found = doctor(python, tmp_path / "home", **addresses)
        assert found["foils"] == "none installed, none needed"
        for name in REGISTERED:
            assert "was deleted. Install WorldSeat again" in found[f"foil {name}"]


def leave_bytecode(folder: Path) -> None:
    """Leave what a change of branch leaves: git removes only the files that it knows."""
    (folder / "__pycache__").mkdir(parents=True)
