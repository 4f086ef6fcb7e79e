"""Time and chance, from outside, so that tests and replays can hold them still."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Three clocks for three questions."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds that never go back, for durations and histories."""

    def now(self) -> datetime:
        """Return the time of day in UTC, for people."""


class Chance(Protocol):
    """Where fresh ids, seeds and jitter come from."""

    def new_id(self, prefix: str) -> str:
        """Return a fresh unguessable id: `prefix_` and 26 base32 characters."""

    def seed(self) -> int:
        """Return a seed for a run, 0 to 2**31 - 1."""

    def jitter(self) -> float:
        """Return a number from 0 up to 1, evenly spread."""
