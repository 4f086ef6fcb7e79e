"""CREATE INDEX ASYNC, as far as the service takes it.

Recorded: index.json. AWS's linter adds that no access method, no direction and no storage parameter
may be named.
"""

from __future__ import annotations

from worldseat.local_dsql.dialect.parser import Tree
from worldseat.local_dsql.dialect.refused import unsupported
from worldseat.local_dsql.dialect.tables import refuse_key

_PLACES = {"options": "WITH storage parameters", "tableSpace": "TABLESPACE"}


def refuse_index(body: Tree, *, asynchronous: bool, using: bool) -> None:
    """Refuse what CREATE INDEX cannot have; `using`: the text names an access method.

    Raises:
        Refused: 0A000, or 54011 for more than eight columns.
    """
    if not asynchronous or body.get("concurrent", False):
        raise unsupported("unsupported mode. please use CREATE INDEX ASYNC.")
    if using:
        raise unsupported("USING not supported for CREATE INDEX")
    for member, clause in _PLACES.items():
        if member in body:
            raise unsupported(f"{clause} not supported for CREATE INDEX")
    columns = [each["IndexElem"] for each in body["indexParams"]]
    for column in columns:
        if column["ordering"] != "SORTBY_DEFAULT":
            raise unsupported("index key sort direction not supported for CREATE INDEX")
        if "collation" in column:
            raise unsupported("COLLATE clause not supported", "The only collation is C.")
    refuse_key(len(columns))
