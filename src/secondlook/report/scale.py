"""The horizontal axis of a forest plot: which values it spans, where they fall, what is ticked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, floor, inf, isfinite, log, log10

from matplotlib.ticker import MaxNLocator

from secondlook.report.figure_text import measure
from secondlook.report.style import SMALL
from secondlook.synthesis import Interval

__all__ = ["Scale", "scale_of", "tick_text"]

_BETWEEN_LABELS = 8.0
_BEYOND = 10.0
_LADDERS = ((1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0), (1.0, 2.0, 5.0), (1.0, 3.0))


@dataclass(frozen=True, slots=True)
class Scale:
    """Where values fall between two points of a sheet.

    Attributes
    ----------
    low, high
        The values at its ends.
    left, right
        The ends, in points.
    ratio
        True when equal ratios are equally far apart.
    ticks
        The values that are labelled.
    """

    low: float
    high: float
    left: float
    right: float
    ratio: bool
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Give the place of a value; a value beyond an end falls on that end.

        Examples
        --------
        >>> Scale(0.1, 10, 0, 100, True, ()).at(1.0), Scale(0, 50, 0, 100, False, ()).at(60)
        (50.0, 100)
        """
        if value <= self.low:
            return self.left
        if value >= self.high:
            return self.right
        if self.ratio:
            share = log(value / self.low) / log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.left + share * (self.right - self.left)

    def cuts(self, shown: Interval) -> bool:
        """True when an interval goes on beyond an end."""
        return shown.low < self.low or shown.high > self.high


def scale_of(
    centres: Iterable[float],
    ends: Iterable[float],
    *,
    unit: str,
    null: float | None,
    left: float,
    right: float,
) -> Scale:
    """Choose a scale that shows every centre, and every end that does not dwarf the rest.

    Parameters
    ----------
    centres
        Estimates, which are always inside.
    ends
        Ends of intervals. Percents and differences of percents are all inside, for they are
        bounded; an end of a ratio is outside when it is more than ten times beyond all estimates.
    unit, null
        Of the reader's scale.
    left, right
        The place of the scale on its sheet, in points.

    Examples
    --------
    >>> scale_of([12.0], [5.0, 38.0], unit="%", null=None, left=0, right=200).ticks
    (0.0, 10.0, 20.0, 30.0, 40.0)
    """
    inside = [value for value in centres if isfinite(value)]
    outer = list(ends)
    if null is not None:
        inside.append(null)
    if unit == "hazard ratio":
        return _ratio(inside, outer, left, right)
    bounds = {"%": (0.0, 100.0), "percentage points": (-100.0, 100.0)}.get(unit, (0.0, inf))
    known = [min(max(v, bounds[0]), bounds[1]) for v in (*inside, *outer) if isfinite(v)]
    low = min(known) if null is not None else 0.0
    return _linear(low, max(known), left, right)


def tick_text(value: float) -> str:
    """Write the value of a tick.

    Examples
    --------
    >>> tick_text(-20.0), tick_text(0.5)
    ('−20', '0.5')
    """
    return f"{value:g}".replace("-", "−")


def _linear(low: float, high: float, left: float, right: float) -> Scale:
    high = max(high, low + 1)  # one percent, point or month: less is not a difference to draw
    for count in (6, 5, 4, 3, 2, 1):
        locator = MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10])
        ticks = tuple(round(float(tick), 10) for tick in locator.tick_values(low, high))
        made = Scale(ticks[0], ticks[-1], left, right, False, ticks)
        if _legible(made):
            return made
    return made


def _ratio(inside: list[float], outer: list[float], left: float, right: float) -> Scale:
    positive = [value for value in inside if value > 0]
    least, most = min(positive) / _BEYOND, max(positive) * _BEYOND
    near = [value for value in outer if least <= value <= most]
    # an end that runs off is drawn to the edge, so that the edge must leave it some length
    far = [min(max(value, least), most) for value in outer if not least <= value <= most]
    low, high = min((*positive, *near, *far)), max((*positive, *near, *far))
    low, high = low / exp(0.04 * log(high / low) + 0.01), high * exp(0.04 * log(high / low) + 0.01)
    for ladder in _LADDERS:
        made = Scale(low, high, left, right, True, _rungs(ladder, low, high, 1))
        if _legible(made) and len(made.ticks) <= 9:
            return made
    step = 1
    while not _legible(made) or len(made.ticks) > 9:
        made = Scale(low, high, left, right, True, _rungs((1.0,), low, high, step))
        step += 1
    return made


def _rungs(ladder: tuple[float, ...], low: float, high: float, step: int) -> tuple[float, ...]:
    powers = range(floor(log10(low)) - 1, ceil(log10(high)) + 1)
    values = [rung * 10.0**power for power in powers if power % step == 0 for rung in ladder]
    return tuple(value for value in values if low <= value <= high)


def _legible(scale: Scale) -> bool:
    """True when the labels of neighbouring ticks stand apart."""
    places = [(scale.at(tick), measure(tick_text(tick), SMALL).width) for tick in scale.ticks]
    return all(
        (right - left) - (wide + width) / 2 >= _BETWEEN_LABELS
        for (left, width), (right, wide) in pairwise(places)
    )
