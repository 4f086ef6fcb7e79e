"""Small pieces of parse trees, for the rewrites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from worldseat.local_dsql.dialect.parser import nodes, rewritable, write

# A node of the parser's tree. Its classes are made at run time, so they have no types.
Node = Any


def select(targets: Sequence[Node], source: Sequence[Node], where: Node | None = None) -> Node:
    """`SELECT targets FROM source WHERE where`, as a SelectStmt."""
    made = nodes.SelectStmt(
        target_list=targets,
        from_clause=source,
        limit_option=nodes.LIMIT_OPTION_DEFAULT,
        op=nodes.SETOP_NONE,
    )
    if where is not None:
        made.where_clause.CopyFrom(where)
    return made


def sql(statement: Node) -> str:
    """A SelectStmt as SQL."""
    stmt = nodes.RawStmt(stmt=nodes.Node(select_stmt=statement))
    return write(nodes.ParseResult(stmts=[stmt]))


def target(value: Node, name: str = "") -> Node:
    """`value AS name`."""
    return nodes.Node(res_target=nodes.ResTarget(name=name, val=value))


def one() -> Node:
    """The number 1."""
    return nodes.Node(a_const=nodes.A_Const(ival=nodes.Integer(ival=1)))


def null() -> Node:
    """NULL."""
    return nodes.Node(a_const=nodes.A_Const(isnull=True))


def column(*names: str) -> Node:
    """A column, dotted."""
    return nodes.Node(column_ref=nodes.ColumnRef(fields=[_string(name) for name in names]))


def cast(value: Node, type_text: str) -> Node:
    """`CAST(value AS type_text)`."""
    return nodes.Node(
        type_cast=nodes.TypeCast(arg=value, type_name=_type_name(type_text), location=-1)
    )


def array(elements: Sequence[Node]) -> Node:
    """`ARRAY[elements]`."""
    return nodes.Node(a_array_expr=nodes.A_ArrayExpr(elements=elements))


def table(relation: Node) -> Node:
    """A table in FROM."""
    return nodes.Node(range_var=relation)


def subquery(statement: Node, alias: str, columns: Sequence[str] = ()) -> Node:
    """`(statement) AS alias (columns)` in FROM."""
    named = nodes.Alias(aliasname=alias, colnames=[_string(name) for name in columns])
    inner = nodes.Node(select_stmt=statement)
    return nodes.Node(range_subselect=nodes.RangeSubselect(subquery=inner, alias=named))


def exists(statement: Node) -> Node:
    """`EXISTS (statement)`."""
    return nodes.Node(
        sub_link=nodes.SubLink(
            sub_link_type=nodes.EXISTS_SUBLINK, subselect=nodes.Node(select_stmt=statement)
        )
    )


def known_as(relation: Node) -> str:
    """What the statement calls its target: the alias, or the table's own name."""
    return str(relation.alias.aliasname or relation.relname)


def kind(node: Node) -> str | None:
    """Which member of the union `Node` is set, for example "column_ref"."""
    found: str | None = node.WhichOneof("node")
    return found


def inside(message: Node) -> Iterator[Node]:
    """The message and every message in it."""
    pending = [message]
    while pending:
        each = pending.pop()
        yield each
        for field, value in each.ListFields():
            if field.message_type is not None:
                pending.extend(value if field.is_repeated else [value])


def column_refs(message: Node) -> list[list[str]]:
    """The columns that are named anywhere inside, as lists of words; "*" for a star."""
    return [
        [each.string.sval if kind(each) == "string" else "*" for each in found.fields]
        for found in inside(message)
        if isinstance(found, nodes.ColumnRef)
    ]


def has(message: Node, wanted: type) -> bool:
    """Whether a message of this class is anywhere inside."""
    return any(isinstance(each, wanted) for each in inside(message))


def _string(text: str) -> Node:
    return nodes.Node(string=nodes.String(sval=text))


@lru_cache(maxsize=512)
def _type_name(text: str) -> Node:
    tree: Node = rewritable(f"SELECT CAST(NULL AS {text})")
    return tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val.type_cast.type_name
