"""A Python environment filled with links to distributions of the one at work, and with no others.

What is left out cannot be imported there, nor by any program that is started from there.
"""

import re
import sysconfig
import venv
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

# The first line of a script: pip writes the second form where a path has spaces or is long.
_RUNS_ON_PYTHON = re.compile(rb"#!.*python|#!/bin/sh\n'''exec'")


def make(folder: Path, contents: Iterable[Distribution]) -> Path:
    """Make an environment where nothing is yet, and return its Python. It has no pip."""
    venv.EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    packages = packages_of(folder)
    for distribution in contents:
        for name in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            # Distributions may share a namespace.
            if not (packages / name).exists():
                (packages / name).symlink_to(Path(str(distribution.locate_file(name))))
        for program in _programs(distribution):
            _offer(program, folder / "bin" / program.name, python)
    return python


def packages_of(folder: Path) -> Path:
    """Return where an environment has its packages."""
    base = {"base": str(folder), "platbase": str(folder)}
    return Path(sysconfig.get_path("purelib", scheme="venv", vars=base))


def all_but(name: str) -> list[Distribution]:
    """Return every distribution of the environment at work except the one named."""
    return [each for each in distributions() if each.name != name]


def needed_by(name: str) -> list[Distribution]:
    """Return a distribution and all that it needs when none of its extras is asked for."""
    installed = {_normal(each.name): each for each in distributions()}
    found: dict[str, Distribution] = {}
    asked = [_normal(name)]
    while asked:
        wanted = asked.pop()
        # What only another system needs is not installed here.
        if wanted in installed and wanted not in found:
            found[wanted] = installed[wanted]
            asked.extend(_needs(found[wanted]))
    return list(found.values())


def _needs(distribution: Distribution) -> Iterator[str]:
    for line in distribution.requires or ():
        name = re.match(r"[\w.-]+", line)
        if name is not None and "extra" not in line.partition(";")[2]:
            yield _normal(name[0])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _programs(distribution: Distribution) -> list[Path]:
    return [
        Path(str(distribution.locate_file(file))).resolve()
        for file in distribution.files or ()
        if file.parts[0] == ".." and file.parent.name == "bin"
    ]


def _offer(program: Path, place: Path, python: Path) -> None:
    """Put a program at a place. A script is told our Python: its first line names the other."""
    with program.open("rb") as opened:
        start = opened.read(256)
    if _RUNS_ON_PYTHON.match(start):
        place.write_text(f'#!/bin/sh\nexec "{python}" "{program}" "$@"\n', encoding="utf-8")
        place.chmod(0o755)
    else:
        place.symlink_to(program)
