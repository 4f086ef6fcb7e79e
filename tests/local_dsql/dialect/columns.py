"""What the catalog says of a table, as the cluster asks for it."""

from typing import Any

_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod)
FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""


async def columns_of(connection: Any, table: str) -> list[tuple[str, str]]:
    """The columns of a table in their order, each with its type."""
    return [tuple(row) for row in await connection.fetch(_COLUMNS, table)]
