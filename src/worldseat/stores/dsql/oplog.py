"""Reading op_log: by id, by round, by run, by fan, and by lane for those who follow it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from worldseat.domain.event import Event
from worldseat.domain.seats import LogRow, Seat, SeatKey, SeatStatus
from worldseat.ports.onsale import Followed, LanePosition, Showing
from worldseat.stores.dsql import rows, statements
from worldseat.stores.dsql.catalog import Catalog

_LOG = statements.load("log.sql")

REGISTRATION_MARGIN = timedelta(minutes=2)
"""How late a lane's row may become visible after the time it carries: far beyond the statement
timeout, so a follower that looks this far back misses no lane."""

LANE_WINDOW = timedelta(minutes=75)
"""No lane lives longer: a session ends after 60 minutes on DSQL."""

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class OpLog(Catalog):
    """The committed transitions: one part of the store, which needs the events for tickets."""

    async def find_op(self, op_id: str) -> LogRow | None:
        """Return the row under this id, or None."""
        found = await self._regions.fetch(_LOG["find_op"], op_id)
        return rows.log_row(found[0]) if found else None

    async def log_of_round(self, event_id: str, round_id: str) -> Sequence[LogRow]:
        """Return every row of a round, by seat."""
        found = await self._regions.fetch(_LOG["log_of_round"], event_id, round_id)
        return [rows.log_row(record) for record in found]

    async def newest_of_round(self, event_id: str, round_id: str, limit: int) -> Sequence[LogRow]:
        """Return the last rows of a round, newest first."""
        found = await self._regions.fetch(_LOG["newest_of_round"], event_id, round_id, limit)
        return [rows.log_row(record) for record in found]

    async def lanes_of_round(self, event_id: str, round_id: str) -> Mapping[str, Sequence[int]]:
        """Return every committed number of each lane that wrote in a round, in one snapshot."""
        found = await self._regions.fetch(_LOG["lanes_of_round"], event_id, round_id)
        return {
            record["lane"]: [int(seq) for seq in record["lane_seqs"].split(",")] for record in found
        }

    async def sales_of_run(self, run_id: str, key: SeatKey) -> Sequence[LogRow]:
        """Return the sales that a run committed on a seat."""
        found = await self._regions.fetch(
            _LOG["sales_of_run"], key.event_id, key.round_id, key.seat_index, run_id
        )
        return [rows.log_row(record) for record in found]

    async def tickets(self, fan_id: str) -> Sequence[tuple[LogRow, Event, bool]]:
        """Return a fan's sales, newest first, each with its event and whether it still holds."""
        found = await self._regions.fetch(_LOG["sales_of_fan"], fan_id)
        events = {event.event_id: event for event in await self.events()} if found else {}
        return [
            (rows.log_row(record), events[record["event_id"]], record["valid"]) for record in found
        ]

    async def lane_ends(self) -> Mapping[str, LanePosition]:
        """Return how far each lane came that is young enough for a follower to meet it again."""
        found = await self._regions.fetch(_LOG["lane_ends"])
        return {
            record["lane"]: LanePosition(
                seq=record["seq"],
                opened_at=record["opened_at"],
                closed_seq=record["closed_seq"],
            )
            for record in found
        }

    async def follow(self, positions: Mapping[str, LanePosition]) -> Followed:
        """Return what was committed beyond the positions, and the positions after it.

        The time and the newest run are read first: every sale committed before them is among the
        rows, which are read last.
        """
        showing = await self._regions.fetch(_LOG["now_showing"])
        newest = max((at.opened_at for at in positions.values()), default=_LONG_AGO)
        since = newest - REGISTRATION_MARGIN
        lanes = {
            record["lane"]: LanePosition(
                seq=positions[record["lane"]].seq if record["lane"] in positions else 0,
                opened_at=record["opened_at"],
                closed_seq=record["closed_seq"],
            )
            for record in await self._regions.fetch(
                _LOG["follow_lanes"],
                [lane for lane, at in positions.items() if not at.finished],
                since,
            )
        }
        growing = {lane: at.seq for lane, at in lanes.items() if not at.finished}
        found = await self._regions.fetch(
            _LOG["follow_rows"], list(growing), [str(seq) for seq in growing.values()]
        )
        for record in found:
            growing[record["lane"]] = record["lane_seq"]
        now = showing[0]["as_of_at"] if showing else newest
        return Followed(
            rows=[(rows.log_row(record), _seat_of(record)) for record in found],
            positions={
                lane: LanePosition(
                    seq=growing.get(lane, at.seq),
                    opened_at=at.opened_at,
                    closed_seq=at.closed_seq,
                )
                for lane, at in lanes.items()
                if at.opened_at > now - LANE_WINDOW
            },
            showing={record["event_id"]: _showing(record) for record in showing},
            as_of_at=rows.moment(now),
        )


def _seat_of(record: rows.Record) -> Seat:
    return Seat(
        key=SeatKey(
            event_id=record["event_id"],
            round_id=record["round_id"],
            seat_index=record["seat_index"],
        ),
        status=SeatStatus(record["seat_status"]),
        fan_id=record["seat_fan_id"],
        op_id=record["seat_op_id"],
    )


def _showing(record: rows.Record) -> Showing:
    run_id, _, status = (record["newest_run"] or "").partition(" ")
    return Showing(
        round_id=record["current_round_id"],
        newest_run_id=run_id or None,
        newest_run_status=status or None,
    )
