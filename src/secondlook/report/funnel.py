"""Effects against their precision: the funnel plot and the radial plot."""

from __future__ import annotations

from math import inf

import numpy as np
from matplotlib.figure import Figure
from scipy.special import ndtri

from secondlook.report.plane import Plane, Shown, linear_axis, shown_axis
from secondlook.report.style import BLUE, FAINT, INK, RULE, VERMILION
from secondlook.synthesis import Pooled

__all__ = ["funnel", "radial"]

_CONTOURS = ((0.10, "#e4e4e4"), (0.05, "#cfcfcf"), (0.01, "#b5b5b5"))
_Z = float(ndtri(0.975))


def funnel(
    pooled: Pooled,
    *,
    title: str,
    label: str,
    show: Shown | None = None,
    unit: str = "",
    null: float | None = None,
) -> Figure:
    """Draw effects against their standard errors, with contours of significance where one is.

    Parameters
    ----------
    pooled
        The studies and their pooled effect.
    title, label
        Of the figure, and of its effect with its unit.
    show, unit
        The way from the scale of pooling to the reader's, and the unit there.
    null
        The value of no effect on the scale of pooling; contours of P = 0.10, 0.05 and 0.01 are
        drawn about it. None where nothing is compared.

    Returns
    -------
    matplotlib.figure.Figure
        The dashed triangle holds 95 % of studies if all share one effect.

    Notes
    -----
    Peters and others, J Clin Epidemiol 2008;61:991-996. An uneven funnel can come from small
    studies that were not published, from smaller studies of other patients, or from chance.
    """
    yi, errors = np.array(pooled.yi), np.sqrt(np.array(pooled.vi))
    deepest = float(errors.max()) * 1.08
    y = linear_axis([0.0, deepest], "Standard error on the scale of pooling", zero=True)
    reach = _Z * deepest
    values = [*yi, pooled.estimate - reach, pooled.estimate + reach]
    if null is not None:
        values += [null]
    x = shown_axis(values, label, show=show, unit=unit)
    notes = [
        "Dashed: where 95 % of studies would lie if all shared the pooled effect (vertical line)."
    ]
    if null is not None:
        notes.append("Shaded, from light to dark: P below 0.10, 0.05 and 0.01 for the study alone.")
    if pooled.k < 10:
        notes.append(f"With {pooled.k} studies, asymmetry can hardly be told from chance.")
    plane = Plane(title, x, y, y_down=True, notes=notes)
    if null is not None:
        _contours(plane, null, y.high, x.low, x.high)
    plane.line([(pooled.estimate, 0), (pooled.estimate, y.high)], colour=INK, name="pooled")
    for side in (-1, 1):
        end = pooled.estimate + side * _Z * y.high
        plane.line(
            _clipped((pooled.estimate, 0.0), (end, y.high), x.low, x.high),
            colour=FAINT,
            dashes=(4, 3),
            name="limit",
        )
    size = 5.0 if pooled.k <= 60 else 3.5
    for effect, error in zip(yi, errors, strict=True):
        plane.dot(float(effect), float(error), size=size, fill=BLUE, name="study")
    plane.frame()
    return plane.figure


def _contours(plane: Plane, null: float, deepest: float, low: float, high: float) -> None:
    for number, (p, fill) in enumerate(_CONTOURS):
        inner = -float(ndtri(p / 2))
        outer = -float(ndtri(_CONTOURS[number + 1][0] / 2)) if number < 2 else inf
        for side in (-1, 1):
            edge = low if side < 0 else high
            # a wedge between two rays from the point of no effect, cut off at the edge of the plane
            near = _clipped((null, 0.0), (null + side * inner * deepest, deepest), low, high)
            if outer == inf:
                far = [(null, 0.0), (edge, 0.0)]
            else:
                far = _clipped((null, 0.0), (null + side * outer * deepest, deepest), low, high)
            corner = [(edge, near[1][1])] if near[1][1] < deepest or far[1][1] < deepest else []
            if near[1][1] >= deepest and corner:
                corner = [(edge, deepest)]
            plane.area([near[0], near[1], *corner, far[1], far[0]], fill=fill, name="contour")


def _clipped(
    start: tuple[float, float], end: tuple[float, float], low: float, high: float
) -> list[tuple[float, float]]:
    """Cut a line from a point inside where it leaves the plane sideways."""
    (x0, y0), (x1, y1) = start, end
    share = 1.0
    if x1 < low:
        share = (x0 - low) / (x0 - x1)
    elif x1 > high:
        share = (high - x0) / (x1 - x0)
    return [start, (x0 + share * (x1 - x0), y0 + share * (y1 - y0))]


def radial(pooled: Pooled, *, title: str) -> Figure:
    """Draw each study's z value against its precision: Galbraith's plot.

    Parameters
    ----------
    pooled
        The studies and their pooled effect.
    title
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The slope of the line is the pooled effect; a study outside the band differs from it by
        more than chance alone would in 95 of 100.

    Notes
    -----
    Galbraith, Stat Med 1988;7:889-894.
    """
    yi, errors = np.array(pooled.yi), np.sqrt(np.array(pooled.vi))
    precision, z = 1 / errors, yi / errors
    most = 1.05 * float(precision.max())
    x = linear_axis([0.0, most], "Precision (1 / standard error)", zero=True)
    line = [0.0, pooled.estimate * x.high]
    ends = [value + side * _Z for value in line for side in (-1, 1)]
    y = linear_axis([*z, *ends], "Effect / standard error")
    outside = int(np.sum(np.abs(yi - pooled.estimate) > _Z * errors))
    notes = [
        "Line: the pooled effect. Band: two standard errors (95 %) about it; "
        f"{outside} of {pooled.k} studies lie outside."
    ]
    plane = Plane(title, x, y, notes=notes)
    plane.band(
        [0.0, x.high],
        [value - _Z for value in line],
        [value + _Z for value in line],
        fill="#e6eef5",
        name="band",
    )
    plane.line([(0, 0), (x.high, 0)], colour=RULE)
    plane.line([(0, 0), (x.high, line[1])], name="pooled")
    size = 5.0 if pooled.k <= 60 else 3.5
    points = []
    for name, across, up, effect, error in zip(pooled.names, precision, z, yi, errors, strict=True):
        far = abs(effect - pooled.estimate) > _Z * error
        fill = VERMILION if far else BLUE
        plane.dot(float(across), float(up), size=size, fill=fill, name="study")
        if far:
            points.append((float(across), float(up), name))
    plane.names(points)
    plane.frame()
    return plane.figure
