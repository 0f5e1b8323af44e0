"""What every figure looks like: faces, sizes, colours, and the settings files are written with.

Colours are those of Okabe and Ito, which people with a colour-blindness can tell apart; nothing is
told by colour alone, since figures are printed in black and white.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import FontProperties

__all__ = [
    "BLUE",
    "BOLD",
    "FAINT",
    "INK",
    "ITALIC",
    "MARGIN",
    "PAGE",
    "PALE",
    "REGULAR",
    "RULE",
    "SETTINGS",
    "SKY",
    "SMALL",
    "TINY",
    "VERMILION",
    "Face",
]

PAGE = 518.0
"""Width of a figure in points: two columns of a journal page, 7.2 inches."""

MARGIN = 8.0
"""White space around a figure, in points."""

INK = "#1a1a1a"
FAINT = "#595959"
RULE = "#b8b8b8"
PALE = "#a8cbe6"
BLUE = "#0072b2"
SKY = "#56b4e9"
VERMILION = "#d55e00"


@dataclass(frozen=True)
class Face:
    """A font file that comes with matplotlib, at a size in points.

    The file is named, not the family, so that what is measured is what is drawn on any machine.
    """

    name: str
    size: float

    @cached_property
    def properties(self) -> FontProperties:
        """The face as matplotlib wants it."""
        file = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{self.name}.ttf"
        return FontProperties(fname=str(file), size=self.size)


REGULAR = Face("DejaVuSans", 8.0)
BOLD = Face("DejaVuSans-Bold", 8.0)
ITALIC = Face("DejaVuSans-Oblique", 8.0)
SMALL = Face("DejaVuSans", 7.2)
TINY = Face("DejaVuSans", 6.5)

SETTINGS: Any = {
    # glyphs are drawn, not named: on a machine without the font a named one would be replaced by
    # a wider one and clipped. What the glyphs say is in the description and in the tables.
    "svg.fonttype": "path",
    "svg.hashsalt": "secondlook",
    "pdf.fonttype": 42,
    "hatch.linewidth": 0.7,
    "path.sketch": None,
    "savefig.bbox": "standard",
    "savefig.facecolor": "white",
    "savefig.transparent": False,
    # hinting would move letters apart on the grid of pixels, away from what was measured
    "text.hinting": "none",
    "text.usetex": False,
}
"""Settings of matplotlib while a figure is written, whatever the user's own are."""
