"""What went through one Region's endpoint: counts, and how long its commits took."""

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

COMMITS_REMEMBERED = 512
BUCKETS_MS = (1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 10_000.0)


class Figures:
    """Counts since the process started. Commits are those of transactions that wrote."""

    def __init__(self) -> None:
        self.conflicts = 0
        self.retries = 0
        self.unknown = 0
        self.commit_ms_sum = 0.0
        self._counts = [0] * (len(BUCKETS_MS) + 1)
        self._last: deque[float] = deque(maxlen=COMMITS_REMEMBERED)

    @property
    def commits(self) -> int:
        """Return how many COMMITs were answered with yes."""
        return sum(self._counts)

    def committed(self, ms: float) -> None:
        """Count a commit and how long its answer took."""
        self._counts[bisect_left(BUCKETS_MS, ms)] += 1
        self._last.append(ms)
        self.commit_ms_sum += ms

    def percentiles(self) -> tuple[float | None, float | None]:
        """Return the median and the 99th percentile of the last commits, in ms, if there are."""
        ordered = sorted(self._last)
        if not ordered:
            return None, None
        last = len(ordered) - 1
        return ordered[last // 2], ordered[round(last * 0.99)]

    def buckets(self) -> Sequence[tuple[float, int]]:
        """Return each upper bound in ms with the commits up to it; the last one is infinite."""
        found: list[tuple[float, int]] = []
        so_far = 0
        for bound, count in zip((*BUCKETS_MS, float("inf")), self._counts, strict=True):
            so_far += count
            found.append((bound, so_far))
        return found
