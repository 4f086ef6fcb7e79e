"""Regional clients: how they connect, how long they wait, and that they never retry a purchase."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from worldseat.domain.run import IN_FLIGHT_LIMIT

Client = Any
"""An aiobotocore client: made at run time from the service's model, so it has no type."""

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 5.0
SPARE_CONNECTIONS = 8

# The emulator takes any key. Never the default chain, which might hold a real one.
_EMULATED = {"aws_access_key_id": "emulated", "aws_secret_access_key": "emulated"}


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
) -> AsyncIterator[RegionClients]:
    """Make clients for AWS with its default credential chain, or for emulated `endpoints`.

    `attempts` is 1 for purchases: the harness's retries, the same for every store, are the only
    ones.
    """
    session = get_session()

    def client(service: str, region: str) -> Any:
        config = AioConfig(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            max_pool_connections=IN_FLIGHT_LIMIT + SPARE_CONNECTIONS,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            # Loopback is never reached through a proxy.
            **({} if endpoints is None else {"proxies": {}}),
        )
        where = {} if endpoints is None else {"endpoint_url": endpoints[region], **_EMULATED}
        return session.create_client(service, region_name=region, config=config, **where)

    async with AsyncExitStack() as stack:
        found: dict[str, dict[str, Client]] = {"dynamodb": {}, "dynamodbstreams": {}}
        for service in ("dynamodb", *(("dynamodbstreams",) if streams else ())):
            for region in regions:
                found[service][region] = await stack.enter_async_context(client(service, region))
        yield RegionClients(tables=found["dynamodb"], streams=found["dynamodbstreams"])
