"""A model of seats, keys and tickets against the shop: buy, lose answers, reset, break it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.cluster_line import ClusterLine
from tests.wire import Cut

from worldseat.domain import ids
from worldseat.domain.errors import ClaimVoided, KeyReused, NotHere, SeatTaken
from worldseat.domain.event import Event, Ticket
from worldseat.domain.run import Arrival, Cell
from worldseat.domain.seats import Code, Mode
from worldseat.domain.venue_file import read_venue
from worldseat.services.wiring import Services
from worldseat.venues import venue_text

PATIENCE_S = 20.0
STAMPEDE = "a stampede"

FANS = st.sampled_from(["ada", "bob", "cleo"])
KEYS = st.sampled_from(["k1", "k2", "k3"])
SEATS = st.sampled_from(["A1", "A2", "A3", "A4"])

_T = TypeVar("_T")


@dataclass
class World:
    """What a machine works on, and how it reaches the event loop from its own thread."""

    services: Services
    proxy: ClusterLine
    sql: asyncpg.Connection
    loop: asyncio.AbstractEventLoop
    events: list[Event] = field(default_factory=list)

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE_S)


@pytest_asyncio.fixture
async def world(
    cuttable: Services, proxy: ClusterLine, sql: asyncpg.Connection
) -> AsyncIterator[World]:
    yield World(cuttable, proxy, sql, asyncio.get_running_loop())


class Model(RuleBasedStateMachine):
    """The rules that a fan and an operator can follow, and what must hold after each step."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        chart, price = read_venue(venue_text("hall-96.json"))
        self.event = self.world.do(
            self.world.services.onsale.create(
                chart=chart, title="A MODEL", price=price, mode=Mode.REHEARSAL
            )
        )
        self.round = 1
        self.owners: dict[tuple[int, str], str] = {}
        self.keys: dict[tuple[str, str], tuple[str, Ticket | None]] = {}
        self.run_sales = 0

    def _buy(self, fan: str, key: str, seat: str) -> Ticket | str:
        """Ask the shop; return the ticket, or the class of the refusal."""
        buying = self.world.services.shop.buy(
            fan_id=self._fan(fan), key=key, event_id=self.event.event_id, seats=[seat]
        )
        try:
            return self.world.do(buying).tickets[0]
        except (ClaimVoided, KeyReused, SeatTaken) as refusal:
            return type(refusal).__name__

    def _fan(self, fan: str) -> str:
        return f"{fan} of {self.event.event_id}"

    def _expected(self, fan: str, key: str, seat: str) -> str | None:
        """Return the refusal or the old ticket's code that is due, or None if it must be sold."""
        if (fan, key) in self.keys:
            before, ticket = self.keys[fan, key]
            if before != seat:
                return "KeyReused"
            return "ClaimVoided" if ticket is None else ticket.code
        return "SeatTaken" if (self.round, seat) in self.owners else None

    @rule(fan=FANS, key=KEYS, seat=SEATS, cut=st.sampled_from([None, None, Cut.APPLIED]))
    def buy(self, fan: str, key: str, seat: str, cut: Cut | None) -> None:
        """Buy; a lost answer of an applied COMMIT must make no difference."""
        expected = self._expected(fan, key, seat)
        self.world.proxy.plan_for(self._fan(fan), key, *([cut] if cut else []))
        answer = self._buy(fan, key, seat)
        if expected is None:
            assert isinstance(answer, Ticket), answer
            assert (answer.seat, answer.round_id) == (seat, f"rehearsal-{self.round}")
            self.owners[self.round, seat] = self._fan(fan)
            self.keys[fan, key] = (seat, answer)
        else:
            assert expected == (answer.code if isinstance(answer, Ticket) else answer)

    @rule(fan=FANS, key=KEYS, seat=SEATS)
    def lose(self, fan: str, key: str, seat: str) -> None:
        """Buy, but the COMMIT never arrives: not sold, and the key is burned for good."""
        expected = self._expected(fan, key, seat)
        self.world.proxy.plan_for(self._fan(fan), key, Cut.NOT_APPLIED)
        answer = self._buy(fan, key, seat)
        self.world.proxy.plan_for(self._fan(fan), key)
        if expected is None:
            assert answer == "ClaimVoided"
            self.keys[fan, key] = (seat, None)
        else:
            assert expected == (answer.code if isinstance(answer, Ticket) else answer)

    @rule()
    def reset(self) -> None:
        self.round += 1
        opened = self.world.do(self.world.services.onsale.reset(self.event.event_id))
        assert opened == f"rehearsal-{self.round}"

    @rule(seat=SEATS, code=st.sampled_from(Code))
    def stampede(self, seat: str, code: Code) -> None:
        """Break it: a fan's seat is left alone, any other ends with one of the buyers."""
        held_by_fan = self.owners.get((self.round, seat), STAMPEDE) != STAMPEDE
        if held_by_fan:
            with pytest.raises(NotHere) as refusal:
                self.world.do(self._fire(seat, code))
            assert refusal.value.code == "seat-of-a-fan"
            return
        assert self.world.do(self._fire(seat, code)) == (1, 0)
        self.run_sales += 1
        self.owners[self.round, seat] = STAMPEDE

    async def _fire(self, seat: str, code: Code) -> tuple[int, int | None]:
        begun = await self.world.services.stampedes.start(
            event_id=self.event.event_id,
            cell=Cell(store="dsql", code=code, arrival=Arrival(), buyers=3),
            seat=seat,
        )
        result = (await self.world.services.stampedes.wait(begun.plan.run_id)).result
        assert result is not None
        return result.confirmed, result.oversold

    @invariant()
    def the_seat_table_is_the_model(self) -> None:
        rows = self.world.do(
            self.world.sql.fetch(
                "SELECT round_id, seat_index, fan_id FROM seat WHERE event_id = $1"
                " AND status = 'sold'",
                self.event.event_id,
            )
        )
        shown = {
            (int(row["round_id"].rpartition("-")[2]), self.event.chart.label(row["seat_index"])): (
                row["fan_id"] if row["fan_id"].endswith(self.event.event_id) else STAMPEDE
            )
            for row in rows
        }
        assert shown == self.owners

    @invariant()
    def the_log_holds_every_ticket_and_every_void_once(self) -> None:
        rows = self.world.do(
            self.world.sql.fetch(
                "SELECT op_id, kind, run_id FROM op_log WHERE event_id = $1", self.event.event_id
            )
        )
        kinds = {row["op_id"]: row["kind"] for row in rows if row["run_id"] is None}
        assert kinds == {
            ids.op_id(ids.claim_id(self._fan(fan), key), 0): "void" if ticket is None else "sell"
            for (fan, key), (_, ticket) in self.keys.items()
        }
        sold = sum(row["kind"] == "sell" and row["run_id"] is not None for row in rows)
        assert sold == self.run_sales

    @invariant()
    def my_tickets_are_mine(self) -> None:
        for fan in ("ada", "bob", "cleo"):
            tickets = self.world.do(self.world.services.shop.tickets(self._fan(fan)))
            shown = {(each.code, each.seat, each.round_id, each.status) for each in tickets}
            assert shown == {
                (
                    ticket.code,
                    ticket.seat,
                    ticket.round_id,
                    "valid" if ticket.round_id == f"rehearsal-{self.round}" else "void",
                )
                for (owner, _), (_, ticket) in self.keys.items()
                if ticket is not None and owner == fan
            }

    def teardown(self) -> None:
        """At the end of every example the Witness looks at the last round."""
        report = self.world.do(self.world.services.witness.judge(self.event.event_id))
        assert report.violations == ()


@pytest.mark.parametrize(
    ("examples", "steps"), [(10, 12), pytest.param(30, 25, marks=pytest.mark.slow)]
)
async def test_the_shop_behaves_like_its_model(world: World, examples: int, steps: int) -> None:
    class Machine(Model):
        pass

    Machine.world = world
    await asyncio.to_thread(
        run_state_machine_as_test,
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
