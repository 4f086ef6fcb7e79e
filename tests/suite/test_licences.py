"""The check of licences knows what fits Apache-2.0, and names what does not."""

from email.message import Message
from importlib.metadata import Distribution, PackageNotFoundError
from typing import Any

import pytest
from tests import licences


class _Said(Distribution):
    """A distribution that says what a test lets it say."""

    def __init__(self, lines: list[tuple[str, str]], requires: list[str] | None = None) -> None:
        self._message = Message()
        for name, value in lines:
            self._message[name] = value
        self._requires = requires or []

    @property
    def metadata(self) -> Any:
        return self._message

    @property
    def requires(self) -> list[str]:
        return self._requires

    def read_text(self, filename: str) -> str | None:  # noqa: ARG002
        return None

    def locate_file(self, path: Any) -> Any:
        return path


@pytest.mark.parametrize(
    ("terms", "fit"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT AND Apache-2.0", True),
        ("MIT OR MIT AND GPL-3.0-only", True),
        ("(MIT OR GPL-3.0-only) AND BSD-3-Clause", True),
        ("(MIT OR ISC) AND GPL-3.0-only", False),
        ("MIT WITH something", False),
        ("(MIT", False),
        ("", False),
    ],
)
def test_an_expression_is_weighed(terms: str, *, fit: bool) -> None:
    assert licences.fits(terms, licences.FREE) is fit


@pytest.mark.parametrize(
    ("lines", "terms"),
    [
        ([("License-Expression", "MIT OR Apache-2.0"), ("License", "GPL")], "MIT OR Apache-2.0"),
        ([("License", "BSD-3-Clause")], "BSD-3-Clause"),
        ([("License", "Apache License 2.0")], "Apache-2.0"),
        ([("Classifier", "License :: OSI Approved :: MIT License")], "MIT"),
        (
            [
                ("Classifier", "License :: OSI Approved :: MIT License"),
                ("Classifier", "License :: OSI Approved :: GNU General Public License (GPL)"),
            ],
            "MIT AND GNU-General-Public-License-(GPL)",
        ),
        ([("License", "ask me")], None),
        ([], None),
    ],
)
def test_what_a_distribution_says_is_read(lines: list[tuple[str, str]], terms: str | None) -> None:
    assert licences.expression(_Said(lines)) == terms


def test_what_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {
        "fine": _Said([("License", "MIT")], ["needed[more]>=1", "elsewhere; sys_platform == 'x'"]),
        "needed": _Said([("License", "ISC")], ["viral; extra == 'more'", "idle; extra == 'less'"]),
        "viral": _Said([("License-Expression", "GPL-3.0-only")]),
        "silent": _Said([]),
        "tool": _Said([("License", "MPL-2.0")], ["fine"]),
        "driver": _Said([("License-Expression", "LGPL-3.0-only")]),
        "parser": _Said([("License-Expression", "Apache-2.0 AND CNRI-Python")]),
        "handed": _Said([("License-Expression", "CNRI-Python")]),
    }

    def look_up(name: str) -> Distribution:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(licences, "distribution", look_up)
    project = {
        "project": {
            "dependencies": ["fine", "gone", "handed"],
            "optional-dependencies": {"x": ["silent"], "y": ["Driver==1"]},
        },
        "dependency-groups": {
            "test": ["tool", "driver", "parser"],
            "dev": [{"include-group": "test"}],
        },
    }
    assert licences.problems(project) == [
        "driver: is under LGPL-3.0-only",
        "gone: is not installed, so its licence is not known",
        "handed: is under CNRI-Python",
        "silent: says no licence that is known here",
        "viral: is under GPL-3.0-only",
    ]
