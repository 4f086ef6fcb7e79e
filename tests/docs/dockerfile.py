"""deploy/Dockerfile, read without Docker."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from tests.docs.templates import DEPLOY


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: of which stage (the last one is the image), its word, and what follows."""

    stage: int
    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """What follows as words: of the JSON form, or as a shell would read it."""
        found: list[str] = json.loads(self.rest) if self.rest.startswith("[") else []
        return found or shlex.split(self.rest)


def instructions() -> Sequence[Instruction]:
    """Return all instructions in order; comments and continued lines are gone."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found: list[Instruction] = []
    stage = -1
    for line in filter(None, joined.splitlines()):
        word, _, rest = line.partition(" ")
        stage += word == "FROM"
        found.append(Instruction(stage, word, rest.strip()))
    return found


def of(word: str) -> list[Instruction]:
    """Return the instructions of one word."""
    return [each for each in instructions() if each.word == word]


def variables() -> dict[str, str]:
    """Return the environment of the image; what only the build knows stays as it is written."""
    last = instructions()[-1].stage
    return dict(
        pair.split("=", 1) for each in of("ENV") if each.stage == last for pair in each.words
    )


def copied() -> list[str]:
    """Return what the build takes from the tree."""
    return [
        source
        for each in of("COPY")
        if not each.rest.startswith("--from")
        for source in each.words[:-1]
    ]
