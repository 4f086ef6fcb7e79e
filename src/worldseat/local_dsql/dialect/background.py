"""An index build as PostgreSQL runs it beside everybody's work."""

from __future__ import annotations

from dataclasses import dataclass

from worldseat.local_dsql.dialect.parser import rewritable, write
from worldseat.local_dsql.dialect.refused import Refused
from worldseat.local_dsql.dialect.statement import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """The SQL of a build, and whether the index may be there already."""

    sql: str
    if_not_exists: bool


def concurrently(statement: Statement) -> Build:
    """Return how to build the index of an INDEX_ASYNC. Raises Refused: 54001, nested too deeply."""
    tree = rewritable(statement.sql)
    if tree is None:
        raise Refused("54001", "stack depth limit exceeded")
    index = tree.stmts[0].stmt.index_stmt
    index.concurrent = True
    return Build(sql=write(tree), if_not_exists=index.if_not_exists)
