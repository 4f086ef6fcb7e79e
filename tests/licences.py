"""The licences of all that WorldSeat installs: known, and fit for a program under Apache-2.0.

`python -m tests.licences` names what is not. A distribution that only the tests and the tools need
is never part of what WorldSeat hands on, so there a licence may also ask for changes of its own
files to be shared (MPL, LGPL).
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FREE = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0",
    "PostgreSQL",
})  # fmt: skip
SHARED_CHANGES = frozenset({"LGPL-3.0-only", "LGPL-3.0-or-later", "MPL-2.0"})
# Asks for nothing more than the others do. Never weighed for handing on, so for tools only.
OF_TOOLS = frozenset({"CNRI-Python"})

# How distributions of before SPDX say it: a classifier, or a word in `License`.
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
_SPOKEN = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache license 2.0": "Apache-2.0",
    "mit license": "MIT",
}
_WORDS = re.compile(r"\(|\)|[\w.+-]+")


def problems(project: dict[str, Any]) -> list[str]:
    """What is wrong, a line for each distribution; `project` is the content of pyproject.toml."""
    table = project["project"]
    extras = table.get("optional-dependencies", {})
    handed_on = [*table["dependencies"], *(line for extra in extras.values() for line in extra)]
    groups = project.get("dependency-groups", {})
    tools = [line for group in groups.values() for line in group if isinstance(line, str)]
    found = dict(_judge(handed_on, FREE))
    found = {**dict(_judge(tools, FREE | SHARED_CHANGES | OF_TOOLS)), **found}
    return [f"{name}: {what}" for name, what in sorted(found.items()) if what]


def expression(found: Distribution) -> str | None:
    """The licence of a distribution as an SPDX expression; None where it does not say.

    Several classifiers count as "and": it is not said whether one of them is enough.
    """
    said = _field(found, "License-Expression")
    if said:
        return said[0]
    word = "".join(_field(found, "License")).strip()
    if word in FREE | SHARED_CHANGES:
        return word
    listed = [
        line.rpartition(" :: ")[2]
        for line in _field(found, "Classifier")
        if line.startswith("License :: OSI Approved :: ")
    ]
    if listed:
        return " AND ".join(_CLASSIFIERS.get(line, line.replace(" ", "-")) for line in listed)
    return _SPOKEN.get(word.lower()) or _SPOKEN.get(_first_line(found).lower())


def fits(terms: str, allowed: frozenset[str]) -> bool:
    """Whether an SPDX expression can be met with the allowed licences."""
    words = _WORDS.findall(terms)
    met, rest = _either(words, allowed)
    return met and not rest


def _either(words: list[str], allowed: frozenset[str]) -> tuple[bool, list[str]]:
    met, rest = _both(words, allowed)
    while rest[:1] == ["OR"]:
        other, rest = _both(rest[1:], allowed)
        met = met or other
    return met, rest


def _both(words: list[str], allowed: frozenset[str]) -> tuple[bool, list[str]]:
    met, rest = _one(words, allowed)
    while rest[:1] == ["AND"]:
        other, rest = _one(rest[1:], allowed)
        met = met and other
    return met, rest


def _one(words: list[str], allowed: frozenset[str]) -> tuple[bool, list[str]]:
    if words[:1] == ["("]:
        met, rest = _either(words[1:], allowed)
        return met and rest[:1] == [")"], rest[1:]
    return bool(words) and words[0] in allowed, words[1:]


def _judge(lines: Iterable[str], allowed: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Each distribution that the requirements lead to, with what is wrong; "" where nothing is."""
    for name, found in _needed(lines):
        if found is None:
            yield name, "is not installed, so its licence is not known"
            continue
        terms = expression(found)
        if terms is None:
            yield name, "says no licence that is known here"
        else:
            yield name, "" if fits(terms, allowed) else f"is under {terms}"


def _needed(lines: Iterable[str]) -> Iterator[tuple[str, Distribution | None]]:
    waiting = [(line, "") for line in lines]
    seen: set[tuple[str, str]] = set()
    while waiting:
        line, asked = waiting.pop()
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate({"extra": asked}):
            continue
        name = canonicalize_name(wanted.name)
        for extra in {"", *wanted.extras} - {each for seen_name, each in seen if seen_name == name}:
            try:
                found: Distribution | None = distribution(name)
            except PackageNotFoundError:
                found = None
            if not any(each == name for each, _extra in seen):
                yield name, found
            seen.add((name, extra))
            waiting.extend((each, extra) for each in (found.requires or [] if found else []))


def _field(found: Distribution, name: str) -> list[str]:
    """All that the metadata says under this name."""
    return [str(value) for value in found.metadata.get_all(name) or []]


def _first_line(found: Distribution) -> str:
    """The first line of the licence that the distribution carries, "" where it carries none."""
    for file in found.files or ():
        if file.name.upper().startswith("LICEN") and ".dist-info" in str(file):
            return file.read_text().strip().partition("\n")[0].strip()
    return ""


def main() -> int:
    """Print what is wrong; the exit status says whether anything is."""
    path = Path(__file__).parents[1] / "pyproject.toml"
    wrong = problems(tomllib.loads(path.read_text(encoding="utf-8")))
    for line in wrong:
        print(f"licences: {line}", file=sys.stderr)  # noqa: T201 - the command's answer.
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
