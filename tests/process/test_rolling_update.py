"""A new version is rolled out while fans buy: every process is replaced, and no sale is lost.

A load balancer in miniature asks each process for its health and sends fans where it is well.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from tests.patience import until

from worldseat.domain.event import Event
from worldseat.services.wiring import Services

from .outside import Fan, health, new_fan, words
from .test_up import Running, up

pytestmark = pytest.mark.slow

POLL_S = 0.05
DRAIN_S = 3
FANS = 4


@dataclass
class Balancer:
    """Sends each request to one of the processes that were well when they were asked last."""

    processes: list[Running] = field(default_factory=list)
    well: tuple[Running, ...] = ()
    broken: list[str] = field(default_factory=list)
    turn: int = 0

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask for health, again and again, until the block is left."""
        done = threading.Event()

        def ask() -> None:
            while not done.wait(POLL_S):
                self.look()

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def look(self) -> None:
        self.well = tuple(each for each in self.processes if _is_well(each))

    def claim(self, fan: Fan, event: Event, seat: str) -> tuple[int, dict[str, object]]:
        """Buy through one process; where the way breaks, by the same key through another."""
        while True:
            self.turn += 1
            well = self.well
            if not well:
                time.sleep(POLL_S)
                continue
            try:
                return fan.claim(well[self.turn % len(well)], event, seat)
            except OSError as error:
                self.broken.append(str(error))


def _is_well(running: Running) -> bool:
    try:
        return health(running)[0] == 200
    except OSError:
        return False


async def replace(balancer: Balancer, leaving: Running, fresh: Running) -> None:
    """Add a fresh process, and let one leave once fans are sent to the fresh one, too."""
    balancer.processes.append(fresh)
    await until(lambda: fresh in balancer.well, within_s=20)
    leaving.process.terminate()
    await until(lambda: leaving not in balancer.well)
    await until(lambda: leaving.process.poll() is not None, within_s=20)
    assert leaving.process.returncode == 0
    balancer.processes.remove(leaving)


async def test_every_process_is_replaced_and_each_fan_gets_each_seat(
    tmp_path: Path,
    services: Services,
    event: Event,
    sql: asyncpg.Connection,
    record_property: Callable[[str, object], None],
) -> None:
    told = words(services.settings.database_urls, WORLDSEAT_DRAIN_S=str(DRAIN_S))
    labels = [place.label for place in event.chart.places]
    balancer, replaced = Balancer(), threading.Event()

    def buy(fan: Fan, seats: list[str]) -> list[str]:
        """Buy one seat after the other, slowly while processes come and go."""
        for seat in seats:
            status, answer = balancer.claim(fan, event, seat)
            assert status == 201, answer
            replaced.wait(timeout=0.3)
        return seats

    with ExitStack() as stack, ThreadPoolExecutor(FANS) as pool:
        for name in ("one", "two"):
            balancer.processes.append(stack.enter_context(up(tmp_path / name, before=told)))
        balancer.look()
        stack.enter_context(balancer.asking())
        fans = [new_fan(balancer.processes[0]) for _ in range(FANS)]
        buying = [pool.submit(buy, fan, labels[n::FANS]) for n, fan in enumerate(fans)]
        for name in ("three", "four"):
            fresh = stack.enter_context(up(tmp_path / name, before=told))
            await replace(balancer, balancer.processes[0], fresh)
        replaced.set()
        sold = [each.result(timeout=60) for each in buying]
    found = await sql.fetch(
        "SELECT fan_id, count(*) FROM op_log WHERE event_id = $1 AND kind = 'sell' GROUP BY 1",
        event.event_id,
    )
    assert {row[0]: row[1] for row in found} == {
        fan.fan_id: len(seats) for fan, seats in zip(fans, sold, strict=True)
    }
    # None where the balancer sees in time who leaves; on a machine that stalls, the key mends it.
    record_property("broken_ways", len(balancer.broken))
