"""A fan's own tickets, as the page lists them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worldseat.domain.event import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """One ticket: the seat, what the fan shows at the door, where and when it was sold."""

    ticket_id: str
    seat: str
    code: str
    region: str
    sold_at: str
    event_title: str
    void: bool
    here: bool
    """Whether it is for the event and round that the page shows."""

    @property
    def note(self) -> str:
        """Return what sets it apart from a ticket of this very floor, or an empty text."""
        if self.void:
            return "void, older rehearsal ·"
        return "" if self.here else f"{self.event_title} ·"


def lines(tickets: Iterable["Ticket"], *, event_id: str, round_id: str) -> list[TicketLine]:
    """Return the tickets in the given order (newest first)."""
    return [
        TicketLine(
            ticket_id=each.ticket_id,
            seat=each.seat,
            code=each.code,
            region=each.region,
            sold_at=each.sold_at,
            event_title=each.event_title,
            void=each.status != "valid",
            here=each.event_id == event_id and each.round_id == round_id,
        )
        for each in tickets
    ]


def mine(tickets: Iterable["TicketLine"]) -> set[str]:
    """Return the labels of the seats of this floor that are the fan's own."""
    return {each.seat for each in tickets if each.here and not each.void}
