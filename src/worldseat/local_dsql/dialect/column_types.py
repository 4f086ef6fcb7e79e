"""The types that a column may have.

Recorded: which are taken (types.json), and the words for those that are not. A name that is neither
is left to PostgreSQL, which knows the domains and says what does not exist.
"""

from __future__ import annotations

from worldseat.local_dsql.dialect.names import word_set, words
from worldseat.local_dsql.dialect.parser import Tree
from worldseat.local_dsql.dialect.refused import Refused, unsupported

# As PostgreSQL shows a type, where that is not the name in its catalog.
_SHOWN = {
    "bit": "bit",
    "bool": "boolean",
    "bpchar": "character",
    "float4": "real",
    "float8": "double precision",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "timetz": "time with time zone",
    "varbit": "bit varying",
    "varchar": "character varying",
}
_SERIALS = word_set("serial bigserial smallserial serial2 serial4 serial8")
_REFUSED = word_set(
    "aclitem bit box char cid cidr circle daterange datemultirange inet int4multirange "
    "int4range int8multirange int8range jsonpath line lseg macaddr macaddr8 money name "
    "nummultirange numrange oid oidvector path pg_lsn pg_snapshot point polygon refcursor "
    "regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc "
    "regprocedure regrole regtype tid tsmultirange tsquery tsrange tstzmultirange tstzrange "
    "tsvector txid_snapshot varbit xid xid8 xml"
)


def shown(type_name: Tree) -> str:
    """A type as PostgreSQL shows it: "integer", "text[]"."""
    name = words(type_name["names"])[-1]
    return _SHOWN.get(name, name) + ("[]" if "arrayBounds" in type_name else "")


def refuse_type(type_name: Tree) -> None:
    """Refuse a column of a type that the service does not store.

    Raises:
        Refused: 42704 for the serial types, which do not exist there; 0A000 for the others.
    """
    parts = words(type_name["names"])
    built_in = len(parts) == 1 or parts[0] == "pg_catalog"
    if built_in and parts[-1] in _SERIALS:
        raise Refused("42704", f'type "{parts[-1]}" does not exist')
    if "arrayBounds" in type_name or (built_in and parts[-1] in _REFUSED):
        raise unsupported(f"datatype {shown(type_name)} not supported")


def refuse_identity_type(type_name: Tree, what: str = "identity column") -> None:
    """Refuse an identity column (or a sequence) that does not count in bigint."""
    if words(type_name["names"])[-1] != "int8":
        raise unsupported(f"datatype {shown(type_name)} not supported, {what} type must be bigint")
