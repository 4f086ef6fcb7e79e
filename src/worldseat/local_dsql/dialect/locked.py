"""SELECT … FOR UPDATE as the list of the rows that it locks, and as a SELECT that locks none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worldseat.local_dsql.dialect import trees
from worldseat.local_dsql.dialect.parser import nodes
from worldseat.local_dsql.dialect.trees import Node

# With one of these PostgreSQL locks nothing either: it refuses the statement.
_NOT_ROW_BY_ROW = ("group_clause", "having_clause", "distinct_clause", "window_clause")


def unlocked(query: Node) -> Node:
    """The SelectStmt without any locking clause, those of its sub-selects included."""
    for each in list(trees.inside(query)):
        if isinstance(each, nodes.SelectStmt):
            del each.locking_clause[:]
    return query


def rows(query: Node) -> str | None:
    """SQL for `(table, ctid)` of the rows that a SelectStmt locks; None where that is not plain."""
    names = _locked_names(query)
    if not names or not _sort_by_expressions(query):
        return None
    tables = [
        trees.cast(trees.cast(trees.column(name, "tableoid"), "regclass"), "text") for name in names
    ]
    places = [trees.cast(trees.column(name, "ctid"), "text") for name in names]
    del query.target_list[:]
    if [trees.kind(item) for item in query.from_clause] == ["range_var"]:
        query.target_list.extend(
            [trees.target(tables[0], "table"), trees.target(places[0], "ctid")]
        )
        return trees.sql(query)
    query.target_list.extend(
        [trees.target(trees.array(tables), "tables"), trees.target(trees.array(places), "ctids")]
    )
    # A row may be met several times; the other side of an outer join may have none.
    return (
        f'SELECT DISTINCT x."table", x.ctid FROM ({trees.sql(query)}) AS q, '  # noqa: S608
        'unnest(q.tables, q.ctids) AS x ("table", ctid) WHERE x.ctid IS NOT NULL'
    )


def _locked_names(query: Node) -> list[str] | None:
    """What the query calls the tables whose rows it locks."""
    clauses = [each.locking_clause for each in query.locking_clause]
    found = [each for each in trees.inside(query) if isinstance(each, nodes.LockingClause)]
    set_fields = {field.name for field, _value in query.ListFields()}
    if len(found) != len(clauses) or set_fields.intersection(_NOT_ROW_BY_ROW):
        return None
    known: list[str] = []
    queries = {cte.common_table_expr.ctename for cte in query.with_clause.ctes}
    for item in _leaves(query.from_clause):
        kind = trees.kind(item)
        if kind == "range_var":
            if item.range_var.schemaname or item.range_var.relname not in queries:
                known.append(trees.known_as(item.range_var))
        elif kind != "range_function" and not all(each.locked_rels for each in clauses):
            return None  # A sub-select's own rows would be locked.
    named = [each.range_var.relname for clause in clauses for each in clause.locked_rels]
    names = named if named and all(each.locked_rels for each in clauses) else known
    return list(dict.fromkeys(names)) if set(names) <= set(known) else None


def _leaves(items: Sequence[Node]) -> Iterator[Node]:
    """The tables of FROM, out of its joins."""
    for item in items:
        if trees.kind(item) == "join_expr":
            yield from _leaves([item.join_expr.larg, item.join_expr.rarg])
        else:
            yield item


def _sort_by_expressions(query: Node) -> bool:
    """Put what ORDER BY means in the place of its output names and numbers; drop it without LIMIT.

    False where a number counts columns behind a star, or none at all.
    """
    if not query.HasField("limit_count") and not query.HasField("limit_offset"):
        del query.sort_clause[:]
    targets = [each.res_target for each in query.target_list]
    named = {each.name: each.val for each in targets if each.name}
    for each in query.sort_clause:
        by = each.sort_by.node
        meant = by
        if trees.kind(by) == "a_const" and by.a_const.HasField("ival"):
            place = by.a_const.ival.ival
            behind_star = any(_holds_star(goal.val) for goal in targets[:place])
            if not 0 < place <= len(targets) or behind_star:
                return False
            meant = targets[place - 1].val
        elif trees.kind(by) == "column_ref" and len(by.column_ref.fields) == 1:
            meant = named.get(by.column_ref.fields[0].string.sval, by)
        # A bare constant would count columns again, or be refused there; a cast one sorts nothing.
        constant = trees.kind(meant) == "a_const"
        by.CopyFrom(trees.cast(trees.null(), "text") if constant else meant)
    return True


def _holds_star(value: Node) -> bool:
    return any(words[-1] == "*" for words in trees.column_refs(value))
