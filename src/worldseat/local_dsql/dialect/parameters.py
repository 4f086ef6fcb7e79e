"""Which types a statement's parameters may have."""

from __future__ import annotations

from collections.abc import Iterable

from worldseat.local_dsql.dialect.refused import unsupported

# asyncpg knows text[] and oid[] by itself; for any other array it asks the catalog first, and that
# question begins with set_config(), which the service refuses.
_TEXTS, _OIDS = 1009, 1028
# The array types that PostgreSQL 16 is born with: pg_type.typarray below 10,000 (a test compares).
# fmt: off
_ARRAYS = frozenset({
    143, 199, 210, 270, 271, 272, 273, 629, 651, 719, 775, 791, 1000, 1001, 1002, 1003, 1005,
    1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1017, 1018, 1019, 1020,
    1021, 1022, 1027, 1028, 1034, 1040, 1041, 1115, 1182, 1183, 1185, 1187, 1231, 1263, 1270,
    1561, 1563, 2201, 2207, 2208, 2209, 2210, 2211, 2287, 2949, 2951, 3221, 3643, 3644, 3645,
    3735, 3770, 3807, 3905, 3907, 3909, 3911, 3913, 3927, 4073, 4090, 4097, 4192, 5039, 6150,
    6151, 6152, 6153, 6155, 6157,
})
# fmt: on


def refuse_parameters(oids: Iterable[int]) -> None:
    """Refuse a parameter of an array type other than text[] and oid[].

    `oids` are the parameters' types, as ParameterDescription or Parse gives them; 0 is "not said".

    Raises:
        Refused: 0A000; the text is ours.
    """
    for place, oid in enumerate(oids, start=1):
        if oid in _ARRAYS and oid not in {_TEXTS, _OIDS}:
            raise unsupported(
                f"array parameter ${place} of type {oid} not supported",
                f"Pass text[] and cast it: ${place}::text[]::integer[].",
            )
