"""Events and their rounds, as fans and operators see them."""

from collections.abc import Sequence

from worldseat.domain.errors import NotHere, Unavailable, UnknownEvent
from worldseat.domain.event import Event, Money
from worldseat.domain.seats import Mode, round_id
from worldseat.domain.venue import Chart
from worldseat.ports.clock import Chance
from worldseat.ports.onsale import OnSaleStore, RoundInfo
from worldseat.ports.store import Conflict, StoreError
from worldseat.services.stampede import LEASE


class OnSale:
    """The events of this WorldSeat."""

    def __init__(self, store: OnSaleStore, *, chance: Chance) -> None:
        self._store = store
        self._chance = chance

    async def events(self) -> Sequence[Event]:
        """Return all events, oldest first. Raises Unavailable."""
        try:
            return await self._store.events()
        except StoreError as error:
            raise _away(error) from error

    async def event(self, event_id: str) -> Event:
        """Return one event. Raises UnknownEvent or Unavailable."""
        try:
            found = await self._store.event(event_id)
        except StoreError as error:
            raise _away(error) from error
        if found is None:
            raise UnknownEvent(f"There is no event {event_id[:60]!r}.")
        return found

    async def rounds(self, event_id: str) -> Sequence[RoundInfo]:
        """Return the rounds of an event, oldest first. Raises Unavailable."""
        try:
            return await self._store.rounds(event_id)
        except StoreError as error:
            raise _away(error) from error

    async def create(
        self, *, chart: Chart, title: str, price: Money, mode: Mode, event_id: str | None = None
    ) -> Event:
        """Create an event with its first round, and return it. Raises Unavailable.

        A given `event_id` that exists already is left as it is; a half-filled round is finished.
        """
        event = Event(
            event_id=event_id or self._chance.new_id("evt"),
            title=title,
            mode=mode,
            chart=chart,
            price=price,
            current_round_id=round_id(mode, 1),
        )
        try:
            if (there := await self._store.event(event.event_id)) is not None:
                return there
            await self._store.create_event(event)
        except StoreError as error:
            raise _away(error) from error
        return event

    async def reset(self, event_id: str) -> str:
        """Open a new round of a rehearsal; return its id. Nothing is deleted.

        Raises UnknownEvent, Unavailable, or NotHere (`live-round`, `stampede-running`).
        """
        event = await self.event(event_id)
        if event.mode is not Mode.REHEARSAL:
            raise NotHere(
                "live-round",
                f"{event.title} is live. Its floor cannot be reset.",
                next_step="Choose a rehearsal event.",
            )
        try:
            if await self._store.lease_holder(LEASE) is not None:
                raise NotHere(
                    "stampede-running",
                    "A stampede is running on the floor.",
                    next_step="Reset the floor when it is over; it takes seconds.",
                )
            return await self._store.open_round(event)
        except Conflict as error:
            raise NotHere(
                "round-changed",
                "Somebody else reset the floor in the same moment.",
                next_step="Look at the new floor; reset again if you still want to.",
            ) from error
        except StoreError as error:
            raise _away(error) from error


def _away(error: StoreError) -> Unavailable:
    return Unavailable("The box office cannot be reached.", operator=str(error))
