"""Real processes, really killed: what was acknowledged is there, what was lost is resolved."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from tests.patience import until

from worldseat import bootstrap
from worldseat.domain import history, ids
from worldseat.domain.errors import ClaimVoided, OutcomeUnknown, SeatTaken, Unavailable
from worldseat.domain.event import Event
from worldseat.domain.run import Arrival, Cell, Outcome, Run, RunStatus
from worldseat.domain.seats import Code
from worldseat.local_dsql import descriptor
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.services import recovery
from worldseat.services.shop import Bought
from worldseat.services.wiring import Services
from worldseat.settings import Settings

BACK_WITHIN_S = 5.0
"""How soon the launcher must have a killed database back."""

SCRIPT = Path(__file__).with_name("whole_worldseat.py")


@dataclass(frozen=True)
class Claim:
    """What a fan asked for under one key."""

    fan: str
    key: str
    seat: str

    @property
    def op_id(self) -> str:
        return ids.op_id(ids.claim_id(self.fan, self.key), 0)


@dataclass
class Told:
    """What the fans were told, claim by claim."""

    sold: list[Claim] = field(default_factory=list)
    taken: list[Claim] = field(default_factory=list)
    voided: list[Claim] = field(default_factory=list)
    not_sold: list[Claim] = field(default_factory=list)
    unknown: list[Claim] = field(default_factory=list)

    async def ask(self, services: Services, event: Event, claim: Claim) -> bool:
        """Buy, or ask again; return whether the answer was definite."""
        try:
            await _buy(services, event, claim)
        except SeatTaken:
            self.taken.append(claim)
        except ClaimVoided:
            self.voided.append(claim)
        except Unavailable:
            self.not_sold.append(claim)
            return False
        except OutcomeUnknown:
            self.unknown.append(claim)
            return False
        except asyncio.CancelledError:
            self.unknown.append(claim)
            raise
        else:
            self.sold.append(claim)
        return True


async def _buy(services: Services, event: Event, claim: Claim) -> Bought:
    return await services.shop.buy(
        fan_id=claim.fan, key=claim.key, event_id=event.event_id, seats=[claim.seat]
    )


@dataclass(frozen=True)
class Behind:
    """A cluster of the test's own, as the machine sees it: two processes to kill."""

    home: Path

    @property
    def url(self) -> str:
        return self._described().postgres_url

    def pid(self, which: str) -> int | None:
        """The process id of the `cluster`, or of the `database` behind it."""
        if which == "cluster":
            return self._described().pid
        file = self.home / "pg" / "data" / "postmaster.pid"
        return int(file.read_text().split()[0]) if file.exists() else None

    def _described(self) -> Descriptor:
        found = descriptor.read(self.home / "dsql")
        assert found is not None
        return found


@asynccontextmanager
async def on_a_cluster_of_its_own(home: Path) -> AsyncIterator[tuple[Behind, Services]]:
    async with bootstrap.services(Settings(home=home, delays=False)) as services:
        yield Behind(home), services


async def kill(behind: Behind, which: str, services: Services) -> float:
    """Kill a process with signal 9; return for how many seconds nobody could buy."""
    pid = behind.pid(which)
    assert pid is not None
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    await until(lambda: behind.pid(which) not in {pid, None}, within_s=BACK_WITHIN_S)

    async def answers() -> bool:
        return "ok" in (await services.store.health()).values()

    await until(answers, within_s=BACK_WITHIN_S)
    return time.monotonic() - began


async def keep_buying(services: Services, event: Event, fan: str, told: Told) -> None:
    """Buy random seats, one claim after the other, whatever happens."""
    chance = random.Random(fan)
    number = 0
    while True:
        number += 1
        seat = event.chart.label(chance.randrange(12, event.chart.seat_count))
        if not await told.ask(services, event, Claim(fan, f"key {number}", seat)):
            await asyncio.sleep(0.02)


async def check_purchases(sql: asyncpg.Connection, event: Event, told: Told) -> None:
    """Hold every answer against the committed rows, by plain SQL."""
    rows = await sql.fetch(
        "SELECT op_id, kind, fan_id, seat_index FROM op_log WHERE event_id = $1 AND run_id IS NULL",
        event.event_id,
    )
    kinds = {row["op_id"]: row["kind"] for row in rows}
    assert len(kinds) == len(rows)
    for claim in told.sold:
        assert kinds.get(claim.op_id) == "sell", claim
    for claim in (*told.taken, *told.not_sold):
        assert kinds.get(claim.op_id, "nothing") != "sell" or claim in told.sold, claim
    for claim in told.voided:
        assert kinds[claim.op_id] == "void", claim
    sold = Counter(row["seat_index"] for row in rows if row["kind"] == "sell")
    assert set(sold.values()) <= {1}
    owners = await sql.fetch(
        "SELECT seat_index, fan_id, op_id FROM seat WHERE event_id = $1 AND status = 'sold'"
        " AND seat_index >= 12",
        event.event_id,
    )
    assert {(row["seat_index"], row["fan_id"], row["op_id"]) for row in owners} == {
        (row["seat_index"], row["fan_id"], row["op_id"]) for row in rows if row["kind"] == "sell"
    }
    assert len(set(told.sold)) == sold.total()


@pytest.mark.parametrize("which", ["cluster", pytest.param("database", marks=pytest.mark.slow)])
async def test_kill_9_under_purchases_and_a_stampede(tmp_path: Path, which: str) -> None:
    async with asyncio.timeout(35), on_a_cluster_of_its_own(tmp_path) as (behind, services):
        event = await services.onsale.event("evt_aurora-2026")
        told = Told()
        buying = [
            asyncio.create_task(keep_buying(services, event, f"fan_{number}", told))
            for number in range(8)
        ]
        begun = await services.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(spread_ms=1_500), buyers=300),
            seat="A1",
        )

        async def is_fired() -> bool:
            _, progress = await services.stampedes.run(begun.plan.run_id)
            return progress is not None and progress.answered > 0

        # Killed earlier, nobody has fired: also an honest end, and not the one under test.
        await until(is_fired)
        away_s = []
        for _ in range(2):
            await asyncio.sleep(0.4)
            away_s.append(await kill(behind, which, services))
        await asyncio.sleep(0.4)
        for task in buying:
            task.cancel()
        await asyncio.gather(*buying, return_exceptions=True)
        assert max(away_s) < BACK_WITHIN_S, away_s
        assert told.sold
        assert told.not_sold or told.unknown or told.voided, "nothing was under way at the kill"
        await ask_again_about_what_was_not_said(services, event, told)
        run = await services.stampedes.wait(begun.plan.run_id)
        sql = await asyncpg.connect(behind.url)
        await check_purchases(sql, event, told)
        await check_run(sql, services, run)
        await sql.close()
        assert (await services.witness.judge(event.event_id)).violations == ()
        again = await services.stampedes.start(
            event_id=event.event_id,
            cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(), buyers=60),
            seat="A1",
        )
        assert (await services.stampedes.wait(again.plan.run_id)).status is RunStatus.DONE


async def ask_again_about_what_was_not_said(services: Services, event: Event, told: Told) -> None:
    """Ask about every unknown outcome, and about half of the "not sold": both must be final."""
    again = {*told.unknown, *told.not_sold[::2]} - {*told.sold}
    told.unknown.clear()
    for claim in again:
        answer = Told()
        assert await answer.ask(services, event, claim)
        told.sold += answer.sold
        told.taken += answer.taken
        told.voided += answer.voided


async def check_run(sql: asyncpg.Connection, services: Services, run: Run) -> None:
    result = run.result
    assert result is not None
    assert run.status is RunStatus.DONE
    sales = await sql.fetch(
        "SELECT op_id FROM op_log WHERE run_id = $1 AND kind = 'sell'", run.plan.run_id
    )
    operations = history.load(await services.store.history(run.plan.run_id))
    sold = [each.op_id for each in operations if each.outcome is Outcome.OK and each.kind == "sell"]
    assert sold == [row["op_id"] for row in sales]
    assert (result.confirmed, result.oversold, result.unknown) == (1, 0, 0)
    assert result.violations == []


@asynccontextmanager
async def a_whole_worldseat(home: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), str(home), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def test_kill_9_of_a_whole_worldseat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "LOOK_AGAIN_S", 0.2)
    run_id, acknowledged = "", []
    async with asyncio.timeout(35), a_whole_worldseat(tmp_path) as child:
        assert child.stdout is not None
        async for line in child.stdout:
            said = json.loads(line) if line.endswith(b"\n") and b"{" in line[:1] else {}
            run_id = said.get("run", run_id)
            if "seat" in said:
                acknowledged.append(said)
            if len(acknowledged) == 40 and child.returncode is None:
                child.kill()
        await child.wait()
    assert len(acknowledged) >= 40
    assert run_id
    async with (
        asyncio.timeout(30),
        bootstrap.services(Settings(home=tmp_path, delays=False)) as services,
    ):

        async def settled() -> bool:
            run, _ = await services.stampedes.run(run_id)
            return run.status is RunStatus.INTERRUPTED

        await until(settled, within_s=15)
        await check_what_a_killed_process_left(Behind(tmp_path).url, services, run_id, acknowledged)


async def check_what_a_killed_process_left(
    url: str, services: Services, run_id: str, acknowledged: list[dict[str, str]]
) -> None:
    event = await services.onsale.event("evt_aurora-2026")
    run, _ = await services.stampedes.run(run_id)
    sql = await asyncpg.connect(url)
    rows = await sql.fetch("SELECT * FROM op_log WHERE event_id = $1", event.event_id)
    sold = {row["op_id"]: row for row in rows if row["kind"] == "sell" and row["run_id"] is None}
    for said in acknowledged:
        row = sold[Claim(said["fan"], said["key"], said["seat"]).op_id]
        assert event.chart.label(row["seat_index"]) == said["seat"]
        again = await _buy(services, event, Claim(said["fan"], said["key"], said["seat"]))
        assert again.replayed
        assert again.tickets[0].code == said["code"]
    assert set(Counter(row["seat_index"] for row in sold.values()).values()) == {1}
    kinds = Counter(row["kind"] for row in rows if row["run_id"] == run_id)
    assert kinds == Counter(sell=1, void=run.plan.buyers - 1)
    assert run.result is not None
    assert (run.result.confirmed, run.result.oversold) == (1, 0)
    assert run.result.unknown == run.plan.buyers
    assert (await services.witness.judge(event.event_id)).violations == ()
    following = await services.stampedes.start(
        event_id=event.event_id,
        cell=Cell(store="dsql", code=Code.NAIVE, arrival=Arrival(), buyers=10),
        seat="A1",
    )
    assert (await services.stampedes.wait(following.plan.run_id)).status is RunStatus.DONE
    later = await sql.fetchval(
        "SELECT count(*) FROM op_log WHERE run_id = $1 AND kind <> 'release'", run_id
    )
    assert later == run.plan.buyers
    await sql.close()
