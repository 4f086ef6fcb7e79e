"""The pages' commands, run once for all tests."""

from collections.abc import Mapping

import pytest
from tests.docs import page
from tests.docs.answers import DOCS, PAGES, answers
from tests.docs.page import Call

# What a page offers in its sentences, for when something went wrong.
NEEDED_ONLY_SOMETIMES = {"aws": "\n```sh\nwhy us-east-1 app\n```\n"}


@pytest.fixture(scope="session")
def called(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Call]]:
    """What each page starts, in order."""
    found = {}
    for name in PAGES:
        text = (DOCS / f"{name}.md").read_text("utf-8") + NEEDED_ONLY_SOMETIMES.get(name, "")
        found[name] = page.run(text, tmp_path_factory.mktemp(name), answers())
    return found
