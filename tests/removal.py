"""Copies of this tree from which foils were removed, as a person would remove them.

Gone are the foil's folder, its tests, its page, its entry points and its extra. Each copy has an
environment of its own, `.venv`, in which it is installed from its own wheel and this tree cannot be
found. A foil is every folder beside the product's store.
"""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from tests import environment

ROOT = Path(__file__).parents[1]
COPIES = ROOT / "var" / "without"
PRODUCT = "dsql"
ENTRIES = "worldseat.stores"
EXTRAS = "optional-dependencies"

_NEVER_COPIED = {".git", ".venv", "var"}
_FOUND_THERE = """
import json, pathlib, worldseat
from importlib.metadata import entry_points
package = pathlib.Path(worldseat.__file__).parent
stores = [each.parent.name for each in package.glob("stores/*/__init__.py")]
entries = {each.name: each.value for each in entry_points(group="worldseat.stores")}
print(json.dumps({"package": str(package), "stores": sorted(stores), "entries": entries}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A tree to be tested: its name in reports, its folder, and the foils it has."""

    name: str
    root: Path
    foils: tuple[str, ...]

    @property
    def python(self) -> Path:
        """The Python that finds this tree's WorldSeat and no other."""
        return self.root / ".venv" / "bin" / "python"

    def surroundings(self) -> dict[str, str]:
        """Return the environment variables to run it with: none may lead to another tree.

        A copy may keep its bytecode even where this tree may not: hundreds of programs start there.
        """
        out = {"PYTHONPATH"} if self.root == ROOT else {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
        return {name: value for name, value in os.environ.items() if name not in out}


def whole() -> Tree:
    """Return the tree at work, with all its foils."""
    return Tree(name="whole", root=ROOT, foils=foils_in(ROOT))


def foils_in(root: Path) -> tuple[str, ...]:
    """Find the foils of a tree by their folders."""
    stores = {package.parent.name for package in root.glob("src/worldseat/stores/*/__init__.py")}
    return tuple(sorted(stores - {PRODUCT}))


def copy_without(foils: Collection[str], *, name: str) -> Tree:
    """Copy the tree, remove these foils, and install what is left for a Python of its own.

    Takes the place of an older copy, whole or half made. Raises ValueError or OSError when a foil
    cannot be removed, and RuntimeError when the copy cannot be installed or its Python finds
    anything but the copy.
    """
    root = COPIES / name
    if root.exists():
        shutil.rmtree(root)
    copy_all(root)
    project = root / "pyproject.toml"
    project.write_text(pyproject_without(foils, project.read_text("utf-8")), "utf-8")
    for foil in foils:
        shutil.rmtree(root / "src" / "worldseat" / "stores" / foil)
        shutil.rmtree(root / "tests" / "foils" / foil)
        (root / "docs" / "foils" / f"{foil}.md").unlink(missing_ok=True)
    tree = Tree(name=name, root=root, foils=foils_in(root))
    if foils and not tree.foils:
        # What is left are tests of foils in general.
        shutil.rmtree(root / "tests" / "foils")
    _install(tree)
    _prove(tree, foils)
    return tree


def copy_all(root: Path) -> None:
    """Copy what belongs to the tree, committed or not, to a place where nothing is yet."""
    shutil.copytree(ROOT, root, ignore=_not_ours(ROOT), symlinks=True)


def pyproject_without(foils: Collection[str], text: str) -> str:
    """Take the foils' entry points and extras out of pyproject.toml's text.

    Raises ValueError if a foil has no entry point, or if anything else would change.
    """
    wanted: dict[str, Any] = tomllib.loads(text)
    gone: dict[str, set[str]] = {}
    for foil in foils:
        entries = _entries_of(foil, wanted)
        if not entries:
            raise ValueError(f"pyproject.toml registers nothing of {ENTRIES}.{foil}")
        gone.setdefault(f'[project.entry-points."{ENTRIES}"]', set()).update(entries)
        gone.setdefault(f"[project.{EXTRAS}]", set()).add(foil)
        for entry in entries:
            del wanted["project"]["entry-points"][ENTRIES][entry]
        wanted["project"].get(EXTRAS, {}).pop(foil, None)
    left = _without_keys(text, gone)
    if not _is_toml(left) or tomllib.loads(left) != wanted:
        raise ValueError(f"pyproject.toml: {', '.join(foils)} cannot be taken out line by line")
    return left


def _without_keys(text: str, gone: Mapping[str, Collection[str]]) -> str:
    """Take these keys out of these tables, as a person would: whole lines, and no other."""
    kept: list[str] = []
    table = value = ""
    for line in text.splitlines(keepends=True):
        table = line.strip() if line.startswith("[") and not value else table
        if value or line.partition("=")[0].strip() in gone.get(table, ()):
            # A value may go on in the next line.
            value = "" if _is_toml(value + line) else value + line
        else:
            kept.append(line)
    return "".join(kept)


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _entries_of(foil: str, project: dict[str, Any]) -> list[str]:
    registered: dict[str, str] = project["project"]["entry-points"][ENTRIES]
    module = re.compile(rf"{re.escape(ENTRIES)}\.{re.escape(foil)}\b")
    return [name for name, value in registered.items() if module.match(value)]


def _not_ours(root: Path) -> Callable[[str, list[str]], set[str]]:
    """Tell copytree what to leave out: what .gitignore names, in the few forms that it uses."""
    file = root / ".gitignore"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    patterns = [line.rstrip("/") for line in lines if line and not line.startswith("#")]
    if odd := [each for each in patterns if each.startswith("!") or "/" in each[1:]]:
        raise ValueError(f".gitignore: this form is not understood here: {', '.join(odd)}")
    anywhere = shutil.ignore_patterns(*(each for each in patterns if not each.startswith("/")))
    at_the_top = shutil.ignore_patterns(*(each[1:] for each in patterns if each.startswith("/")))

    def ignored(folder: str, names: list[str]) -> set[str]:
        found = anywhere(folder, names)
        if Path(folder) == root:
            found |= at_the_top(folder, names) | _NEVER_COPIED.intersection(names)
        return found

    return ignored


def _install(tree: Tree) -> None:
    venv = tree.root / ".venv"
    environment.make(venv, environment.all_but("worldseat"))
    _run(tree, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist")
    [wheel] = (tree.root / "dist").glob("*.whl")
    with ZipFile(wheel) as opened:
        opened.extractall(environment.packages_of(venv))


def _prove(tree: Tree, removed: Collection[str]) -> None:
    """See with the copy's own Python that it finds the copy, with what is left and nothing else."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    entries: dict[str, str] = project["project"]["entry-points"][ENTRIES]
    out = {name for foil in removed for name in _entries_of(foil, project)}
    expected = {
        "package": str(environment.packages_of(tree.root / ".venv") / "worldseat"),
        "stores": sorted({PRODUCT, *foils_in(ROOT)}.difference(removed)),
        "entries": {name: value for name, value in entries.items() if name not in out},
    }
    found = json.loads(_run(tree, "-c", _FOUND_THERE))
    if found != expected:
        raise RuntimeError(f"the copy {tree.name} has {found} and should have {expected}")


def _run(tree: Tree, *words: str) -> str:
    done = subprocess.run(
        [tree.python, *words],
        cwd=tree.root,
        env=tree.surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{tree.name}: {' '.join(words[:2])} failed: {done.stderr}")
    return done.stdout
