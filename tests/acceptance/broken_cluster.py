"""A local cluster in which one promise is broken on purpose.

    python -m tests.acceptance.broken_cluster FAULT [WORD]...

WORDs are those of `python -m worldseat.local_dsql`. What is broken is named by FAULTS; all else is
the real cluster.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

from worldseat.local_dsql import __main__ as program
from worldseat.local_dsql import front, session, tokens, wire
from worldseat.local_dsql.authority import indicated_name
from worldseat.local_dsql.dialect import Statement
from worldseat.local_dsql.exchange import ROLL_BACK, insist
from worldseat.local_dsql.line import Line
from worldseat.local_dsql.transaction import Transaction
from worldseat.local_dsql.writes import Writes, _pending

_READ_COMMITTED = "BEGIN ISOLATION LEVEL READ COMMITTED"
LOST_EVERY = 5
LAG_MS = 300


def a_conflict_is_let_through() -> None:
    """Apply a transaction's writes over whatever others have committed: the last one wins."""
    written, commit = Writes.write, Transaction._commit

    async def write(self: Any, opening: bytes, unit: Any, hand_on: Any, *, alone: bool) -> None:
        await written(self, opening, unit, hand_on, alone=alone)
        self.__dict__.setdefault("all", []).append(_pending(unit, None))

    async def commit_over(self: Any) -> None:
        writes = self._writes
        if self._begun and writes and not self.failed:
            begin = wire.parse(b"", _READ_COMMITTED) + wire.bind(b"") + wire.execute()
            await insist(self._behind.backend, ROLL_BACK + begin)
            writes.doomed = False
            writes._pending, writes._applied, writes._added = list(writes.all), 0, 0
        await commit(self)

    Writes.write = write  # type: ignore[method-assign]
    Transaction._commit = commit_over  # type: ignore[method-assign]


def a_token_is_not_checked() -> None:
    """Let everybody in."""
    tokens.verify = lambda *_, **__: None


def a_login_in_clear_is_heard() -> None:
    """Ask whoever comes without TLS for a token, and let them in with a good one."""
    greet = front.Front._greet

    async def greet_in_clear(self: Any, accepted: Any) -> Any:
        first = await front._peek(accepted)
        asks_for_tls = int.from_bytes(first[4:8]) in {wire.GSS_REQUEST, wire.SSL_REQUEST}
        if first[0] == front._TLS_HELLO or asks_for_tls:
            return await greet(self, accepted)
        line = Line()
        await asyncio.get_running_loop().connect_accepted_socket(lambda: line, accepted)
        return line

    front.Front._greet = greet_in_clear  # type: ignore[method-assign]
    front.indicated_name = (  # type: ignore[attr-defined]
        lambda transport: indicated_name(transport) or front.LOCALHOST
    )


def a_token_never_ends() -> None:
    """Take a token long after its time."""
    tokens._check_time = lambda *_: None


def a_commit_is_lost() -> None:
    """Answer some commits with yes, and roll them back."""
    commit, numbers = Transaction.commit, itertools.count(1)

    async def lose_some(self: Any) -> None:
        if self._writes and next(numbers) % LOST_EVERY == 0:
            await self.roll_back()
        else:
            await commit(self)

    Transaction.commit = lose_some  # type: ignore[method-assign]


def a_key_is_not_kept() -> None:
    """Make a table as if it had no key."""
    _reword(lambda _, text: text.replace("key text PRIMARY KEY", "key text NOT NULL"))


def a_region_reads_the_past() -> None:
    """Show us-east-2 a row only some time after it was acknowledged."""
    key = "(id int PRIMARY KEY, written_by"
    seen = f"seen_at timestamptz DEFAULT clock_timestamp() + interval '{LAG_MS} ms'"

    def reword(region: str, text: str) -> str:
        text = text.replace(key, f"({seen}, {key.removeprefix('(')}")
        if region == "us-east-2":
            text = text.replace("_reads WHERE", "_reads WHERE seen_at < clock_timestamp() AND")
        return text

    _reword(reword)


def _reword(reword: Callable[[str, str], str]) -> None:
    """Read what a session says as something else; `reword` is told the Region and the text."""
    read = session.Session._read

    def read_otherwise(self: Any, text: str) -> Sequence[Statement]:
        return read(self, reword(self.region, text))

    session.Session._read = read_otherwise  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault
    for fault in (
        a_conflict_is_let_through,
        a_token_is_not_checked,
        a_login_in_clear_is_heard,
        a_token_never_ends,
        a_commit_is_lost,
        a_key_is_not_kept,
        a_region_reads_the_past,
    )
}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    sys.exit(program.main())
