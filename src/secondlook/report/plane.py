"""A plane with two axes on a sheet: where values fall, what is ticked, and names beside points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, isfinite, pi, sin

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.optimize import brentq

from secondlook.report.figure_text import Block, block
from secondlook.report.scale import Scale, tick_text
from secondlook.report.sheet import Points, Sheet
from secondlook.report.style import BOLD, FAINT, INK, MARGIN, PAGE, SMALL

__all__ = ["Axis", "Plane", "Shown", "linear_axis", "shown_axis"]

Shown = Callable[[float], float]
"""From the scale of pooling to the scale a reader thinks in, in one direction throughout."""

_TICK = 3.0
_GAP = 3.0
_APART = 8.0
_HEIGHT = 300.0
_STEPS = [1, 2, 2.5, 5, 10]
_RATIOS = (
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.3,
    0.5,
    0.7,
    1.0,
    1.5,
    2.0,
    3.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
)
_PERCENTS = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 99.9)


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis spans and what its ticks say.

    Attributes
    ----------
    low, high
        Its ends.
    ticks
        Where ticks stand, each with its words, from `low` to `high`.
    label
        Its name and unit.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    label: str


def linear_axis(values: Iterable[float], label: str, *, zero: bool = False) -> Axis:
    """Span values on a linear axis that ends at ticks.

    Parameters
    ----------
    values
        What must be inside; what is not finite is passed over.
    label
        Name and unit.
    zero
        Begin (or end) at 0.

    Examples
    --------
    >>> linear_axis([0.1, 0.37], "standard error", zero=True).ticks[:2]
    ((0.0, '0'), (0.1, '0.1'))
    """
    known = [value for value in values if isfinite(value)] or [0.0, 1.0]
    if zero:
        known.append(0.0)
    low, high = min(known), max(known)
    if high - low <= 1e-12 * max(abs(low), abs(high)):
        reach = abs(high) / 2 or 0.5
        low, high = (0.0, 2 * high) if zero and high > 0 else (low - reach, high + reach)
    places = MaxNLocator(nbins=5, steps=_STEPS).tick_values(low, high)
    step = float(places[1] - places[0])
    kept = [round(float(p) / step) * step for p in places]
    ticks = tuple((place, tick_text(float(f"{place:.10g}"))) for place in kept)
    return Axis(ticks[0][0], ticks[-1][0], ticks, label)


def shown_axis(values: Iterable[float], label: str, *, show: Shown | None, unit: str) -> Axis:
    """Span values of the scale of pooling, ticked with round values of the reader's scale.

    Parameters
    ----------
    values
        On the scale of pooling.
    label
        Name and unit, on the reader's scale.
    show
        The way to the reader's scale; None to tick the scale of pooling itself.
    unit
        Of the reader's scale: ``%`` and ``hazard ratio`` have rounds of their own.
    """
    known = [value for value in values if isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    reach = 0.06 * (high - low) or 0.5
    low, high = low - reach, high + reach
    if show is None or unit not in ("%", "hazard ratio"):
        return linear_axis((low, high), label) if show is None else _plain(low, high, show, label)
    ends = sorted((show(low), show(high)))
    rounds = _PERCENTS if unit == "%" else _RATIOS
    inside = [value for value in rounds if ends[0] < value < ends[1]]
    if len(inside) < 2:
        inside = [
            float(v)
            for v in MaxNLocator(nbins=4, steps=_STEPS).tick_values(*ends)
            if ends[0] < v < ends[1]
        ]
    ticks = sorted((_where(value, show, low, high), tick_text(value)) for value in inside)
    return Axis(low, high, tuple(ticks), label)


def _plain(low: float, high: float, show: Shown, label: str) -> Axis:
    ends = sorted((show(low), show(high)))
    rounds = MaxNLocator(nbins=5, steps=_STEPS).tick_values(*ends)
    inside = [float(value) for value in rounds if ends[0] < value < ends[1]]
    ticks = sorted((_where(value, show, low, high), tick_text(value)) for value in inside)
    return Axis(low, high, tuple(ticks), label)


def _where(value: float, show: Shown, low: float, high: float) -> float:
    return float(brentq(lambda place: show(place) - value, low, high, xtol=1e-12))


class Plane:
    """Two axes on a sheet of the width of a page; marks are given in values, sizes in points.

    Parameters
    ----------
    title
        Stands above, and names the figure.
    x, y
        The axes.
    y_down
        The low end of `y` is above.
    notes
        Sentences below the figure.
    height
        Of the plane itself, in points.
    """

    def __init__(
        self,
        title: str,
        x: Axis,
        y: Axis,
        *,
        y_down: bool = False,
        notes: Sequence[str] = (),
        height: float = _HEIGHT,
    ) -> None:
        heading = block(title, face=BOLD, width=PAGE - 2 * MARGIN)
        below = [block(n, face=SMALL, width=PAGE - 2 * MARGIN) for n in notes]
        name_y = block(y.label, face=SMALL, width=PAGE - 2 * MARGIN)
        ticks_y = [block(words, face=SMALL) for _, words in y.ticks]
        ticks_x = [block(words, face=SMALL) for _, words in x.ticks]
        name_x = block(x.label, face=SMALL, width=PAGE - 2 * MARGIN)
        left = MARGIN + max((t.width for t in ticks_y), default=0) + _TICK + _GAP
        last = max((t.width / 2 for t in ticks_x[-1:]), default=0)
        right = PAGE - MARGIN - max(last, 2.0)
        top = MARGIN + heading.height + 8 + name_y.height + 6
        bottom = top + height
        under = bottom + _TICK + _GAP + max((t.height for t in ticks_x), default=0) + 4
        feet = under + name_x.height + 8
        total = feet + sum(n.height + 3 for n in below) + MARGIN
        self.sheet = Sheet(PAGE, total, title)
        self.x = Scale(x.low, x.high, left, right, False, tuple(t for t, _ in x.ticks))
        ends = (top, bottom) if y_down else (bottom, top)
        self.y = Scale(y.low, y.high, *ends, False, tuple(t for t, _ in y.ticks))
        self.box = (left, top, right, bottom)
        self._texts: list[tuple[float, float, float, float]] = []
        self._marks: list[tuple[float, float, float, float]] = []
        self.sheet.text(heading, MARGIN, MARGIN, name="heading")
        self.sheet.text(name_y, MARGIN, top - 6 - name_y.height, colour=FAINT, name="axis-y")
        middle = min(
            max((left + right) / 2, MARGIN + name_x.width / 2), PAGE - MARGIN - name_x.width / 2
        )
        self.sheet.text(name_x, middle, under, align="center", colour=FAINT, name="axis-x")
        self._ticks(x, y, ticks_x, ticks_y)
        for sentence in below:
            self.sheet.text(sentence, MARGIN, feet, colour=FAINT)
            feet += sentence.height + 3

    def _ticks(self, x: Axis, y: Axis, on_x: Sequence[Block], on_y: Sequence[Block]) -> None:
        left, _, _, bottom = self.box
        for index in _standing(
            [(self.x.at(at), b.width) for (at, _), b in zip(x.ticks, on_x, strict=True)]
        ):
            place = self.x.at(x.ticks[index][0])
            self.sheet.line([(place, bottom), (place, bottom + _TICK)], colour=INK)
            self.sheet.text(on_x[index], place, bottom + _TICK + _GAP, align="center")
        for index in _standing(
            [(self.y.at(at), b.height) for (at, _), b in zip(y.ticks, on_y, strict=True)]
        ):
            place = self.y.at(y.ticks[index][0])
            self.sheet.line([(left - _TICK, place), (left, place)], colour=INK)
            half = on_y[index].height / 2
            self.sheet.text(on_y[index], left - _TICK - _GAP, place - half, align="right")

    def frame(self) -> None:
        """Draw the two axes, over whatever was drawn before."""
        left, top, right, bottom = self.box
        self.sheet.line([(left, top), (left, bottom), (right, bottom)], colour=INK, name="frame")

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Give the place of a pair of values; what is beyond an end falls on it."""
        return self.x.at(x), self.y.at(y)

    def line(
        self,
        values: Points,
        *,
        colour: str = INK,
        thick: float = 0.9,
        dashes: tuple[float, ...] = (),
        name: str = "",
    ) -> None:
        """Draw a line through pairs of values."""
        places = [self.at(x, y) for x, y in values]
        self.sheet.line(places, colour=colour, thick=thick, dashes=dashes, name=name)

    def area(self, values: Points, *, fill: str, name: str = "") -> None:
        """Fill a polygon of pairs of values."""
        self.sheet.shape([self.at(x, y) for x, y in values], fill=fill, name=name)

    def band(
        self,
        xs: Sequence[float],
        lows: Sequence[float],
        highs: Sequence[float],
        *,
        fill: str,
        name: str = "",
    ) -> None:
        """Fill between two curves over the same xs."""
        there = list(zip(xs, lows, strict=True))
        back = list(zip(reversed(xs), reversed(highs), strict=True))
        self.area([*there, *back], fill=fill, name=name)

    def dot(
        self,
        x: float,
        y: float,
        *,
        size: float = 4.5,
        fill: str = INK,
        edge: str = "white",
        shape: str = "round",
        name: str = "",
    ) -> None:
        """Draw a point `size` points wide; `shape` is ``round``, ``square`` or ``diamond``."""
        across, down = self.at(x, y)
        half = size / 2
        if shape == "round":
            outline = [
                (across + half * cos(2 * pi * i / 24), down + half * sin(2 * pi * i / 24))
                for i in range(24)
            ]
        elif shape == "square":
            outline = [
                (across - half, down - half),
                (across + half, down - half),
                (across + half, down + half),
                (across - half, down + half),
            ]
        else:
            outline = [
                (across - half, down),
                (across, down - half),
                (across + half, down),
                (across, down + half),
            ]
        self.sheet.shape(outline, fill=fill, edge=edge, thick=0.5, name=name)
        self._marks.append((across - half, down - half, across + half, down + half))

    def names(
        self, points: Sequence[tuple[float, float, str]], *, reach: float = 4.0
    ) -> tuple[str, ...]:
        """Write names beside points, the first ones first, where they hide nothing.

        Returns
        -------
        tuple of str
            The names there was no room for.
        """
        hidden = []
        for x, y, text in points:
            words = block(text, face=SMALL)
            across, down = self.at(x, y)
            half = words.height / 2
            places = (
                (across + reach, down - half),
                (across - reach - words.width, down - half),
                (across - words.width / 2, down - reach - words.height),
                (across - words.width / 2, down + reach),
            )
            for left, top in places:
                box = (left, top, left + words.width, top + words.height)
                if self._free(box):
                    self.sheet.text(words, left, top, name="point-name")
                    self._texts.append(box)
                    break
            else:
                hidden.append(text)
        return tuple(hidden)

    def words(
        self, text: str, x: float, y: float, *, align: str = "left", colour: str = FAINT
    ) -> bool:
        """Write words that end or begin at a pair of values and stand on it, if there is room."""
        written = block(text, face=SMALL)
        across, down = self.at(x, y)
        left = across if align == "left" else across - written.width
        box = (left, down - written.height, left + written.width, down)
        if not self._free(box):
            return False
        self.sheet.text(written, left, down - written.height, colour=colour)
        self._texts.append(box)
        return True

    def _free(self, box: tuple[float, float, float, float]) -> bool:
        left, top, right, bottom = self.box
        inside = box[0] >= left + 1 and box[2] <= right and box[1] >= top and box[3] <= bottom - 1
        return inside and not any(_meet(box, other) for other in (*self._texts, *self._marks))

    @property
    def figure(self) -> Figure:
        """What was drawn."""
        return self.sheet.figure


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _standing(places: Sequence[tuple[float, float]]) -> list[int]:
    """Choose the ticks whose words stand apart: all, or every second, or every third ..."""
    for step in range(1, len(places) + 1):
        chosen = list(range(0, len(places), step))
        apart = all(
            abs(places[b][0] - places[a][0]) - (places[a][1] + places[b][1]) / 2 >= _APART / 2
            for a, b in pairwise(chosen)
        )
        if apart:
            return chosen
    return []
