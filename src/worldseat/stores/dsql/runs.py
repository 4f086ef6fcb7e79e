"""Stampedes as stored: the lease, the run's row, its compressed history."""

import zlib
from collections.abc import Sequence

import msgspec

from worldseat.domain.run import Plan, Result, Run, RunStatus
from worldseat.ports.store import StoreRefused
from worldseat.stores.dsql import rows, statements
from worldseat.stores.dsql.regions import Regions

_RUN = statements.load("run.sql")

PIECE_BYTES = 512 * 1024
HISTORY_BYTES_MAX = 64 * 1024 * 1024
"""The largest history that is read back, decompressed."""


class Runs:
    """The runs of all stores, foils included: one part of the store."""

    _regions: Regions

    async def take_lease(self, name: str, holder: str, *, ttl_s: float) -> bool:
        """Take or renew a lease; False if somebody else holds it."""
        tag = await self._regions.write(
            _RUN["take_lease"], name, holder, f"{int(ttl_s * 1000)} milliseconds"
        )
        return tag == "INSERT 0 1"

    async def lease_holder(self, name: str) -> str | None:
        """Return who holds the lease now, or None."""
        found = await self._regions.fetch(_RUN["lease_holder"], name)
        return found[0]["holder"] if found else None

    async def give_lease(self, name: str, holder: str) -> None:
        """Give the lease back, if it is ours."""
        await self._regions.write(_RUN["give_lease"], name, holder)

    async def begin_run(self, plan: Plan, seat: str) -> None:
        """Commit the run's row before anybody fires."""
        await self._regions.write(
            _RUN["begin_run"],
            plan.run_id,
            plan.event_id,
            plan.round_id,
            plan.seat_index,
            seat,
            plan.store,
            plan.stand_in,
            plan.code.value,
            plan.arrival.text,
            plan.buyers,
            plan.seed,
            ",".join(plan.regions),
            plan.git_commit,
            plan.lag_ms,
        )

    async def finish_run(
        self, run_id: str, status: RunStatus, result: Result, history: bytes, *, holder: str
    ) -> None:
        """Commit the history, the result and the end of the holder's lease, all at once.

        So a finished run has its own history, and whoever sees it finished can fire the next. A run
        that somebody else has finished stays as it is.
        """
        packed = zlib.compress(history)
        pieces = range(0, len(packed), PIECE_BYTES)
        encoded = msgspec.json.encode(result).decode()
        await self._regions.write_all(
            [
                *(
                    (_RUN["add_history"], (run_id, piece, packed[first : first + PIECE_BYTES]))
                    for piece, first in enumerate(pieces)
                ),
                (_RUN["finish_run"], (run_id, status.value, encoded)),
                (_RUN["end_lease"], (holder,)),
            ]
        )

    async def run(self, run_id: str) -> Run | None:
        """Return one run, or None."""
        found = await self._regions.fetch(_RUN["run"], run_id)
        return rows.run(found[0]) if found else None

    async def runs(
        self, *, event_id: str | None = None, round_id: str | None = None, limit: int = 200
    ) -> Sequence[Run]:
        """Return runs, newest first."""
        found = await self._regions.fetch(_RUN["runs"], event_id, round_id, limit)
        return [rows.run(record) for record in found]

    async def unfinished_runs(self) -> Sequence[Run]:
        """Return runs whose row says running, oldest first."""
        return [rows.run(record) for record in await self._regions.fetch(_RUN["unfinished_runs"])]

    async def history(self, run_id: str) -> bytes:
        """Return a run's history as JSON lines. Raises StoreRefused if it is damaged or too big."""
        pieces = await self._regions.fetch(_RUN["history"], run_id)
        packed = b"".join(record["body"] for record in pieces)
        if not packed:
            return b""
        unpacker = zlib.decompressobj()
        try:
            history = unpacker.decompress(packed, HISTORY_BYTES_MAX)
        except zlib.error as error:
            message = f"the history of {run_id} is damaged: {error}"
            raise StoreRefused(message) from error
        if not unpacker.eof:
            message = f"the history of {run_id} is damaged or larger than {HISTORY_BYTES_MAX} bytes"
            raise StoreRefused(message)
        return history
