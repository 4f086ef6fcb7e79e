"""Three Regions and the links between them: who is up, who reaches whom, what a commit waits for.

A writing commit is durable in two of the three Regions (facts: the journal is written to two of
three, and to two of two once one is lost), so it waits for the nearest other Region it reaches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

DATA_REGIONS = ("us-east-1", "us-east-2")
WITNESS_REGION = "us-west-2"
ALL_REGIONS = (*DATA_REGIONS, WITNESS_REGION)
QUORUM = 2

PUBLISHED_RTT_MS = {
    frozenset({"us-east-1", "us-east-2"}): 12.0,
    frozenset({"us-east-1", "us-west-2"}): 60.0,
    frozenset({"us-east-2", "us-west-2"}): 52.0,
}
"""Round trips as published by others (design facts §6.13: about 10 to 15 ms, and about 60 ms)."""


class NoQuorum(Exception):
    """A Region reaches too few others to commit anything."""


@dataclass(slots=True, kw_only=True)
class Link:
    """The way between two Regions."""

    one: str
    other: str
    rtt_ms: float


class Regions:
    """Which Regions are up, which are cut off from all others, and how long each way takes."""

    def __init__(self, *, delays: bool) -> None:
        self._down: set[str] = set()
        self._cut_off: set[str] = set()
        self._delays = delays
        self._links = {
            frozenset(pair): Link(one=pair[0], other=pair[1], rtt_ms=self._published(*pair))
            for pair in combinations(ALL_REGIONS, 2)
        }

    def _published(self, one: str, other: str) -> float:
        return PUBLISHED_RTT_MS[frozenset({one, other})] if self._delays else 0.0

    def up(self, region: str) -> bool:
        """Say whether a Region is there at all."""
        return region not in self._down

    def cut_off(self, region: str) -> bool:
        """Say whether a Region keeps its clients and reaches no other Region."""
        return region in self._cut_off

    def reaches(self, region: str, other: str) -> bool:
        """Say whether two Regions can talk to each other."""
        return not ({region, other} & (self._down | self._cut_off))

    def links(self) -> Iterator[tuple[Link, bool]]:
        """Give every link, and whether it is cut."""
        for link in self._links.values():
            yield link, not self.reaches(link.one, link.other)

    def commit_rtt_s(self, region: str) -> float:
        """Return how long a commit in this Region waits for its quorum. Raises NoQuorum."""
        reached = [
            link.rtt_ms
            for link in self._links.values()
            if region in {link.one, link.other} and self.reaches(link.one, link.other)
        ]
        count = len(reached) + self.up(region)
        if count < QUORUM:
            raise NoQuorum(
                f"commit refused: {region} reaches {count} of {len(ALL_REGIONS)} Regions, "
                f"and {QUORUM} are needed"
            )
        return sorted(reached)[QUORUM - 2] / 1000

    def has_quorum(self, region: str) -> bool:
        """Say whether a commit in this Region could be made durable now."""
        try:
            self.commit_rtt_s(region)
        except NoQuorum:
            return False
        return self.up(region)

    def take_down(self, region: str) -> None:
        """Lose a Region."""
        self._down.add(region)

    def bring_up(self, region: str) -> None:
        """Have it back."""
        self._down.discard(region)

    def cut(self, region: str) -> None:
        """Cut a Region off from all others."""
        self._cut_off.add(region)

    def rejoin(self, region: str) -> None:
        """Connect it again."""
        self._cut_off.discard(region)

    def set_rtt(self, region: str, other: str, rtt_ms: float) -> None:
        """Set the round trip between two Regions."""
        self._links[frozenset({region, other})].rtt_ms = rtt_ms

    def all_well(self) -> None:
        """Bring all up, connect all, and set every round trip as at the start."""
        self._down.clear()
        self._cut_off.clear()
        for link in self._links.values():
            link.rtt_ms = self._published(link.one, link.other)
