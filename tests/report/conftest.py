"""Reading figures as they are drawn: where every text stands, by the renderer's own measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from secondlook.report.style import SETTINGS

_SLACK = 0.75  # points: boxes are rounded up to pixels


@pytest.fixture(scope="session")
def illegible() -> Callable[[Figure], list[str]]:
    """List the texts of a figure that run over another or off the figure."""
    return texts_in_the_way


def boxes(figure: Figure) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Bounding boxes of all texts in points: left, bottom, right, top."""
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    with mpl.rc_context(SETTINGS):
        renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
        found = [text.get_window_extent(renderer).extents for text in figure.axes[0].texts]
    return np.array(found) * 72 / figure.dpi


def texts_in_the_way(figure: Figure) -> list[str]:
    found = boxes(figure)
    words = [text.get_text() for text in figure.axes[0].texts]
    left, bottom, right, top = (found[:, column] for column in range(4))
    width, height = figure.get_size_inches() * 72
    off = (left < 0) | (bottom < 0) | (right > width) | (top > height)
    across = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    along = np.minimum.outer(top, top) - np.maximum.outer(bottom, bottom)
    clash = (across > _SLACK) & (along > _SLACK)
    np.fill_diagonal(clash, False)
    cut = [f"off the figure: {words[i]}" for i in np.flatnonzero(off)]
    return cut + [f"over each other: {words[i]} | {words[j]}" for i, j in np.argwhere(clash)]
