"""What Prometheus is told. Every label has few values: a code, a status, a route's pattern."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from worldseat.domain.run import Plan, Result
from worldseat.ports.onsale import RegionFigures
from worldseat.services.shop import Claimed
from worldseat.web.region_metrics import RegionMetrics

CONTENT_TYPE = CONTENT_TYPE_LATEST
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLAIM_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The figures of one application. Each has its own registry, so tests can build many."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.claims = Counter(
            "worldseat_claims",
            "Claims by fans, by outcome: sold, replayed, or the code of the problem.",
            ("outcome",),
            registry=self.registry,
        )
        self.claim_seconds = Histogram(
            "worldseat_claim_seconds",
            "How long fans waited for the answer to a claim.",
            buckets=_CLAIM_BUCKETS_S,
            registry=self.registry,
        )
        self.conflicts = Counter(
            "worldseat_claim_conflicts",
            "Transactions of claims that met another one and were run again.",
            registry=self.registry,
        )
        self.attempts = Counter(
            "worldseat_claim_attempts", "Transactions begun for claims.", registry=self.registry
        )
        self.claims_in_flight = Gauge(
            "worldseat_claims_in_flight", "Claims being served now.", registry=self.registry
        )
        self.streams_open = Gauge(
            "worldseat_streams_open", "Live streams open now.", registry=self.registry
        )
        self.requests = Counter(
            "worldseat_http_requests",
            "HTTP requests by method, route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.stampedes = Counter(
            "worldseat_stampedes",
            "Stampedes that were fired and settled here, those of comparisons among them.",
            ("store", "code"),
            registry=self.registry,
        )
        self.stampede_conflicts = Counter(
            "worldseat_stampede_conflicts",
            "Transactions of stampedes that met another one and were run again.",
            ("store", "code"),
            registry=self.registry,
        )
        self.stampede_oversold = Counter(
            "worldseat_stampede_oversold",
            "Sales of a seat by stampedes beyond the first, counted from committed rows.",
            ("store", "code"),
            registry=self.registry,
        )
        self.restarts = Gauge(
            "worldseat_database_restarts",
            "How often the embedded database died and was brought back.",
            registry=self.registry,
        )
        # Looking a labelled child up costs more than counting: claims do both in their thousands.
        self._answered: dict[tuple[str, str, str], Counter] = {}
        self._ended: dict[str, Counter] = {}
        self._streams = 0
        self.streams_open.set_function(lambda: self._streams)

    def of_regions(self, figures: Callable[[], Sequence[RegionFigures]]) -> None:
        """Tell the figures of each Region too. Called once."""
        self.registry.register(RegionMetrics(figures))

    @property
    def streams_now(self) -> int:
        """Return how many live streams are open."""
        return self._streams

    def answered(self, method: str, route: str, status: int) -> None:
        """Count an HTTP request. `route` is a pattern; 0 as status means hung up on."""
        named = (method if method in _METHODS else "other", route, str(status))
        child = self._answered.get(named)
        if child is None:
            child = self._answered[named] = self.requests.labels(*named)
        child.inc()

    def ended(self, outcome: str, seconds: float) -> None:
        """Count a claim by how it ended, and how long the fan waited."""
        child = self._ended.get(outcome)
        if child is None:
            child = self._ended[outcome] = self.claims.labels(outcome)
        child.inc()
        self.claim_seconds.observe(seconds)

    def claimed(self, claim: Claimed) -> None:
        """Count what a claim cost the database."""
        self.attempts.inc(claim.attempts)
        self.conflicts.inc(claim.conflicts)

    def fired(self, plan: Plan, result: Result) -> None:
        """Count a stampede, and what it came to."""
        self.stampedes.labels(plan.store, plan.code).inc()
        self.stampede_conflicts.labels(plan.store, plan.code).inc(result.conflicts)
        self.stampede_oversold.labels(plan.store, plan.code).inc(result.oversold or 0)

    @contextmanager
    def open_stream(self) -> Iterator[None]:
        """Count a live stream for as long as the block runs."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def exposition(self) -> bytes:
        """Return all figures in Prometheus's text format."""
        return generate_latest(self.registry)
