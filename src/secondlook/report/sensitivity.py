"""What single studies and subsets of studies do to a pooled effect: Baujat's plot and GOSH."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from secondlook.report.plane import Plane, Shown, linear_axis, shown_axis
from secondlook.report.style import BLUE, PALE, VERMILION
from secondlook.synthesis import Influence, PooledSubsets

__all__ = ["baujat", "subsets"]

_CELLS = 60
_SHADES = ("#eaf1f7", "#cfe1ef", "#a8cbe6", "#6fa9d3", "#3d85bb", "#1f5f94", "#123a5c")


def baujat(influence: Influence, *, title: str) -> Figure:
    """Draw what each study adds to heterogeneity against what it does to the pooled effect.

    Parameters
    ----------
    influence
        The diagnostics of every study.
    title
        Of the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Studies to the upper right both disagree and matter; they are named first.

    Notes
    -----
    Baujat and others, Stat Med 2002;21:2641-2652.
    """
    rows = [row for row in influence.rows if row.squared_shift is not None]
    across = [row.squared_pearson_residual for row in rows]
    up = [float(row.squared_shift or 0.0) for row in rows]
    x = linear_axis(across, "What the study adds to heterogeneity (squared residual)", zero=True)
    y = linear_axis(up, "What it does to the pooled effect (squared shift)", zero=True)
    called = [row.name for row in rows if row.influential]
    notes = [f"Called influential: {', '.join(called) or 'none'}."]
    plane = Plane(title, x, y, notes=notes)
    size = 5.0 if len(rows) <= 60 else 3.5
    for row, right, high in zip(rows, across, up, strict=True):
        fill = VERMILION if row.influential else BLUE
        plane.dot(right, high, size=size, fill=fill, name="study")
    far = np.argsort(
        [-(a / (x.high or 1) + b / (y.high or 1)) for a, b in zip(across, up, strict=True)]
    )
    plane.names([(across[i], up[i], rows[i].name) for i in far])
    plane.frame()
    return plane.figure


def subsets(
    pooled: PooledSubsets,
    *,
    title: str,
    label: str,
    show: Shown | None = None,
    unit: str = "",
    study: str = "",
) -> Figure:
    """Draw the pooled effects of subsets of the studies against their heterogeneity.

    Parameters
    ----------
    pooled
        Subsets and what they pool to.
    title, label, show, unit
        As for :func:`.funnel`.
    study
        A study whose subsets are drawn apart; empty for none.

    Returns
    -------
    matplotlib.figure.Figure
        Darker where more subsets fall; several clouds mean several kinds of study.

    Notes
    -----
    Olkin, Dahabreh and Trikalinos, Res Synth Methods 2012;3:214-223.
    """
    known = np.isfinite(pooled.estimate) & np.isfinite(pooled.i2)
    estimate, i2 = pooled.estimate[known], pooled.i2[known]
    x = shown_axis(estimate, label, show=show, unit=unit)
    y = linear_axis([0.0, 100.0], "I² (%)", zero=True)
    which = "all" if pooled.exhaustive else "a random choice"
    notes = [f"{estimate.size:,} subsets of two studies or more ({which}); darker where more fall."]
    if study:
        notes.append(f"Orange: subsets with {study}.")
    plane = Plane(title, x, y, notes=notes)
    with_study = pooled.with_study(study)[known] if study else np.zeros(estimate.size, bool)
    _cloud(plane, estimate[~with_study], i2[~with_study])
    if study:
        _dots(plane, estimate[with_study], i2[with_study])
    everything = pooled.everything
    if everything.i2 is not None:
        plane.dot(everything.estimate, everything.i2, size=8, fill="white", edge="black")
        plane.names([(everything.estimate, everything.i2, "all studies")], reach=7.0)
    plane.frame()
    return plane.figure


def _cloud(plane: Plane, estimate: np.ndarray, i2: np.ndarray) -> None:
    """Shade cells by how many subsets fall into them, on a logarithmic scale."""
    if not estimate.size:
        return
    left, right = plane.x.low, plane.x.high
    counts, xs, ys = np.histogram2d(
        estimate, i2, bins=_CELLS, range=((left, right), (0.0, 100.0 + 1e-9))
    )
    most = np.log1p(counts.max())
    for i, j in np.argwhere(counts > 0):
        shade = int(np.log1p(counts[i, j]) / most * (len(_SHADES) - 1) + 0.5)
        corners = [(xs[i], ys[j]), (xs[i + 1], ys[j]), (xs[i + 1], ys[j + 1]), (xs[i], ys[j + 1])]
        plane.area([(float(a), float(b)) for a, b in corners], fill=_SHADES[shade], name="cell")


def _dots(plane: Plane, estimate: np.ndarray, i2: np.ndarray) -> None:
    """Draw at most a thousand of the subsets, evenly chosen: more would hide each other."""
    chosen = np.unique(np.linspace(0, estimate.size - 1, min(1000, estimate.size)).astype(int))
    for index in chosen:
        plane.dot(
            float(estimate[index]),
            float(i2[index]),
            size=1.8,
            fill=VERMILION,
            edge=PALE,
            name="with",
        )
