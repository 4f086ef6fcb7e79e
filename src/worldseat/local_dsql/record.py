"""What clients send, written down: each text once, for whoever wants to look at a program's SQL."""

import json
from collections.abc import Sequence
from pathlib import Path

TEXTS_MAX = 10_000


class Record:
    """A file of JSON lines `{"sql", "application", "oids"}`; `oids` are the parameters' types."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: set[tuple[str, str]] = set()

    def note(self, sql: str, *, application: str, oids: Sequence[int]) -> None:
        """Write a statement down, unless this application's is there already. Blocks shortly."""
        if (sql, application) in self._seen or len(self._seen) >= TEXTS_MAX:
            return
        self._seen.add((sql, application))
        line = json.dumps({"sql": sql, "application": application, "oids": list(oids)})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
