"""A session's prepared statements: the client's names, and each text once in the database behind.

Drivers that send the same text again under no name get the plan that is there already, and a write
that is done again at COMMIT finds its statement whatever the client closed meanwhile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worldseat.local_dsql import wire
from worldseat.local_dsql.backend import Backend
from worldseat.local_dsql.dialect import Kind, Refused, Statement, refuse_parameters
from worldseat.local_dsql.failed import Failed

KNOWN_MAX = 1_000
"""So many texts are kept prepared in one session; beyond, all that have no name are closed."""

PLAYED_HERE = frozenset(
    {
        Kind.BEGIN,
        Kind.COMMIT,
        Kind.ROLLBACK,
        Kind.INDEX_ASYNC,
        Kind.VALIDATE_ASYNC,
        Kind.WAIT_FOR_JOB,
        Kind.IAM,
        Kind.EMPTY,
    }
)
"""Kinds that the database behind never sees."""

DEALLOCATE_ALL = "DEALLOCATE ALL"
"""For the client's names only: what is prepared behind is ours."""

JOB_ID = "job_id"
GIVES_JOB = frozenset({Kind.INDEX_ASYNC, Kind.VALIDATE_ASYNC})
_NO_PARAMETERS = wire.message(b"t", b"\0\0")
_SCHEMA = """
SELECT n.nspname, pg_has_role(current_user, c.relowner, 'USAGE')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1) AND c.relkind = 'r'
"""
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
  AND NOT EXISTS (SELECT FROM pg_attribute g
                  WHERE g.attrelid = to_regclass($1) AND g.attgenerated <> '')
ORDER BY attnum
"""

Note = Callable[[str, Sequence[int]], None]
"""Told each statement that is prepared, with the types of its parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A statement, its name in the database behind, and how that describes it."""

    statement: Statement
    name: bytes
    oids: Sequence[int]
    description: Sequence[bytes]


class Statements:
    """All prepared statements of one session."""

    def __init__(self, backend: Backend, note: Note) -> None:
        self._backend = backend
        self._note = note
        self._known: dict[tuple[str, tuple[int, ...]], Prepared] = {}
        self._named: dict[bytes, Prepared] = {}
        self._oids: dict[bytes, Sequence[int]] = {}
        self._columns: dict[str, Sequence[tuple[str, str]]] = {}
        self._number = 0
        self._catalog = 0
        self._stale = False

    async def note_catalog(self, catalog: int, *, idle: bool) -> None:
        """Forget what a changed schema made stale; between transactions, close what is too much."""
        stale = self._stale or catalog != self._catalog
        if not idle or not (stale or len(self._known) > KNOWN_MAX):
            return
        self._catalog, self._stale = catalog, False
        self._columns.clear()
        kept = {prepared.name for prepared in self._named.values()}
        gone = [each.name for each in self._known.values() if each.name not in kept]
        self._known.clear()
        for name in gone:
            del self._oids[name]
        closes = b"".join(wire.close(b"S", name) for name in gone)
        await self._backend.exchange(closes + wire.SYNC)

    def note_setting(self) -> None:
        """The same text may mean something else from here on (search_path, role)."""
        self._stale = True

    async def schema_of(self, table: str) -> str:
        """Return the schema of a table that is the session's own. Raises Refused."""
        row = await self._row(_SCHEMA, table)
        if row is None:
            raise Refused("42P01", f'relation "{table}" does not exist')
        schema, owned = row
        if owned != "t":
            raise Refused("42501", f"must be owner of table {table}")
        return schema

    async def prepare(self, statement: Statement, oids: tuple[int, ...]) -> Prepared:
        """Have a statement prepared. Raises Failed with what the database behind says, Refused."""
        if statement.kind in PLAYED_HERE or statement.tag == DEALLOCATE_ALL:
            self._note(statement.text, ())
            gives = statement.kind in GIVES_JOB
            shown = wire.text_columns([JOB_ID]) if gives else wire.NO_DATA
            return Prepared(
                statement=statement, name=b"", oids=(), description=(_NO_PARAMETERS, shown)
            )
        key = (statement.sql, oids)
        found = self._known.get(key)
        if found is None:
            found = await self._prepare(statement, oids)
            self._known[key] = found
            self._note(statement.text, found.oids)
        return found

    async def _prepare(self, statement: Statement, oids: tuple[int, ...]) -> Prepared:
        self._number += 1
        name = b"w%d" % self._number
        answers = await self._backend.exchange(
            wire.parse(name, statement.sql, oids) + wire.describe(b"S", name) + wire.SYNC
        )
        error = next((found for found in answers if found[:1] == b"E"), None)
        if error is not None:
            raise Failed(error)
        description = [found for found in answers if found[:1] in b"tTn"]
        prepared = Prepared(
            statement=statement,
            name=name,
            oids=wire.parameter_oids(description[0]),
            description=description,
        )
        refuse_parameters(prepared.oids)
        self._oids[name] = prepared.oids
        return prepared

    def name(self, name: bytes, prepared: Prepared) -> None:
        """Give a statement the client's name. The empty name is free to be given again."""
        if name and name in self._named:
            raise Refused("42P05", f'prepared statement "{name.decode()}" already exists')
        self._named[name] = prepared

    def named(self, name: bytes) -> Prepared:
        """Return the statement that the client named so. Raises Refused."""
        prepared = self._named.get(name)
        if prepared is None:
            raise Refused("26000", f'prepared statement "{name.decode()}" does not exist')
        return prepared

    def forget(self, name: bytes) -> None:
        """Let a name go."""
        self._named.pop(name, None)

    def forget_all(self) -> None:
        """Let all names go."""
        self._named.clear()

    def oids(self, name: bytes) -> Sequence[int]:
        """Return the types of the parameters of a statement by its name in the database behind."""
        return self._oids[name]

    async def columns(self, table: str) -> Sequence[tuple[str, str]]:
        """Return the columns of a table, in order, each with its type.

        Nothing for a table that is not there, or whose columns are generated in part: nobody but
        PostgreSQL can tell what they would be.
        """
        known = self._columns.get(table)
        if known is None:
            known = await self._rows(_COLUMNS, table)
            self._columns[table] = known
        return known

    async def _row(self, sql: str, value: str) -> tuple[str, str] | None:
        rows = await self._rows(sql, value)
        return rows[0] if rows else None

    async def _rows(self, sql: str, value: str) -> list[tuple[str, str]]:
        """Ask for two columns of text, with one text."""
        raw = value.encode()
        values = b"\0\0\0\1" + len(raw).to_bytes(4, "big") + raw + b"\0\0"
        answers = await self._backend.exchange(
            wire.parse(b"", sql, (wire.TEXT_OID,))
            + wire.bind(b"", values)
            + wire.execute()
            + wire.SYNC
        )
        rows = [wire.cells(found) for found in answers if found[:1] == b"D"]
        return [((one or b"").decode(), (other or b"").decode()) for one, other in rows]
