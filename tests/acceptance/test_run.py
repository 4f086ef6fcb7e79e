"""What a run says of promises that it cannot try, of what it leaves, and of the limit."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
import structlog.testing

from worldseat.acceptance import latency, privilege, run
from worldseat.acceptance.amounts import Amounts
from worldseat.acceptance.load import Load
from worldseat.acceptance.plan import NAMES
from worldseat.acceptance.tables import CHANGES
from worldseat.acceptance.trial import LimitReached, Trial
from worldseat.domain.acceptance import Latency, Promise, Standing
from worldseat.ports.store import NotCommitted
from worldseat.settings import REGIONS


class Stub:
    """A ground on which every promise holds, as far as it is asked."""

    def __init__(self, stand_in: str | None = None) -> None:
        self.amounts = Amounts(runs=1)
        self.regions = REGIONS
        self.accept_id = "accept_x"
        self.store = SimpleNamespace(stand_in=stand_in)
        self.tables = SimpleNamespace(
            left=("accept_x_keys",),
            strangers=lambda: "",
            commits="commits",
            make=self.done,
            drop=self.done,
        )
        self.limit_usd = 1.0
        self.goes_on_for = 1_000
        self.sold_something = False
        self.noted = Load()

    def note(self, load: Load) -> None:
        self.noted += load

    def within_limit(self) -> bool:
        self.goes_on_for -= 1
        return self.goes_on_for >= 0

    async def done(self) -> None:
        pass

    @asynccontextmanager
    async def connected(self, _region: str, *, directly: bool = False) -> AsyncIterator[Any]:
        async def answer(*_: object) -> Sequence[Any]:
            return [] if not directly else ""

        yield SimpleNamespace(fetch=answer, fetchval=answer, execute=answer)


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every promise hold, with no role but admin."""

    async def hold(_ground: object, trial: Trial) -> Promise:
        trial.case("it", held=True, wanted="a", seen="a")
        return trial.ended("Held.")

    async def no_role(_: object) -> None:
        return None

    for name in run._CHECKS:
        monkeypatch.setitem(run._CHECKS, name, hold)
    monkeypatch.setattr(privilege, "role_of", no_role)


async def ran(stub: Any, only: Sequence[str] = NAMES) -> run.Found:
    found = run.Found()
    await run._try_all(stub, found, tuple(only), lambda *_: None, lambda _: None)
    return found


@pytest.mark.usefixtures("holding")
@pytest.mark.parametrize(
    ("stand_in", "only", "told"),
    [
        (None, NAMES, True),
        ("a stand-in", NAMES, False),
        ("a stand-in", (privilege.NAME, "tokens"), True),
        ("a stand-in", ("tokens",), False),
    ],
)
async def test_a_role_that_is_missing_is_told_on_aws_and_where_it_is_asked_for(
    stand_in: str | None,
    only: Sequence[str],
    told: bool,  # noqa: FBT001 - a parameter of the test.
) -> None:
    promises = {each.name: each for each in (await ran(Stub(stand_in), only)).promises}
    assert promises["tokens"].standing is Standing.HELD
    if told:
        promise = promises[privilege.NAME]
        assert promise.standing is Standing.NOT_TRIED
        assert promise.seen.startswith("There is no role worldseat_app: `worldseat cluster grant`")
    else:
        assert privilege.NAME not in promises


@pytest.mark.usefixtures("holding")
async def test_a_latency_that_is_cut_off_at_the_limit_is_told() -> None:
    stub = Stub("a stand-in")
    # Each promise asks once, and then each commit.
    stub.goes_on_for = len(NAMES) - 1 + 13
    found = await ran(stub)
    assert [(each.region, each.commits) for each in found.latencies] == [
        (REGIONS[0], 10),
        (REGIONS[1], 3),
    ]
    assert found.stopped
    assert "Commit latency is not that of 10 commits in each Region: stopped" in found.notes[-1]
    whole = await ran(Stub("a stand-in"))
    assert not whole.stopped
    assert not whole.notes


async def test_a_latency_that_may_cost_nothing_times_nothing() -> None:
    stub: Any = Stub()
    stub.goes_on_for = 0
    found: list[Latency] = []
    with pytest.raises(LimitReached):
        await latency.measure(stub, found, lambda *_: None)
    assert not found


async def test_tables_that_are_left_are_told_also_when_there_is_no_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    async def stay() -> None:
        raise NotCommitted("nobody answers") from asyncpg.InterfaceError("closed")

    stub: Any = Stub()
    stub.tables.drop = stay
    monkeypatch.setattr(run, "_try_all", fail)
    with structlog.testing.capture_logs() as logs, pytest.raises(ZeroDivisionError):
        await run.accept(stub, only=NAMES, git_commit="x", on_progress=lambda *_: None)
    assert [(each["log_level"], each["tables"], each["error"]) for each in logs] == [
        ("error", "accept_x_keys", "nobody answers")
    ]
    # Made, and tried to drop, past the relays.
    assert stub.noted == CHANGES.times(2)
