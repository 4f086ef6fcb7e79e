"""SET, SHOW and transactions, as far as the service takes them.

Recorded: isolation.json, transaction.json, environment.json. The parameters that SET takes are
those of the service's documentation, as AWS's own proxy for pg_dump lists them.
"""

from __future__ import annotations

from worldseat.local_dsql.dialect.names import constant_text, word_set
from worldseat.local_dsql.dialect.parser import Tree
from worldseat.local_dsql.dialect.refused import Refused, unsupported
from worldseat.local_dsql.dialect.statement import Kind

_SETTABLE = word_set(
    "application_name client_encoding datestyle extra_float_digits intervalstyle timezone "
    "search_path role"
)
_LEVEL = "repeatable read"
_KINDS = {
    "TRANS_STMT_BEGIN": Kind.BEGIN,
    "TRANS_STMT_START": Kind.BEGIN,
    "TRANS_STMT_COMMIT": Kind.COMMIT,
    "TRANS_STMT_ROLLBACK": Kind.ROLLBACK,
}
_UNKNOWN_PARAMETERS = frozenset({"lc_collate", "lc_ctype"})


def transaction_kind(body: Tree) -> Kind:
    """What a transaction statement does.

    Raises:
        Refused: 0A000 for savepoints, two-phase commit and another level of isolation.
    """
    word = body["kind"].removeprefix("TRANS_STMT_")
    kind = _KINDS.get(body["kind"])
    if kind is None:
        spelled = {"PREPARE": "PREPARE TRANSACTION"}.get(word, word.replace("_", " "))
        raise unsupported(f"unsupported transaction statement: {spelled}")
    _refuse_levels(body.get("options", []))
    return kind


def reads_only(body: Tree) -> bool:
    """Whether BEGIN says READ ONLY."""
    modes = [each["DefElem"] for each in body.get("options", [])]
    return any(
        mode["defname"] == "transaction_read_only" and mode["arg"]["A_Const"]["ival"].get("ival", 0)
        for mode in modes
    )


def set_parameter(body: Tree) -> str | None:
    """The parameter that SET or RESET is about, in lower case; None for RESET ALL.

    Raises:
        Refused: 0A000 for every parameter that is not on the service's list.
    """
    if body["kind"] == "VAR_RESET_ALL":
        return None
    name: str = body["name"]
    if body["kind"] == "VAR_SET_MULTI":
        return _characteristics(name, body.get("args", []))
    if name.lower() not in _SETTABLE and not name.lower().startswith("enable_"):
        raise unsupported(f'setting configuration parameter "{name}" not supported')
    return name.lower()


def refuse_show(body: Tree) -> None:
    """SHOW of a parameter that the service does not have."""
    if body["name"].lower() in _UNKNOWN_PARAMETERS:
        raise Refused("42704", f'unrecognized configuration parameter "{body["name"]}"')


def _characteristics(name: str, modes: list[Tree]) -> str:
    """SET TRANSACTION is refused; SET SESSION CHARACTERISTICS may name the level there is."""
    _refuse_levels(modes)
    only_the_level = [mode["DefElem"]["defname"] for mode in modes] == ["transaction_isolation"]
    if name == "SESSION CHARACTERISTICS" and only_the_level:
        return "default_transaction_isolation"
    raise unsupported('setting configuration parameter "TRANSACTION" not supported')


def _refuse_levels(modes: list[Tree]) -> None:
    for mode in modes:
        if mode["DefElem"]["defname"] == "transaction_isolation":
            level = constant_text(mode["DefElem"]["arg"]) or ""
            if level != _LEVEL:
                raise unsupported(f"Unsupported isolation level: {level.upper()}")
