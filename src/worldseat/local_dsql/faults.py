"""Faults that somebody asked for: planned, matched with what happens, and counted when they do."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

Sent = Callable[[], bytes]
"""Gives what a transaction's writes sent; asked only when a fault has a mark."""


class Fault(StrEnum):
    """What can be made to happen once, or a number of times."""

    DROP_BEFORE = "drop-before"
    DROP_AFTER = "drop-after"
    HOLD = "hold"
    HOLD_AND_DROP = "hold-and-drop"
    UNAVAILABLE = "unavailable"
    STORM = "storm"


AT_COMMIT = frozenset(Fault) - {Fault.DROP_AFTER}
"""What happens to a commit before it is applied."""


@dataclass(slots=True, kw_only=True)
class Planned:
    """A fault that is still to happen `left` times, in one Region or (None) in any.

    With a mark, only to transactions that sent these bytes.
    """

    fault_id: int
    kind: Fault
    region: str | None
    left: int
    mark: str | None
    done: int = 0


class Faults:
    """All that is planned, in order, and how often each kind really happened."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self._planned: list[Planned] = []
        self._ids = itertools.count(1)

    def plan(self, kind: Fault, *, region: str | None, count: int, mark: str | None) -> None:
        """Let a fault happen the next `count` times."""
        self._planned.append(
            Planned(fault_id=next(self._ids), kind=kind, region=region, left=count, mark=mark)
        )

    def planned(self) -> Sequence[Planned]:
        """Return what is still to happen."""
        return tuple(self._planned)

    def forget(self, mark: str | None = None) -> None:
        """Forget what is still to happen, or only that with this mark; what happened is counted."""
        self._planned = [each for each in self._planned if mark is not None and each.mark != mark]

    def due(self, kinds: Iterable[Fault], region: str, sent: Sent) -> Fault | None:
        """Return the next fault for a transaction that sent this, and count it.

        Faults happen in the order they were planned: one of another kind comes first, and waits.
        """
        for planned in self._planned:
            if planned.region not in {None, region}:
                continue
            if planned.mark is not None and planned.mark.encode() not in sent():
                continue
            if planned.kind not in kinds:
                return None
            planned.left -= 1
            planned.done += 1
            if planned.left == 0:
                self._planned.remove(planned)
            self.done[planned.kind] += 1
            return planned.kind
        return None
