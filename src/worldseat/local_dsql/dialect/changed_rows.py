"""UPDATE and DELETE as a SELECT: what they would answer, without the change."""

from __future__ import annotations

from collections.abc import Sequence

from worldseat.local_dsql.dialect import trees
from worldseat.local_dsql.dialect.trees import Node

Columns = Sequence[tuple[str, str]]

# A row that was never written has none of these.
_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


def updated(statement: Node, columns: Columns) -> Node | None:
    """The SELECT for an UpdateStmt; None where it cannot be done faithfully.

    The rows as they would be after the write are a sub-select under the table's own name, so the
    RETURNING list stays as it is, names of its columns included.
    """
    returning = returned(statement)
    values = _assigned(statement, columns, answered=bool(returning))
    if values is None:
        return None
    name = trees.known_as(statement.relation)
    if statement.from_clause:
        return None if returning else _joined(statement, statement.from_clause, values)
    if not answerable(returning, name, columns):
        return None
    row = [
        trees.target(values.get(column) or trees.column(name, column), column)
        for column, _type in columns
    ]
    where = statement.where_clause if statement.HasField("where_clause") else None
    after = trees.select(row, [trees.table(statement.relation)], where)
    return trees.select(returning or [trees.target(trees.one())], [trees.subquery(after, name)])


def deleted(statement: Node) -> Node | None:
    """The SELECT for a DeleteStmt; None where it cannot be done faithfully."""
    returning = returned(statement)
    if statement.using_clause:
        return None if returning else _joined(statement, statement.using_clause, {})
    where = statement.where_clause if statement.HasField("where_clause") else None
    source = [trees.table(statement.relation)]
    return trees.select(returning or [trees.target(trees.one())], source, where)


def returned(statement: Node) -> list[Node]:
    """The RETURNING list of a statement that writes."""
    return list(statement.returning_clause.exprs)


def answerable(returning: Sequence[Node], name: str, columns: Columns) -> bool:
    """Whether a sub-select under the table's name can stand for its rows.

    It has no system columns and no schema, and as a whole it is no row of the table's type.
    """
    known = {column for column, _type in columns}
    for each in returning:
        for words in trees.column_refs(each):
            whole_row = words == [name] and name not in known
            if whole_row or len(words) > 2 or words[-1] in _SYSTEM_COLUMNS:  # noqa: PLR2004
                return False
    return True


def _joined(statement: Node, others: Sequence[Node], values: dict[str, Node]) -> Node:
    """A target row counts once, however many rows of the others it meets.

    The values are in the sub-select only so that their parameters keep their types.
    """
    where = statement.where_clause if statement.HasField("where_clause") else None
    listed = [trees.target(value) for value in values.values()] or [trees.target(trees.one())]
    meets = trees.exists(trees.select(listed, others, where))
    return trees.select([trees.target(trees.one())], [trees.table(statement.relation)], meets)


def _assigned(statement: Node, columns: Columns, *, answered: bool) -> dict[str, Node] | None:
    """The new value of each column that is set, cast to the column's type."""
    types = dict(columns)
    values: dict[str, Node] = {}
    for each in statement.target_list:
        goal = each.res_target
        value = _value(goal.val)
        if goal.indirection or goal.name not in types or value is None:
            return None
        if trees.kind(value) == "set_to_default":
            if answered:
                return None
            continue
        values[goal.name] = trees.cast(value, types[goal.name])
    return values


def _value(value: Node) -> Node | None:
    """The expression of one column, also out of `(a, b) = (1, 2)`; None for a sub-select's."""
    if trees.kind(value) != "multi_assign_ref":
        return value
    several = value.multi_assign_ref
    arguments = several.source.row_expr.args  # A sub-select has none.
    return arguments[several.colno - 1] if several.ncolumns == len(arguments) else None
