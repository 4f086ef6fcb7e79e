"""The event bar: what is sold, where, and what really stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.run import BUYERS_MAX, LOCAL_CLUSTER
from worldseat.domain.seats import Mode
from worldseat.settings import WITNESS_REGION
from worldseat.web.views.words import count, of

if TYPE_CHECKING:
    from worldseat.domain.event import Event
    from worldseat.ports.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """The bar's facts. The badges are empty on AWS, and else say what is not the real thing."""

    title: str
    live: bool
    seats: str
    venue: str
    regions: str
    regions_badge: str
    witness: str
    witness_badge: str
    burst: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLink:
    """One event that the visitor can switch to."""

    event_id: str
    title: str
    live: bool
    current: bool


def stub(event: "Event", store: "Store", regions: Sequence[str]) -> Stub:
    """Return the bar of an event that sells on this store.

    The local cluster plays all three Regions; anything else that stands in is one database behind
    both, without a witness.
    """
    stand_in = store.stand_in
    badge, witness_badge = "", ""
    if stand_in == LOCAL_CLUSTER:
        badge, witness_badge = LOCAL_CLUSTER, "played by the cluster"
    elif stand_in is not None:
        badge, witness_badge = f"one {stand_in} behind both", "nothing plays it here"
    seats = of(event.chart.seat_count, "seat")
    return Stub(
        title=event.title,
        live=event.mode is Mode.LIVE,
        seats=seats,
        venue=f"{seats} · {event.chart.shape}",
        regions=" ⇄ ".join(regions),
        regions_badge=badge,
        witness=WITNESS_REGION,
        witness_badge=witness_badge,
        burst=f"up to {count(BUYERS_MAX)} buyers / seat",
    )


def links(events: Sequence["Event"], current: str) -> list[EventLink]:
    """Return all events for the switcher, in their own order."""
    return [
        EventLink(
            event_id=each.event_id,
            title=each.title,
            live=each.mode is Mode.LIVE,
            current=each.event_id == current,
        )
        for each in events
    ]
