"""The bars of a harvest plot, and the key that says what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10

from secondlook.report.figure_text import Block, block
from secondlook.report.sheet import Sheet
from secondlook.report.style import FAINT, INK, MARGIN, PAGE, SMALL
from secondlook.synthesis import Vote

__all__ = ["BAR", "Key", "bar_height", "draw_bar", "key"]

BAR = 6.5
"""Width of a bar in points."""

_ONE_PATIENT = 3.0
_TENFOLD = 4.5
_UNKNOWN = 6.0
_FILLS = {"multivariable": "#123a5c", "univariable": "#8fbfe0", "": "white"}


@dataclass(frozen=True, slots=True)
class _Look:
    """What a bar shows of a statement."""

    n: float | None
    analysis: str
    joint: bool = False


_SAMPLES = (
    (_Look(100, "multivariable"), "multivariable"),
    (_Look(100, "univariable"), "univariable"),
    (_Look(100, ""), "analysis not stated"),
    (_Look(100, "", joint=True), "cited to several studies jointly: possible, not printed"),
    (_Look(10, ""), "10"),
    (_Look(100, ""), "100"),
    (_Look(1000, ""), "1,000"),
    (_Look(10_000, ""), "10,000 patients (logarithmic height)"),
    (_Look(None, ""), "number of patients not printed"),
)


@dataclass(frozen=True, slots=True)
class Key:
    """The key of the bars: each sample with its words, its left edge and its bottom, in points."""

    samples: tuple[tuple[_Look, Block, float, float], ...]
    height: float

    def draw(self, sheet: Sheet, top: float) -> None:
        """Draw the samples and their words."""
        for look, words, left, bottom in self.samples:
            _bar(sheet, look, left, top + bottom, "")
            sheet.text(words, left + BAR + 3.5, top + bottom - words.height + 1, colour=FAINT)


def key() -> Key:
    """Lay the key out over the width of a page, in as many rows as it takes."""
    samples = []
    left, bottom = MARGIN, bar_height(100)
    for look, text in _SAMPLES:
        words = block(text, face=SMALL)
        wide = BAR + 3.5 + words.width
        starts_sizes = text == "10"
        if left + wide > PAGE - MARGIN or starts_sizes:
            left = MARGIN
            bottom += bar_height(10_000 if starts_sizes else 100) + 5
        samples.append((look, words, left, bottom))
        left += wide + 14
    return Key(tuple(samples), bottom + 3)


def bar_height(n: float | None) -> float:
    """Give the height of a bar in points: each tenfold number of patients adds the same.

    Examples
    --------
    >>> bar_height(100) - bar_height(10) == bar_height(1000) - bar_height(100)
    True
    """
    return _UNKNOWN if n is None else _ONE_PATIENT + _TENFOLD * log10(max(n, 1.0))


def draw_bar(sheet: Sheet, vote: Vote, left: float, bottom: float, *, name: str) -> None:
    """Draw the bar of one statement, standing on `bottom`."""
    factor = vote.factor
    look = _Look(vote.n, factor.analysis, joint=factor.attribution == "joint")
    _bar(sheet, look, left, bottom, name)


def _bar(sheet: Sheet, look: _Look, left: float, bottom: float, name: str) -> None:
    height = bar_height(look.n)
    box = (left, bottom - height, BAR, height)
    fill = _FILLS.get(look.analysis, "white")
    if look.joint:
        # a hatch has the colour of its shape's edge: light on dark, and then the edge once more
        light = look.analysis == "multivariable"
        sheet.rectangle(*box, fill=fill, edge="white" if light else INK, thick=0, hatch="//////")
    outline: tuple[float, ...] = (1.0, 1.0) if look.n is None else ()
    shown = "none" if look.joint else fill
    sheet.rectangle(*box, fill=shown, edge=INK, thick=0.8, dashes=outline, name=name)
