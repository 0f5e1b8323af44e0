"""How studies lie about their pooled effect: the caterpillar plot and the drapery plot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtr, ndtri, stdtr

from secondlook.report.plane import Axis, Plane, Shown, shown_axis
from secondlook.report.style import BLUE, FAINT, INK, PALE, VERMILION
from secondlook.synthesis import Pooled

__all__ = ["caterpillar", "drapery", "orchard"]

_STEPS = 161
_BAND = "#d9e8f3"
_PREDICTED = "#eff4f8"


def caterpillar(
    pooled: Pooled,
    *,
    title: str,
    label: str,
    show: Shown | None = None,
    unit: str = "",
    null: float | None = None,
) -> Figure:
    """Draw every study's interval in the order of the effects: a forest plot for many studies.

    Parameters
    ----------
    pooled
        The studies and their pooled effect.
    title, label, show, unit, null
        As for :func:`.funnel`.
    """
    order = np.argsort(np.array(pooled.yi), kind="stable")
    yi = np.array(pooled.yi)[order]
    reach = float(ndtri((1 + pooled.level) / 2)) * np.sqrt(np.array(pooled.vi)[order])
    ends = [*(yi - reach), *(yi + reach), *(pooled.prediction_interval or ())]
    x = shown_axis(ends, label, show=show, unit=unit)
    k = pooled.k
    height = float(np.clip(k * 7.0, 120, 560))
    y = Axis(0.0, k + 1.0, (), f"{k} studies, in the order of their effects")
    notes = _about_bands(pooled)
    plane = Plane(title, x, y, notes=notes, height=height)
    _bands(plane, pooled, 0.0, k + 1.0)
    if null is not None and x.low < null < x.high:
        plane.line([(null, 0), (null, k + 1.0)], colour=FAINT, dashes=(2, 2), name="null")
    thick = 0.9 if k <= 80 else 0.5
    size = 4.0 if k <= 80 else 2.5
    for place, (middle, half) in enumerate(zip(yi, reach, strict=True), 1):
        ends_ = [(float(middle - half), float(place)), (float(middle + half), float(place))]
        plane.line(ends_, colour=BLUE, thick=thick, name="interval")
        plane.dot(float(middle), float(place), size=size, fill=BLUE, name="study")
    plane.frame()
    return plane.figure


def _about_bands(pooled: Pooled) -> list[str]:
    percent = f"{100 * pooled.level:g} %"
    said = f"Line and dark band: the pooled effect and its {percent} interval"
    if pooled.prediction_interval is not None:
        said += f"; light band: the {percent} prediction interval"
    return [f"{said}."]


def _bands(plane: Plane, pooled: Pooled, low: float, high: float) -> None:
    bands = [(pooled.prediction_interval, _PREDICTED), (pooled.interval, _BAND)]
    for interval, fill in bands:
        if interval is not None:
            left, right = interval
            corners = [(left, low), (right, low), (right, high), (left, high)]
            plane.area(corners, fill=fill, name="band")
    plane.line([(pooled.estimate, low), (pooled.estimate, high)], colour=INK, name="pooled")


def drapery(
    pooled: Pooled,
    *,
    title: str,
    label: str,
    show: Shown | None = None,
    unit: str = "",
) -> Figure:
    """Draw the P value of every hypothetical effect, by study and pooled.

    Parameters
    ----------
    pooled
        The studies and their pooled effect.
    title, label, show, unit
        As for :func:`.funnel`.

    Returns
    -------
    matplotlib.figure.Figure
        Where a curve is above 0.05 lies its 95 % interval, and so for every other level.

    Notes
    -----
    Rücker and Schwarzer, Res Synth Methods 2021;12:98-107.
    """
    yi, errors = np.array(pooled.yi), np.sqrt(np.array(pooled.vi))
    z = float(ndtri(0.995))
    far = [*(yi - z * errors), *(yi + z * errors)]
    low, high = np.percentile(far, [4, 96])
    low = min(low, pooled.interval[0], *(pooled.prediction_interval or (low,)))
    high = max(high, pooled.interval[1], *(pooled.prediction_interval or (high,)))
    x = shown_axis([low, high], label, show=show, unit=unit)
    y = Axis(0.0, 1.0, tuple((v, f"{v:g}") for v in (0.05, 0.25, 0.5, 0.75, 1.0)), "P value")
    notes = ["Thin: each study. Thick: pooled."]
    if pooled.prediction_interval is not None:
        notes = ["Thin: each study. Thick: pooled. Dashed: a new study's effect (prediction)."]
    notes.append("Where a curve is above 0.05 lies its 95 % interval.")
    plane = Plane(title, x, y, notes=notes)
    plane.line([(x.low, 0.05), (x.high, 0.05)], colour=FAINT, dashes=(2, 2))
    grid = np.sort(np.append(np.linspace(x.low, x.high, _STEPS), pooled.estimate))
    for middle, error in zip(yi, errors, strict=True):
        there = np.sort(np.append(grid, middle))  # the peak itself, which a grid would blunt
        p = 2 * ndtr(-np.abs(there - middle) / error)
        plane.line(list(zip(there, p, strict=True)), colour=PALE, thick=0.6, name="study")
    if pooled.prediction_interval is not None and pooled.tau2 is not None:
        spread = float(np.sqrt(pooled.standard_error**2 + pooled.tau2))
        p = _p_values(grid, pooled, spread)
        plane.line(list(zip(grid, p, strict=True)), colour=VERMILION, dashes=(4, 3), name="new")
    p = _p_values(grid, pooled, pooled.standard_error)
    plane.line(list(zip(grid, p, strict=True)), colour=INK, thick=1.8, name="pooled")
    plane.frame()
    return plane.figure


def _p_values(grid: np.ndarray, pooled: Pooled, error: float) -> np.ndarray:
    away = -np.abs(grid - pooled.estimate) / error
    degrees = pooled.degrees_of_freedom
    return np.asarray(2 * (ndtr(away) if degrees is None else stdtr(degrees, away)))


def orchard(
    groups: Sequence[tuple[str, Pooled]],
    *,
    title: str,
    label: str,
    show: Shown | None = None,
    unit: str = "",
    null: float | None = None,
) -> Figure:
    """Draw the studies of several groups as fruit on their pooled effects.

    Parameters
    ----------
    groups
        The name of each group and its pooled effect, from above.
    title, label, show, unit, null
        As for :func:`.funnel`.

    Returns
    -------
    matplotlib.figure.Figure
        Each dot is a study, larger where it is more precise; the thick line is the pooled
        interval, the thin one the prediction interval.

    Notes
    -----
    Nakagawa and others, Res Synth Methods 2021;12:4-12.
    """
    ends = [value for _, pooled in groups for value in (*pooled.yi, *pooled.interval)]
    ends += [v for _, pooled in groups for v in pooled.prediction_interval or ()]
    x = shown_axis(ends, label, show=show, unit=unit)
    count = len(groups)
    names = tuple(
        (float(count - place), f"{name} ({pooled.k})")
        for place, (name, pooled) in enumerate(groups)
    )
    y = Axis(0.4, count + 0.6, tuple(reversed(names)), "")
    notes = [
        "Dots: studies, larger where more precise. Thick line: 95 % interval of the pooled effect; "
        "thin line: prediction interval. In brackets: how many studies."
    ]
    plane = Plane(title, x, y, notes=notes, height=60.0 * count + 30)
    if null is not None and x.low < null < x.high:
        plane.line([(null, y.low), (null, y.high)], colour=FAINT, dashes=(2, 2), name="null")
    most = max(1 / min(pooled.vi) for _, pooled in groups) ** 0.5
    for (height, _), (_, pooled) in zip(names, groups, strict=True):
        for place, effect in _apart(np.array(pooled.yi), x):
            size = 3.0 + 7.0 * (1 / pooled.vi[place]) ** 0.5 / most
            lifted = height + 0.2 + 0.2 * effect
            plane.dot(pooled.yi[place], lifted, size=size, fill=PALE, edge=BLUE, name="study")
        if pooled.prediction_interval is not None:
            low, high = pooled.prediction_interval
            plane.line([(low, height), (high, height)], colour=INK, thick=0.9, name="prediction")
        low, high = pooled.interval
        plane.line([(low, height), (high, height)], colour=INK, thick=3.0, name="interval")
        plane.dot(pooled.estimate, height, size=7, fill="white", edge=INK, name="pooled")
    plane.frame()
    return plane.figure


def _apart(yi: np.ndarray, x: Axis) -> list[tuple[int, float]]:
    """Lift studies of about the same effect off each other, each to a side, nearest first."""
    near = (x.high - x.low) / 40
    lifted: list[tuple[int, float]] = []
    taken: list[tuple[float, float]] = []
    tries = [0.0, *(side * step / 5 for step in range(1, 6) for side in (1, -1))]
    for place in np.argsort(yi, kind="stable"):
        free = next(
            (
                at
                for at in tries
                if all(abs(yi[place] - e) > near or abs(at - o) > 0.15 for e, o in taken)
            ),
            tries[len(taken) % len(tries)],
        )
        lifted.append((int(place), free))
        taken.append((float(yi[place]), free))
    return lifted
