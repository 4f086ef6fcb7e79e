"""Aurora DSQL's control plane in both Regions: one method per call, each off the event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from worldseat.ports.clusters import Cluster
from worldseat.settings import REGIONS, WITNESS_REGION
from worldseat.stores.dsql.clusters.refusals import code_of, told
from worldseat.stores.dsql.clusters.sight import DELETED, region_of

Client = Any
"""A botocore client: made at run time from the service's model, so it has no type."""

TAG = "worldseat"
"""The tag whose value is the name of the pair: by it alone the command knows its clusters."""

ATTEMPTS = 5
"""How often a call is sent that was throttled or lost, always under the same client token."""

_OF_AWS = (".amazonaws.com", ".api.aws")
_GONE = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A cluster and its tags."""

    cluster: Cluster
    tags: Mapping[str, str]


class ControlPlane:
    """The calls. Every one raises ClustersRefused."""

    def __init__(self, clients: Mapping[str, Client], identity: Client) -> None:
        self._clients = clients
        self._identity = identity

    @property
    def not_of_aws(self) -> str:
        """The host that a setting such as AWS_ENDPOINT_URL put in AWS's place, or nothing.

        What such a host answers must not be printed as AWS's answer.
        """
        for client in (*self._clients.values(), self._identity):
            host = urlsplit(client.meta.endpoint_url).hostname or ""
            if not host.endswith(_OF_AWS):
                return host
        return ""

    async def account(self) -> str:
        """Return the account that the credentials belong to."""
        with told("GetCallerIdentity", REGIONS[0]):
            return str((await asyncio.to_thread(self._identity.get_caller_identity))["Account"])

    async def find(self, region: str) -> list[Listed]:
        """Return every cluster in a Region, whatever its name."""
        with told("ListClusters", region):
            identifiers = await asyncio.to_thread(self._identifiers, region)
        found = [await self.get(region, identifier) for identifier in identifiers]
        return [each for each in found if each is not None]

    async def get(self, region: str, identifier: str) -> Listed | None:
        """Return a cluster, or None if there is none, or none any more."""
        with told("GetCluster", region):
            try:
                answer = await self._call(region, "get_cluster", identifier=identifier)
            except ClientError as error:
                if code_of(error) == _GONE:
                    return None
                raise
        if answer["status"] == DELETED:
            return None
        return Listed(cluster=_cluster(answer, region), tags=answer.get("tags") or {})

    async def create(self, region: str, *, name: str, peer: str | None, token: str) -> Cluster:
        """Make a cluster; the same token makes no second one."""
        with told("CreateCluster", region):
            answer = await self._call(
                region,
                "create_cluster",
                deletionProtectionEnabled=True,
                multiRegionProperties=_properties(peer),
                tags={TAG: name, "Name": name},
                clientToken=token,
            )
        return _cluster(answer, region)

    async def peer(self, region: str, identifier: str, peer: str) -> None:
        """Have a cluster name its peer."""
        await self._update(region, identifier, multiRegionProperties=_properties(peer))

    async def protect(self, region: str, identifier: str, *, on: bool) -> None:
        """Put deletion protection on, or take it off."""
        await self._update(region, identifier, deletionProtectionEnabled=on)

    async def delete(self, region: str, identifier: str) -> None:
        """Delete a cluster; one that is gone is fine."""
        with told("DeleteCluster", region):
            try:
                await self._call(region, "delete_cluster", identifier=identifier)
            except ClientError as error:
                if code_of(error) != _GONE:
                    raise

    async def _update(self, region: str, identifier: str, **change: Any) -> None:
        # No client token of ours: an update says how it shall be, so twice is as good as once. And
        # the token of an earlier one, undone since, would be answered without any effect.
        with told("UpdateCluster", region):
            await self._call(region, "update_cluster", identifier=identifier, **change)

    def _identifiers(self, region: str) -> list[str]:
        pages = self._clients[region].get_paginator("list_clusters").paginate()
        # AWS lists a Region's own; what answers in its place may know of no Regions.
        return [
            each["identifier"]
            for page in pages
            for each in page["clusters"]
            if region_of(each["arn"]) == region
        ]

    async def _call(self, region: str, operation: str, **words: Any) -> Mapping[str, Any]:
        call = getattr(self._clients[region], operation)
        answer: Mapping[str, Any] = await asyncio.to_thread(call, **words)
        return answer


@asynccontextmanager
async def connected(session: Callable[[], Session]) -> AsyncIterator[ControlPlane]:
    """Make the clients from a session that `session` makes. Raises ClustersRefused."""
    with told("anything", REGIONS[0]):
        clients, identity = await asyncio.to_thread(partial(_clients, session))
    try:
        yield ControlPlane(clients, identity)
    finally:
        for client in (*clients.values(), identity):
            client.close()


def _clients(session: Callable[[], Session]) -> tuple[Mapping[str, Client], Client]:
    made = session()
    config = Config(
        connect_timeout=5.0,
        read_timeout=15.0,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )
    clients = {
        region: made.create_client("dsql", region_name=region, config=config) for region in REGIONS
    }
    return clients, made.create_client("sts", region_name=REGIONS[0], config=config)


def _properties(peer: str | None) -> Mapping[str, Any]:
    peers = {} if peer is None else {"clusters": [peer]}
    return {"witnessRegion": WITNESS_REGION, **peers}


def _cluster(answer: Mapping[str, Any], region: str) -> Cluster:
    arn, identifier = answer["arn"], answer["identifier"]
    several = answer.get("multiRegionProperties") or {}
    return Cluster(
        region=region,
        identifier=identifier,
        arn=arn,
        account=arn.split(":")[4],
        status=answer["status"],
        # The model has it optional; its form is the service's own.
        endpoint=answer.get("endpoint") or f"{identifier}.dsql.{region}.on.aws",
        created_at=answer["creationTime"],
        witness=several.get("witnessRegion"),
        # The service lists the cluster itself among them.
        peers=tuple(each for each in several.get("clusters", ()) if each != arn),
        protected=answer["deletionProtectionEnabled"],
    )
