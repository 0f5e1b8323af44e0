"""Survival with the treatment against survival without it, study by study: L'Abbé's plot."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
from matplotlib.figure import Figure

from secondlook.report.plane import Axis, Plane
from secondlook.report.scale import tick_text
from secondlook.report.style import BLUE, FAINT, INK, PALE
from secondlook.synthesis import AnalysisResult

__all__ = ["arms_against_each_other"]

_LARGEST = 26.0
_SMALLEST = 4.0


def arms_against_each_other(result: AnalysisResult, *, title: str) -> Figure | None:
    """Draw each study's percent alive with the treatment against that without it.

    Parameters
    ----------
    result
        An analysis of two survival percents.
    title
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure or None
        Areas are proportional to patients. None where no study prints both percents.

    Notes
    -----
    L'Abbé, Detsky and O'Rourke, Ann Intern Med 1987;107:224-233. Studies above the diagonal report
    longer survival with the treatment, which says nothing of why.
    """
    points = []
    for row in result.rows:
        if len(row.arms) == 2 and row.arms[0].value is not None and row.arms[1].value is not None:
            n = sum(arm.n or 0.0 for arm in row.arms)
            points.append((row.arms[1].value, row.arms[0].value, n, row))
    points = [p for p in points if 0 <= p[0] <= 100 and 0 <= p[1] <= 100]
    if not points:
        return None
    treated, other = result.analysis.cohort, result.analysis.comparator
    when = "".join(f" at {months:g} months" for months in result.analysis.months[:1])
    ticks = tuple((v, tick_text(v)) for v in (0.0, 20.0, 40.0, 60.0, 80.0, 100.0))
    x = Axis(0.0, 100.0, ticks, f"Alive{when}, {other} (%)")
    y = Axis(0.0, 100.0, ticks, f"Alive{when}, {treated} (%)")
    notes = ["Areas are proportional to patients. On the dotted line both groups fare alike."]
    curve = _pooled(result)
    if curve is not None:
        notes[0] += " The full line is the pooled effect."
    if any(row.reason for *_, row in points):
        notes.append("Hollow: not pooled.")
    plane = Plane(title, x, y, notes=notes, height=360.0)
    plane.line([(0, 0), (100, 100)], colour=FAINT, dashes=(2, 2), name="alike")
    if curve is not None:
        grid = [float(v) for v in np.linspace(0.0, 100.0, 101)]
        plane.line([(v, min(max(curve(v), 0.0), 100.0)) for v in grid], colour=INK, name="pooled")
    most = max(n for _, _, n, _ in points) or 1.0
    for without, with_, n, row in sorted(points, key=lambda p: -p[2]):
        size = max(_LARGEST * sqrt(n / most), _SMALLEST)
        fill = "white" if row.reason else PALE
        plane.dot(without, with_, size=size, fill=fill, edge=BLUE, name=f"study-{row.study.key}")
    for without, with_, n, row in sorted(points, key=lambda p: -p[2]):
        reach = max(_LARGEST * sqrt(n / most), _SMALLEST) / 2 + 3
        plane.names([(without, with_, row.study.label or row.study.key)], reach=reach)
    plane.frame()
    return plane.figure


def _pooled(result: AnalysisResult) -> Callable[[float], float] | None:
    if result.shown is None:
        return None
    effect = result.shown.estimate
    if result.unit == "hazard ratio":
        return lambda alive: 100 * (alive / 100) ** effect
    if result.unit == "percentage points":
        return lambda alive: alive + effect
    return None
