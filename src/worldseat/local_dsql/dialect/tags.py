"""How PostgreSQL's command tags begin, for DDL."""

from __future__ import annotations

from worldseat.local_dsql.dialect.parser import Tree

_TAGS = {
    "AlterDefaultPrivilegesStmt": "ALTER DEFAULT PRIVILEGES",
    "AlterDomainStmt": "ALTER DOMAIN",
    "AlterRoleSetStmt": "ALTER ROLE",
    "AlterSeqStmt": "ALTER SEQUENCE",
    "AlterStatsStmt": "ALTER STATISTICS",
    "CommentStmt": "COMMENT",
    "CreateDomainStmt": "CREATE DOMAIN",
    "CreateRoleStmt": "CREATE ROLE",
    "CreateSchemaStmt": "CREATE SCHEMA",
    "CreateSeqStmt": "CREATE SEQUENCE",
    "CreateStatsStmt": "CREATE STATISTICS",
    "CreateStmt": "CREATE TABLE",
    "DropRoleStmt": "DROP ROLE",
    "ViewStmt": "CREATE VIEW",
}
# The member of a statement that names the kind of object, and the verb of its tag.
_OBJECTS = {
    "AlterObjectSchemaStmt": ("ALTER", "objectType"),
    "AlterOwnerStmt": ("ALTER", "objectType"),
    "AlterTableStmt": ("ALTER", "objtype"),
    "DropStmt": ("DROP", "removeType"),
    "RenameStmt": ("ALTER", "renameType"),
}
_SPELLED = {"STATISTIC_EXT": "STATISTICS", "TABCONSTRAINT": "TABLE", "DOMCONSTRAINT": "DOMAIN"}


def ddl_tag(node: str, body: Tree) -> str:
    """The tag of a DDL statement, for example "CREATE TABLE"."""
    if node in _TAGS:
        return _TAGS[node]
    if node in _OBJECTS:
        verb, member = _OBJECTS[node]
        kind = body[member].removeprefix("OBJECT_")
        if kind == "COLUMN":
            kind = body["relationType"].removeprefix("OBJECT_")
        return f"{verb} {_SPELLED.get(kind, kind)}"
    verb = "GRANT" if body.get("is_grant", False) else "REVOKE"
    return f"{verb} ROLE" if node == "GrantRoleStmt" else verb
