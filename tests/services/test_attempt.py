"""One buyer's retries: bounded, jittered, counted, and over at the first definite answer."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

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
from worldseat.services import attempt as attempt_module
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
    """A store whose transactions end as the script says; a clock that the pauses move."""

    ends: Iterable[StoreError | None]
    status: SeatStatus = SeatStatus.OPEN
    now_ns: int = 0
    pauses_s: list[float] = field(default_factory=list)
    writers_given: int = 0
    region: str = "us-east-1"

    def __post_init__(self) -> None:
        self._script = iter(self.ends)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator["Scripted"]:
        self.writers_given += 1
        yield self

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Scripted"]:
        yield self
        if (end := next(self._script)) is not None:
            raise end

    async def read_seat(self, key: SeatKey) -> Seat:
        return Seat(key=key, status=self.status, fan_id=None, op_id="root")

    async def write_seat(self, order: Order) -> None: ...

    async def write_seat_if(self, order: Order, *, unchanged_since: str) -> bool:
        return unchanged_since == "root"

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
        return 1.0

    async def sleep(self, pause_s: float) -> None:
        self.pauses_s.append(pause_s)
        self.now_ns += int(pause_s * 1e9)


Try = Callable[..., object]


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Try:
    async def one(store: Scripted, policy: RetryPolicy | None = None) -> Attempted:
        monkeypatch.setattr(attempt_module.asyncio, "sleep", store.sleep)
        return await attempt(
            conditional,
            ORDER,
            writers=store.writer,
            policy=policy or RetryPolicy(),
            clock=store,
            chance=store,
        )

    return one
