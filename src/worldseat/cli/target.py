"""Which event a command means when it names none."""

from collections.abc import Sequence

from worldseat.domain.errors import UnknownEvent
from worldseat.domain.event import Event
from worldseat.domain.seats import Mode


def rehearsal(events: Sequence[Event], wanted: str | None) -> Event:
    """Return the event named, or the oldest rehearsal. Raises UnknownEvent."""
    for event in events:
        if event.event_id == wanted or (wanted is None and event.mode is Mode.REHEARSAL):
            return event
    known = ", ".join(event.event_id for event in events) or "none yet"
    raise UnknownEvent(
        f"There is no event {wanted!r}." if wanted else "There is no rehearsal.",
        next_step=f"Known events: {known}.",
    )
