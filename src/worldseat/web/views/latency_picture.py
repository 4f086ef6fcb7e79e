"""What a COMMIT took through each Region, as a small picture that reads without colour.

Shapes carry the meaning: a thick bar from 0 to the median, a thin one on to p95, a tick at p99, and
a ring at the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from worldseat.domain.acceptance import Report
from worldseat.web.views.run import ran_on

WIDTH = 600
LEFT, RIGHT = 96, 580
TOP, ROW = 30, 34
_NICE = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One Region: where its figures stand, in user units, and the same in a sentence."""

    region: str
    y: int
    p50: float
    p95: float
    p99: float
    longest: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is drawn. `ticks` are places on the axis and their words."""

    title: str
    words: str
    bars: Sequence[Bar]
    ticks: Sequence[tuple[float, str]]
    axis: tuple[int, int]
    legend_y: int
    height: int
    width: int = WIDTH
    left: int = LEFT


def picture(report: Report) -> Picture | None:
    """Return the picture of a report's commits, or None if it measured none."""
    if not report.latencies:
        return None
    most = max(each.max_ms for each in report.latencies) or 1.0
    step = _step(most)
    end = step * -(-most // step)

    def x(duration_ms: float) -> float:
        return round(LEFT + duration_ms / end * (RIGHT - LEFT), 1)

    bars = [
        Bar(
            region=each.region,
            y=TOP + ROW * place + ROW // 2,
            p50=x(each.p50_ms),
            p95=x(each.p95_ms),
            p99=x(each.p99_ms),
            longest=x(each.max_ms),
            sentence=(
                f"{each.region}, {each.commits:,} commits: half within {each.p50_ms:,.1f} ms, 95 % "
                f"within {each.p95_ms:,.1f} ms, 99 % within {each.p99_ms:,.1f} ms, the longest "
                f"{each.max_ms:,.1f} ms"
            ),
        )
        for place, each in enumerate(report.latencies)
    ]
    bottom = TOP + ROW * len(bars)
    return Picture(
        title=f"What a COMMIT took through each Region, on {ran_on(report.stand_in)}",
        words=". ".join(bar.sentence for bar in bars) + ".",
        bars=bars,
        ticks=[(x(step * place), f"{step * place:g} ms") for place in range(int(end / step) + 1)],
        axis=(TOP, bottom),
        legend_y=bottom + 24,
        height=bottom + 34,
    )


def _step(most: float) -> float:
    """Return a round distance of ticks that gives between two and five of them."""
    power = 1e-3
    while True:
        for nice in _NICE:
            if most / (nice * power) <= 5:  # noqa: PLR2004 - as many ticks as there is room for
                return nice * power
        power *= 10
