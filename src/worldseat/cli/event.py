"""`worldseat event create`: an on-sale of your own, in your own hall."""

from pathlib import Path
from typing import Annotated

import uvloop
from cyclopts import App, Parameter
from rich.table import Table

from worldseat import bootstrap
from worldseat.cli.options import HERE, Where
from worldseat.cli.terminal import console, print_json
from worldseat.domain.errors import BadRequest
from worldseat.domain.event import Event, Money
from worldseat.domain.seats import Mode
from worldseat.domain.venue import Chart
from worldseat.domain.venue_file import SIZE_MAX, read_venue

app = App(name="event", help="Events: list them, or create one from a venue file.")

TITLE_MAX = 120
PRICE_MINOR_MAX = 10_000_000


@app.command
def create(
    *,
    venue: Path,
    title: str,
    price: Annotated[str | None, Parameter(help="Such as 150 or 149.50.")] = None,
    mode: Mode = Mode.REHEARSAL,
    json: bool = False,
    where: Where = HERE,
) -> int:
    """Create an event in the hall that a venue file describes (docs/venues.md).

    A bad file is refused with its line and the reason, and nothing is made.

    Parameters
    ----------
    venue:
        The venue file.
    title:
        What fans read, 120 characters or fewer.
    price:
        Price of a ticket, in the currency of the venue file; without it the file's own price.
    mode:
        `rehearsal`, where Break it and Reset work, or `live`, where they never do.
    json:
        Print one JSON object.
    """
    if not 1 <= len(title.strip()) <= TITLE_MAX or not title.isprintable():
        raise BadRequest(f"A title has 1 to {TITLE_MAX} printable characters.")
    chart, own_price = read_venue(_text(venue))
    money = own_price if price is None else Money(minor=_minor(price), currency=own_price.currency)
    event = uvloop.run(_create(where, chart, title.strip(), money, mode))
    if json:
        print_json(_plain(event))
    else:
        console.print(
            f"{event.event_id}: {event.title}, {event.chart.seat_count} seats "
            f"({event.chart.shape}), {event.mode}. Its page is /events/{event.event_id}",
            markup=False,
        )
    return 0


@app.command(name="list")
def list_events(*, json: bool = False, where: Where = HERE) -> int:
    """List the events of this WorldSeat."""
    events = uvloop.run(_events(where))
    if json:
        for event in events:
            print_json(_plain(event))
        return 0
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("event", "title", "mode", "round", "seats"):
        table.add_column(column)
    for event in events:
        table.add_row(
            event.event_id,
            event.title,
            event.mode,
            event.current_round_id,
            str(event.chart.seat_count),
        )
    console.print(table)
    return 0


async def _create(where: Where, chart: Chart, title: str, price: Money, mode: Mode) -> Event:
    async with bootstrap.services(where.settings(), work=False) as services:
        return await services.onsale.create(chart=chart, title=title, price=price, mode=mode)


async def _events(where: Where) -> list[Event]:
    async with bootstrap.services(where.settings(), work=False) as services:
        return list(await services.onsale.events())


def _text(venue: Path) -> str:
    with venue.open("rb") as file:
        raw = file.read(SIZE_MAX + 1)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"{venue} is not UTF-8 text.", next_step="Save it as UTF-8.", operator=str(error)
        ) from error


def _minor(price: str) -> int:
    """Return cents. Exact: no floating point touches money."""
    whole, dot, cents = price.partition(".")
    digits = whole + (cents if dot else "00")
    good = whole.isdecimal() and digits.isascii() and digits.isdecimal()
    if not good or (dot and len(cents) != len("00")) or int(digits) > PRICE_MINOR_MAX:
        raise BadRequest(f"{price!r} is not a price.", next_step="Write it as 150 or 149.50.")
    return int(digits)


def _plain(event: Event) -> dict[str, object]:
    return {
        "event_id": event.event_id,
        "title": event.title,
        "mode": event.mode,
        "round_id": event.current_round_id,
        "seat_count": event.chart.seat_count,
        "chart_digest": event.chart.digest,
        "price": event.price,
    }
