"""The cluster as a whole: PostgreSQL behind, two endpoints before it, and the orders it takes."""

import asyncio
import os
import secrets
import string
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

import structlog

from worldseat.embedded import EmbeddedPostgres
from worldseat.embedded.errors import EmbeddedError
from worldseat.embedded.ownership import Ownership
from worldseat.local_dsql import authority, control, credentials, descriptor, ground
from worldseat.local_dsql.cluster import Cluster
from worldseat.local_dsql.faults import Fault
from worldseat.local_dsql.front import DATABASE, Front
from worldseat.local_dsql.jobs import Jobs
from worldseat.local_dsql.limits import Limits
from worldseat.local_dsql.record import Record
from worldseat.local_dsql.regions import ALL_REGIONS, DATA_REGIONS, WITNESS_REGION
from worldseat.ports.cluster import (
    BadOrder,
    ClusterStatus,
    FaultState,
    LinkState,
    RegionState,
)

log = structlog.get_logger(__name__)

_ID_LETTERS = string.ascii_lowercase + "234567"
_ID_LENGTH = 26
_SOCKET = ".s.PGSQL.5432"
CONTROL = "control.sock"
_LAST_ONE_ENDS_S = 5.0
COUNT_MAX = 1_000_000
MS_MAX = 600_000.0


class LocalDsql:
    """A running local cluster. `home` holds its files; `postgres_home` those of the database."""

    def __init__(
        self,
        home: Path,
        postgres_home: Path,
        *,
        delays: bool = True,
        limits: Limits | None = None,
        ends_with: int | None = None,
        record: Path | None = None,
    ) -> None:
        self._home = home
        self._ends_with = ends_with
        self._postgres_home = postgres_home
        self.cluster = Cluster(
            limits=limits or Limits(),
            delays=delays,
            record=None if record is None else Record(record),
        )
        self._stack = AsyncExitStack()
        self._fronts: dict[str, Front] = {}
        self.descriptor: descriptor.Descriptor
        """How to reach it, once it runs."""

    async def __aenter__(self) -> Self:
        """Start all of it. Raises EmbeddedError, OSError."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop all of it, in reverse order."""
        await self._stack.aclose()

    async def _start(self) -> None:
        home = self._home
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        await self._run_alone()
        postgres = EmbeddedPostgres(self._postgres_home, on_event=_tell)
        await postgres.start()
        self._stack.push_async_callback(postgres.stop)
        await ground.prepare(postgres.url)
        before = descriptor.read(home)
        hosts = _hosts(before)
        tls = await asyncio.to_thread(authority.server_context, home, list(hosts.values()))
        await asyncio.to_thread(credentials.known, home)
        jobs = Jobs(postgres.url)
        self._stack.push_async_callback(jobs.close)
        behind = Path(parse_qs(urlsplit(postgres.url).query)["host"][0]) / _SOCKET
        for region, host in hosts.items():
            front = Front(
                region=region,
                host=host,
                port=self._port(region, before),
                tls=tls,
                cluster=self.cluster,
                jobs=jobs,
                behind=behind,
                secrets=lambda: credentials.known(home),
            )
            front.open()
            self._stack.push_async_callback(front.close)
            self._fronts[region] = front
        self._stack.callback(self.cluster.release)
        path = home / CONTROL
        await self._stack.enter_async_context(control.served(path, self))
        self.descriptor = self._describe(before, hosts, path, postgres.url)
        descriptor.write(home, self.descriptor)

    async def _run_alone(self) -> None:
        """Hold a lock that the kernel drops at our death. Raises EmbeddedError."""
        running = Ownership(self._home / "running.lock")
        # Whoever started us took over from one that is gone, and whose cluster is about to go.
        until = time.monotonic() + (0 if self._ends_with is None else _LAST_ONE_ENDS_S)
        while not running.try_acquire():
            if time.monotonic() >= until:
                raise EmbeddedError(
                    "Cannot start the local cluster",
                    why=f"one runs already in {self._home}",
                    remedy="Use that one, or choose another --home.",
                )
            await asyncio.sleep(0.02)
        self._stack.callback(running.release)

    def _port(self, region: str, before: descriptor.Descriptor | None) -> int:
        """Keep the port of the last time: clients that wait for us know no other."""
        return before.endpoints[region].port if before else 0

    def _describe(
        self,
        before: descriptor.Descriptor | None,
        hosts: Mapping[str, str],
        control_path: Path,
        postgres_url: str,
    ) -> descriptor.Descriptor:
        return descriptor.Descriptor(
            cluster_id=before.cluster_id if before else hosts[DATA_REGIONS[0]].partition(".")[0],
            endpoints={
                region: descriptor.Endpoint(
                    host=host, address="127.0.0.1", port=self._fronts[region].port
                )
                for region, host in hosts.items()
            },
            witness_region=WITNESS_REGION,
            database=DATABASE,
            user=ground.ADMIN,
            ca_file=str(self._home / authority.CA_FILE),
            credentials_file=str(self._home / credentials.FILE),
            profile=credentials.PROFILE,
            control=str(control_path),
            postgres_url=postgres_url,
            pid=os.getpid(),
            ends_with=self._ends_with,
        )

    # what ports.cluster.LocalCluster promises

    async def status(self) -> ClusterStatus:
        """Say how everything stands."""
        cluster = self.cluster
        return ClusterStatus(
            regions=[self._state(region) for region in ALL_REGIONS],
            links=[
                LinkState(one=link.one, other=link.other, rtt_ms=link.rtt_ms, cut=cut)
                for link, cut in cluster.regions.links()
            ],
            faults=[
                FaultState(
                    fault_id=each.fault_id,
                    kind=each.kind,
                    region=each.region,
                    left=each.left,
                    done=each.done,
                    mark=each.mark,
                )
                for each in cluster.faults.planned()
            ],
            done=dict(cluster.faults.done),
        )

    def _state(self, region: str) -> RegionState:
        cluster = self.cluster
        figures = cluster.figures.get(region)
        return RegionState(
            region=region,
            witness=region == WITNESS_REGION,
            up=cluster.regions.up(region),
            cut_off=cluster.regions.cut_off(region),
            can_commit=figures is not None and cluster.regions.has_quorum(region),
            sessions=len(cluster.sessions.get(region, ())),
            commits=figures.commits if figures else 0,
            conflicts=figures.conflicts if figures else 0,
            refused=figures.refused if figures else 0,
            commit_ms_p50=figures.percentile(50) if figures else None,
            commit_ms_p99=figures.percentile(99) if figures else None,
        )

    async def order(
        self,
        kind: str,
        *,
        region: str | None = None,
        other: str | None = None,
        count: int | None = None,
        ms: float | None = None,
        mark: str | None = None,
    ) -> ClusterStatus:
        """Do what was asked for (ports.cluster lists the kinds). Raises BadOrder."""
        _check(region, other, count, ms)
        regions = self.cluster.regions
        of_a_region = {
            "region-up": self._bring_up,
            "cut-off": regions.cut,
            "rejoin": regions.rejoin,
        }
        if kind in set(Fault):
            _data_region(region)
            self.cluster.faults.plan(
                Fault(kind), region=region, count=1 if count is None else count, mark=mark
            )
        elif kind == "region-down":
            await self._take_down(_named(region))
        elif kind in of_a_region:
            of_a_region[kind](_named(region))
        elif kind == "slow":
            self._slow(_named(region), _named(other), ms)
        elif kind == "release":
            self.cluster.release()
        elif kind in {"pause", "resume"}:
            self._pause(region, ms if kind == "pause" else None)
        elif kind == "forget":
            self.cluster.faults.forget(mark)
        elif kind == "clear":
            await self._clear()
        else:
            raise BadOrder(f"There is no order {kind[:40]!r}.")
        log.info("order", kind=kind, region=region, other=other, count=count, ms=ms)
        self.cluster.faults.done[kind] += kind not in set(Fault)
        return await self.status()

    async def _take_down(self, region: str) -> None:
        self.cluster.regions.take_down(region)
        if region in self._fronts:
            await self._fronts[region].shut()
            self.cluster.break_connections(region)

    def _bring_up(self, region: str) -> None:
        self.cluster.regions.bring_up(region)
        if region in self._fronts:
            self._fronts[region].open()

    def _slow(self, region: str, other: str, ms: float | None) -> None:
        if ms is None or region == other:
            raise BadOrder("A slow link needs two Regions and a round trip in ms.")
        self.cluster.regions.set_rtt(region, other, ms)

    def _pause(self, region: str | None, ms: float | None) -> None:
        _data_region(region)
        for each in DATA_REGIONS if region is None else (region,):
            if ms is None:
                self.cluster.resume(each)
                continue
            self.cluster.pause(each)
            if ms:
                loop = asyncio.get_running_loop()
                loop.call_later(ms / 1000, self.cluster.resume, each)

    async def _clear(self) -> None:
        down = [region for region in ALL_REGIONS if not self.cluster.regions.up(region)]
        self.cluster.regions.all_well()
        for region in down:
            self._bring_up(region)
        self.cluster.faults.forget()
        self.cluster.release()
        for region in DATA_REGIONS:
            self.cluster.resume(region)


def _hosts(before: descriptor.Descriptor | None) -> dict[str, str]:
    """Return the endpoints' names: those of the last time, or new ones in DSQL's form."""
    if before is not None:
        return {region: endpoint.host for region, endpoint in before.endpoints.items()}
    return {
        region: f"{''.join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))}"
        f".dsql.{region}.on.aws"
        for region in DATA_REGIONS
    }


def _check(region: str | None, other: str | None, count: int | None, ms: float | None) -> None:
    for named in (region, other):
        if named is not None and named not in ALL_REGIONS:
            raise BadOrder(f"There is no Region {named[:40]!r}: {', '.join(ALL_REGIONS)}.")
    if count is not None and not 1 <= count <= COUNT_MAX:
        raise BadOrder(f"A count is 1 to {COUNT_MAX}.")
    if ms is not None and not 0 <= ms <= MS_MAX:
        raise BadOrder(f"Milliseconds are 0 to {MS_MAX:g}.")


def _named(region: str | None) -> str:
    if region is None:
        raise BadOrder("Name the Region.")
    return region


def _data_region(region: str | None) -> None:
    if region == WITNESS_REGION:
        raise BadOrder(f"{WITNESS_REGION} has no endpoint: it keeps the log only.")


def _tell(event: str, fields: Mapping[str, object]) -> None:
    log.info(event, **fields)
