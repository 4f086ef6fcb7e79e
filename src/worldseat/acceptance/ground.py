"""What every promise is tried on: two endpoints, relays before them, the product, own tables."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.load import Load, usd
from worldseat.acceptance.relay import Relay
from worldseat.acceptance.tables import Tables
from worldseat.domain.event import Event, Money
from worldseat.domain.seats import Mode, round_id
from worldseat.domain.venue import Chart, Row, Section
from worldseat.ports.clock import Chance, Clock
from worldseat.ports.onsale import OnSaleStore, RegionFigures
from worldseat.services.shop import Shop
from worldseat.services.stampede import Stampedes
from worldseat.services.witness import Witness
from worldseat.stores.dsql import access
from worldseat.stores.dsql.endpoint import ADMIN, as_user

ANSWER_WITHIN_S = 10.0
SEATS_MIN = 300
SEATS_IN_ROW = 50
PRICE = Money(minor=15_000, currency="USD")

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(slots=True, kw_only=True)
class Ground:
    """The endpoints and what stands before them.

    `lead_to` are the endpoints' own addresses. `lines` are the relays of our own SQL, `fan_lines`
    those of the product, which get cut. The product's parts below use `fan_lines` only.
    """

    accept_id: str
    amounts: Amounts
    limit_usd: float
    lead_to: Mapping[str, str]
    lines: Mapping[str, Relay]
    fan_lines: Mapping[str, Relay]
    tables: Tables
    store: OnSaleStore
    shop: Shop
    stampedes: Stampedes
    witness: Witness
    clock: Clock
    chance: Chance
    _noted: Load = field(default_factory=Load)
    _event: Event | None = None
    _fans: int = 0

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions, in order."""
        return tuple(self.lead_to)

    def other_than(self, region: str) -> str:
        """Return the Region that is not this one."""
        return next(name for name in self.regions if name != region)

    # connections of our own

    @asynccontextmanager
    async def connected(self, region: str, *, directly: bool = False) -> AsyncIterator[Any]:
        """Open a connection of our own as admin. What goes `directly` must be noted by hand.

        Raises what the driver raises, and NotCommitted without credentials.
        """
        url = self.lead_to[region] if directly else self.lines[region].url
        line = await access.connect(
            as_user(url, ADMIN),
            timeout=ANSWER_WITHIN_S,
            command_timeout=ANSWER_WITHIN_S,
            server_settings={"application_name": "worldseat accept"},
        )
        try:
            yield line
        finally:
            line.terminate()

    # the rehearsal

    @property
    def event_id(self) -> str:
        """The event of this run, which stays: its log is append-only."""
        return f"evt_{self.accept_id}"

    @property
    def chart(self) -> Chart:
        """A hall with a seat for everybody who comes."""
        count = max(SEATS_MIN, 12 * self.amounts.runs)
        rows = -(-count // SEATS_IN_ROW)
        section = Section(
            name="Floor",
            rows=tuple(Row(name=_LETTERS[row], seats=SEATS_IN_ROW) for row in range(rows)),
        )
        return Chart(name="Acceptance", sections=(section,))

    async def new_round(self) -> Event:
        """Open a fresh round for one promise, so that each is judged by itself.

        Raises StoreError.
        """
        if self._event is None:
            event = Event(
                event_id=self.event_id,
                title=f"ACCEPTANCE {self.clock.now():%Y-%m-%d %H:%M} UTC",
                mode=Mode.REHEARSAL,
                chart=self.chart,
                price=PRICE,
                current_round_id=round_id(Mode.REHEARSAL, 1),
            )
            await self.store.create_event(event)
        else:
            await self.store.open_round(self._event)
        self._event = await self.store.event(self.event_id)
        if self._event is None:
            message = f"{self.event_id} was made and is not there"
            raise RuntimeError(message)
        return self._event

    @property
    def sold_something(self) -> bool:
        """Say whether there is a rehearsal event by now."""
        return self._event is not None

    def fan_of(self, region: str) -> str:
        """Return a new fan whom the shop serves in this Region."""
        while True:
            self._fans += 1
            name = hashlib.sha256(f"{self.accept_id} {self._fans}".encode()).hexdigest()[:26]
            fan_id = f"fan_{name}"
            if self.shop.region_of(fan_id) == region:
                return fan_id

    def figures(self, region: str) -> RegionFigures:
        """Return what the product knows of a Region."""
        return next(each for each in self.store.region_figures() if each.region == region)

    # what it costs

    def note(self, load: Load) -> None:
        """Count what was sent past the relays."""
        self._noted += load

    @property
    def load(self) -> Load:
        """Everything that was sent so far."""
        total = self._noted
        for line in self.lines.values():
            # Of our own statements each may be a transaction that writes.
            total += line.load + Load(transactions=line.load.messages)
        for line in self.fan_lines.values():
            total += line.load
        for each in self.store.region_figures():
            total += Load(transactions=each.commits + each.conflicts + each.unknown)
        return total

    @property
    def spent_usd(self) -> float:
        """What the run has cost so far, at most."""
        return usd(self.load)

    def within_limit(self) -> bool:
        """Say whether it may go on."""
        return self.spent_usd <= self.limit_usd
