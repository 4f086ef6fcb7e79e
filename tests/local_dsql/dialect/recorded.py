"""Statements with what is to become of them, one a line, in the files beside this one.

recorded_*.tsv hold what a real cluster answered, as recorded by somebody else: Dreamescaper's
dsql-emulator, test/conformance/golden/*.json, Aurora DSQL in eu-central-1, 2026-09-15 to
2026-09-18. Facts only: the case, the SQLSTATE and the message, the statement with shorter names.
Cases that only data, the catalog or the state of a session can decide are the session's.

unrecorded_refusals.tsv holds what AWS's documentation or linter says, all 0A000. The messages
follow their recorded neighbours, unless they were reported: "function … not supported"
(golang-migrate/migrate, issue 1289), "setting configuration parameter …" (pgadmin-org/pgadmin4,
issue 9433), "unsupported statement: DeclareCursor" and "… Lock" (AWS on Django and pg_dump),
"feature not supported on system entity" (aws-samples/aurora-dsql-samples, pull request 1492).
"""

from pathlib import Path
from typing import NamedTuple


class Refusal(NamedTuple):
    """A statement that is refused."""

    name: str
    sqlstate: str
    message: str
    sql: str


class Taken(NamedTuple):
    """A statement that is taken."""

    name: str
    tag: str
    sql: str


def _rows(name: str) -> list[list[str]]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


REFUSALS = [Refusal(*row) for row in _rows("recorded_refusals.tsv")]
TAKEN = [Taken(*row) for row in _rows("recorded_taken.tsv")]
UNRECORDED = [
    Refusal(sql, "0A000", message, sql) for message, sql in _rows("unrecorded_refusals.tsv")
]
