"""What is found anywhere inside a statement: what it writes, what it locks, what is refused.

Sources: the recorded answers named in tests/local_dsql/dialect/recorded.py; the texts for
functions follow the recorded "function pg_advisory_lock not supported".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from worldseat.local_dsql.dialect.names import constant_text, table_name, word_set, words
from worldseat.local_dsql.dialect.parser import Tree
from worldseat.local_dsql.dialect.refused import Refused, unsupported

_LOCKS = {"LCS_FORUPDATE": "UPDATE", "LCS_FORKEYSHARE": "KEY SHARE"}
_TEXT_SEARCH = word_set(
    "to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_headline "
    "json_to_tsvector jsonb_to_tsvector"
)
_GEOMETRY = word_set("box circle line lseg path point polygon")
# What has no meaning without a server of one's own. The service's list is not published.
_REFUSED_FUNCTIONS = word_set(
    "set_config pg_notify pg_listening_channels pg_export_snapshot pg_reload_conf "
    "pg_rotate_logfile pg_switch_wal pg_promote pg_read_file pg_read_binary_file pg_ls_dir "
    "pg_stat_file pg_terminate_backend pg_cancel_backend pg_create_restore_point"
)
# Members with nothing inside them that a rule is about: most of a tree, so it pays to pass them by.
_LEAVES = word_set("A_Const ColumnRef ParamRef String TypeName name names funcname typeName")
_REFUSED_FAMILIES = ("pg_advisory_", "pg_try_advisory_", "lo_", "pg_logical_", "pg_replication_")


@dataclass(slots=True)
class Survey:
    """What a walk through a statement found."""

    written: list[str] = field(default_factory=list)
    lock: str | None = None
    # A locking clause says SKIP LOCKED or NOWAIT; where nothing is locked both mean nothing.
    waits: bool = False


def survey(statement: Tree) -> Survey:
    """Walk through the whole statement.

    Raises:
        Refused: For the first thing inside it that the service does not take.
    """
    found = Survey()
    pending: list[Any] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, list):
            pending.extend(node)
            continue
        for name, value in node.items():
            if isinstance(value, (dict, list)) and name not in _LEAVES:
                visit = _VISITS.get(name)
                if visit is not None:
                    visit(value, found)
                pending.append(value)
    return found


def function_name(call: Tree) -> str | None:
    """The name of a built-in function, in lower case; None for one in another schema."""
    parts = words(call["funcname"])
    return parts[-1] if len(parts) == 1 or parts[0] == "pg_catalog" else None


def _function(call: Tree, _found: Survey) -> None:
    if words(call["funcname"]) == ["sys", "wait_for_job"]:
        raise Refused("42809", "sys.wait_for_job(text) is a procedure")
    name = function_name(call)
    if name is None:
        return
    if name in _REFUSED_FUNCTIONS or name.startswith(_REFUSED_FAMILIES):
        raise unsupported(f"function {name} not supported")
    if name in _TEXT_SEARCH:
        arguments = call.get("args", [])
        named = constant_text(arguments[0]) if len(arguments) > 1 else None
        raise Refused("42704", f'text search configuration "{named or "english"}" does not exist')
    if name in _GEOMETRY:
        raise unsupported(f"datatype {name} not supported")


def _locking(clause: Tree, found: Survey) -> None:
    lock = _LOCKS.get(clause["strength"])
    if lock is None:
        raise unsupported("locking clauses other than FOR UPDATE/FOR KEY SHARE are not supported")
    found.lock = "UPDATE" if found.lock == "UPDATE" else lock
    found.waits = found.waits or clause["waitPolicy"] != "LockWaitBlock"


def _write(body: Tree, found: Survey) -> None:
    target = table_name(body["relation"])
    if target not in found.written:
        found.written.append(target)


def _sample(_body: Tree, _found: Survey) -> None:
    raise unsupported("TABLESAMPLE clause not supported")


def refuse_merge(_body: Tree, _found: Survey | None = None) -> None:
    """MERGE, wherever it stands."""
    raise unsupported("unsupported statement type: MERGE")


def _into(_body: Tree, _found: Survey) -> None:
    raise unsupported("unsupported statement: CreateTableAs")


def _collate(clause: Tree, _found: Survey) -> None:
    # psql writes COLLATE pg_catalog.default into what it asks the catalog.
    if words(clause["collname"])[-1] != "default":
        raise unsupported("COLLATE clause not supported", "The only collation is C.")


def _cursor(_body: Tree, _found: Survey) -> None:
    raise unsupported("WHERE CURRENT OF clause not supported")


_VISITS: dict[str, Callable[[Any, Survey], None]] = {
    "FuncCall": _function,
    "LockingClause": _locking,
    "InsertStmt": _write,
    "UpdateStmt": _write,
    "DeleteStmt": _write,
    "MergeStmt": refuse_merge,
    "RangeTableSample": _sample,
    "intoClause": _into,
    "CollateClause": _collate,
    "collClause": _collate,
    "CurrentOfExpr": _cursor,
}
