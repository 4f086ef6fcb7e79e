"""A change of the clusters that is under way: what was seen last, and what was sent."""

from datetime import UTC, datetime, timedelta

from worldseat.ports.clusters import Cluster, ClusterReport, ClustersRefused, ClusterStep, Pair
from worldseat.settings import REGIONS, WITNESS_REGION
from worldseat.stores.dsql.clusters import plan
from worldseat.stores.dsql.clusters.client_token import GENERATIONS_MAX, token_for
from worldseat.stores.dsql.clusters.control_plane import TAG, ControlPlane
from worldseat.stores.dsql.clusters.patience import Patience
from worldseat.stores.dsql.clusters.refusals import AGAIN, Passing, Unsure
from worldseat.stores.dsql.clusters.sight import GOING, WAITING_FOR_PEER, Sight, region_of
from worldseat.stores.dsql.clusters.troubles import problems

LOOKS_MAX = 12
"""How often a cluster is looked for that AWS says it has made."""

_FRESH = timedelta(minutes=5)
"""Younger than this, by this machine's clock, a cluster that is not shown may still come."""


class UnderWay:
    """The clusters of one name while they are being changed. Every method raises ClustersRefused.

    `taken` holds what AWS has accepted.
    """

    def __init__(
        self,
        plane: ControlPlane,
        name: str,
        account: str,
        report: ClusterReport,
        patience: Patience,
    ) -> None:
        self.sight = Sight(name=name, account=account, ours=())
        self.taken: set[plan.Action] = set()
        self._plane = plane
        self._report = report
        self._patience = patience
        self._known: dict[str, str] = {}
        self._said: dict[str, str] = {}
        self._last: dict[str, Cluster] = {}
        self._told: set[str] = set()
        self._asking = ""

    @property
    def where(self) -> str:
        """AWS, the account and the Regions; or the host that a setting put in AWS's place."""
        host = self._plane.not_of_aws
        return (
            f"{f'{host} (not AWS)' if host else 'AWS'}, account {self.sight.account}, "
            f"{' and '.join(REGIONS)}, witness {WITNESS_REGION}"
        )

    async def discover(self) -> None:
        """Look through all clusters of both Regions for those of the name."""
        ours: list[Cluster] = []
        others: set[str] = set()
        for region in REGIONS:
            for each in await self._plane.find(region):
                if each.tags.get(TAG) == self.sight.name:
                    ours.append(each.cluster)
                    self._known[each.cluster.identifier] = region
                else:
                    others.add(each.cluster.arn)
        # One that was made just now may not be listed yet.
        listed = {each.identifier for each in ours}
        ours.extend(await self._known_but(listed))
        self._see(ours, frozenset(others))

    async def look(self) -> None:
        """Look again at those that are known, and tell every change."""
        self._see(await self._known_but(set()), self.sight.others)

    async def wait(self, step: plan.Wait | plan.Action) -> None:
        """Wait until the next look. Raises ClustersRefused once it has taken too long."""
        until = step.until if isinstance(step, plan.Wait) else "AWS shows what it was asked for"
        if self._patience.over:
            raise ClustersRefused(
                f"After {self._patience.in_words} AWS is still at work: waited until {until}."
                f"{self._why_stuck()}",
                next_step="Run the same command to go on waiting.",
            )
        await self._patience.pause()

    async def take(self, step: plan.Action) -> None:
        """Send what a step says; once AWS has accepted it, it is `taken`."""
        match step:
            case plan.Make():
                await self._make(step)
            case plan.Peer():
                self._say(
                    step.region, f"{step.identifier} is told its peer in {region_of(step.peer)}"
                )
                self._told.add(step.identifier)
                await self._plane.peer(step.region, step.identifier, step.peer)
            case plan.Protect():
                self._say(
                    step.region, f"{step.identifier}: protection {'on' if step.on else 'off'}"
                )
                await self._plane.protect(step.region, step.identifier, on=step.on)
            case plan.Remove():
                self._say(step.region, f"{step.identifier} is being deleted")
                await self._plane.delete(step.region, step.identifier)
        self.taken.add(step)

    def pair(self) -> Pair:
        """Return how the clusters stand."""
        by_region = sorted(self.sight.ours, key=lambda each: REGIONS.index(each.region))
        return Pair(
            name=self.sight.name,
            account=self.sight.account,
            where=self.where,
            clusters=by_region,
            problems=problems(self.sight),
            urls={each.region: each.url for each in by_region if each.status not in GOING},
        )

    def left(self) -> str:
        """Name every cluster that is there, or may be; or return nothing."""
        left = [f"{each.region} {each.identifier} {each.status}" for each in self._last.values()]
        if self._asking:
            left.append(self._asking)
        return "\n  ".join(["There now:", *left]) if left else ""

    def _why_stuck(self) -> str:
        """Say what is known about a wait that did not end."""
        waiting = [each for each in self._last.values() if each.status == WAITING_FOR_PEER]
        if not waiting:
            return ""
        return " " + " ".join(
            f"{each.identifier} in {each.region} is still {each.status}, though "
            f"{'it names' if each.peers else 'it does not name'} its peer."
            for each in waiting
        )

    async def _make(self, step: plan.Make) -> None:
        """Make a cluster, and look until it is shown.

        AWS answers a token that it knows with its first answer, also when that cluster has been
        deleted since; then the next token is taken.
        """
        for generation in range(GENERATIONS_MAX):
            self._say(step.region, "its cluster is being made")
            made = await self._created(step, generation)
            shown = await self._shown(made)
            if shown is not None and shown.status not in GOING:
                self._known[made.identifier] = made.region
                if step.peer is not None:
                    self._told.add(made.identifier)
                return
            if shown is None and _is_fresh(made):
                raise ClustersRefused(
                    f"AWS says that it has made {made.identifier} in {step.region}, and does not "
                    "show it.",
                    next_step=AGAIN,
                )
            del self._last[made.identifier]
        raise ClustersRefused(
            f"AWS remembers {GENERATIONS_MAX} clusters of the name {self.sight.name} in "
            f"{step.region} that were deleted, and makes no other one.",
            next_step="Choose another --name.",
        )

    async def _created(self, step: plan.Make, generation: int) -> Cluster:
        token = token_for(
            account=self.sight.account,
            name=self.sight.name,
            region=step.region,
            peer=step.peer,
            generation=generation,
        )
        # Until there is an answer, nobody knows whether there is a cluster.
        self._asking = f"perhaps a new one in {step.region}, which AWS was asked for"
        try:
            made = await self._plane.create(
                step.region, name=self.sight.name, peer=step.peer, token=token
            )
        except Unsure:
            raise
        except ClustersRefused:
            self._asking = ""
            raise
        self._asking = ""
        self._last[made.identifier] = made
        return made

    async def _shown(self, made: Cluster) -> Cluster | None:
        """Return a cluster as AWS shows it; a new one may take a while until it is shown."""
        for look in range(LOOKS_MAX):
            if look:
                await self._patience.pause()
            found = await self._get(made.region, made.identifier)
            if found is not None:
                return found
            if not _is_fresh(made):
                break
        return None

    async def _known_but(self, seen: set[str]) -> list[Cluster]:
        left = {name: region for name, region in self._known.items() if name not in seen}
        found = [await self._get(region, identifier) for identifier, region in left.items()]
        return [each for each in found if each is not None]

    async def _get(self, region: str, identifier: str) -> Cluster | None:
        """Look at a cluster. A look that fails for now does not end a wait of minutes."""
        while True:
            try:
                found = await self._plane.get(region, identifier)
            except Passing as error:
                if self._patience.over:
                    raise
                self._say(region, f"{error} It is asked again.")
                await self._patience.pause()
            else:
                return None if found is None else found.cluster

    def _see(self, ours: list[Cluster], others: frozenset[str]) -> None:
        seen = {each.identifier: each.status for each in ours}
        self.sight = Sight(
            name=self.sight.name,
            account=self.sight.account,
            ours=ours,
            others=others,
            told=frozenset(self._told),
            looks_unchanged=self.sight.looks_unchanged + 1 if seen == self._said else 0,
        )
        self._last = {each.identifier: each for each in ours}
        for each in ours:
            if self._said.get(each.identifier) != each.status:
                self._say(each.region, f"{each.identifier} is {each.status}")
        for identifier in self._said.keys() - self._last.keys():
            self._say(self._known[identifier], f"{identifier} is gone")
        self._said = seen

    def _say(self, region: str, text: str) -> None:
        self._report(ClusterStep(region=region, text=text))


def _is_fresh(made: Cluster) -> bool:
    return datetime.now(UTC) - made.created_at < _FRESH
