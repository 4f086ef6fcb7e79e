"""A page's commands, run by a real shell in which every program only writes down its words.

The shell knows nothing but what is here: a program that no test knows is "command not found".
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(?P<kind>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_BETWEEN_WORDS, _BETWEEN_CALLS = "\x1f", "\x1e"

# One write for each call, so that two programs of a pipe cannot mix their words.
_STUB = """#!/bin/bash
words=$(printf '%s\\x1f' "${0##*/}" "$@")
printf '%s\\x1e' "$words" >> "$CALLS"
while IFS=$'\\t' read -r pattern answer; do
  if [[ "${0##*/} $*" == $pattern ]]; then
    if [[ "$answer" == fails ]]; then exit 254; fi
    printf '%s\\n' "$answer"
    break
  fi
done < "$ANSWERS"
if [[ "$*" == *stdin* || "$*" == *"--config -"* ]]; then cat > /dev/null; fi
"""
FAILS = "fails"
REPORT = "accept_invented.json"
STUBS = ("aws", "curl", "docker", "git", "worldseat")
_REAL = ("bash", "cat", "head", "ls", "mkdir")


@dataclass(frozen=True, slots=True)
class Call:
    """One program that the page started, with its words."""

    program: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as a person would read it."""
        return " ".join([self.program, *self.words])


def blocks(text: str) -> Sequence[tuple[str, str]]:
    """Return each fenced block of a page: what kind it says it is, and its text."""
    return [(found["kind"], found["text"]) for found in _FENCE.finditer(text)]


def run(text: str, folder: Path, answers: Mapping[str, str]) -> list[Call]:
    """Run all of a page's shell blocks as one script, from top to bottom; return what it started.

    `answers` maps a pattern of the shell's (`*`) to what the first program whose words fit prints;
    FAILS is no answer, but an exit status.
    Raises AssertionError when the script fails.
    """
    programs = folder / "programs"
    programs.mkdir()
    for name in STUBS:
        stub = programs / name
        stub.write_text(_STUB)
        stub.chmod(0o755)
    for name in _REAL:
        (programs / name).symlink_to(shutil.which(name) or name)
    for name in ("deploy", "venues"):
        (folder / name).symlink_to(ROOT / name)
    # What the acceptance run, which is only written down here, would leave.
    (folder / "acceptance").mkdir()
    (folder / "acceptance" / REPORT).touch()
    calls, answered = folder / "calls", folder / "answers"
    calls.touch()
    answered.write_text("".join(f"{key}\t{value}\n" for key, value in answers.items()))
    script = "\n".join(block for kind, block in blocks(text) if kind == "sh")
    done = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": os.fspath(programs), "CALLS": str(calls), "ANSWERS": str(answered)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{done.stderr}\nafter: {_read(calls)[-1:]}"
    assert not done.stderr, done.stderr
    return _read(calls)


def _read(calls: Path) -> list[Call]:
    found = []
    for line in calls.read_text("utf-8").split(_BETWEEN_CALLS)[:-1]:
        program, *words = line.removesuffix(_BETWEEN_WORDS).split(_BETWEEN_WORDS)
        found.append(Call(program, tuple(words)))
    return found
