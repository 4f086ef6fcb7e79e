"""An event, its rounds, and the tickets that committed sales are."""

from dataclasses import dataclass

from worldseat.domain.seats import Mode
from worldseat.domain.venue import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in minor units (cents) with its currency (ISO 4217)."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A show that sells on one chart. `current_round_id` is the round that fans see and buy in."""

    event_id: str
    title: str
    mode: Mode
    chart: Chart
    price: Money
    current_round_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A fan's ticket: a committed sale, with the code that the fan shows at the door.

    `status` is `valid`, or `void` for a ticket of an older rehearsal round.
    """

    ticket_id: str
    event_id: str
    event_title: str
    round_id: str
    seat: str
    code: str
    region: str
    price: Money
    sold_at: str
    status: str
