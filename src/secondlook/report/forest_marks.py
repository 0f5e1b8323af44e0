"""The marks of a forest plot: squares, dots, whiskers, diamonds, the prediction bar, arrows."""

from __future__ import annotations

from math import cos, pi, sin, sqrt

from secondlook.report.figure_text import block
from secondlook.report.forest_lines import ForestLine
from secondlook.report.scale import Scale
from secondlook.report.sheet import Sheet
from secondlook.report.style import BLUE, INK, SKY, SMALL, VERMILION
from secondlook.synthesis import Interval

__all__ = ["LARGEST", "draw_mark"]

LARGEST = 10.0
"""Side of the largest square and width of the largest dot, in points."""

_HALF_DIAMOND = 4.5
_ARROW = 4.0


def draw_mark(
    sheet: Sheet, scale: Scale, line: ForestLine, middle: float, *, largest: float, name: str
) -> None:
    """Draw what a line shows, about the height `middle`.

    Parameters
    ----------
    sheet, scale
        Where, and at what place a value falls.
    line
        What is shown.
    middle
        Height of the line's middle on the sheet, in points.
    largest
        The size, of all lines, that is drawn :data:`LARGEST` points wide.
    name
        A word for this line; the mark is named after it.
    """
    if line.shown is None:
        return
    x = scale.at(line.shown.estimate)
    half = LARGEST * sqrt(line.size / largest) / 2 if largest else 0.0
    if line.kind == "prediction":
        _prediction(sheet, scale, line.shown, middle)
    elif line.kind in ("pooled", "subtotal"):
        fill = INK if line.kind == "pooled" else "white"
        _diamond(sheet, scale, line.shown, middle, fill=fill, name=f"diamond-{name}")
    elif line.mark == "square":
        _square(sheet, x, half, middle, name)
        # over the square, for an interval may be narrower than it
        _whisker(sheet, scale, line.shown, middle, name)
    else:
        half = _printed_number(sheet, line.mark, x, half, middle, name)
        if line.mark == "hollow":
            _word(sheet, scale, x, half, middle)
        if line.bound:
            _bound(sheet, x, half, middle, 1 if line.bound == ">" else -1)


def _square(sheet: Sheet, x: float, half: float, middle: float, name: str) -> None:
    side = 2 * half
    sheet.rectangle(x - half, middle - half, side, side, fill=SKY, thick=0, name=f"square-{name}")
    # a square of next to no weight is too small to see: the tick shows where it is
    sheet.line([(x, middle - 2.0), (x, middle + 2.0)], thick=1.0)


def _whisker(sheet: Sheet, scale: Scale, shown: Interval, middle: float, name: str) -> None:
    left, right = scale.at(shown.low), scale.at(shown.high)
    sheet.line([(left, middle), (right, middle)], thick=1.0, name=f"whisker-{name}")
    _arrows(sheet, scale, shown, middle, INK)


def _arrows(sheet: Sheet, scale: Scale, shown: Interval, middle: float, colour: str) -> None:
    if shown.low < scale.low:
        _arrow(sheet, scale.left, middle, -1, colour)
    if shown.high > scale.high:
        _arrow(sheet, scale.right, middle, 1, colour)


def _arrow(sheet: Sheet, x: float, middle: float, way: int, colour: str) -> None:
    back = x - way * _ARROW
    sheet.shape(
        [(x + way, middle), (back, middle - 2.6), (back, middle + 2.6)], fill=colour, thick=0
    )


def _diamond(
    sheet: Sheet, scale: Scale, shown: Interval, middle: float, *, fill: str, name: str
) -> None:
    left, centre, right = scale.at(shown.low), scale.at(shown.estimate), scale.at(shown.high)
    upper, lower = (centre, middle - _HALF_DIAMOND), (centre, middle + _HALF_DIAMOND)
    corners = [(left, middle), upper, (right, middle), lower]
    sheet.shape(corners, fill=fill, edge=INK, thick=0.7, name=name)
    _arrows(sheet, scale, shown, middle, INK)


def _prediction(sheet: Sheet, scale: Scale, shown: Interval, middle: float) -> None:
    left, right = scale.at(shown.low), scale.at(shown.high)
    sheet.rectangle(
        left,
        middle - 1.8,
        right - left,
        3.6,
        fill=VERMILION,
        edge=INK,
        thick=0.5,
        name="prediction",
    )
    _arrows(sheet, scale, shown, middle, INK)


def _printed_number(
    sheet: Sheet, mark: str, x: float, half: float, middle: float, name: str
) -> float:
    """Mark a median or a mean, and give half the width of the mark."""
    if mark == "dot":
        circle = [(x + half * cos(a), middle + half * sin(a)) for a in _turns(36)]
        sheet.shape(circle, fill=BLUE, edge=BLUE, thick=0.6, name=f"dot-{name}")
        return half
    half = 3.0 if mark == "unsized" else max(half, 3.5)
    if mark == "unsized":
        for way in (-1, 1):
            ends = [(x - half, middle - way * half), (x + half, middle + way * half)]
            sheet.line(ends, colour=BLUE, thick=1.1)
    else:
        corners = [(x + half * cos(a), middle + half * sin(a)) for a in _turns(4)]
        sheet.shape(corners, fill="white", edge=BLUE, thick=1.1, name=f"mean-{name}")
    return half


def _bound(sheet: Sheet, x: float, half: float, middle: float, way: int) -> None:
    """Draw an arrow on from a number printed as a bound."""
    tip = x + way * (half + 9)
    sheet.line([(x + way * half, middle), (tip - way, middle)], colour=BLUE, thick=1.0)
    _arrow(sheet, tip, middle, way, BLUE)


def _turns(corners: int) -> list[float]:
    return [2 * pi * corner / corners for corner in range(corners)]


def _word(sheet: Sheet, scale: Scale, x: float, half: float, middle: float) -> None:
    """Write that a number is a mean, on the side where there is room."""
    word = block("mean", face=SMALL)
    fits = x + half + 3 + word.width <= scale.right
    left = x + half + 3 if fits else x - half - 3 - word.width
    sheet.text(word, left, middle - word.height / 2)
