"""One buyer's retries: bounded, jittered, counted, and over at the first definite answer."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import repeat

import pytest

from worldseat.domain.seats import Code, Mode, Order, Seat, SeatKey, SeatStatus
from worldseat.ports.store import (
    CommitUnknown,
    Conflict,
    Duplicate,
    NotCommitted,
    StoreError,
    StoreRefused,
)
from worldseat.services.attempt import Answer, Attempted, RetryPolicy, attempt
from worldseat.services.codes import conditional

KEY = SeatKey(event_id="evt_1", round_id="rehearsal-1", seat_index=0)
ORDER = Order(
    key=KEY,
    mode=Mode.REHEARSAL,
    fan_id="fan_1",
    claim_id="clm_1",
    op_id="op_1_0",
    request_hash="hash",
    code=Code.CONDITIONAL,
    region="us-east-1",
)


@dataclass
class Scripted:
    """A store whose transactions end as the script says; each takes `takes_s` on its clock."""

    ends: Iterable[StoreError | None]
    status: SeatStatus = SeatStatus.OPEN
    takes_s: float = 0.0
    region: str = "us-east-1"
    now_ns: int = 0
    jitters: int = 0
    writers_given: int = 0
    held: int = 0

    def __post_init__(self) -> None:
        self._script = iter(self.ends)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator["Scripted"]:
        self.writers_given += 1
        self.held += 1
        try:
            yield self
        finally:
            self.held -= 1

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Scripted"]:
        self.now_ns += int(self.takes_s * 1e9)
        yield self
        if (end := next(self._script)) is not None:
            raise end

    async def read_seat(self, key: SeatKey) -> Seat:
        return Seat(key=key, status=self.status, fan_id=None, op_id="root")

    async def write_seat(self, order: Order) -> None: ...

    async def write_seat_if(self, order: Order, *, unchanged_since: str) -> bool:
        return (order.op_id, unchanged_since) == ("op_1_0", "root")

    async def append_sale(self, order: Order, *, replaces: str) -> None: ...

    def monotonic_ns(self) -> int:
        return self.now_ns

    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_id(self, prefix: str) -> str:
        return prefix

    def seed(self) -> int:
        return 0

    def jitter(self) -> float:
        self.jitters += 1
        return 0.01


async def tried(store: Scripted, policy: RetryPolicy | None = None) -> Attempted:
    answer = await attempt(
        conditional,
        ORDER,
        writers=store.writer,
        policy=policy or RetryPolicy(),
        clock=store,
        chance=store,
    )
    assert store.held == 0
    return answer


@pytest.mark.parametrize(
    ("end", "answer"),
    [
        (None, Answer.SOLD),
        (Duplicate("23505", constraint="op_log_pkey"), Answer.KEY_EXISTS),
        (Duplicate("23505", constraint=""), Answer.KEY_EXISTS),
        (Duplicate("23505", constraint="op_log_guard"), Answer.TAKEN),
        (Duplicate("23505", constraint="op_log_lane"), Answer.STORE_REFUSED),
        (CommitUnknown("lost"), Answer.UNKNOWN),
        (StoreRefused("23514"), Answer.STORE_REFUSED),
    ],
    ids=["sold", "key", "some key", "guard", "lane", "unknown", "refused"],
)
async def test_a_definite_answer_ends_the_attempt(end: StoreError | None, answer: Answer) -> None:
    told = await tried(Scripted([end]))
    assert (told.answer, told.attempts, told.conflicts) == (answer, 1, 0)
    assert told.detail == (str(end) if end else "")


async def test_a_sold_seat_is_taken_without_a_write() -> None:
    told = await tried(Scripted([None], status=SeatStatus.SOLD))
    assert (told.answer, told.attempts) == (Answer.TAKEN, 1)


async def test_conflicts_are_counted_and_tried_again_on_the_same_connection() -> None:
    store = Scripted([Conflict("40001"), Conflict("40P01"), None])
    told = await tried(store)
    assert (told.answer, told.attempts, told.conflicts) == (Answer.SOLD, 3, 2)
    assert (store.writers_given, store.jitters) == (1, 2)


async def test_a_lost_connection_is_tried_again_on_another() -> None:
    store = Scripted([NotCommitted("08006"), Conflict("40001"), None])
    told = await tried(store)
    assert (told.answer, told.attempts, told.conflicts) == (Answer.SOLD, 3, 1)
    assert store.writers_given == 2


@pytest.mark.parametrize(
    ("always", "answer"), [(Conflict("40001"), Answer.BUSY), (NotCommitted(""), Answer.UNAVAILABLE)]
)
async def test_retries_end_by_their_number(always: StoreError, answer: Answer) -> None:
    told = await tried(Scripted(repeat(always)), RetryPolicy(attempts_max=5, base_ms=0.1))
    assert (told.answer, told.attempts) == (answer, 5)


@pytest.mark.parametrize(
    ("always", "answer"), [(Conflict("40001"), Answer.BUSY), (NotCommitted(""), Answer.UNAVAILABLE)]
)
async def test_retries_end_by_their_deadline(always: StoreError, answer: Answer) -> None:
    store = Scripted(repeat(always), takes_s=3.0)
    told = await tried(store, RetryPolicy(attempts_max=100, base_ms=0.1, deadline_s=8.0))
    assert (told.answer, told.attempts) == (answer, 3)


async def test_a_writer_that_is_held_is_used_first_and_then_replaced() -> None:
    held = Scripted([Conflict("40001"), NotCommitted("08006")])
    others = Scripted([None])
    told = await attempt(
        conditional,
        ORDER,
        writers=others.writer,
        policy=RetryPolicy(),
        clock=others,
        chance=others,
        held=held,
    )
    assert (told.answer, told.attempts, told.conflicts) == (Answer.SOLD, 3, 1)
    assert (held.writers_given, others.writers_given) == (0, 1)
