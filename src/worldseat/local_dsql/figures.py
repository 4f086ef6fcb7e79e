"""What one Region did since the cluster started."""

import statistics
from collections import deque

LAST = 512


class Figures:
    """Counts, and the latencies of the last `LAST` writing commits in milliseconds."""

    def __init__(self) -> None:
        self.commits = 0
        self.conflicts = 0
        self.refused = 0
        self._commit_ms: deque[float] = deque(maxlen=LAST)

    def committed(self, took_ms: float) -> None:
        """Count a writing commit."""
        self.commits += 1
        self._commit_ms.append(took_ms)

    def percentile(self, percent: int) -> float | None:
        """Return a percentile of the commits' latencies in ms, or None before the first."""
        if not self._commit_ms:
            return None
        if len(self._commit_ms) == 1:
            return self._commit_ms[0]
        cuts = statistics.quantiles(self._commit_ms, n=100, method="inclusive")
        return cuts[percent - 1]
