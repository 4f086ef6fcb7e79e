"""Regional clients: how they connect, how long they wait, and that they never retry a purchase."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.loaders import create_loader

from worldseat.domain.run import IN_FLIGHT_LIMIT

Client = Any
"""An aiobotocore client: made at run time from the service's model, so it has no type."""

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 5.0
SPARE_CONNECTIONS = 8

# The emulator takes any key. Never the default chain, which might hold a real one.
_EMULATED = {"aws_access_key_id": "emulated", "aws_secret_access_key": "emulated"}

# What the driver would read from somebody's AWS variables and files, cut off from both: a profile
# that does not exist must not stop the emulators, and nothing of a real one may reach them.
_NO_VARIABLES = {
    name: (None, None, os.devnull if name.endswith("_file") else default, convert)
    for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
}


# Read from disk once, and not for every session: it takes 50 ms in which nothing else runs.
_MODELS = create_loader()

_OF_AWS = (".amazonaws.com", ".api.aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionClients:
    """One client per Region for DynamoDB, and one for its streams where they are read."""

    tables: Mapping[str, Client]
    streams: Mapping[str, Client]


@asynccontextmanager
async def connect(
    regions: Sequence[str],
    endpoints: Mapping[str, str] | None = None,
    *,
    attempts: int = 1,
    streams: bool = False,
    session: AioSession | None = None,
) -> AsyncIterator[RegionClients]:
    """Make clients for AWS with its default credential chain, or for emulated `endpoints`.

    `attempts` is 1 for purchases: the harness's retries, the same for every store, are the only
    ones. A `session` of one's own decides by itself whom its clients reach.
    """
    if session is None:
        session = AioSession() if endpoints is None else unaware_session()
    session.register_component("data_loader", _MODELS)

    def client(service: str, region: str) -> Any:
        config = AioConfig(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            max_pool_connections=IN_FLIGHT_LIMIT + SPARE_CONNECTIONS,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            # Loopback is never reached through a proxy. The driver's own name for itself would tell
            # the emulator a variable too.
            **({} if endpoints is None else {"proxies": {}, "user_agent": "worldseat"}),
        )
        where = {} if endpoints is None else {"endpoint_url": endpoints[region], **_EMULATED}
        return session.create_client(service, region_name=region, config=config, **where)

    async with AsyncExitStack() as stack:
        found: dict[str, dict[str, Client]] = {"dynamodb": {}, "dynamodbstreams": {}}
        for service in ("dynamodb", *(("dynamodbstreams",) if streams else ())):
            for region in regions:
                found[service][region] = await stack.enter_async_context(client(service, region))
        yield RegionClients(tables=found["dynamodb"], streams=found["dynamodbstreams"])


def unaware_session() -> AioSession:
    """Return a session that knows of nobody's AWS variables and files."""
    return AioSession(_NO_VARIABLES)


async def not_of_aws(regions: Sequence[str]) -> str:
    """Return the host of an endpoint that a setting put in AWS's place, or nothing.

    What such a host answers must not be printed as a result of AWS (design §10).
    """
    async with connect(regions) as clients:
        for client in clients.tables.values():
            host = urlsplit(client.meta.endpoint_url).hostname or ""
            if not host.endswith(_OF_AWS):
                return host
    return ""
