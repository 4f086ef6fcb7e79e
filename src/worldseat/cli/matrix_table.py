"""The matrix in a terminal: the 2×2 first, then every place that was measured."""

from collections.abc import Sequence

from rich.table import Table

from worldseat.cli.terminal import console
from worldseat.domain.run import Reach
from worldseat.domain.seats import Code
from worldseat.services.matrix import Measured, Span
from worldseat.web.shapes import MatrixAnswer, PlaceAnswer

BURST = "burst"
CODES = {Code.NAIVE: "naive", Code.CONDITIONAL: "condit."}
WHERE = {Reach.ONE: "one Region", Reach.BOTH: "both Regions"}


def print_matrix(matrix: MatrixAnswer, problems: Sequence[str]) -> None:
    """Print the matrix, what could not be fired, and where nothing was measured."""
    _print_four(matrix)
    _print_places([place for place in matrix.places if place.measured])
    unmeasured = [place for place in matrix.places if not place.measured and not place.cannot]
    for title in dict.fromkeys(_title(place) for place in unmeasured):
        alike = [place for place in unmeasured if _title(place) == title]
        console.print(f"{title}: not measured in {len(alike)} places.", style="dim")
    for text in problems:
        console.print(f"[bold]Could not be fired:[/bold] {text}")
    if matrix.more:
        console.print("There are older runs that were not looked at.", style="dim")


def _print_four(matrix: MatrixAnswer) -> None:
    """Print the two codes, in one Region and in both, for the product and what stands beside it."""
    first: dict[str, dict[tuple[Code, Reach | None], PlaceAnswer]] = {}
    for place in matrix.places:
        if place.installed and place.in_headline and place.arrival == BURST:
            first.setdefault(_name(place), {}).setdefault((place.code, place.reach), place)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"holders of one seat,\n{matrix.buyers:,} buyers at once", no_wrap=True)
    for title in first:
        table.add_column(title, justify="right", max_width=27)
    for code in Code:
        for reach in Reach:
            table.add_row(
                f"{code.value}, {WHERE[reach]}",
                *(_holders(places[code, reach].measured) for places in first.values()),
            )
    console.print()
    console.print(table)
    console.print()


def _print_places(places: Sequence[PlaceAnswer]) -> None:
    """Print medians; the oversold with their range. --json has every range."""
    for title in dict.fromkeys(_title(place) for place in places):
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("code, arrival, Regions", no_wrap=True)
        for name in ("oversold", "above 0", "refused", "errors", "unknown", "ms", "lag"):
            table.add_column(name, justify="right", no_wrap=True)
        for place in places:
            found = place.measured
            if found is None or _title(place) != title:
                continue
            where = "both" if place.reach is Reach.BOTH else "one"
            table.add_row(
                f"{CODES[place.code]} {place.arrival} {where}",
                span(found.oversold),
                f"{found.above_zero} of {found.runs}",
                _middle(found.refused),
                _middle(found.errors),
                "–" if found.unknown is None else _middle(found.unknown),
                _middle(found.duration_ms),
                "–" if found.lag_ms_p50 is None else _middle(found.lag_ms_p50),
            )
        console.print(title, style="bold")
        console.print(table)
        console.print()


def _middle(of: Span) -> str:
    return f"{round(of.median):,}"


def span(of: Span) -> str:
    """Return a median and its range: `59 (52–59)`, or one number where all are alike."""
    low, middle, high = (f"{round(number):,}" for number in (of.low, of.median, of.high))
    return middle if low == high else f"{middle} ({low}–{high})"


def _holders(found: Measured | None) -> str:
    if found is None:
        return "not measured"
    holders = span(found.holders)
    return f"{holders} in {found.runs} runs" if found.runs > 1 else f"{holders} in 1 run"


def _name(place: PlaceAnswer) -> str:
    return f"{place.title}\n{_played(place)}"


def _title(place: PlaceAnswer) -> str:
    lag = "" if place.lag_ms is None else f", lag {place.lag_ms:,} ms asked"
    mode = not place.installed and place.stand_in is None and place.role != "product"
    nowhere = mode and place.measured is None
    return f"{place.title}{'' if nowhere else f' on {_played(place)}'}{lag}"


def _played(place: PlaceAnswer) -> str:
    return place.stand_in or "AWS"
