"""What every figure looks like: faces, sizes, colours, and the settings files are written with.

Colours are those of Okabe and Ito, which people with a colour-blindness can tell apart; nothing is
told by colour alone, since figures are printed in black and white.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from fontTools.ttLib import TTFont
from matplotlib.font_manager import FontProperties

from secondlook.files import replace_bytes

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
        return FontProperties(fname=str(_lean(self.name)), size=self.size)


@cache
def _lean(name: str) -> Path:
    """The face without its layout tables, kept where matplotlib keeps what it has worked out.

    Embedding a part of a face in a PDF takes matplotlib half a second, nearly all of it for tables
    of ligatures and scripts that no figure here uses; without them it takes a tenth.
    """
    whole = Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    lean = Path(mpl.get_cachedir()) / f"secondlook-{mpl.__version__}-{name}.ttf"
    try:
        if not lean.exists():
            font = TTFont(whole, recalcTimestamp=False)
            for table in ("GSUB", "GPOS", "GDEF"):
                if table in font:
                    del font[table]
            content = BytesIO()
            font.save(content)
            replace_bytes(lean, content.getvalue())
    except OSError:
        return whole
    return lean


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
