"""How many numbers a sequence hands out at once: the service asks for a choice."""

from __future__ import annotations

from collections.abc import Sequence

from worldseat.local_dsql.dialect.column_types import refuse_identity_type
from worldseat.local_dsql.dialect.names import option, whole_number
from worldseat.local_dsql.dialect.parser import Tree
from worldseat.local_dsql.dialect.refused import unsupported

_LARGE = 65_536


def refuse_cache(options: Sequence[Tree], what: str) -> None:
    """Refuse a sequence whose CACHE is neither 1 nor at least 65,536, or not given.

    `what`: "CREATE SEQUENCE" or "identity column", as the recorded texts begin.
    """
    chosen = option(options, "cache")
    size = whole_number(chosen) if chosen else None
    if size != 1 and (size is None or size < _LARGE):
        raise unsupported(
            f"{what} is not supported without an explicit cache size. "
            "please define CACHE greater than or equal to 65536 or equal to 1"
        )


def refuse_sequence(options: Sequence[Tree], what: str) -> None:
    """Refuse what CREATE SEQUENCE and ALTER SEQUENCE cannot have; ALTER may leave CACHE alone."""
    if what == "CREATE SEQUENCE" or option(options, "cache"):
        refuse_cache(options, what)
    type_name = (option(options, "as") or {}).get("arg", {}).get("TypeName")
    if type_name:
        refuse_identity_type(type_name, "sequence")
