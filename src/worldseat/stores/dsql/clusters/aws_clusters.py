"""The command that makes, shows and removes the two clusters: look, plan one step, take it.

A command that was broken off anywhere goes on where it stopped; one that is run twice changes
nothing.
"""

from collections.abc import Callable, Sequence

from botocore.session import Session

from worldseat.ports.aws_calls import AwsCall, Change
from worldseat.ports.clusters import ClusterReport, ClustersRefused, ClusterStep, Pair
from worldseat.stores.dsql.clusters import plan
from worldseat.stores.dsql.clusters.control_plane import ControlPlane, connected
from worldseat.stores.dsql.clusters.paper import PaperAccount
from worldseat.stores.dsql.clusters.patience import DEADLINE_S, WAIT_S, Patience
from worldseat.stores.dsql.clusters.sight import Sight
from worldseat.stores.dsql.clusters.troubles import Stop
from worldseat.stores.dsql.clusters.under_way import UnderWay


class _Stopped(ClustersRefused):
    """What is there cannot become what was asked for: the same command would stop again."""


class AwsClusters:
    """The clusters of one name, in the account that the default credential chain leads to.

    With `account`, no other account is touched.
    """

    def __init__(
        self,
        name: str,
        account: str | None = None,
        *,
        session: Callable[[], Session] = Session,
        wait_s: float = WAIT_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._name = name
        self._account = account
        self._session = session
        self._wait_s = wait_s
        self._deadline_s = deadline_s
        self._under_way: UnderWay | None = None

    async def status(self) -> Pair:
        """Return how the clusters stand."""
        async with connected(self._session) as plane:
            under_way = await self._begin(plane, _say_nothing)
            return under_way.pair()

    async def create(self, report: ClusterReport) -> Pair:
        """Make what is missing, peer the two, and wait until both can be used."""
        return await self._change(plan.to_create, report)

    async def delete(self, report: ClusterReport) -> None:
        """Take deletion protection off, delete all of the name, and wait until they are gone."""
        await self._change(plan.to_delete, report)

    def left(self) -> str:
        """Say what a change that was broken off has left, as far as was seen; or nothing."""
        left = "" if self._under_way is None else self._under_way.left()
        if not left:
            return ""
        words = f"--name {self._name}{f' --account {self._account}' if self._account else ''}"
        return (
            f"{left}\n"
            f"To go on making them: worldseat cluster create {words}\n"
            f"To remove them: worldseat cluster delete {words}"
        )

    async def rehearse(self, change: Change) -> Sequence[AwsCall]:
        """Return the calls of a change: this very code, on an account that is made of paper.

        A deletion is rehearsed on a pair that is ready.
        """
        paper = PaperAccount(self._account)
        clusters = AwsClusters(self._name, self._account, session=paper.session, wait_s=0)
        await clusters.create(_say_nothing)
        if change == "delete":
            paper.forget_calls()
            await clusters.delete(_say_nothing)
        return paper.calls()

    async def _change(self, planned: Callable[[Sight], plan.Step], report: ClusterReport) -> Pair:
        self._under_way = None
        async with connected(self._session) as plane:
            self._under_way = await self._begin(plane, report)
            try:
                await self._drive(self._under_way, planned)
            except _Stopped:
                raise
            except ClustersRefused as error:
                next_step = f"{error.next_step}\n{self.left()}".strip()
                raise ClustersRefused(
                    str(error), next_step=next_step, detail=error.detail
                ) from error
            return self._under_way.pair()

    async def _drive(self, under_way: UnderWay, planned: Callable[[Sight], plan.Step]) -> None:
        """Take one step after the other until nothing is left to do."""
        while True:
            step = planned(under_way.sight)
            if isinstance(step, Stop):
                # Somebody else's command may have made what is missing here.
                await under_way.discover()
                step = planned(under_way.sight)
            if isinstance(step, Stop):
                next_step = f"{step.next_step}\n{under_way.left()}"
                raise _Stopped(step.reason, next_step=next_step)
            if isinstance(step, plan.Done):
                return
            # What AWS has taken and does not show yet is waited for, and not sent again.
            if isinstance(step, plan.Wait) or step in under_way.taken:
                await under_way.wait(step)
            else:
                await under_way.take(step)
            await under_way.look()

    async def _begin(self, plane: ControlPlane, report: ClusterReport) -> UnderWay:
        account = await self._signed_in(plane)
        patience = Patience(self._wait_s, self._deadline_s)
        under_way = UnderWay(plane, self._name, account, report, patience)
        report(ClusterStep(region="", text=under_way.where))
        await under_way.discover()
        return under_way

    async def _signed_in(self, plane: ControlPlane) -> str:
        """Return the account. Raises ClustersRefused if it is not the one that was named."""
        account = await plane.account()
        if self._account not in {None, account}:
            raise ClustersRefused(
                f"You are signed in to account {account}, not to {self._account}. "
                "Nothing was looked at and nothing was changed.",
                next_step="Sign in to the other one (AWS_PROFILE), or leave --account out.",
            )
        return account


def _say_nothing(_: object) -> None:
    return
