"""Run the tests in parts: the product's where no foil is, the foils' on the whole tree.

    python -m tests.parts test|slow|check REPORTS [WORD]...

A test of the product that needs a foil fails, because the tree it runs on has none. `test` and
`slow` run every test once. `check` runs all that each tree has: the whole one, the one without any
foil, and one without each; but the product's browser tests tell of the page without foils, so they
run there only. Every tree must keep the import contract.

REPORTS is a folder for reports in JUnit's format, or nothing. WORDs go to pytest; one that is a
path goes to where it exists. Exits with the first status that tells of a failure, or with pytest's
5 if no test was chosen anywhere.
"""

import asyncio
import fcntl
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.removal import ROOT, Tree, copy_without, whole
from tests.side_by_side import Program, run, say

LOGS = ROOT / "var" / "tests"
WITHOUT_ANY = "without-foils"
TESTS = Path("tests")
OF_FOILS = TESTS / "foils"
# Each of these takes about as long as all others together that are not in a browser.
PARTS = {
    "stores": [TESTS / name for name in ("services", "stores", "witness")],
    "programs": [TESTS / name for name in ("cli", "crash", "embedded", "process")],
}
KINDS = {
    # The longest begin first, so that none is left over in the end while the others have finished.
    "test": {
        "stores": "not slow and not browser",
        "programs": "not slow and not browser",
        "tests": "not slow and not browser",
        "browser": "not slow and browser",
    },
    "slow": {"slow": "slow"},
    "check": {
        "stores": "not browser",
        "programs": "not browser",
        "tests": "not browser",
        "browser": "browser",
    },
}
NOTHING_CHOSEN = 5
INTERRUPTED = 130


def main() -> int:
    """Do what the module says; return the exit status."""
    mode, reports, *words = sys.argv[1:]
    LOGS.mkdir(parents=True, exist_ok=True)
    with (LOGS / "lock").open("w") as lock:
        _wait_for(lock.fileno())
        trees = list(_trees(mode))
        programs = list(_tests(mode, trees, reports, words))
        if not programs:
            say(f"no such tests: {' '.join(words)}")
            return 1
        try:
            contracts = [asyncio.run(run([_contract(tree)], LOGS))[0] for tree in trees]
            statuses = asyncio.run(run(programs, LOGS))
        except (KeyboardInterrupt, asyncio.CancelledError):
            return INTERRUPTED
    if failed := [each for each in [*contracts, *statuses] if each not in {0, NOTHING_CHOSEN}]:
        return failed[0]
    return min(statuses)


def _wait_for(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Other tests run in this clone. These begin when they have ended.")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _trees(mode: str) -> Iterator[Tree]:
    """Make the trees. The product's comes first: its tests take longest, and have the screen."""
    here = whole()
    yield copy_without(here.foils, name=WITHOUT_ANY)
    if here.foils:
        yield here
    if mode == "check" and len(here.foils) > 1:
        for foil in here.foils:
            yield copy_without([foil], name=f"without-{foil}")


def _contract(tree: Tree) -> Program:
    linter = tree.python.with_name("lint-imports")
    words = ["--no-logo", "--cache-dir", "var/cache/imports"]
    return _program(tree, "contract", linter, *words)


def _tests(
    mode: str, trees: Sequence[Tree], reports: str, words: Sequence[str]
) -> Iterator[Program]:
    paths = [word for word in words if _file(word).parts[:1] == TESTS.parts]
    others = [word for word in words if word not in paths]
    for kind, mark in KINDS[mode].items():
        for tree in trees:
            everything = not tree.foils or (mode == "check" and kind != "browser")
            area = TESTS if everything else OF_FOILS
            areas = [each for each in PARTS.get(kind, [area]) if each.is_relative_to(area)]
            asked = ["-m", mark, *others]
            if kind == "tests":
                elsewhere = [each for part in PARTS.values() for each in part]
                asked += [f"--ignore={each}" for each in elsewhere if each.is_relative_to(area)]
            if reports:
                file = Path(reports, f"{tree.name}.{kind}.xml").resolve()
                asked += [f"--junitxml={file}", f"--junit-prefix={tree.name}"]
            if where := [path for area in areas for path in _there(tree, area, paths)]:
                yield _program(tree, kind, tree.python, "-m", "pytest", *asked, *where)


def _there(tree: Tree, area: Path, paths: Sequence[str]) -> list[str]:
    """Return what of these paths is in this area of the tree; the whole area if none is given."""
    if not paths or any(area.is_relative_to(_file(path)) for path in paths):
        paths = [str(area)]
    return [
        path
        for path in paths
        if _file(path).is_relative_to(area) and (tree.root / _file(path)).exists()
    ]


def _file(word: str) -> Path:
    """Return what a word for pytest names, without the test in it."""
    return Path(word.partition("::")[0])


def _program(tree: Tree, name: str, *command: str | Path) -> Program:
    return Program(
        title=f"{tree.name}.{name}",
        command=command,
        folder=tree.root,
        variables=tree.surroundings(),
    )


if __name__ == "__main__":
    sys.exit(main())
