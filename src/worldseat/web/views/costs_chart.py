"""The bill as a picture: two stacked bars per code, one for each end of what is not published.

Patterns tell the parts apart, so that it reads without colour: hollow, dotted, solid, striped. The
two cases have scales of their own, and say so: one would make the bars of the other invisible.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from worldseat.services.costs import Case
from worldseat.web.views.costs_words import PARTS, basis, case_words, parts
from worldseat.web.views.words import count, dollars, of

if TYPE_CHECKING:
    from worldseat.domain.cost import Dpu
    from worldseat.services.costs import CostLine, Costs

KINDS = ("hollow", "dotted", "solid", "striped")
"""How each part of a bill is filled, in the order of PARTS."""

BAR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How the picture is laid out, in user units: pixels at its full size.

    The words of a bar stand beside it, or above it where they are `above` it by so much.
    """

    name: str
    width: int
    left: int
    right: int
    words_x: int
    above: int
    step: int
    letters: int
    across: int


WIDE = Shape(
    name="bill-wide",
    width=960,
    left=150,
    right=690,
    words_x=704,
    above=0,
    step=20,
    letters=130,
    across=4,
)
NARROW = Shape(
    name="bill-narrow",
    width=320,
    left=0,
    right=319,
    words_x=0,
    above=16,
    step=36,
    letters=44,
    across=1,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A line of text; `kind` is head, sub or fine."""

    x: float
    y: float
    text: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a bar."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One end of a range: its parts, and what they say together."""

    y: float
    segments: Sequence[Segment]
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostsChart:
    """All that is to be drawn. `legend` has the place, the fill and the words of each part."""

    shape: Shape
    height: float
    title: str
    summary: str
    texts: Sequence[Text]
    bars: Sequence[Bar]
    legend: Sequence[tuple[float, float, str, str]]


class _Pen:
    """Puts one thing under the other."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.y = 0.0
        self.texts: list[Text] = []
        self.bars: list[Bar] = []

    def write(self, text: str, kind: str, *, above: int = 0) -> None:
        self.y += above
        for line in wrap(text, self.shape.letters, break_on_hyphens=False):
            self.y += 17
            self.texts.append(Text(x=0, y=self.y, text=line, kind=kind))

    def bar(self, name: str, units: "Dpu", usd: float, most: float) -> None:
        """Draw one end of a range; `most` fills the whole width."""
        shape = self.shape
        self.y += shape.step
        words = f"{count(units.total)} DPU, {dollars(usd)}"
        if shape.above:
            line = Text(x=0, y=self.y - shape.above, text=f"{name}: {words}", kind="fine")
            self.texts.append(line)
        else:
            self.texts.append(Text(x=28, y=self.y, text=name, kind="fine"))
            self.texts.append(Text(x=shape.words_x, y=self.y, text=words, kind="value"))
        said = ", ".join(
            f"{part} {count(number)}" for part, number in zip(PARTS, parts(units), strict=True)
        )
        self.bars.append(
            Bar(
                y=self.y - BAR + 2,
                segments=_segments(shape, units, most),
                sentence=f"{name}: {words} ({said})",
            )
        )


def costs_chart(costs: "Costs", shape: Shape) -> CostsChart:
    """Return the picture of a bill in this shape."""
    pen = _Pen(shape)
    legend = _legend(pen)
    for case in Case:
        lines = [line for line in costs.lines if line.case is case]
        pen.write(case_words(case, costs.buyers).capitalize(), "head", above=14)
        most = max((_most(line) for line in lines), default=0.0)
        if most:
            pen.write(f"the full width is {count(most)} DPU", "fine")
        for line in lines:
            _draw(pen, line, most)
    return CostsChart(
        shape=shape,
        height=pen.y + 12,
        title=f"DPU of {of(costs.tickets, 'ticket')}, by what they are billed for",
        summary=f"{basis(costs)} The same figures stand in the table.",
        texts=pen.texts,
        bars=pen.bars,
        legend=legend,
    )


def _draw(pen: _Pen, line: "CostLine", most: float) -> None:
    found = line.counted
    if found is None:
        pen.write(f"{line.code.value} code: not measured yet", "sub", above=6)
        return
    pen.write(f"{line.code.value} code", "sub", above=6)
    pen.bar("at least", found.estimate.low, found.estimate.usd_low, most)
    pen.bar("at most", found.estimate.high, found.estimate.usd_high, most)


def _most(line: "CostLine") -> float:
    return line.counted.estimate.high.total if line.counted else 0.0


def _segments(shape: Shape, units: "Dpu", most: float) -> list[Segment]:
    room = shape.right - shape.left
    found = []
    x = float(shape.left)
    for kind, number in zip(KINDS, parts(units), strict=True):
        width = number / most * room if most else 0.0
        found.append(Segment(x=round(x, 1), width=round(width, 1), kind=kind))
        x += width
    return found


def _legend(pen: _Pen) -> list[tuple[float, float, str, str]]:
    placed = []
    step = pen.shape.width / pen.shape.across
    for number, (kind, words) in enumerate(zip(KINDS, PARTS, strict=True)):
        if number % pen.shape.across == 0:
            pen.y += 20
        placed.append((step * (number % pen.shape.across), pen.y, kind, words))
    return placed
