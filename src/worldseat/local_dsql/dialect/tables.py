"""CREATE TABLE and ALTER TABLE, as far as the service takes them.

Recorded: unsupported.json, supported.json, alters.json, backlog.json, types.json. What AWS's own
linter refuses and nobody has recorded is refused with a text after the pattern of its neighbours.
"""

from __future__ import annotations

from worldseat.local_dsql.dialect.column_types import refuse_identity_type, refuse_type
from worldseat.local_dsql.dialect.expressions import survey
from worldseat.local_dsql.dialect.names import option, words
from worldseat.local_dsql.dialect.parser import Tree
from worldseat.local_dsql.dialect.refused import Refused, unsupported
from worldseat.local_dsql.dialect.sequences import refuse_cache

_MOST_COLUMNS = 255
_MOST_KEY_COLUMNS = 8
_TOO_MANY_COLUMNS = "54011"
# Members of a CreateStmt that the service has no clause for, and how the clause is called.
_CLAUSES = {
    "partspec": "PARTITION BY",
    "partbound": "PARTITION OF",
    "ofTypename": "OF type",
    "inhRelations": "INHERITS",
    "options": "WITH storage parameters",
    "accessMethod": "USING",
    "tablespacename": "TABLESPACE",
}
_PERSISTENCE = {"t": "TEMPORARY or TEMP", "u": "UNLOGGED"}
_TAKEN = frozenset({
    "AT_AddColumn", "AT_AddConstraint", "AT_AddIdentity", "AT_ChangeOwner", "AT_ColumnDefault",
    "AT_DropColumn", "AT_DropConstraint", "AT_DropIdentity", "AT_DropNotNull", "AT_SetIdentity",
    "AT_SetStatistics", "AT_SetStorage", "AT_ValidateConstraint",
})  # fmt: skip
# How a refused action is called; any other takes the name of the parser's node.
_ACTIONS = {
    "AT_AlterColumnType": "ALTER COLUMN ... SET DATA TYPE",
    "AT_SetNotNull": "ALTER COLUMN ... SET NOT NULL",
    "AT_DropExpression": "ALTER COLUMN ... DROP EXPRESSION",
    "AT_SetCompression": "ALTER COLUMN ... SET COMPRESSION",
    "AT_EnableRowSecurity": "ENABLE ROW LEVEL SECURITY",
    "AT_DisableRowSecurity": "DISABLE ROW LEVEL SECURITY",
    "AT_ForceRowSecurity": "FORCE ROW LEVEL SECURITY",
    "AT_NoForceRowSecurity": "NO FORCE ROW LEVEL SECURITY",
    "AT_ReplicaIdentity": "REPLICA IDENTITY",
    "AT_AttachPartition": "ATTACH PARTITION",
    "AT_DetachPartition": "DETACH PARTITION",
    "AT_AddInherit": "INHERIT",
    "AT_DropInherit": "NO INHERIT",
    "AT_SetRelOptions": "SET storage parameters",
    "AT_ResetRelOptions": "RESET storage parameters",
    "AT_SetTableSpace": "SET TABLESPACE",
    "AT_SetLogged": "SET LOGGED",
    "AT_SetUnLogged": "SET UNLOGGED",
    "AT_ClusterOn": "CLUSTER ON",
}
_KEYS = {"CONSTR_PRIMARY", "CONSTR_UNIQUE"}
_LATER = {"CONSTR_CHECK", "CONSTR_FOREIGN"}
# STATISTICS of a column: AWS's linter takes 0 to 100, and -1 for the default.
_MOST_STATISTICS = 100


def refuse_create(body: Tree) -> None:
    """Refuse what CREATE TABLE cannot have.

    Raises:
        Refused: 0A000, 42704 for a serial type, 54011 for too many columns.
    """
    kept = _PERSISTENCE.get(body["relation"]["relpersistence"])
    if kept:
        raise unsupported(f"{kept} table not supported for CREATE TABLE")
    for member, clause in _CLAUSES.items():
        if member in body:
            raise unsupported(f"{clause} not supported for CREATE TABLE")
    if body["oncommit"] != "ONCOMMIT_NOOP":
        raise unsupported("ON COMMIT not supported for CREATE TABLE")
    survey(body)
    columns = [each["ColumnDef"] for each in body.get("tableElts", []) if "ColumnDef" in each]
    if len(columns) > _MOST_COLUMNS:
        raise Refused(_TOO_MANY_COLUMNS, f"tables can have at most {_MOST_COLUMNS} columns")
    for column in columns:
        _column(column)
    for each in body.get("tableElts", []):
        _table_constraint(each.get("Constraint", {}))


def refuse_alter(body: Tree, *, asynchronous: bool) -> None:
    """Refuse what ALTER TABLE cannot do, and what ALTER TABLE ASYNC is not for."""
    of = body["objtype"].removeprefix("OBJECT_")
    if of in {"INDEX", "TYPE"}:
        raise unsupported(f"ALTER {of} not supported")
    if of not in {"TABLE", "VIEW", "SEQUENCE"}:
        raise unsupported(f"unsupported statement: Alter{of.title()}")
    survey(body)
    for each in body["cmds"]:
        action = each["AlterTableCmd"]
        subtype = action["subtype"]
        if asynchronous != (subtype == "AT_ValidateConstraint"):
            name = "VALIDATE CONSTRAINT" if not asynchronous else "ASYNC"
            raise unsupported(f"unsupported ALTER TABLE {name} statement")
        if subtype not in _TAKEN:
            raise unsupported(f"unsupported ALTER TABLE {_action(subtype)} statement")
        _alter(action)


def dropped_columns(body: Tree) -> tuple[str, ...]:
    """The columns that an ALTER TABLE drops."""
    actions = [each["AlterTableCmd"] for each in body["cmds"]]
    return tuple(each["name"] for each in actions if each["subtype"] == "AT_DropColumn")


def _action(subtype: str) -> str:
    return _ACTIONS.get(subtype, subtype.removeprefix("AT_"))


def _alter(action: Tree) -> None:
    definition = action.get("def", {})
    match action["subtype"]:
        case "AT_AddColumn":
            _added_column(definition["ColumnDef"])
        case "AT_AddConstraint":
            _added_constraint(definition["Constraint"])
        case "AT_AddIdentity":
            refuse_cache(definition["Constraint"].get("options", []), "identity column")
        case "AT_SetIdentity" if option(definition["List"]["items"], "cache"):
            refuse_cache(definition["List"]["items"], "identity column")
        case "AT_SetStatistics":
            target = definition.get("Integer", {}).get("ival", 0) if definition else None
            if target is None or not -1 <= target <= _MOST_STATISTICS:
                raise unsupported(
                    "unsupported ALTER TABLE ALTER COLUMN ... SET STATISTICS statement"
                )


def _added_column(column: Tree) -> None:
    if any("Constraint" in each for each in column.get("constraints", [])):
        # Recorded for NOT NULL, DEFAULT, CHECK, UNIQUE and IDENTITY, before any word on the type.
        raise unsupported("ALTER TABLE ADD COLUMN with constraint not supported")
    _column(column)


def _added_constraint(constraint: Tree) -> None:
    kind = constraint["contype"]
    later = kind in _LATER and constraint.get("skip_validation", False)
    adopts = kind == "CONSTR_UNIQUE" and "indexname" in constraint
    if not later and not adopts:
        raise unsupported("unsupported ALTER TABLE ADD CONSTRAINT statement")


def _column(column: Tree) -> None:
    if "compression" in column:
        raise unsupported("COMPRESSION clause not supported")
    constraints = [each["Constraint"] for each in column.get("constraints", [])]
    for constraint in constraints:
        if constraint["contype"] == "CONSTR_IDENTITY":
            refuse_cache(constraint.get("options", []), "identity column")
            refuse_identity_type(column["typeName"])
        _table_constraint(constraint)
    refuse_type(column["typeName"])


def _table_constraint(constraint: Tree) -> None:
    kind = constraint.get("contype")
    if kind == "CONSTR_EXCLUSION":
        raise unsupported("EXCLUDE constraint not supported for CREATE TABLE")
    if kind in _KEYS:
        if "indexspace" in constraint:
            raise unsupported("TABLESPACE not supported for CREATE TABLE")
        if "options" in constraint:
            raise unsupported("WITH storage parameters not supported for CREATE TABLE")
        refuse_key(len(words(constraint.get("keys", []))))


def refuse_key(columns: int) -> None:
    """Refuse a primary key or an index over more columns than the service's quota."""
    if columns > _MOST_KEY_COLUMNS:
        raise Refused(
            _TOO_MANY_COLUMNS, f"cannot use more than {_MOST_KEY_COLUMNS} columns in an index"
        )
