"""Where the foil runs: on AWS, or on two emulators and a replicator that live while it is used."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from pathlib import Path
from typing import Protocol

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from worldseat.domain.seats import SeatKey
from worldseat.ports.store import NotCommitted
from worldseat.stores.dynamodb import failures, ledger, tables
from worldseat.stores.dynamodb.clients import Client, connect
from worldseat.stores.dynamodb.emulator import Emulator
from worldseat.stores.dynamodb.replicator import Replicator

log = structlog.get_logger(__name__)

_AGAIN_S = 0.05
_WATCH_S = 0.1
_REPLICATOR_ATTEMPTS = 4


class Ground(Protocol):
    """Two Regions that replicate to each other."""

    clients: Mapping[str, Client]

    async def start(self) -> None:
        """Make it ready. Raises StoreError, and then leaves nothing running."""

    async def close(self) -> None:
        """Let go of everything."""

    def trouble(self) -> str:
        """Say what broke, or nothing while all is well."""

    def writes(self) -> AbstractContextManager[None]:
        """Be told that writes are to be expected as long as the block lasts."""

    async def settled(self, key: SeatKey, *, within_s: float) -> None:
        """Wait until both Regions show the same floor.

        Raises StoreError when that takes longer, not counting a lag that was chosen.
        """

    def lag_ms_p50(self, run_id: str) -> float | None:
        """Return the median lag of a run's writes where it can be known."""

    def set_lag(self, lag_ms: float) -> None:
        """Choose the lag of the replication, where it can be chosen."""


class AwsGround:
    """The service itself: real Regional endpoints, the default credential chain."""

    def __init__(self, regions: tuple[str, ...]) -> None:
        self.clients: Mapping[str, Client] = {}
        self._regions = regions
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Connect, and see that the tables are there. They are made by a command, never here."""
        try:
            connected = await self._stack.enter_async_context(connect(self._regions))
            self.clients = connected.tables
            found = await tables.states(self.clients)
        except (BotoCoreError, ClientError, OSError) as error:
            await self.close()
            raise NotCommitted(failures.told(error)) from error
        faults = [f"{each.name} in {each.region}: {each.problem}" for each in found if each.problem]
        if faults:
            await self.close()
            message = f"not ready on AWS: {'; '.join(faults)}. See: worldseat foil status"
            raise NotCommitted(message)

    async def close(self) -> None:
        """Close the clients."""
        await self._stack.aclose()

    def trouble(self) -> str:
        """The service mends itself."""
        return ""

    def writes(self) -> AbstractContextManager[None]:
        """The service needs no warning."""
        return nullcontext()

    async def settled(self, key: SeatKey, *, within_s: float) -> None:
        """Ask both Regions until they show the same."""
        await _same_floor(self.clients, key, within_s=within_s)

    def lag_ms_p50(self, run_id: str) -> float | None:  # noqa: ARG002 - AWS does not tell.
        """Return None: the service tells it by CloudWatch only, by the minute."""
        return None

    def set_lag(self, lag_ms: float) -> None:
        """The service's lag is what it is, so a plan for it has none."""


class LocalGround:
    """Two emulators on loopback, which know nothing of each other, and our replicator."""

    def __init__(self, regions: tuple[str, ...], *, program: Path, home: Path) -> None:
        self.clients: Mapping[str, Client] = {}
        self.emulators = [Emulator(program, region, home) for region in regions]
        self.replicator: Replicator | None = None
        self._regions = regions
        self._stack = AsyncExitStack()
        self._watch: asyncio.Task[None] | None = None
        self._broken = ""

    async def start(self) -> None:
        """Start the emulators, make the tables in each, and replicate between them."""
        try:
            launches = [asyncio.create_task(each.launch()) for each in self.emulators]
            try:
                await asyncio.gather(*launches)
            finally:
                # One failed: the other must not go on launching what nobody would stop.
                for launch in launches:
                    launch.cancel()
                await asyncio.wait(launches)
            endpoints = {each.region: each.url for each in self.emulators}
            enter = self._stack.enter_async_context
            self.clients = (await enter(connect(self._regions, endpoints))).tables
            for client in self.clients.values():
                await tables.make(client, tables.SEATS_TABLE, wait_s=1)
                await tables.make(client, tables.SALES_TABLE, wait_s=1)
            # Clients of its own: the buyers' connections are theirs alone.
            own = connect(self._regions, endpoints, attempts=_REPLICATOR_ATTEMPTS, streams=True)
            self.replicator = Replicator(await enter(own))
        except BaseException as error:
            await self.close()
            if isinstance(error, BotoCoreError | ClientError | OSError):
                raise NotCommitted(failures.told(error)) from error
            raise
        self.replicator.start()
        self._watch = asyncio.create_task(self._watch_over())
        log.info("foil.started", emulators=[each.pid for each in self.emulators])

    async def close(self) -> None:
        """Stop the replicator, close the clients, end the emulators."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self._end()

    def trouble(self) -> str:
        """Say which part ended; what the emulators held is then gone."""
        found = [each.trouble() for each in self.emulators]
        if self.replicator is not None:
            found.append(self.replicator.trouble())
        return self._broken or next((why for why in found if why), "")

    def writes(self) -> AbstractContextManager[None]:
        """Have the streams read often."""
        return self._started().awake()

    async def settled(self, key: SeatKey, *, within_s: float) -> None:
        """Wait until the backlog is empty, then compare the Regions."""
        replicator = self._started()
        until = time.monotonic() + within_s + replicator.lags.asked_ms / 1000
        await replicator.drain(within_s=until - time.monotonic())
        await _same_floor(self.clients, key, within_s=max(until - time.monotonic(), 1.0))

    def lag_ms_p50(self, run_id: str) -> float | None:
        """Return the lag that was achieved, which is never the one that was asked for."""
        return self._started().lags.p50_ms(run_id)

    def set_lag(self, lag_ms: float) -> None:
        """Have writes shipped this long after they were seen."""
        self._started().lags.asked_ms = lag_ms

    def _started(self) -> Replicator:
        assert self.replicator is not None  # noqa: S101 - narrows the type after start.
        return self.replicator

    async def _watch_over(self) -> None:
        """When one part ends, end the others at once: half a foil measures nothing."""
        while not (why := self.trouble()):  # noqa: ASYNC110 - a process ends without an event.
            await asyncio.sleep(_WATCH_S)
        self._broken = why
        log.error("foil.broken", why=why)
        await self._end()

    async def _end(self) -> None:
        if self.replicator is not None:
            await self.replicator.stop()
        # Before the clients: a call that hangs on an emulator ends with it.
        for each in self.emulators:
            each.kill()
        await self._stack.aclose()


async def _same_floor(clients: Mapping[str, Client], key: SeatKey, *, within_s: float) -> None:
    until = time.monotonic() + within_s
    while True:
        floors = [
            await ledger.seats_of_floor(client, key.event_id, key.round_id)
            for client in clients.values()
        ]
        if all(floor == floors[0] for floor in floors):
            return
        if time.monotonic() > until:
            message = f"the Regions still differ after {within_s:.0f} s"
            raise NotCommitted(message)
        await asyncio.sleep(_AGAIN_S)
