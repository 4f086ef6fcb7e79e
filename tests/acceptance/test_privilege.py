"""What a role that may do too much leaves behind, and what becomes of it."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from worldseat.acceptance import privilege
from worldseat.acceptance.tables import Tables
from worldseat.acceptance.trial import Trial
from worldseat.domain.acceptance import Promise, Standing
from worldseat.settings import REGIONS
from worldseat.stores.dsql import changing

ID = "accept_" + "a" * 26
URLS = [f"postgresql://admin@abc.dsql.{region}.on.aws:5432/postgres" for region in REGIONS]


class Line:
    """A session that lets the role make tables, and drop them only after so many conflicts."""

    def __init__(self, conflicts: float) -> None:
        self.conflicts = conflicts
        self.said: list[str] = []

    async def execute(self, sql: str) -> str:
        self.said.append(sql)
        if sql.startswith("CREATE TABLE"):
            return "CREATE TABLE"
        raise asyncpg.InsufficientPrivilegeError("no")

    async def fetch(self, sql: str) -> Sequence[Any]:
        self.said.append(sql)
        self.conflicts -= 1
        if self.conflicts >= 0:
            raise asyncpg.SerializationError("schema has been updated (OC001)")
        return []

    def terminate(self) -> None:
        pass


async def tried(line: Line, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Promise:
    async def role(_: object) -> str:
        return "worldseat_app"

    async def as_role(*_: object) -> Line:
        return line

    monkeypatch.setattr(privilege, "role_of", role)
    monkeypatch.setattr(privilege, "_as_role", as_role)
    monkeypatch.setattr(changing, "PAUSE_S", 0.0)
    trial = Trial(
        privilege.NAME,
        "t",
        "statements",
        lists_all=True,
        within_limit=lambda: True,
        on_progress=lambda *_: None,
    )
    ground: Any = SimpleNamespace(tables=tables, accept_id=ID, regions=REGIONS)
    return await privilege.check(ground, trial)


async def test_what_should_not_have_been_made_is_dropped_in_spite_of_conflicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line, tables = Line(conflicts=3), Tables(ID, URLS)
    promise = await tried(line, tables, monkeypatch)
    assert (promise.standing, promise.tried, promise.broken) == (Standing.BROKEN, 12, 2)
    assert "is left" not in promise.seen
    assert line.said.count(f"DROP TABLE {ID}_forbidden") == 3 + 2
    assert tables.left == ()


async def test_what_cannot_be_dropped_is_told_and_dropped_with_the_runs_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = Tables(ID, URLS)
    promise = await tried(Line(conflicts=float("inf")), tables, monkeypatch)
    # All the rest is tried all the same.
    assert (promise.standing, promise.tried, promise.broken) == (Standing.BROKEN, 12, 2)
    assert f"TABLE {ID}_forbidden is left: " in promise.seen
    assert tables.left == (f"{ID}_forbidden",)
    # The next run knows it for a stranger.
    assert "|forbidden)$" in tables.strangers()
