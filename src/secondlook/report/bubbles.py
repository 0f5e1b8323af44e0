"""Effects against a moderator, with the line a regression draws through them."""

from __future__ import annotations

from math import sqrt

import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtri, stdtrit

from secondlook.report.plane import Plane, Shown, linear_axis, shown_axis
from secondlook.report.style import BLUE, FAINT, INK, PALE
from secondlook.synthesis import Regression

__all__ = ["bubbles"]

_LARGEST = 22.0
_SMALLEST = 4.0
_STEPS = 61
_BAND = "#d9e8f3"
_PREDICTED = "#eff4f8"


def bubbles(
    regression: Regression,
    moderator: str,
    *,
    title: str,
    label: str,
    show: Shown | None = None,
    unit: str = "",
    null: float | None = None,
) -> Figure:
    """Draw effects against one numeric moderator of a regression.

    Parameters
    ----------
    regression
        The fit.
    moderator
        A column of its design; the other columns are held at their means.
    title, label, show, unit, null
        As for :func:`.funnel`.

    Returns
    -------
    matplotlib.figure.Figure
        Areas are proportional to weight; bands are the confidence and prediction intervals of the
        line.

    Raises
    ------
    EstimationError
        For a moderator the regression does not have.

    Notes
    -----
    Thompson and Higgins, Stat Med 2002;21:1559-1573. A slope across studies is not a slope across
    patients, and studies that differ in one thing differ in others.
    """
    slope = regression.coefficient(moderator)
    place = regression.coefficients.index(slope)
    matrix = np.asarray(regression.design.columns.matrix)
    across = matrix[:, place]
    x = linear_axis(across, moderator)
    grid = np.linspace(float(across.min()), float(across.max()), _STEPS)
    rows = np.tile(matrix.mean(axis=0), (_STEPS, 1))
    rows[:, place] = grid
    line = rows @ np.array([one.estimate for one in regression.coefficients])
    variance = np.einsum("ij,jk,ik->i", rows, np.array(regression.covariance), rows)
    tail = (1 - regression.level) / 2
    degrees = slope.degrees_of_freedom
    reach = -float(ndtri(tail) if degrees is None else stdtrit(degrees, tail))
    near = reach * np.sqrt(variance)
    far = reach * np.sqrt(variance + regression.tau2)
    ends = [*regression.yi, *(line - far), *(line + far)]
    y = shown_axis(ends, label, show=show, unit=unit)
    notes = [
        "Areas are proportional to weight. Dark band: 95 % interval of the line; light band: "
        "prediction interval of a study's true effect."
    ]
    if matrix.shape[1] > 2:
        notes.append("The other moderators are held at their means.")
    plane = Plane(title, x, y, notes=notes)
    for half, fill in ((far, _PREDICTED), (near, _BAND)):
        plane.band(list(grid), list(line - half), list(line + half), fill=fill, name="band")
    if null is not None and y.low < null < y.high:
        plane.line([(x.low, null), (x.high, null)], colour=FAINT, dashes=(2, 2), name="null")
    weights = 1 / (np.array(regression.vi) + regression.tau2)
    order = np.argsort(-weights)
    for index in order:
        size = max(_LARGEST * sqrt(weights[index] / weights.max()), _SMALLEST)
        at = float(across[index]), regression.yi[index]
        plane.dot(*at, size=size, fill=PALE, edge=BLUE, name="study")
    plane.line(list(zip(grid, line, strict=True)), colour=INK, thick=1.4, name="line")
    plane.frame()
    return plane.figure
