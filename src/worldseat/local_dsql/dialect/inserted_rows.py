"""A plain INSERT as a SELECT: what it would answer, without the rows."""

from __future__ import annotations

from collections.abc import Sequence

from worldseat.local_dsql.dialect import trees
from worldseat.local_dsql.dialect.changed_rows import Columns, answerable, returned
from worldseat.local_dsql.dialect.parser import nodes
from worldseat.local_dsql.dialect.trees import Node

_GIVEN = "given"


def inserted(statement: Node, columns: Columns) -> Node | None:
    """The SELECT for an InsertStmt; None where it cannot be done faithfully.

    Each value is cast where it stands, so that a parameter keeps the type that the column gave it.
    """
    returning = returned(statement)
    plain = statement.override in {0, nodes.OVERRIDING_NOT_SET} or not returning
    if statement.HasField("on_conflict_clause") or not plain:
        return None
    source = nodes.SelectStmt()  # It stays empty for DEFAULT VALUES: one row without columns.
    source.CopyFrom(statement.select_stmt.select_stmt)
    goals = _goals(statement, source, columns)
    if goals is None or _is_ragged(source) or _hides_a_parameter(source):
        return None
    unsaid = _cast_in_place(source, goals)
    # In the table's order, which is the order of a star.
    known = [each for each in columns if each in goals and each[0] not in unsaid]
    name = trees.known_as(statement.relation)
    if not _all_given(returning, name, columns, known):
        return None
    row = [trees.target(trees.cast(trees.column(_GIVEN, goal), kind), goal) for goal, kind in known]
    given = trees.subquery(source, _GIVEN, [goal for goal, _kind in goals])
    after = trees.select(row or [trees.target(trees.one())], [given])
    return trees.select(returning or [trees.target(trees.one())], [trees.subquery(after, name)])


def _goals(statement: Node, source: Node, columns: Columns) -> Columns | None:
    """The columns that get a value, in the order of the values; None where that is not plain."""
    width = _width(source)
    if not statement.cols:
        return columns[:width] if width is not None and width <= len(columns) else None
    types = dict(columns)
    named = [each.res_target for each in statement.cols]
    if any(each.indirection or each.name not in types for each in named):
        return None
    if width is not None and width != len(named):
        return None
    return [(each.name, types[each.name]) for each in named]


def _width(source: Node) -> int | None:
    """How many columns a query has; None where a star hides it."""
    while source.op not in {0, nodes.SETOP_NONE}:
        source = source.larg
    if source.values_lists:
        return len(source.values_lists[0].list.items)
    if any(_is_star(each.res_target.val) for each in source.target_list):
        return None
    return len(source.target_list)


def _is_ragged(source: Node) -> bool:
    """Whether the rows of VALUES differ in length."""
    return len({len(row.list.items) for row in source.values_lists}) > 1


def _hides_a_parameter(source: Node) -> bool:
    """Whether a bare parameter stands behind a star, so that its column and type are not known."""
    kinds = [
        "star" if _is_star(each.res_target.val) else trees.kind(each.res_target.val)
        for each in source.target_list
    ]
    return "star" in kinds and "param_ref" in kinds[kinds.index("star") :]


def _is_star(value: Node) -> bool:
    return trees.kind(value) == "column_ref" and trees.kind(value.column_ref.fields[-1]) == "a_star"


def _cast_in_place(source: Node, goals: Columns) -> set[str]:
    """Cast the values of VALUES, and bare parameters and constants of a SELECT list.

    Returns the columns for which some row says DEFAULT; there NULL stands instead.
    """
    unsaid: set[str] = set()
    for row in source.values_lists:
        for item, (goal, kind) in zip(row.list.items, goals, strict=True):
            if trees.kind(item) == "set_to_default":
                unsaid.add(goal)
                item.CopyFrom(trees.null())
            item.CopyFrom(trees.cast(item, kind))
    for each, (_goal, kind) in zip(source.target_list, goals, strict=False):
        if _is_star(each.res_target.val):
            break
        if trees.kind(each.res_target.val) in {"param_ref", "a_const"}:
            each.res_target.val.CopyFrom(trees.cast(each.res_target.val, kind))
    return unsaid


def _all_given(returning: Sequence[Node], name: str, columns: Columns, known: Columns) -> bool:
    """Whether RETURNING asks only for columns that the statement itself gives a value."""
    given = {column for column, _type in known}
    everything = given == {column for column, _type in columns}
    for each in returning:
        if trees.has(each, nodes.SubLink):
            return False
        for words in trees.column_refs(each):
            if words[-1] not in given and not (words[-1] == "*" and everything):
                return False
    return answerable(returning, name, columns)
