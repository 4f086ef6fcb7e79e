"""Statements said otherwise, so that a doomed transaction can be answered.

All parameters keep their numbers, and the rewritten text gives each the type that the statement
gave it; whoever prepares it should still pass the statement's own parameter types.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec

from worldseat.local_dsql.dialect import locked, trees
from worldseat.local_dsql.dialect.changed_rows import Columns, deleted, updated
from worldseat.local_dsql.dialect.inserted_rows import inserted
from worldseat.local_dsql.dialect.parser import TooDeep, nodes, rewritable, write
from worldseat.local_dsql.dialect.statement import Kind, Statement
from worldseat.local_dsql.dialect.trees import Node

_CACHED = 1024
_P = ParamSpec("_P")


def answer_from_snapshot(statement: Statement, columns: Callable[[str], Columns]) -> str | None:
    """A SELECT that answers as the statement would in this snapshot, without writing or locking.

    One row for each affected row, with exactly the RETURNING list as after the write; `SELECT 1`
    for each where nothing returns. For a LOCK statement its own rows.

    `columns(table)` gives the table's columns in their order, each with its type as SQL writes it
    ("character varying(20)"); an empty sequence for a table that the caller cannot answer for,
    such as one with generated columns.

    None, where the answer would not be faithful:
    - any statement that writes inside a WITH, or whose WITH has a query of the table's name;
    - EXPLAIN ANALYZE;
    - RETURNING together with UPDATE … FROM or DELETE … USING;
    - UPDATE with RETURNING that sets a column to DEFAULT; `(a, b) = (SELECT …)`; part of a column;
    - INSERT with ON CONFLICT; with RETURNING: of a column that it does not name or gives DEFAULT,
      with a sub-select, with OVERRIDING; `INSERT INTO t SELECT *` without a column list, or with a
      bare parameter behind the star;
    - RETURNING of system columns, of whole rows, or of columns with their schema's name (a
      DELETE can answer these);
    - a statement nested deeper than some 45 levels.

    Not repeated is what the write alone would find wrong: NOT NULL, CHECK, foreign and unique keys,
    and text too long for its column, which is cut instead. The transaction is lost either way.
    """
    if statement.kind is Kind.LOCK:
        return _unlocked(statement.sql)
    if statement.kind is not Kind.WRITE or len(statement.written) != 1:
        return None
    known = tuple((name, kind) for name, kind in columns(statement.written[0]))
    return _answer(statement.sql, known) if known else None


def insert_unless_there(statement: Statement) -> str | None:
    """The same INSERT with ON CONFLICT DO NOTHING; None for another statement, or if it says so.

    At REPEATABLE READ, PostgreSQL then raises 40001 exactly when a key is there that the snapshot
    does not show.
    """
    return _unless_there(statement.sql) if statement.tag == "INSERT" else None


def locked_rows(statement: Statement) -> str | None:
    """The rows that a LOCK statement locks: `(table, ctid)`, both as text, in no certain order.

    It locks them as the statement does, and takes the statement's parameters.

    None where a lock stands inside a sub-select, a WITH or an EXPLAIN, or where a sub-select in
    FROM is locked. A view has no ctid: PostgreSQL answers 42703 there.
    """
    return _rows(statement.sql) if statement.kind is Kind.LOCK else None


def _unless_too_deep(rewrite: Callable[_P, str | None]) -> Callable[_P, str | None]:
    """The rewrite, which answers None where the tree that it makes gets too deep."""

    @wraps(rewrite)
    def careful(*args: _P.args, **keywords: _P.kwargs) -> str | None:
        try:
            return rewrite(*args, **keywords)
        except TooDeep:
            return None

    return careful


@lru_cache(maxsize=_CACHED)
@_unless_too_deep
def _answer(sql: str, columns: Columns) -> str | None:
    node = _only(sql)
    if node is None:
        return None
    match trees.kind(node):
        case "update_stmt":
            statement = node.update_stmt
            found = updated(statement, columns)
        case "delete_stmt":
            statement = node.delete_stmt
            found = deleted(statement)
        case "insert_stmt":
            statement = node.insert_stmt
            found = inserted(statement, columns)
        case _:
            return None
    if found is None or not _can_be_kept(statement):
        return None
    if statement.HasField("with_clause"):
        found.with_clause.CopyFrom(statement.with_clause)
    return trees.sql(locked.unlocked(found))


def _can_be_kept(statement: Node) -> bool:
    """Whether the statement's WITH only reads, and leaves the table's name to the table."""
    queries = [cte.common_table_expr for cte in statement.with_clause.ctes]
    hidden = not statement.relation.schemaname and statement.relation.relname
    return all(
        trees.kind(each.ctequery) == "select_stmt" and each.ctename != hidden for each in queries
    )


@lru_cache(maxsize=_CACHED)
@_unless_too_deep
def _unlocked(sql: str) -> str | None:
    query = _query(sql)
    return trees.sql(locked.unlocked(query)) if query is not None else None


@lru_cache(maxsize=_CACHED)
@_unless_too_deep
def _unless_there(sql: str) -> str | None:
    tree = rewritable(sql)
    if tree is None or tree.stmts[0].stmt.insert_stmt.HasField("on_conflict_clause"):
        return None
    clause = tree.stmts[0].stmt.insert_stmt.on_conflict_clause
    clause.action = nodes.ONCONFLICT_NOTHING
    return write(tree)


@lru_cache(maxsize=_CACHED)
@_unless_too_deep
def _rows(sql: str) -> str | None:
    query = _query(sql)
    return locked.rows(query) if query is not None else None


def _query(sql: str) -> Node | None:
    node = _only(sql)
    return node.select_stmt if node is not None and trees.kind(node) == "select_stmt" else None


def _only(sql: str) -> Node | None:
    tree = rewritable(sql)
    return tree.stmts[0].stmt if tree is not None else None
