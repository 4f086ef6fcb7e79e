"""Why what was found cannot be used, or never can: pure functions of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from worldseat.ports.clusters import Cluster
from worldseat.settings import REGIONS, WITNESS_REGION
from worldseat.stores.dsql.clusters.sight import FAILED, GOING, KNOWN, READY, Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """It cannot go on; `reason` and `next_step` say why and what a person can do."""

    reason: str
    next_step: str


def problems(sight: Sight) -> Sequence[str]:
    """Say what keeps the clusters from being used, each in a clause."""
    found: list[str] = []
    live = {each.region: each for each in sight.live}
    for region in REGIONS:
        here = [each for each in sight.live if each.region == region]
        if not here:
            found.append(f"there is no cluster in {region}")
            # One that is on its way out beside a good one keeps nobody from anything.
            here = [each for each in sight.ours if each.region == region]
        if len(here) > 1:
            found.append(f"there are {len(here)} clusters of this name in {region}")
        for each in here:
            found.extend(_faults(each, live))
    return found


def other_account(sight: Sight) -> Stop | None:
    """Say so if a cluster is in another account than the one that is signed in to."""
    for each in sight.ours:
        if each.account != sight.account:
            return Stop(
                reason=(
                    f"{each.identifier} in {each.region} belongs to account {each.account}, and "
                    f"you are signed in to {sight.account}."
                ),
                next_step="Both clusters must be in one account: check the AWS settings.",
            )
    return None


def unusable(sight: Sight) -> Stop | None:
    """Say why what is there can never become the pair. Nothing that is there is changed."""
    live = sight.live
    for region in REGIONS:
        here = [each.identifier for each in live if each.region == region]
        if len(here) > 1:
            return Stop(
                reason=f"There are {len(here)} clusters of the name {sight.name} in {region}: "
                f"{', '.join(here)}.",
                next_step=(
                    "Choose another --name; or, if all of them may go with their data: "
                    f"worldseat cluster delete --name {sight.name}"
                ),
            )
    for each in live:
        if why := _fault(each, live, sight):
            return _start_over(sight, each, why)
    for each in sight.ours:
        if each.status in GOING and _kept(each, sight):
            return _start_over(sight, each, "its deletion has begun, and its peer is still there")
    return None


def _fault(cluster: Cluster, live: Sequence[Cluster], sight: Sight) -> str:
    if cluster.status == FAILED:
        return "AWS could not make it: it is FAILED"
    if cluster.status not in KNOWN:
        return f"it is {cluster.status}, which this WorldSeat does not know"
    if cluster.witness is None:
        return "it is a cluster of one Region only, and AWS cannot change that"
    if cluster.witness != WITNESS_REGION:
        return f"it has {_witness(cluster)}, not {WITNESS_REGION}"
    for arn in cluster.peers:
        if not any(each.arn == arn and each.region != cluster.region for each in live):
            what = "is not the other cluster of this name" if sight.stands(arn) else "is gone"
            return f"it is peered with {arn}, which {what}"
    return ""


def _kept(cluster: Cluster, sight: Sight) -> bool:
    """Say whether a cluster that is to go must wait for a peer that nobody is deleting."""
    going = {each.arn for each in sight.ours if each.status in GOING}
    return any(sight.stands(arn) and arn not in going for arn in cluster.peers)


def held_by_stranger(sight: Sight) -> Stop | None:
    """Say which cluster of no concern of ours would keep one of ours from being deleted."""
    ours = {each.arn for each in sight.ours}
    for each in sight.ours:
        for arn in each.peers:
            if arn not in ours and sight.stands(arn):
                return Stop(
                    reason=(
                        f"{each.identifier} in {each.region} is peered with {arn}, which does not "
                        f"have the tag worldseat={sight.name}. AWS keeps the one until the other "
                        "is deleted."
                    ),
                    next_step=(
                        "If that one may go too, delete it by yourself or give it the tag; then "
                        "run the command again."
                    ),
                )
    return None


def _start_over(sight: Sight, cluster: Cluster, why: str) -> Stop:
    return Stop(
        reason=f"{cluster.identifier} in {cluster.region} cannot be used: {why}.",
        next_step=(
            "Choose another --name; or, if it may go with its data: "
            f"worldseat cluster delete --name {sight.name}; then make it again."
        ),
    )


def _witness(cluster: Cluster) -> str:
    return f"its witness in {cluster.witness}" if cluster.witness else "no witness"


def _faults(cluster: Cluster, live: Mapping[str, Cluster]) -> Iterable[str]:
    who = f"cluster {cluster.identifier} in {cluster.region}"
    if cluster.status not in READY:
        yield f"{who} is {cluster.status}"
    if cluster.status in GOING:
        return
    if cluster.witness != WITNESS_REGION:
        yield f"{who} has {_witness(cluster)}, not {WITNESS_REGION}"
    wanted = {each.arn for region, each in live.items() if region != cluster.region}
    if wanted - set(cluster.peers):
        yield f"{who} does not name the other Region's cluster as its peer"
    for arn in sorted(set(cluster.peers) - wanted):
        yield f"{who} is peered with {arn}"
