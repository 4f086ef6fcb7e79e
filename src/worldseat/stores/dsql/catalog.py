"""Events and their rounds: created preparing, filled in bounded pieces, then made current."""

from collections.abc import Sequence

import msgspec

from worldseat.domain.event import Event
from worldseat.domain.seats import Mode, round_id
from worldseat.ports.onsale import RoundInfo
from worldseat.ports.store import Conflict
from worldseat.stores.dsql import rows, statements
from worldseat.stores.dsql.regions import Regions

_EVENT = statements.load("event.sql")

FILL_ROWS = 1_000
"""Seats written per transaction while a round is filled (design §5.3)."""


class Catalog:
    """The events of the product database: one part of the store."""

    _regions: Regions

    async def events(self) -> Sequence[Event]:
        """Return all events that sell, oldest first."""
        return [rows.event(record) for record in await self._regions.fetch(_EVENT["events"])]

    async def event(self, event_id: str) -> Event | None:
        """Return one event, or None."""
        found = await self._regions.fetch(_EVENT["event"], event_id)
        return rows.event(found[0]) if found else None

    async def rounds(self, event_id: str) -> Sequence[RoundInfo]:
        """Return all rounds of an event, oldest first, one still preparing included."""
        return [
            RoundInfo(
                event_id=record["event_id"],
                round_id=record["round_id"],
                mode=Mode(record["mode"]),
                seat_count=record["seat_count"],
                created_at=rows.moment(record["created_at"]),
            )
            for record in await self._regions.fetch(_EVENT["rounds"], event_id)
        ]

    async def create_event(self, event: Event) -> None:
        """Commit the event without a round, then its first round. Safe to run again."""
        chart = event.chart
        await self._regions.write(
            _EVENT["create_event"],
            event.event_id,
            event.title,
            event.mode.value,
            chart.name,
            msgspec.json.encode(chart).decode(),
            chart.digest,
            chart.seat_count,
            event.price.minor,
            event.price.currency,
        )
        await self._prepare_and_switch(event, 1, None)

    async def open_round(self, event: Event) -> str:
        """Make the next round of an event, or finish one that was left half filled."""
        number = int(event.current_round_id.rpartition("-")[2]) + 1
        return await self._prepare_and_switch(event, number, event.current_round_id)

    async def _prepare_and_switch(self, event: Event, number: int, current: str | None) -> str:
        """Fill a round and make it current, if the event still shows `current`.

        Raises Conflict when somebody else switched first; that round is then the current one.
        """
        name = round_id(event.mode, number)
        count = event.chart.seat_count
        await self._regions.write(
            _EVENT["prepare_round"], event.event_id, name, number, event.mode.value, count
        )
        filled = (await self._regions.fetch(_EVENT["filled"], event.event_id, name))[0][0]
        if filled < count:
            for first in range(0, count, FILL_ROWS):
                last = min(first + FILL_ROWS, count) - 1
                await self._regions.write(_EVENT["fill_round"], event.event_id, name, first, last)
        await self._regions.write(_EVENT["make_current"], event.event_id, name, current)
        shown = await self.event(event.event_id)
        if shown is None or shown.current_round_id != name:
            message = f"{event.event_id} was switched by somebody else"
            raise Conflict(message)
        return name
