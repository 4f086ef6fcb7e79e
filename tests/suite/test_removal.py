"""Removing foils from a copy of the tree: thorough, and loud where something is not as expected."""

import shutil
from pathlib import Path

import pytest
from tests import environment, removal

PROJECT = """\
[project]
name = "x"
[project.optional-dependencies]
# What the first one drives.
one = ["driver==1"]
other = ["another"]
[project.entry-points."worldseat.stores"]
dsql = "worldseat.stores.dsql:register"
one = "worldseat.stores.one:register"
one-twice = "worldseat.stores.one.again:register"
ones = "worldseat.stores.ones:register"
[tool.x]
one = 1
"""


@pytest.mark.parametrize("extra", ['["driver==1"]', '[\n  "driver==1",  # ]\n  "model",\n]'])
def test_a_foils_entry_points_and_extra_are_taken_out_and_nothing_else(extra: str) -> None:
    project = PROJECT.replace('["driver==1"]', extra)
    left = removal.pyproject_without(["one"], project)
    gone = [line for line in project.splitlines() if line not in left.splitlines()]
    assert gone == [
        *f"one = {extra}".splitlines(),
        'one = "worldseat.stores.one:register"',
        'one-twice = "worldseat.stores.one.again:register"',
    ]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("worldseat.stores.one", "worldseat.stores.gone", "registers nothing of"),
        ('one = ["', '"one" = ["', "line by line"),
        (
            '[project.entry-points."worldseat.stores"]',
            "[project.entry-points.'worldseat.stores']",
            "line by line",
        ),
    ],
)
def test_what_cannot_be_taken_out_line_by_line_is_refused(
    old: str, new: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        removal.pyproject_without(["one"], PROJECT.replace(old, new))


def test_what_git_ignores_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, left = (
        ["src/x.py", "src/var/y.py", "z.lock"],
        ["var/y", ".git/z", "src/__pycache__/x.pyc"],
    )
    here = tmp_path / "here"
    for name in (*kept, *left):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).touch()
    (here / ".gitignore").write_text("# Ours.\n/var/\n__pycache__/\n")
    monkeypatch.setattr(removal, "ROOT", here)
    removal.copy_all(tmp_path / "copy")
    found = {str(each.relative_to(tmp_path / "copy")) for each in (tmp_path / "copy").rglob("*.*")}
    assert found == {".gitignore", *kept}
    (here / ".gitignore").write_text("!/var/\n")
    with pytest.raises(ValueError, match="not understood"):
        removal.copy_all(tmp_path / "another")


@pytest.mark.slow
def test_a_copy_that_finds_another_worldseat_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "COPIES", tmp_path / "the copies")
    (tmp_path / "the copies" / "one" / "half made").mkdir(parents=True)
    foils = removal.whole().foils
    tree = removal.copy_without(foils, name="one")
    assert tree.foils == ()
    packages = environment.packages_of(tree.root / ".venv")
    shutil.rmtree(packages / "worldseat")
    (packages / "another.pth").write_text(f"{removal.ROOT / 'src'}\n")
    with pytest.raises(RuntimeError, match="the copy one has"):
        removal._prove(tree, foils)
