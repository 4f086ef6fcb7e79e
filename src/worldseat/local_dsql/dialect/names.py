"""Names out of the parser's tree, written so that `::regclass` and people can read them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from worldseat.local_dsql.dialect.parser import Tree

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def word_set(text: str) -> frozenset[str]:
    """The words of a text, for the lists of this package."""
    return frozenset(text.split())


def quoted(name: str) -> str:
    """A name in quotation marks where it needs them.

    A reserved word stays bare: `::regclass` reads words, not SQL.
    """
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def table_name(relation: Tree) -> str:
    """A table as the text names it, with its schema where the text gives one."""
    name = quoted(relation["relname"])
    schema = relation.get("schemaname")
    return f"{quoted(schema)}.{name}" if schema else name


def words(parts: Sequence[Tree]) -> list[str]:
    """The words of a dotted name."""
    return [part["String"].get("sval", "") for part in parts]


def option(options: Sequence[Tree], name: str) -> Tree | None:
    """The DefElem of this name among the options of a statement."""
    for each in options:
        found: Tree = each["DefElem"]
        if found["defname"] == name:
            return found
    return None


def whole_number(element: Tree) -> int | None:
    """The number that an option carries; None where it carries something else.

    The tree leaves a zero out, and keeps as text what an int4 cannot hold.
    """
    value = element.get("arg", {})
    if "Float" in value:
        return int(float(value["Float"]["fval"]))
    return int(value["Integer"].get("ival", 0)) if "Integer" in value else None


def constant_text(node: Tree) -> str | None:
    """The text of a string constant; None where the node is something else."""
    constant = node.get("A_Const", {})
    return str(constant["sval"].get("sval", "")) if "sval" in constant else None
