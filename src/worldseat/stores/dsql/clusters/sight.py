"""What was found of the clusters of one name, and what each status means for them.

`PENDING_SETUP` is a state that AWS never leaves by itself: it ends when both clusters name each
other. A cluster whose peer is still there stays `PENDING_DELETE`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from worldseat.ports.clusters import Cluster
from worldseat.settings import REGIONS

READY = frozenset({"ACTIVE", "IDLE", "INACTIVE"})
"""Can be connected to; connecting wakes an idle one."""

UNDER_WAY = frozenset({"CREATING", "UPDATING"})
"""AWS is at work and leaves the state by itself."""

GOING = frozenset({"DELETING", "PENDING_DELETE"})
WAITING_FOR_PEER = "PENDING_SETUP"
FAILED = "FAILED"
DELETED = "DELETED"
KNOWN = READY | UNDER_WAY | GOING | {WAITING_FOR_PEER, FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was found: all clusters of the name, and the ARNs of all other clusters there.

    `told` are the identifiers of those that this command has told their peer; `looks_unchanged` is
    how often in a row nothing new was seen.
    """

    name: str
    account: str
    ours: Sequence[Cluster]
    others: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    looks_unchanged: int = 0

    @property
    def live(self) -> Sequence[Cluster]:
        """Those that are not on their way out."""
        return [each for each in self.ours if each.status not in GOING]

    def stands(self, arn: str) -> bool:
        """Say whether there may be such a cluster: only these two Regions were looked at."""
        known = arn in self.others or any(each.arn == arn for each in self.ours)
        return known or region_of(arn) not in REGIONS


def region_of(arn: str) -> str:
    """Return the Region that an ARN names, or nothing if it is none."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 else ""  # noqa: PLR2004 - arn:aws:dsql:<region>:…
