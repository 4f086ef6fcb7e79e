"""What to do next about the clusters of one name: a pure function of what was found.

A command that was broken off anywhere is therefore no special case: it looks, and goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from worldseat.ports.clusters import Cluster
from worldseat.settings import REGIONS
from worldseat.stores.dsql.clusters.sight import READY, UNDER_WAY, WAITING_FOR_PEER, Sight
from worldseat.stores.dsql.clusters.troubles import (
    Stop,
    held_by_stranger,
    other_account,
    unusable,
)

STUCK_LOOKS = 24
"""So many looks without any change, and a cluster that waits for its peer is told it once more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """Make the Region's cluster, naming the other Region's if that is there."""

    region: str
    peer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Have a cluster name the other Region's."""

    region: str
    identifier: str
    peer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protect:
    """Put deletion protection on, or take it off."""

    region: str
    identifier: str
    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Delete a cluster; it is not protected any more."""

    region: str
    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing to send: AWS is at work until `until`."""

    until: str


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do."""


Action = Make | Peer | Protect | Remove
Step = Action | Wait | Stop | Done


def to_create(sight: Sight) -> Step:
    """Return the next step towards two clusters that name each other and can be used."""
    if stop := other_account(sight) or unusable(sight):
        return stop
    live = {each.region: each for each in sight.live}
    if any(each.region not in live for each in sight.ours):
        return Wait(until="the old cluster is gone")
    missing = [region for region in REGIONS if region not in live]
    if len(missing) == len(REGIONS):
        return Make(region=REGIONS[0], peer=None)
    for region in missing:
        (there,) = live.values()
        if there.status in UNDER_WAY:
            return Wait(until=f"the cluster in {there.region} can be peered")
        return Make(region=region, peer=there.arn)
    return _peered(live) or _stuck(sight, live) or _settled(live)


def to_delete(sight: Sight) -> Step:
    """Return the next step towards no cluster of the name.

    Protection is taken off all before the first is deleted: what AWS refuses, it refuses while
    everything is still there.
    """
    if stop := other_account(sight) or held_by_stranger(sight):
        return stop
    live = sight.live
    if any(each.status in UNDER_WAY for each in live):
        return Wait(until="AWS lets go of the cluster that it is at work on")
    for each in live:
        if each.protected:
            return Protect(region=each.region, identifier=each.identifier, on=False)
    if live:
        return Remove(region=live[0].region, identifier=live[0].identifier)
    return Wait(until="both are gone") if sight.ours else Done()


def _peered(live: Mapping[str, Cluster]) -> Step | None:
    for region in REGIONS:
        cluster, other = live[region], _other(live, region)
        if other.arn in cluster.peers:
            continue
        if cluster.status in UNDER_WAY:
            return Wait(until=f"the cluster in {region} can be peered")
        return Peer(region=region, identifier=cluster.identifier, peer=other.arn)
    return None


def _stuck(sight: Sight, live: Mapping[str, Cluster]) -> Step | None:
    """Tell a cluster its peer once more that should have begun to work and does not."""
    if sight.looks_unchanged < STUCK_LOOKS:
        return None
    for region in REGIONS:
        cluster = live[region]
        if cluster.status == WAITING_FOR_PEER and cluster.identifier not in sight.told:
            return Peer(region=region, identifier=cluster.identifier, peer=_other(live, region).arn)
    return None


def _other(live: Mapping[str, Cluster], region: str) -> Cluster:
    (other,) = (each for each in live.values() if each.region != region)
    return other


def _settled(live: Mapping[str, Cluster]) -> Step:
    if any(each.status not in READY for each in live.values()):
        return Wait(until="both are ACTIVE")
    for region in REGIONS:
        if not live[region].protected:
            return Protect(region=region, identifier=live[region].identifier, on=True)
    return Done()
