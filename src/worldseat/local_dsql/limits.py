"""The service's limits, with their published figures as defaults; tests set them smaller."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one transaction, one session and one cluster may do (user guide, "Quotas").

    `rows` and `bytes` are what one transaction modifies, `transaction_s` and `session_s` how long
    each lives, `connects_per_s` and `connects_burst` how fast connections are accepted, and
    `connections` how many there are at once.
    """

    rows: int = 3_000
    bytes: int = 10 * 1024 * 1024
    transaction_s: float = 300.0
    session_s: float = 3_600.0
    connects_per_s: float = 100.0
    connects_burst: int = 1_000
    connections: int = 10_000


class Bucket:
    """How many connections may be opened now: filled at a steady rate, up to a burst."""

    def __init__(self, *, per_s: float, burst: int, now: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Take one, if there is one."""
        self._left = min(self._burst, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
