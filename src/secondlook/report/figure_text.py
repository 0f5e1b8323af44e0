"""Text measured before it is placed: how wide it is, where to break it, what a font can show."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import inf

from matplotlib.font_manager import get_font
from matplotlib.textpath import TextToPath

from secondlook.report.style import REGULAR, Face

__all__ = ["Block", "Extent", "block", "measure", "printable"]

_SPACES = re.compile(r"[^\S\u00a0]+")  # a no-break space stays what it is
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_LINE_GAP = 1.5
_MEASURING = TextToPath()


@dataclass(frozen=True, slots=True)
class Extent:
    """The space one line takes, in points: its width, above and below its baseline."""

    width: float
    ascent: float
    descent: float


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of text in one face, and the space they take in points."""

    lines: tuple[str, ...]
    face: Face
    extents: tuple[Extent, ...]

    @property
    def width(self) -> float:
        """Width of the widest line."""
        return max((extent.width for extent in self.extents), default=0.0)

    @property
    def height(self) -> float:
        """Height from the top of the first line to the bottom of the last."""
        if not self.extents:
            return 0.0
        lines = sum(extent.ascent + extent.descent for extent in self.extents)
        return lines + _LINE_GAP * (len(self.lines) - 1)

    @property
    def baselines(self) -> tuple[float, ...]:
        """Distance of each baseline from the top."""
        steps = [extent.ascent + extent.descent + _LINE_GAP for extent in self.extents]
        tops = accumulate([0.0, *steps[:-1]])
        return tuple(top + e.ascent for top, e in zip(tops, self.extents, strict=False))


def block(text: str, *, face: Face = REGULAR, width: float = inf) -> Block:
    """Break a text into lines no wider than `width` points.

    Lines end at spaces; a word that is too wide by itself is cut where it must be, so that
    nothing is ever clipped. A line break in the text stays one.

    Examples
    --------
    >>> block("longer survival with surgery", width=70).lines
    ('longer survival', 'with surgery')
    >>> block("").lines
    ()
    """
    shown = [printable(part, face) for part in text.split("\n")]
    lines = tuple(line for part in shown if part for line in _broken(part, face, width))
    return Block(lines, face, tuple(measure(line, face) for line in lines))


def printable(text: str, face: Face = REGULAR) -> str:
    r"""Give a text as a face can show it: one line, composed, unknown characters marked.

    A character the face has no glyph for becomes U+FFFD, which a reader sees as something missing
    (matplotlib would draw an empty box and warn).

    Examples
    --------
    >>> printable(" Müller\n2004 "), printable("王 2004")
    ('Müller 2004', '� 2004')
    """
    visible = "".join(c for c in text if c.isprintable() or c.isspace())
    composed = unicodedata.normalize("NFC", _SPACES.sub(" ", visible).strip())
    known = _glyphs(face)
    return "".join(c if ord(c) in known else _UNKNOWN for c in composed)


@lru_cache(maxsize=16384)
def measure(text: str, face: Face = REGULAR) -> Extent:
    """Measure one line as it will be drawn, in points.

    The height is at least that of the letters "lp", so that lines of one face are alike.

    Examples
    --------
    >>> measure("wide").width > measure("i").width
    True
    """
    width, height, descent = _raw(text, face)
    _, usual, below = _raw("lp", face)
    return Extent(width, max(height - descent, usual - below), max(descent, below))


def _raw(text: str, face: Face) -> tuple[float, float, float]:
    return _MEASURING.get_text_width_height_descent(text, face.properties, ismath=False)


@lru_cache(maxsize=8)
def _glyphs(face: Face) -> frozenset[int]:
    return frozenset(get_font(str(face.properties.get_file())).get_charmap())


def _broken(text: str, face: Face, width: float) -> list[str]:
    if measure(text, face).width <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if measure(longer, face).width <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *full, line = _cut(word, face, width)
        lines.extend(full)
    return [*lines, line]


def _cut(word: str, face: Face, width: float) -> list[str]:
    """Cut a word into pieces that fit; a single character is never cut."""
    pieces = [word[0]]
    for character in word[1:]:
        if measure(pieces[-1] + character, face).width <= width:
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces
