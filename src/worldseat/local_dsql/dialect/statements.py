"""Say what one statement is, and refuse it where the service does not take it.

It is an allowlist: a statement that nobody has named here is refused, as the service does it, with
"unsupported statement: " and the name of the parser's node.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from worldseat.local_dsql.dialect import indexes, objects, sessions, tables
from worldseat.local_dsql.dialect.expressions import Survey, refuse_merge, survey
from worldseat.local_dsql.dialect.names import constant_text, option, table_name, words
from worldseat.local_dsql.dialect.parser import Tree
from worldseat.local_dsql.dialect.refused import Refused, unsupported
from worldseat.local_dsql.dialect.statement import Kind, Statement
from worldseat.local_dsql.dialect.tags import ddl_tag
from worldseat.local_dsql.dialect.words import without_waiting

# A job's id is sixteen bytes in base 32, without padding (index.json).
_JOB = re.compile("[a-z2-7]{26}")
_WRITES = {"InsertStmt": "INSERT", "UpdateStmt": "UPDATE", "DeleteStmt": "DELETE"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement's place in the text that was sent."""

    text: str
    sql: str
    asynchronous: bool
    using: bool


def statement(node: str, body: Tree, sent: Sent) -> Statement:
    """The statement that a node of the parser's tree is.

    Raises:
        Refused: As the service would.
    """
    if node == "SelectStmt" or node in _WRITES:
        return _query(node, body, sent)
    special = _SPECIAL.get(node)
    if special is not None:
        return special(body, sent)
    refuse = _DDL.get(node)
    if refuse is None:
        raise unsupported(f"unsupported statement: {node.removesuffix('Stmt')}")
    refuse(body)
    return Statement(text=sent.text, sql=sent.sql, kind=Kind.DDL, tag=ddl_tag(node, body))


def _query(node: str, body: Tree, sent: Sent) -> Statement:
    found = survey({node: body})
    return Statement(
        text=sent.text,
        sql=without_waiting(sent.sql) if found.waits else sent.sql,
        kind=_query_kind(found),
        tag=_WRITES.get(node, "SELECT"),
        written=tuple(found.written),
        returning=bool(found.written) and (node == "SelectStmt" or "returningClause" in body),
        lock=None if found.written else found.lock,
    )


def _query_kind(found: Survey) -> Kind:
    if found.written:
        return Kind.WRITE
    return Kind.LOCK if found.lock else Kind.READ


def refuse_job_id(job: str) -> None:
    """Refuse what cannot be a job's id.

    Raises:
        Refused: 22P02, in the service's words.
    """
    if not _JOB.fullmatch(job):
        raise Refused("22P02", "Unable to convert text to UUID")


def _explain(body: Tree, sent: Sent) -> Statement:
    analyze = option(body.get("options", []), "analyze")
    carried_out = analyze is not None and _says_yes(analyze)
    found = survey(body)
    kind = _query_kind(found) if carried_out else Kind.READ
    return Statement(
        text=sent.text,
        sql=without_waiting(sent.sql) if found.waits else sent.sql,
        kind=kind,
        tag="EXPLAIN",
        written=tuple(found.written) if kind is Kind.WRITE else (),
        returning=kind is Kind.WRITE,
        lock=found.lock if kind is Kind.LOCK else None,
    )


def _says_yes(flag: Tree) -> bool:
    """A Boolean option as PostgreSQL reads it: without a value it is on."""
    value = flag.get("arg")
    if value is None:
        return True
    if "String" in value:
        return str(value["String"].get("sval", "")).lower() in {"true", "on", "1"}
    return bool(value.get("Integer", value.get("Boolean", {})))


def _analyze(body: Tree, sent: Sent) -> Statement:
    if body.get("is_vacuumcmd", False):
        raise unsupported("unsupported VACUUM statement")
    return Statement(text=sent.text, sql=sent.sql, kind=Kind.READ, tag="ANALYZE")


def _transaction(body: Tree, sent: Sent) -> Statement:
    kind = sessions.transaction_kind(body)
    started = body["kind"] == "TRANS_STMT_START"
    return Statement(
        text=sent.text,
        sql=sent.sql,
        kind=kind,
        tag="START TRANSACTION" if started else kind.name,
        read_only=sessions.reads_only(body),
        chained=bool(body.get("chain", False)),
    )


def _set(body: Tree, sent: Sent) -> Statement:
    setting = sessions.set_parameter(body)
    tag = "RESET" if body["kind"].startswith("VAR_RESET") else "SET"
    return Statement(text=sent.text, sql=sent.sql, kind=Kind.SET, tag=tag, setting=setting)


def _set_constraints(_body: Tree, sent: Sent) -> Statement:
    return Statement(text=sent.text, sql=sent.sql, kind=Kind.SET, tag="SET CONSTRAINTS")


def _deallocate(body: Tree, sent: Sent) -> Statement:
    if not body.get("isall", False):
        raise unsupported("unsupported statement: Deallocate", "DEALLOCATE ALL is supported.")
    return Statement(text=sent.text, sql=sent.sql, kind=Kind.SET, tag="DEALLOCATE ALL")


def _show(body: Tree, sent: Sent) -> Statement:
    sessions.refuse_show(body)
    return Statement(text=sent.text, sql=sent.sql, kind=Kind.READ, tag="SHOW")


def _copy(body: Tree, sent: Sent) -> Statement:
    if "filename" in body:
        raise unsupported("COPY with a file or a program not supported", "Use STDIN or STDOUT.")
    found = survey(body)
    if found.written or found.lock:
        raise unsupported("COPY of a query that writes or locks not supported")
    inwards = bool(body.get("is_from", False))
    return Statement(
        text=sent.text,
        sql=sent.sql,
        kind=Kind.COPY_IN if inwards else Kind.COPY_OUT,
        tag="COPY",
        written=(table_name(body["relation"]),) if inwards else (),
        table=table_name(body["relation"]) if "relation" in body else None,
    )


def _call(body: Tree, sent: Sent) -> Statement:
    call = body["funccall"]
    if words(call["funcname"]) != ["sys", "wait_for_job"]:
        raise unsupported("unsupported statement: Call")
    arguments = call.get("args", [])
    if any("SubLink" in each for each in arguments):
        raise unsupported("cannot use subquery in CALL argument")
    (argument,) = arguments if len(arguments) == 1 else ({},)
    argument = argument.get("TypeCast", {}).get("arg", argument)
    job = constant_text(argument)
    parameter = argument.get("ParamRef", {}).get("number")
    if job is None and parameter is None:
        raise Refused("42883", "procedure sys.wait_for_job takes one job_id, a text")
    if job is not None:
        refuse_job_id(job)
    return Statement(
        text=sent.text,
        sql="",
        kind=Kind.WAIT_FOR_JOB,
        tag="CALL",
        job=job,
        job_parameter=parameter,
    )


def _index(body: Tree, sent: Sent) -> Statement:
    survey(body)
    indexes.refuse_index(body, asynchronous=sent.asynchronous, using=sent.using)
    return Statement(
        text=sent.text,
        sql=sent.sql,
        kind=Kind.INDEX_ASYNC,
        tag="CREATE INDEX",
        table=table_name(body["relation"]),
        index=body.get("idxname"),
        unique=bool(body.get("unique", False)),
    )


def _alter_table(body: Tree, sent: Sent) -> Statement:
    tables.refuse_alter(body, asynchronous=sent.asynchronous)
    validated = [each["AlterTableCmd"]["name"] for each in body["cmds"] if sent.asynchronous]
    if len(validated) > 1:
        raise unsupported("unsupported ALTER TABLE ASYNC statement")
    return Statement(
        text=sent.text,
        sql=sent.sql,
        kind=Kind.VALIDATE_ASYNC if validated else Kind.DDL,
        tag=ddl_tag("AlterTableStmt", body),
        table=table_name(body["relation"]),
        constraint=validated[0] if validated else None,
        dropped_columns=tables.dropped_columns(body),
    )


def _function(body: Tree, sent: Sent) -> Statement:
    objects.refuse_function(body)
    return Statement(text=sent.text, sql=sent.sql, kind=Kind.DDL, tag="CREATE FUNCTION")


def _accept(_body: Tree) -> None:
    """Nothing about this statement is refused."""


_SPECIAL: dict[str, Callable[[Tree, Sent], Statement]] = {
    "AlterTableStmt": _alter_table,
    "CallStmt": _call,
    "ConstraintsSetStmt": _set_constraints,
    "CopyStmt": _copy,
    "CreateFunctionStmt": _function,
    "DeallocateStmt": _deallocate,
    "ExplainStmt": _explain,
    "IndexStmt": _index,
    "TransactionStmt": _transaction,
    "VacuumStmt": _analyze,
    "VariableSetStmt": _set,
    "VariableShowStmt": _show,
}
_DDL: dict[str, Callable[[Tree], None]] = {
    "AlterDefaultPrivilegesStmt": _accept,
    "AlterDomainStmt": objects.refuse_domain_change,
    "AlterEnumStmt": objects.refuse_altered_type,
    "AlterObjectSchemaStmt": objects.refuse_move,
    "AlterOwnerStmt": objects.refuse_owner,
    "AlterRoleSetStmt": objects.refuse_role_setting,
    "AlterSeqStmt": objects.refuse_changed_sequence,
    "AlterStatsStmt": _accept,
    "CommentStmt": _accept,
    "CreateDomainStmt": objects.refuse_domain,
    "CreateEnumStmt": objects.refuse_type_statement,
    "CreateRoleStmt": objects.refuse_role,
    "CreateSchemaStmt": objects.refuse_schema,
    "CreateSeqStmt": objects.refuse_new_sequence,
    "CreateStatsStmt": _accept,
    "CreateStmt": tables.refuse_create,
    "CreateTrigStmt": objects.refuse_trigger,
    "DropRoleStmt": _accept,
    "DropStmt": objects.refuse_drop,
    "GrantRoleStmt": _accept,
    "GrantStmt": objects.refuse_grant,
    "MergeStmt": refuse_merge,
    "RenameStmt": objects.refuse_rename,
    "ViewStmt": objects.refuse_view,
}
