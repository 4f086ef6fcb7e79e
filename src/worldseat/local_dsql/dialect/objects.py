"""The DDL that is about neither a table's columns nor an index.

Recorded: unsupported.json, supported.json, enum.json. An object that is not listed here is refused.
"""

from __future__ import annotations

from collections.abc import Callable

from worldseat.local_dsql.dialect.column_types import refuse_type
from worldseat.local_dsql.dialect.expressions import survey
from worldseat.local_dsql.dialect.names import option, word_set
from worldseat.local_dsql.dialect.parser import Tree, read_tree
from worldseat.local_dsql.dialect.refused import unsupported
from worldseat.local_dsql.dialect.sequences import refuse_sequence
from worldseat.local_dsql.dialect.tables import refuse_create

# A table keeps its rows' place in a sequence or a schema; what may be dropped may be renamed, but
# for an index: AWS's linter refuses ALTER INDEX.
_DROPPED = word_set("TABLE VIEW INDEX SEQUENCE SCHEMA DOMAIN FUNCTION STATISTIC_EXT")
_RENAMED = word_set(
    "TABLE VIEW SEQUENCE SCHEMA DOMAIN FUNCTION COLUMN TABCONSTRAINT DOMCONSTRAINT ROLE "
    "STATISTIC_EXT"
)
_MOVED = word_set("TABLE VIEW SEQUENCE DOMAIN FUNCTION STATISTIC_EXT")
_OWNED = word_set("TABLE VIEW SEQUENCE SCHEMA DOMAIN FUNCTION STATISTIC_EXT")
# IAM says who may come in; a role has no password and no power over the server.
_ROLE_OPTIONS = word_set("canlogin inherit rolemembers addroleto adminmembers")


def refuse_drop(body: Tree) -> None:
    """DROP of anything but the listed objects."""
    if _object(body["removeType"]) not in _DROPPED:
        raise unsupported("unsupported object in DROP statement")
    if body.get("concurrent", False):
        raise unsupported("CONCURRENTLY not supported for DROP INDEX")


def refuse_rename(body: Tree) -> None:
    """ALTER … RENAME of anything but the listed objects."""
    if _object(body["renameType"]) not in _RENAMED:
        raise unsupported("unsupported object in RENAME statement")


def refuse_move(body: Tree) -> None:
    """ALTER … SET SCHEMA of anything but the listed objects."""
    if _object(body["objectType"]) not in _MOVED:
        raise unsupported("unsupported object in ALTER SET SCHEMA statement")


def refuse_owner(body: Tree) -> None:
    """ALTER … OWNER TO of anything but the listed objects."""
    if _object(body["objectType"]) not in _OWNED:
        raise unsupported("unsupported object in ALTER OWNER statement")


def refuse_view(body: Tree) -> None:
    """CREATE VIEW: not for one session only."""
    if body["view"]["relpersistence"] == "t":
        raise unsupported("TEMPORARY or TEMP view not supported for CREATE VIEW")
    survey(body)


def refuse_schema(body: Tree) -> None:
    """CREATE SCHEMA, with tables and views at most."""
    rules: dict[str, Callable[[Tree], None]] = {
        "CreateStmt": refuse_create,
        "ViewStmt": refuse_view,
    }
    for element in body.get("schemaElts", []):
        ((name, inner),) = element.items()
        if name not in rules:
            raise unsupported(f"unsupported statement: {name.removesuffix('Stmt')}")
        rules[name](inner)


def refuse_new_sequence(body: Tree) -> None:
    """CREATE SEQUENCE."""
    if body["sequence"]["relpersistence"] != "p":
        raise unsupported("TEMPORARY or TEMP sequence not supported for CREATE SEQUENCE")
    refuse_sequence(body.get("options", []), "CREATE SEQUENCE")


def refuse_changed_sequence(body: Tree) -> None:
    """ALTER SEQUENCE."""
    refuse_sequence(body.get("options", []), "ALTER SEQUENCE")


def refuse_domain(body: Tree) -> None:
    """CREATE DOMAIN over a type that a column could have."""
    survey(body)
    refuse_type(body["typeName"])


def refuse_domain_change(body: Tree) -> None:
    """ALTER DOMAIN."""
    survey(body)


def refuse_role_setting(body: Tree) -> None:
    """ALTER ROLE … SET: the service keeps no parameters with a role; RESET finds nothing to do."""
    if not body["setstmt"]["kind"].startswith("VAR_RESET"):
        raise unsupported("unsupported statement: AlterRoleSet")


def refuse_role(body: Tree) -> None:
    """CREATE ROLE with no more than a way in."""
    for each in body.get("options", []):
        name = each["DefElem"]["defname"]
        if name not in _ROLE_OPTIONS:
            raise unsupported(f"CREATE ROLE with option {name} not supported")


def refuse_grant(body: Tree) -> None:
    """GRANT and REVOKE on the database, and on the schema that the service itself keeps."""
    kind = _object(body["objtype"])
    if kind == "DATABASE":
        raise unsupported("unsupported object type in GRANT")
    if kind == "SCHEMA" and {"String": {"sval": "public"}} in body["objects"]:
        raise unsupported("feature not supported on system entity")


def refuse_type_statement(_body: Tree) -> None:
    """CREATE TYPE."""
    raise unsupported("CREATE TYPE not supported")


def refuse_altered_type(_body: Tree) -> None:
    """ALTER TYPE."""
    raise unsupported("ALTER TYPE not supported")


def refuse_trigger(_body: Tree) -> None:
    """CREATE TRIGGER."""
    raise unsupported("CREATE TRIGGER not supported")


def refuse_function(body: Tree) -> None:
    """CREATE FUNCTION in another language than SQL, or one that does more than read.

    The latter is a limit of this cluster: a SELECT that calls the function must be no write.
    """
    if body.get("is_procedure", False):
        raise unsupported("CREATE PROCEDURE not supported")
    options = body.get("options", [])
    language = (option(options, "language") or {}).get("arg", {}).get("String", {})
    if language.get("sval", "sql").lower() != "sql":
        raise unsupported(f"CREATE FUNCTION with language {language['sval']} not supported")
    text = option(options, "as")
    inside = read_tree(text["arg"]["List"]["items"][0]["String"].get("sval", "")) if text else []
    found = [survey(body), *(survey(each["stmt"]) for each in inside)]
    only_selects = all("SelectStmt" in each["stmt"] for each in inside)
    if not only_selects or any(each.written or each.lock for each in found):
        raise unsupported("CREATE FUNCTION with a body that writes or locks not supported")


def _object(kind: str) -> str:
    return kind.removeprefix("OBJECT_")
