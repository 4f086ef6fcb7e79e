"""What Prometheus is told of each Region's endpoint."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from worldseat.ports.onsale import RegionFigures

_REGION_COUNTS = (
    ("conflicts", "Transactions through a Region's endpoint that another one won against."),
    ("retries", "Transactions begun again through a Region's endpoint after a conflict."),
    ("unknown", "COMMITs through a Region's endpoint that were sent and not answered."),
    ("connections_opened", "Connections opened to a Region's endpoint."),
    ("connections_delayed", "Connections that waited for the rate the service takes them at."),
    ("connections_refused", "Connections that the service refused for their number or rate."),
)


class RegionMetrics(Collector):
    """The figures of each Region's endpoint, read from the store whenever somebody asks."""

    def __init__(self, figures: Callable[[], Sequence[RegionFigures]]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """Yield each figure with a value for every Region. Commits are a histogram of seconds."""
        regions = self._figures()
        well = GaugeMetricFamily(
            "worldseat_region_well",
            "1 while a Region's endpoint answers and commits, else 0.",
            labels=("region",),
        )
        serves = GaugeMetricFamily(
            "worldseat_region_served_by",
            "1 for the Region whose endpoint serves this Region's fans now.",
            labels=("region", "endpoint"),
        )
        lanes = GaugeMetricFamily(
            "worldseat_region_lanes_open",
            "Connections open to a Region's endpoint for fans and stampedes.",
            labels=("region",),
        )
        commits = HistogramMetricFamily(
            "worldseat_region_commit_seconds",
            "How long COMMITs took through a Region's endpoint.",
            labels=("region",),
        )
        for each in regions:
            well.add_metric((each.region,), float(each.state == "ok"))
            lanes.add_metric((each.region,), each.lanes_open)
            for other in regions:
                served = float(each.served_by == other.region)
                serves.add_metric((each.region, other.region), served)
            buckets = [
                ("+Inf" if ms == float("inf") else str(ms / 1000), count)
                for ms, count in each.commit_ms_buckets
            ]
            commits.add_metric((each.region,), buckets, each.commit_ms_sum / 1000)
        yield from (well, serves, lanes, commits)
        for name, text in _REGION_COUNTS:
            counter = CounterMetricFamily(f"worldseat_region_{name}", text, labels=("region",))
            for each in regions:
                counter.add_metric((each.region,), getattr(each, name))
            yield counter
