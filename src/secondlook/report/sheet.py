"""A sheet to draw on, in points from its upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text

from secondlook.report.figure_text import Block
from secondlook.report.style import INK

__all__ = ["Align", "Sheet"]

Align = Literal["left", "center", "right"]
Points = Sequence[tuple[float, float]]

_INCH = 72.0


class Sheet:
    """A figure whose coordinates are points, y downwards.

    Every mark has a short name, its ``gid``, by which a test or a page finds it; marks of one name
    are numbered from the second on.

    Parameters
    ----------
    width, height
        In points.
    title
        What the figure is called in the metadata of its files.
    """

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height = width, height
        self.figure = Figure(
            figsize=(width / _INCH, height / _INCH), dpi=150, facecolor="white", label=title
        )
        FigureCanvasAgg(self.figure)
        self._axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)
        self._axes.set_axis_off()
        self._drawn = 0
        self._named: dict[str, int] = {}

    def _add(self, drawn: Artist, name: str) -> None:
        """Put an artist over everything drawn before it."""
        self._drawn += 1
        drawn.set_zorder(self._drawn)
        if name:
            # an id stands once in a document: the second of a name is numbered
            self._named[name] = self._named.get(name, 0) + 1
            drawn.set_gid(name if self._named[name] == 1 else f"{name}-{self._named[name]}")
        self._axes.add_artist(drawn)

    def text(
        self,
        given: Block,
        x: float,
        top: float,
        *,
        align: Align = "left",
        colour: str = INK,
        name: str = "",
    ) -> None:
        """Write a measured block, its first line hanging from `top`."""
        for line, baseline in zip(given.lines, given.baselines, strict=True):
            written = Text(
                x,
                top + baseline,
                line,
                color=colour,
                fontproperties=given.face.properties,
                horizontalalignment=align,
                verticalalignment="baseline",
                parse_math=False,
                transform=self._axes.transData,
                clip_on=False,
            )
            self._add(written, name)
            name = ""  # an id stands once in a document: the first line bears it

    def line(
        self,
        points: Points,
        *,
        colour: str = INK,
        thick: float = 0.8,
        dashes: tuple[float, ...] = (),
        name: str = "",
    ) -> None:
        """Draw a line through points; `dashes` are lengths on and off in points."""
        drawn = Line2D(
            [x for x, _ in points],
            [y for _, y in points],
            color=colour,
            linewidth=thick,
            linestyle=(0, tuple(d / thick for d in dashes)) if dashes else "-",
            solid_capstyle="butt",
            dash_capstyle="butt",
            transform=self._axes.transData,
            clip_on=False,
        )
        self._add(drawn, name)

    def shape(
        self,
        points: Points,
        *,
        fill: str = INK,
        edge: str = "none",
        thick: float = 0.8,
        dashes: tuple[float, ...] = (),
        hatch: str = "",
        name: str = "",
    ) -> None:
        """Draw a filled polygon; `hatch` is drawn in the colour of the edge."""
        drawn = Polygon(
            list(points),
            closed=True,
            facecolor=fill,
            edgecolor=edge,
            linewidth=thick,
            linestyle=(0, tuple(d / thick for d in dashes)) if dashes else "-",
            hatch=hatch or None,
            transform=self._axes.transData,
            clip_on=False,
        )
        self._add(drawn, name)

    def rectangle(
        self,
        left: float,
        top: float,
        width: float,
        height: float,
        *,
        fill: str = INK,
        edge: str = "none",
        thick: float = 0.8,
        dashes: tuple[float, ...] = (),
        hatch: str = "",
        name: str = "",
    ) -> None:
        """Draw a rectangle by its upper left corner."""
        right, bottom = left + width, top + height
        self.shape(
            [(left, top), (right, top), (right, bottom), (left, bottom)],
            fill=fill,
            edge=edge,
            thick=thick,
            dashes=dashes,
            hatch=hatch,
            name=name,
        )
