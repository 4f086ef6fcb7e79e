"""The fan's page: one event, its floor, Buy, My tickets, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.domain.seats import Mode
from worldseat.web.views import tickets as ticket_view
from worldseat.web.views.floor import FloorPicture, picture
from worldseat.web.views.run import ran_on
from worldseat.web.views.trouble import Trouble
from worldseat.web.views.words import money, of

if TYPE_CHECKING:
    from worldseat.domain.event import Event, Ticket
    from worldseat.ports.store import Store
    from worldseat.services.floor import FloorView


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who looks: the label, and the Region that serves them."""

    name: str
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FanPage:
    """The page's contents."""

    event_id: str
    title: str
    live: bool
    price: str
    venue: str
    sold_by: str
    visitor: Visitor
    floor: FloorPicture | Trouble
    tickets: Sequence[ticket_view.TicketLine] | Trouble
    for_sale: bool = True


def view(
    event: "Event",
    *,
    floor: "FloorView | Trouble",
    tickets: "Sequence[Ticket] | Trouble",
    product: "Store",
    visitor: Visitor,
) -> FanPage:
    """Return the fan's page of an event."""
    listed: Sequence[ticket_view.TicketLine] | Trouble = (
        tickets
        if isinstance(tickets, Trouble)
        else ticket_view.lines(tickets, event_id=event.event_id, round_id=event.current_round_id)
    )
    owned = set() if isinstance(listed, Trouble) else ticket_view.mine(listed)
    here = "" if product.stand_in is None else f" (here {ran_on(product.stand_in)})"
    return FanPage(
        event_id=event.event_id,
        title=event.title,
        live=event.mode is Mode.LIVE,
        price=money(event.price),
        venue=f"{event.chart.name} · {of(event.chart.seat_count, 'seat')}",
        sold_by=f"{product.title}{here}",
        visitor=visitor,
        floor=floor if isinstance(floor, Trouble) else picture(event, floor, owned),
        tickets=listed,
    )
