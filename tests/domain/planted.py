"""Synthetic rounds: clean ones, as the product writes them, to plant faults in (`faults.py`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from worldseat.domain import ids
from worldseat.domain.evidence import Evidence
from worldseat.domain.run import Arrival, Operation, Outcome, Plan
from worldseat.domain.seats import Code, Kind, LogRow, Mode, Seat, SeatKey, SeatStatus
from worldseat.domain.venue import Chart, Row, Section

EVENT = "evt_test"
ROUND = "rehearsal-1"
REGIONS = ("us-east-1", "us-east-2")
CHART = Chart(
    name="Hall",
    sections=(
        Section(name="Floor", rows=tuple(Row(name=name, seats=6) for name in ("A", "B", "C", "D"))),
    ),
)


def key_of(seat: int) -> SeatKey:
    return SeatKey(event_id=EVENT, round_id=ROUND, seat_index=seat)


@dataclass(slots=True, kw_only=True)
class Floor:
    """A round that is being sold, as the database and the stampedes record it."""

    log: list[LogRow] = field(default_factory=list)
    seats: dict[int, Seat] = field(default_factory=dict)
    histories: dict[str, list[Operation]] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    lanes: dict[str, list[int]] = field(default_factory=dict)
    now_ns: int = 0

    def __post_init__(self) -> None:
        for index in range(CHART.seat_count):
            self.seats[index] = Seat(
                key=key_of(index), status=SeatStatus.OPEN, fan_id=None, op_id=ids.ROOT
            )

    def evidence(self, *, lanes: bool = True) -> Evidence:
        return Evidence(
            chart=CHART,
            event_id=EVENT,
            round_id=ROUND,
            log=self.log,
            seats=[self.seats[index] for index in sorted(self.seats)],
            histories=self.histories,
            plans=self.plans,
            damaged=self.damaged,
            lanes=self.lanes if lanes else None,
        )

    def copy(self) -> "Floor":
        return Floor(
            log=list(self.log),
            seats=dict(self.seats),
            histories={run: list(each) for run, each in self.histories.items()},
            plans=dict(self.plans),
            damaged=dict(self.damaged),
            lanes={lane: list(each) for lane, each in self.lanes.items()},
            now_ns=self.now_ns,
        )

    # what fans and stampedes do

    def fan_buys(self, seat: int, fan: str = "ada") -> LogRow:
        assert self.seats[seat].status is SeatStatus.OPEN
        return self._sell(seat, f"fan_{fan}", ids.claim_id(f"fan_{fan}", f"key-{self.now_ns}"))

    def fan_is_voided(self, seat: int, fan: str = "bo") -> LogRow:
        claim = ids.claim_id(f"fan_{fan}", f"key-{self.now_ns}")
        return self._append(
            seat, Kind.VOID, fan_id=f"fan_{fan}", claim=claim, prev=ids.OUTSIDE, guarded=False
        )

    def release(self, seat: int, run_id: str) -> LogRow:
        was = self.seats[seat]
        op_id = ids.release_id(run_id, seat, was.op_id)
        claim = f"clm_{op_id.removeprefix('op_').removesuffix('_0')}"
        row = self._append(
            seat, Kind.RELEASE, fan_id=was.fan_id or "", claim=claim, prev=was.op_id, run_id=run_id
        )
        self.seats[seat] = replace(was, status=SeatStatus.OPEN, fan_id=None, op_id=row.op_id)
        return row

    def stampede(
        self,
        seat: int,
        buyers: int = 6,
        *,
        winners: Iterable[int] = (0,),
        answers: Mapping[int, Outcome] | None = None,
        voided: Iterable[int] = (),
        recorded: bool = True,
        final_read: bool = True,
    ) -> Plan:
        """Fire at a seat. More than one winner is what a store without its promises does."""
        run_id = f"run_{len(self.plans)}"
        if self.seats[seat].status is SeatStatus.SOLD:
            self.release(seat, run_id)
        plan = _plan(run_id, seat, buyers)
        self.plans[run_id] = plan
        begun, prev = self.now_ns, self.seats[seat].op_id
        for number in winners:
            buyer = plan.buyer(number)
            self._sell(seat, buyer.fan_id, buyer.claim_id, run_id=run_id, prev=prev)
        for number in voided:
            buyer = plan.buyer(number)
            self._append(
                seat,
                Kind.VOID,
                fan_id=buyer.fan_id,
                claim=buyer.claim_id,
                prev=ids.OUTSIDE,
                run_id=run_id,
                guarded=False,
            )
        if recorded:
            told = dict.fromkeys(range(buyers), Outcome.FAIL)
            told |= dict.fromkeys(winners, Outcome.OK)
            told |= dict.fromkeys(voided, Outcome.INFO) | dict(answers or {})
            self.histories[run_id] = self._history(plan, told, begun, final_read=final_read)
        return plan

    def _history(
        self, plan: Plan, told: Mapping[int, Outcome], begun: int, *, final_read: bool
    ) -> list[Operation]:
        found = []
        for number, outcome in sorted(told.items()):
            buyer = plan.buyer(number)
            self.now_ns += 1_000
            found.append(
                Operation(
                    run_id=plan.run_id,
                    process=number,
                    kind="sell",
                    op_id=buyer.op_id,
                    seat_index=plan.seat_index,
                    fan_id=buyer.fan_id,
                    region=buyer.region,
                    outcome=outcome,
                    reason={"ok": "sold", "fail": "taken", "info": "unknown"}[outcome],
                    attempts=1 + number % 3,
                    conflicts=number % 3,
                    t_invoke_ns=begun,
                    t_return_ns=None if outcome is Outcome.INFO else self.now_ns,
                )
            )
        if final_read:
            found.append(_read(plan, self.seats[plan.seat_index], self.now_ns))
        return found

    def _sell(
        self,
        seat: int,
        fan_id: str,
        claim: str,
        *,
        run_id: str | None = None,
        prev: str | None = None,
    ) -> LogRow:
        row = self._append(
            seat,
            Kind.SELL,
            fan_id=fan_id,
            claim=claim,
            prev=self.seats[seat].op_id if prev is None else prev,
            run_id=run_id,
            guarded=run_id is None,
        )
        self.seats[seat] = Seat(key=row.key, status=SeatStatus.SOLD, fan_id=fan_id, op_id=row.op_id)
        return row

    def _append(
        self,
        seat: int,
        kind: Kind,
        *,
        fan_id: str,
        claim: str,
        prev: str,
        run_id: str | None = None,
        guarded: bool = True,
    ) -> LogRow:
        self.now_ns += 1_000
        lane = f"lan_{len(self.log) % 3}"
        numbers = self.lanes.setdefault(lane, [])
        numbers.append(max(numbers, default=0) + 1)
        row = LogRow(
            op_id=ids.op_id(claim, 0),
            claim_id=claim,
            key=key_of(seat),
            mode=Mode.REHEARSAL,
            kind=kind,
            fan_id=fan_id,
            prev_op_id=prev,
            guard_op_id=prev if guarded else None,
            request_hash=ids.request_hash(
                "release" if kind is Kind.RELEASE else fan_id, EVENT, (seat,)
            ),
            code=(Code.NAIVE if run_id else Code.CONDITIONAL) if kind is Kind.SELL else None,
            run_id=run_id,
            region=REGIONS[len(self.log) % 2],
            lane=lane,
            lane_seq=numbers[-1],
            recorded_at="2026-01-01T00:00:00.000000Z",
        )
        self.log.append(row)
        return row


def _plan(run_id: str, seat: int, buyers: int) -> Plan:
    return Plan(
        run_id=run_id,
        event_id=EVENT,
        round_id=ROUND,
        seat_index=seat,
        store="dsql",
        stand_in="PostgreSQL 16",
        code=Code.NAIVE,
        arrival=Arrival(),
        buyers=buyers,
        seed=7,
        regions=REGIONS,
        git_commit="0" * 40,
    )


def _read(plan: Plan, seat: Seat, now_ns: int) -> Operation:
    return Operation(
        run_id=plan.run_id,
        process=plan.buyers,
        kind="read",
        op_id="read",
        seat_index=plan.seat_index,
        fan_id=seat.fan_id or "",
        region=plan.regions[0],
        outcome=Outcome.OK,
        reason=seat.status.value,
        attempts=1,
        conflicts=0,
        t_invoke_ns=now_ns,
        t_return_ns=now_ns + 1_000,
        observed_op_id=seat.op_id,
    )


def busy_floor() -> Floor:
    """A clean round in which everything that is allowed has happened.

    A1 sold in a stampede. A2 sold to a fan. A3 sold in a stampede, reopened, sold in another.
    A4 sold in a stampede that left no history. A5 voided for one fan and sold to the next.
    A6 stampeded, with an answer that was resolved as sold, a void, and one that stays unknown.
    B1 stampeded without anybody winning. B2 reopened and then sold to a fan.
    """
    floor = Floor()
    floor.stampede(0, 8)
    floor.fan_buys(1)
    floor.stampede(2, winners=[3])
    floor.stampede(2, winners=[1])
    floor.stampede(3, recorded=False)
    floor.fan_is_voided(4)
    floor.fan_buys(4, "cy")
    floor.stampede(5, winners=[2], voided=[4], answers={2: Outcome.INFO, 5: Outcome.INFO})
    floor.stampede(6, winners=[])
    floor.stampede(7)
    floor.release(7, "run_6")
    floor.fan_buys(7, "di")
    return floor
