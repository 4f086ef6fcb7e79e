"""The tables that an acceptance run makes for itself, and takes away again."""

from collections.abc import Sequence

from worldseat.acceptance.load import Load
from worldseat.stores.dsql import changing
from worldseat.stores.dsql.endpoint import ADMIN, as_user

NAME = "worldseat accept"

_COLUMNS = {
    "pairs": "id int PRIMARY KEY, value int",
    "keys": "key text PRIMARY KEY, taken_by text NOT NULL",
    "reads": "id int PRIMARY KEY, written_by text NOT NULL",
    "commits": "id text PRIMARY KEY, number int NOT NULL",
}
CHANGES = Load(messages=12, transactions=4, bytes_up=7_000, bytes_down=10_000)
"""What making all of them sends, or dropping them: a login, and a statement for each."""

_FORBIDDEN = "forbidden"


class Tables:
    """Tables named after the run, so that they can collide with nobody's.

    Making or dropping one changes the schema: whoever has a transaction open on the cluster begins
    it again. So all are made before anything else, and dropped after it.
    """

    def __init__(self, accept_id: str, urls: Sequence[str]) -> None:
        self._accept_id = accept_id
        self._urls = [as_user(url, ADMIN) for url in urls]
        self._made: list[str] = []

    @property
    def pairs(self) -> str:
        """Two numbers, for the isolation cases."""
        return self._name("pairs")

    @property
    def keys(self) -> str:
        """One row for each key that many insert at once."""
        return self._name("keys")

    @property
    def reads(self) -> str:
        """What one Region wrote for the other to read."""
        return self._name("reads")

    @property
    def commits(self) -> str:
        """Rows whose commit is timed."""
        return self._name("commits")

    @property
    def forbidden(self) -> str:
        """What the role of least privilege may not make."""
        return self._name(_FORBIDDEN)

    def also_made(self, table: str) -> None:
        """Take a table for one of the run's own; it is dropped last."""
        self._made.insert(0, table)

    @property
    def statements(self) -> list[str]:
        """What makes them."""
        return [f"CREATE TABLE {self._name(name)} ({of})" for name, of in _COLUMNS.items()]

    @staticmethod
    def strangers() -> str:
        """What asks for the tables of other runs: killed ones, or such as are under way."""
        names = "|".join((*_COLUMNS, _FORBIDDEN))
        return (
            "SELECT relname FROM pg_class WHERE relkind = 'r' "  # noqa: S608 - names of our own.
            f"AND relname ~ '^accept_[a-z2-7]{{26}}_({names})$' ORDER BY relname"
        )

    async def make(self) -> None:
        """Make all of them. Raises StoreError."""

        async def change(url: str) -> None:
            async with changing.connection(url, name=NAME) as line:
                for name, sql in zip(_COLUMNS, self.statements, strict=True):
                    self._made.append(self._name(name))
                    await changing.run(line, sql)

        await changing.through(self._urls, change, report=_say_nothing)

    async def drop(self) -> None:
        """Drop what was made. Raises StoreError; what `left` lists is then still there."""

        async def change(url: str) -> None:
            async with changing.connection(url, name=NAME) as line:
                while self._made:
                    await changing.run(line, f"DROP TABLE IF EXISTS {self._made[-1]}")
                    self._made.pop()

        await changing.through(self._urls, change, report=_say_nothing)

    @property
    def left(self) -> Sequence[str]:
        """The tables that were made and not dropped yet."""
        return tuple(dict.fromkeys(self._made))

    def _name(self, name: str) -> str:
        return f"{self._accept_id}_{name}"


def _say_nothing(_text: str) -> None:
    """An endpoint that does not answer is told by the promises."""
