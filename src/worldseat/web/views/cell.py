"""One cell of the matrix in words: what was counted there, in how many runs, and when."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from worldseat.domain.run import Reach
from worldseat.services.reported import ReportedLine
from worldseat.web.views.run import arrival_words
from worldseat.web.views.words import count, day, of

if TYPE_CHECKING:
    from worldseat.domain.run import Cell
    from worldseat.services.matrix import Line, Measured, Span, Spot

AWS = "AWS"
"""What a link calls the service itself, where no stand-in ran."""

NOT_MEASURED = "not measured"
_COMMITS_SHOWN = 3
_SECONDS_FROM_MS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What runs of one cell counted. Spans read `59 (52–59)`: the median, the least, the most."""

    holders: str
    """The median number of holders, for a large numeral."""
    noun: str
    verdict: str
    """`oversold 59 (52–59) in 20 of 20 runs`"""
    oversold: str
    in_runs: str
    held: str
    refused: str
    errors: str
    unknown: str
    in_flight: str
    duration: str
    lag: str
    runs: str
    asides: Sequence[str]
    """What must not be overlooked: runs without a result, errors, answers that never came."""
    when: str
    commits: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """A cell. `figures` is None where nothing was counted; then `said` says why.

    `tone` is `good`, `bad` or `none`. `href` leads to its runs, and `key` is the same for this cell
    whatever was measured in it.
    """

    key: str
    code: str
    arrival: str
    reach: str
    tone: str
    said: str
    figures: Figures | None
    href: str

    @property
    def label(self) -> str:
        """Return what was fired, in words."""
        return f"{self.code}, {self.arrival}, {self.reach}"


def cell_view(line: "Line", spot: "Spot") -> CellView:
    """Return the cell of a line in this spot."""
    cell, found = spot.cell, spot.measured
    return CellView(
        key=_key(line, cell),
        code=cell.code.value,
        arrival=arrival_words(cell.arrival),
        reach=reach_words(cell.reach),
        tone="none" if found is None else "bad" if found.above_zero else "good",
        said=_said(spot),
        figures=None if found is None else figures(found),
        href=report_href(line) or runs_href(line, cell),
    )


def figures(found: "Measured") -> Figures:
    """Return in words what was counted."""
    return Figures(
        holders=figure(found.holders.median),
        noun="holder" if found.holders.median == 1 else "holders",
        verdict=verdict(found),
        oversold=spanned(found.oversold),
        in_runs=_in_runs(found),
        held=spanned(found.holders),
        refused=spanned(found.refused),
        errors=spanned(found.errors),
        unknown="–" if found.unknown is None else spanned(found.unknown),
        in_flight=spanned(found.in_flight),
        duration=spanned_ms(found.duration_ms),
        lag="" if found.lag_ms_p50 is None else spanned_ms(found.lag_ms_p50),
        runs=of(found.runs, "run"),
        asides=_asides(found),
        when=days(found.first_at, found.last_at),
        commits=commits(found.commits),
    )


def verdict(found: "Measured") -> str:
    """Return what was oversold, with its denominator: `oversold 59 (52–59) in 20 of 20 runs`."""
    comma = "," if 0 < found.above_zero < found.runs else ""
    return f"oversold {spanned(found.oversold)}{comma} {_in_runs(found)}"


def holders(span: "Span") -> str:
    """Return a span of holders: `1 holder`, `2 holders`, `59.5 (52–60) holders`."""
    return f"{spanned(span)} {'holder' if span.low == span.high == 1 else 'holders'}"


def reach_words(reach: Reach | None) -> str:
    """Return through how many Regions buyers came."""
    return "one Region" if reach is Reach.ONE else "both Regions"


def figure(number: float) -> str:
    """Return a number; a median between two whole ones keeps its half."""
    return count(number) if number == round(number) else f"{number:,.1f}"


def spanned(span: "Span") -> str:
    """Return a median and its range, or one number where all runs are alike."""
    if span.low == span.high:
        return figure(span.median)
    return f"{figure(span.median)} ({figure(span.low)}–{figure(span.high)})"


def spanned_ms(span: "Span") -> str:
    """Return a span of durations in one unit: milliseconds, or seconds where they are long."""
    long = span.high >= _SECONDS_FROM_MS
    low, middle, high = (
        f"{number / 1_000:,.1f}" if long else count(number)
        for number in (span.low, span.median, span.high)
    )
    unit = "s" if long else "ms"
    return f"{middle} {unit}" if low == high else f"{middle} {unit} ({low}–{high})"


def days(first_at: str, last_at: str) -> str:
    """Return the day or the days between two moments."""
    first, last = day(first_at), day(last_at)
    return first if first == last else f"{first} to {last}"


def commits(found: Sequence[str]) -> str:
    """Return which commits ran; of many the newest ones."""
    shown = ", ".join(commit[:7] for commit in found[:_COMMITS_SHOWN])
    more = len(found) - _COMMITS_SHOWN
    noun = "commit" if len(found) == 1 else "commits"
    return f"{noun} {shown}" + (f" and {count(more)} more" if more > 0 else "")


def report_href(line: "Line") -> str:
    """Return the address of the report that a line is filled from, if it is."""
    if not isinstance(line, ReportedLine) or line.report_id is None:
        return ""
    return f"/acceptance/{line.report_id}#stampedes-run"


def runs_href(line: "Line", cell: "Cell") -> str:
    """Return the address of the cell's runs on the Compare page."""
    named = {
        "buyers": cell.buyers,
        "store": cell.store,
        "code": cell.code.value,
        "arrival": cell.arrival.text,
        "reach": (cell.reach or Reach.BOTH).value,
        "lag": cell.lag_ms,
        "on": line.stand_in or AWS,
    }
    return f"/compare?{urlencode({k: v for k, v in named.items() if v is not None})}#runs"


def _key(line: "Line", cell: "Cell") -> str:
    parts = (
        cell.store,
        line.stand_in or AWS,
        "" if cell.lag_ms is None else f"{cell.lag_ms}",
        cell.code.value,
        cell.arrival.text,
        reach_words(cell.reach),
    )
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts))


def _said(spot: "Spot") -> str:
    if spot.measured is not None:
        return ""
    if spot.cannot:
        return spot.cannot
    return f"no result in {of(spot.without, 'run')}" if spot.without else NOT_MEASURED


def _in_runs(found: "Measured") -> str:
    if found.runs == 1:
        return "in 1 run"
    mixed = 0 < found.above_zero < found.runs
    many = found.above_zero or found.runs
    return f"{'above 0 ' if mixed else ''}in {count(many)} of {count(found.runs)} runs"


def _asides(found: "Measured") -> list[str]:
    said = []
    if found.without:
        said.append(f"{of(found.without, 'run')} more without a result, not counted")
    if found.errors.high:
        said.append(f"{spanned(found.errors)} errors")
    if found.unknown is not None and found.unknown.high:
        said.append(f"{spanned(found.unknown)} answers unknown")
    return said
