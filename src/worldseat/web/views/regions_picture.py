"""The picture of the local cluster: three Regions, the links between them, and where fans go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worldseat.web.views.words import count

if TYPE_CHECKING:
    from worldseat.ports.cluster import ClusterStatus

WIDTH, HEIGHT = 300, 250
_HALF_WIDE, _HALF_HIGH = 52, 24
_FANS_Y, _ARROW_FROM_Y = 240, 222
_MIDDLE = WIDTH // 2
_LEFT, _RIGHT = _HALF_WIDE + 4, WIDTH - _HALF_WIDE - 4
_TOP_Y, _DATA_Y = 30, 150
_ASIDE = 10
"""How far a link's label stands from the middle of a slanting link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A Region's box, by its middle; `tone` good is a full line, bad a dashed one."""

    region: str
    x: int
    y: int
    mark: str
    word: str
    tone: str

    @property
    def left(self) -> int:
        """Return where the box begins."""
        return self.x - _HALF_WIDE

    @property
    def top(self) -> int:
        """Return where the box begins."""
        return self.y - _HALF_HIGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A link: from where to where, and its label. A cut one is broken, with a cross on it."""

    x1: int
    y1: int
    x2: int
    y2: int
    label: str
    label_x: int
    label_y: int
    anchor: str
    cut: bool

    @property
    def middle(self) -> tuple[int, int]:
        """Return the middle of the line."""
        return (self.x1 + self.x2) // 2, (self.y1 + self.y2) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fans:
    """The fans of a Region, and the way to whoever serves them: None if nobody does."""

    x: int
    y: int
    to: tuple[int, int] | None
    in_vain: bool
    """Whether the Region that they go to can commit nothing now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is drawn, in a box of `width` by `height`, and the same in words."""

    nodes: Sequence[Node]
    lines: Sequence[Line]
    fans: Sequence[Fans]
    said: str
    words: str
    width: int = WIDTH
    height: int = HEIGHT
    box: tuple[int, int] = (2 * _HALF_WIDE, 2 * _HALF_HIGH)
    arrow_from: int = _ARROW_FROM_Y


def picture(
    status: "ClusterStatus",
    marks: Mapping[str, tuple[str, str, str]],
    served: Mapping[str, str | None],
    *,
    said: str,
) -> Picture:
    """Return the picture. `marks` gives each Region's shape, word and tone; `said` the sentence."""
    at = _places(status)
    return Picture(
        nodes=[
            Node(region=region, x=x, y=y, mark=mark, word=word, tone=tone)
            for region, (x, y) in at.items()
            for mark, word, tone in [marks[region]]
        ],
        lines=[
            _line(at[link.one], at[link.other], label=_label(link.rtt_ms), cut=link.cut)
            for link in status.links
        ],
        fans=[
            _fans(at, region, by, in_vain=by is not None and marks[by][2] != "good")
            for region, by in served.items()
        ],
        said=said,
        words="; ".join(
            f"{link.one} to {link.other}: "
            + ("cut" if link.cut else f"{_label(link.rtt_ms)} there and back")
            for link in status.links
        ),
    )


def _places(status: "ClusterStatus") -> dict[str, tuple[int, int]]:
    """Return the middle of each box: the witness above, the two that take writes beside it."""
    data_x = iter((_LEFT, _RIGHT))
    return {
        each.region: (_MIDDLE, _TOP_Y) if each.witness else (next(data_x), _DATA_Y)
        for each in status.regions
    }


def _line(one: tuple[int, int], other: tuple[int, int], *, label: str, cut: bool) -> Line:
    text = "cut" if cut else label
    if one[1] == other[1]:
        x1, x2 = sorted((one[0], other[0]))
        return Line(
            x1=x1 + _HALF_WIDE,
            y1=one[1],
            x2=x2 - _HALF_WIDE,
            y2=one[1],
            label=text,
            label_x=_MIDDLE,
            label_y=one[1] - _ASIDE,
            anchor="middle",
            cut=cut,
        )
    above, below = sorted((one, other), key=lambda place: place[1])
    aside = -1 if below[0] < above[0] else 1
    x1, y1 = above[0] + aside * _HALF_WIDE // 2, above[1] + _HALF_HIGH
    x2, y2 = below[0] - aside * _HALF_WIDE // 2, below[1] - _HALF_HIGH
    return Line(
        x1=x1,
        y1=y1,
        x2=x2,
        y2=y2,
        label=text,
        label_x=(x1 + x2) // 2 + aside * (_ASIDE + (4 if cut else 0)),
        label_y=(y1 + y2) // 2 + 4,
        anchor="end" if aside < 0 else "start",
        cut=cut,
    )


def _fans(at: Mapping[str, tuple[int, int]], region: str, by: str | None, *, in_vain: bool) -> Fans:
    x = at[region][0]
    if by is None:
        return Fans(x=x, y=_FANS_Y, to=None, in_vain=True)
    aside = 0 if by == region else _HALF_WIDE // 2 * (1 if x > at[by][0] else -1)
    to = (at[by][0] + aside, at[by][1] + _HALF_HIGH + 3)
    return Fans(x=x, y=_FANS_Y, to=to, in_vain=in_vain)


def _label(rtt_ms: float) -> str:
    return f"{count(rtt_ms)} ms"
