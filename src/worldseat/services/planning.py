"""Planning a stampede: is it possible there, at which seat, and is that seat open."""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from worldseat.domain.errors import BadRequest, NotHere, Unavailable, UnknownSeat, UnknownStore
from worldseat.domain.event import Event
from worldseat.domain.run import BUYERS_MAX, BUYERS_MIN, LAG_MS_MAX, Cell, Plan, Reach
from worldseat.domain.seats import Seat, SeatKey, SeatStatus
from worldseat.ports.clock import Chance
from worldseat.ports.store import Conflict, Store, StoreError

log = structlog.get_logger(__name__)

PREPARE_ATTEMPTS = 8


class Planner:
    """Turns what somebody asks for into a plan that can be fired."""

    def __init__(self, stores: Mapping[str, Store], *, git_commit: str, chance: Chance) -> None:
        self._stores = stores
        self._git_commit = git_commit
        self._chance = chance

    def target(self, cell: Cell) -> Store:
        """Return the store that the cell names. Raises UnknownStore, or BadRequest if it cannot."""
        if not BUYERS_MIN <= cell.buyers <= BUYERS_MAX:
            raise BadRequest(f"A stampede has {BUYERS_MIN} to {BUYERS_MAX:,} buyers.")
        target = self._stores.get(cell.store)
        if target is None:
            raise UnknownStore(f"No store named {cell.store[:40]!r} is installed.")
        if cell.reach is Reach.BOTH and len(target.regions) == 1:
            raise BadRequest(
                f"{target.title} takes writes in one Region only.",
                next_step="Ask for one Region.",
            )
        if cell.lag_ms is not None:
            if not target.lag_is_chosen:
                raise BadRequest(
                    f"{target.title} has no replication whose lag could be chosen here.",
                    next_step="Leave the lag out.",
                )
            if not 0 <= cell.lag_ms <= LAG_MS_MAX:
                raise BadRequest(f"A lag is 0 to {LAG_MS_MAX:,} ms.")
        return target

    def complete(self, cell: Cell) -> Cell:
        """Return the cell with its reach and its lag filled in. Raises as `target` does."""
        target = self.target(cell)
        reach = cell.reach or (Reach.ONE if len(target.regions) == 1 else Reach.BOTH)
        return replace(
            cell, reach=reach, lag_ms=(cell.lag_ms or 0) if target.lag_is_chosen else None
        )

    async def plan(
        self, run_id: str, event: Event, cell: Cell, *, seat: str | None, seed: int | None
    ) -> Plan:
        """Choose the seat, open it if a stampede sold it, and write all of it down.

        Raises UnknownSeat, NotHere (`seat-of-a-fan`, `no-open-seat`) or Unavailable.
        """
        target, whole = self.target(cell), self.complete(cell)
        try:
            index = await self._target_seat(event, target, seat)
            key = SeatKey(
                event_id=event.event_id, round_id=event.current_round_id, seat_index=index
            )
            await self._reopen(run_id, event, target, key)
        except StoreError as error:
            raise Unavailable(
                f"{target.title} cannot be reached, so nobody has fired.", operator=str(error)
            ) from error
        return Plan(
            run_id=run_id,
            event_id=event.event_id,
            round_id=event.current_round_id,
            seat_index=index,
            store=target.name,
            stand_in=target.stand_in,
            code=cell.code,
            arrival=cell.arrival,
            buyers=cell.buyers,
            seed=self._chance.seed() if seed is None else seed,
            regions=target.regions[:1] if whole.reach is Reach.ONE else target.regions,
            git_commit=self._git_commit,
            lag_ms=whole.lag_ms,
        )

    async def _target_seat(self, event: Event, target: Store, seat: str | None) -> int:
        if seat is not None:
            index = event.chart.index_of(seat)
            if index is None:
                raise UnknownSeat(f"{event.title} has no seat {seat[:40]!r}.")
            return index
        floor = await target.floor(event.event_id, event.current_round_id)
        taken = {each.key.seat_index for each in floor if each.status is not SeatStatus.OPEN}
        for index in range(event.chart.seat_count):
            # A store may know only the seats that were ever touched.
            if index not in taken:
                return index
        raise NotHere(
            "no-open-seat",
            "Every seat is sold.",
            next_step="Name a seat that a stampede sold, or reset the floor.",
        )

    async def _reopen(self, run_id: str, event: Event, target: Store, key: SeatKey) -> None:
        """Open the seat for the run, by a recorded release, unless a fan has it."""
        for _ in range(PREPARE_ATTEMPTS):
            seat: Seat = await target.seat(key)
            if seat.status is SeatStatus.OPEN:
                return
            if not await target.sold_in_run(seat):
                raise NotHere(
                    "seat-of-a-fan",
                    f"A fan bought {event.chart.label(key.seat_index)}.",
                    next_step="Choose another seat, or reset the floor.",
                )
            try:
                await target.reopen(seat, run_id=run_id)
            except Conflict:
                log.info("stampede.reopen_conflict", run_id=run_id)
        raise Unavailable("The seat kept changing while it was being reopened.")
