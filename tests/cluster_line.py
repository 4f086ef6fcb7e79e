"""The way to the test run's database that a test can cut: endpoints of their own, and their faults.

They belong to a second cluster over the same PostgreSQL, so nobody else notices when they go.
"""

import asyncio
import json
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from tests.patience import until
from tests.wire import Cut

from worldseat.domain import ids
from worldseat.local_dsql.descriptor import Descriptor
from worldseat.settings import REGIONS

_FAULTS = {
    Cut.NOT_APPLIED: "drop-before",
    Cut.APPLIED: "drop-after",
    Cut.HELD_BACK: "hold-and-drop",
    Cut.SLOW: "hold",
}


class _Held:
    """Is set once a COMMIT is held back."""

    def __init__(self, line: "ClusterLine") -> None:
        self._line = line

    async def wait(self) -> None:
        await until(lambda: bool({Cut.HELD_BACK, Cut.SLOW} & {*self._line.cuts_made}))


class _LetThrough:
    """Set, it lets go on what is held back."""

    def __init__(self, line: "ClusterLine") -> None:
        self._line = line

    def set(self) -> None:
        self._line.order("release")


class ClusterLine:
    """Forwards everything, until a test plans a cut or takes the database away."""

    def __init__(self, at: Descriptor) -> None:
        self._control = at.control
        self.urls: Mapping[str, str] = {region: at.url(region) for region in REGIONS}
        self.held = _Held(self)
        self.let_through = _LetThrough(self)
        self._before: Mapping[str, int] = {}

    async def __aenter__(self) -> Self:
        self._before = self.order()["done"]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.order("clear")

    @property
    def cuts_made(self) -> list[Cut]:
        """Return the cuts that really happened; those of one kind together."""
        done = self.order()["done"]
        return [
            cut
            for cut, fault in _FAULTS.items()
            for _ in range(done.get(fault, 0) - self._before.get(fault, 0))
        ]

    def plan(self, mark: str, *cuts: Cut) -> None:
        """Cut the next COMMITs of transactions that send `mark`, in this order, and no others."""
        self.order("forget", mark=mark)
        for cut in cuts:
            self.order(_FAULTS[cut], mark=mark)

    def plan_for(self, fan_id: str, key: str, *cuts: Cut) -> str:
        """Cut the COMMITs of a fan's claim; return its op_id. The void of the claim counts too."""
        op_id = ids.op_id(ids.claim_id(fan_id, key), 0)
        self.plan(op_id, *cuts)
        return op_id

    async def away(self) -> None:
        """Break what is open and accept nothing more: the database cannot be reached."""
        for region in REGIONS:
            self.order("region-down", region=region)
        # So that everybody on this loop has seen the lines break.
        await asyncio.sleep(0.05)

    async def restore(self) -> None:
        """Accept connections again."""
        for region in REGIONS:
            self.order("region-up", region=region)

    def freeze(self) -> None:
        """Hold everything on the way: the database hangs, and breaks nothing."""
        self.order("pause", ms=0)

    def thaw(self) -> None:
        """Let it flow again."""
        self.order("resume")

    def order(self, kind: str = "", **words: Any) -> dict[str, Any]:
        """Give an order, or with none ask; return how everything stands. Takes a millisecond."""
        asked = {"do": "order", "kind": kind, **words} if kind else {"do": "status"}
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5)
            line.connect(self._control)
            line.sendall(json.dumps(asked).encode() + b"\n")
            told = json.loads(line.makefile().readline())
        assert told["ok"], told
        status: dict[str, Any] = told["status"]
        return status
