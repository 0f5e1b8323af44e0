"""A pooled survival curve with its bands, over the numbers the studies printed."""

from __future__ import annotations

from math import sqrt

import numpy as np
from matplotlib.figure import Figure

from secondlook.report.plane import Axis, Plane
from secondlook.report.scale import tick_text
from secondlook.report.style import BLUE, INK, PALE, VERMILION
from secondlook.synthesis import PooledCurves, StudyCurve, SurvivalBand

__all__ = ["survival_curve"]

_PERCENTS = tuple((value, tick_text(value)) for value in (0.0, 20.0, 40.0, 60.0, 80.0, 100.0))
_NEAR, _FAR = "#c4dcec", "#e9f1f7"
_LARGEST = 9.0
_SMALLEST = 3.5
_SHAPES = {"rate": "round", "quantile": "diamond", "mean": "square"}
_ODD = 2.5
"""Standard deviations beyond which a printed number is drawn as far from its study's curve."""


def survival_curve(pooled: PooledCurves, *, title: str, endpoint: str) -> Figure | None:
    """Draw a pooled survival curve over the numbers it was made of.

    Parameters
    ----------
    pooled
        The pooled curve.
    title
        Of the figure.
    endpoint
        What the curve is of, for the name of the axis.

    Returns
    -------
    matplotlib.figure.Figure or None
        Dots are printed percents at their times, diamonds printed medians, squares printed means
        at what the study's own curve says there; orange where the study's own curve is far off.
        None where no curve could be estimated.
    """
    curve = pooled.curve
    if curve is None:
        return None
    longest = max(curve.times[-1], *(n.months for s in pooled.studies for n in s.numbers))
    x = Axis(0.0, longest, _month_ticks(longest), "Months")
    y = Axis(0.0, 100.0, _PERCENTS, f"{endpoint} (%)")
    percent = f"{100 * pooled.level:g} %"
    notes = [
        f"Line: the average study. Dark band: its {percent} interval; light band: where a new "
        "study's curve is expected at each time. Thin: each study's own curve.",
        "Dots: printed percents; diamonds: printed medians; squares: printed means, at the "
        "survival of the study's own curve there. Larger with more patients.",
    ]
    far = _far_from_own_curve(pooled)
    if far:
        notes.append(f"Orange: far from the study's own curve ({', '.join(far)}).")
    plane = Plane(title, x, y, notes=notes, height=330.0)
    _bands(plane, curve)
    for study in pooled.studies:
        plane.line(_line(curve.times, study.survival), colour=PALE, thick=0.5, name="study")
    plane.line(_line(curve.times, curve.survival), colour=INK, thick=1.8, name="pooled")
    _points(plane, pooled, curve)
    plane.frame()
    return plane.figure


def _month_ticks(longest: float) -> tuple[tuple[float, str], ...]:
    step = next(s for s in (1, 6, 12, 24, 60, 120, 240, 600, 1200) if longest / s <= 11)
    return tuple((float(m), str(m)) for m in range(0, int(longest) + 1, step))


def _line(times: tuple[float, ...], survival: tuple[float, ...]) -> list[tuple[float, float]]:
    return [(t, 100 * s) for t, s in zip(times, survival, strict=True)]


def _bands(plane: Plane, curve: SurvivalBand) -> None:
    times = list(curve.times)
    if curve.prediction_low is not None and curve.prediction_high is not None:
        low, high = (100 * np.array(end) for end in (curve.prediction_low, curve.prediction_high))
        plane.band(times, list(low), list(high), fill=_FAR, name="prediction")
    low, high = (100 * np.array(end) for end in (curve.low, curve.high))
    plane.band(times, list(low), list(high), fill=_NEAR, name="interval")


def _far_from_own_curve(pooled: PooledCurves) -> list[str]:
    found = dict.fromkeys(
        study.study
        for study in pooled.studies
        for number in study.numbers
        if abs(number.standardised_residual) > _ODD
    )
    return list(found)


def _points(plane: Plane, pooled: PooledCurves, curve: SurvivalBand) -> None:
    most = max((study.n or 0.0 for study in pooled.studies), default=0.0) or 1.0
    for study in sorted(pooled.studies, key=lambda s: -(s.n or 0.0)):
        size = max(_LARGEST * sqrt((study.n or 0.0) / most), _SMALLEST)
        for number in study.numbers:
            odd = abs(number.standardised_residual) > _ODD
            percent = number.survival
            if percent is None:
                percent = _own(study, curve, number.months)
            plane.dot(
                number.months,
                100 * percent,
                size=size,
                fill=VERMILION if odd else BLUE,
                shape=_SHAPES[number.statistic],
                name="printed",
            )


def _own(study: StudyCurve, curve: SurvivalBand, months: float) -> float:
    return float(np.interp(months, curve.times, study.survival))
