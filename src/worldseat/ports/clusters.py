"""The product's two Aurora DSQL clusters on AWS, as the command that makes them sees them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worldseat.ports.aws_calls import AwsCall, Change
from worldseat.ports.store import StoreError


class ClustersRefused(StoreError):
    """The clusters cannot be made, seen or removed, and its text says why.

    `next_step` says what to do, and names what was left half made. `detail` is for operators.
    """

    def __init__(self, message: str, *, next_step: str, detail: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One cluster as AWS described it last.

    `status` is the service's own word. `peers` are the ARNs of the clusters that it names beside
    itself, `witness` is the Region of its witness, if it is one of several Regions at all.
    `protected`: AWS refuses to delete it until that is taken off.
    """

    region: str
    identifier: str
    arn: str
    account: str
    status: str
    endpoint: str
    created_at: datetime
    witness: str | None = None
    peers: Sequence[str] = ()
    protected: bool = True

    @property
    def url(self) -> str:
        """The address for WORLDSEAT_US_EAST_1_URL and its like; it holds no secret."""
        port = "" if ":" in self.endpoint else ":5432"
        return f"postgresql://admin@{self.endpoint}{port}/postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """All clusters of one name, and what keeps them from being used; ready if that is nothing.

    `where` says whose service it is, in which account and Regions, in words. `urls` are the
    addresses of those clusters that are not on their way out.
    """

    name: str
    account: str
    where: str
    clusters: Sequence[Cluster]
    problems: Sequence[str]
    urls: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStep:
    """What is being done, or was seen, in one Region; or anywhere, if it names none."""

    region: str
    text: str


ClusterReport = Callable[[ClusterStep], None]


class Clusters(Protocol):
    """The two clusters of one name: they cost money while they hold data or are used."""

    async def status(self) -> Pair:
        """Return how they stand. Raises ClustersRefused."""

    async def create(self, report: ClusterReport) -> Pair:
        """Make what is missing, peer the two, and wait until both can be used.

        Goes on from wherever an earlier try stopped. Raises ClustersRefused.
        """

    async def delete(self, report: ClusterReport) -> None:
        """Remove all clusters of the name with all that they hold. Raises ClustersRefused."""

    def left(self) -> str:
        """Say what a change that was broken off has left, as far as was seen; or nothing."""

    async def rehearse(self, change: Change) -> Sequence[AwsCall]:
        """Return the calls of a change, in order. Nothing is sent, and nobody need be signed in."""
