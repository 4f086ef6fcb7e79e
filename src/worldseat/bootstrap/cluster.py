"""Where the product's database is: addresses of one's own, or the local cluster."""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from worldseat.domain.errors import Unavailable
from worldseat.embedded.errors import EmbeddedError
from worldseat.local_dsql import descriptor
from worldseat.local_dsql.control import Control
from worldseat.local_dsql.launch import Launch
from worldseat.ports.cluster import LocalCluster, Opened
from worldseat.ports.way_in import WayIn
from worldseat.settings import Settings
from worldseat.stores.dsql import access

log = structlog.get_logger(__name__)

_CLUSTER = "dsql"
"""The local cluster's folder under the home; the data of the PostgreSQL behind it is beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the rest stands on. `server_url` is the PostgreSQL behind the local cluster."""

    settings: Settings
    cluster: LocalCluster | None
    launch: Launch | None = None
    server_url: str | None = None


async def prepared(stack: AsyncExitStack, settings: Settings) -> Ground:
    """Start the local cluster, or attach to it, unless the settings have addresses.

    Raises Unavailable.
    """
    if settings.database_urls:
        return Ground(settings=settings, cluster=local_cluster(settings))
    launch = Launch(settings.home / _CLUSTER, delays=settings.delays, on_event=_tell)
    stack.push_async_callback(launch.stop)
    try:
        found = await launch.start()
    except EmbeddedError as error:
        raise Unavailable(f"{error.what}: {error.why}.", next_step=error.remedy) from error
    urls = {region: found.url(region) for region in settings.regions}
    return Ground(
        settings=replace(settings, database_urls=urls),
        cluster=Control(found.control),
        launch=launch,
        server_url=found.postgres_url,
    )


def endpoints(settings: Settings) -> Mapping[str, str]:
    """Return each Region's address, without starting anything; none before the first start."""
    if settings.database_urls:
        return settings.database_urls
    found = descriptor.read(settings.home / _CLUSTER)
    return {region: found.url(region) for region in settings.regions} if found else {}


async def way_in(settings: Settings, region: str) -> WayIn | None:
    """Return what another program needs to reach the database; None before the first start.

    Raises NotCommitted if there are no credentials for a token, or ValueError.
    """
    url = endpoints(settings).get(region)
    return None if url is None else await access.way_in(region, url)


def local_cluster(settings: Settings) -> LocalCluster | None:
    """Return the local cluster whose addresses these settings use, or None if they use no such.

    It may have been stopped: then its orders fail.
    """
    found = descriptor.read(settings.home / _CLUSTER)
    if found is None:
        return None
    ours = {found.url(region) for region in settings.regions}
    if settings.database_urls and not ours & set(settings.database_urls.values()):
        return None
    return Control(found.control)


async def run_local_dsql(
    home: Path, postgres_home: Path, *, delays: bool, on_ready: Callable[[Opened], None]
) -> None:
    """Run a local cluster by itself until SIGINT or SIGTERM. Raises Unavailable, OSError."""
    # Only its own process needs all that the cluster is made of: a fifth of every command's start.
    from worldseat.local_dsql.server import LocalDsql  # noqa: PLC0415

    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    try:
        async with LocalDsql(home, postgres_home, delays=delays) as cluster:
            on_ready(_opened(cluster.descriptor))
            await told.wait()
    except EmbeddedError as error:
        raise Unavailable(f"{error.what}: {error.why}.", next_step=error.remedy) from error


def _opened(found: descriptor.Descriptor) -> Opened:
    return Opened(
        endpoints={
            region: (at.host, f"{at.address}, port {at.port}")
            for region, at in found.endpoints.items()
        },
        user=found.user,
        database=found.database,
        ca_file=found.ca_file,
        credentials_file=found.credentials_file,
        profile=found.profile,
    )


def _tell(event: str, fields: Mapping[str, object]) -> None:
    trouble = event.endswith(("died", "failed", "restarted", "put_aside", "took_over"))
    log.log(logging.WARNING if trouble else logging.INFO, event, **fields)
