"""How much an acceptance run tries of each promise."""

from dataclasses import dataclass

from worldseat.domain.run import BUYERS

SMALL = 5
RUNS_MAX = 100
"""More stampedes than that per code and arrival tell nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Everything grows with `runs`, the number of stampedes per code and arrival."""

    runs: int = 20
    buyers: int = BUYERS

    @property
    def key_rounds(self) -> int:
        """How often one key is inserted by many at once."""
        return self.runs

    @property
    def reads_each_way(self) -> int:
        """How often one Region reads what the other has just acknowledged, per direction."""
        return 10 * self.runs

    @property
    def commits_each(self) -> int:
        """How many commits are timed in each Region."""
        return 10 * self.runs

    @property
    def fans_per_phase(self) -> int:
        """How many fans buy before, during and after the loss of a Region."""
        return 2 * self.runs

    @property
    def cuts_twice(self) -> bool:
        """Whether the connection that asks what became of a COMMIT is cut as well.

        It takes most of the fence's time, so a small run leaves it out.
        """
        return self.runs >= SMALL
