"""The harvest plot of prognostic factors: a bar for every statement, by factor and outcome.

It shows how often and by whom an association was reported, and pools nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from matplotlib.figure import Figure

from secondlook.report.figure_text import Block, block
from secondlook.report.harvest_bars import BAR, bar_height, draw_bar, key
from secondlook.report.sheet import Sheet
from secondlook.report.style import BOLD, FAINT, INK, MARGIN, PAGE, RULE, SMALL, TINY
from secondlook.synthesis import FactorVotes, Vote

__all__ = ["harvest"]

_TITLE = "Prognostic factors, by site"
_GAP = 10.0
_LABEL = 140.0
_NARROWEST_COLUMN = 68.0
_CLOSEST, _WIDEST = BAR + 3.5, 20.0
_OUTCOMES = {
    "no association": "no association",
    "direction not stated": "associated, direction not stated",
    "associated": "longer survival with the favourable level",
    "opposite": "shorter survival with the favourable level",
}
_REFERENCE = block("0", face=TINY).height + 2.5


@dataclass(frozen=True, slots=True)
class _Grid:
    """The columns, left edge and width of each, and the distance of bars, in points."""

    outcomes: tuple[str, ...]
    lefts: tuple[float, ...]
    widths: tuple[float, ...]
    pitch: float


@dataclass(frozen=True, slots=True)
class _Line:
    """One factor: its name, its favourable level, and shelves of bars for each outcome."""

    name: Block
    favourable: Block
    shelves: tuple[tuple[tuple[Vote, ...], ...], ...]

    @property
    def heights(self) -> tuple[float, ...]:
        """Height of each shelf: its tallest bar, and the references below."""
        return tuple(
            max(bar_height(vote.n) for cell in shelf for vote in cell) + _REFERENCE
            for shelf in self.shelves
        )

    @property
    def height(self) -> float:
        """Height of the line with the space around it."""
        text = self.name.height + self.favourable.height + 2
        return max(text, sum(self.heights)) + 6


@dataclass(frozen=True, slots=True)
class _Panel:
    """The factors of one site under their headings."""

    site: Block
    headings: tuple[Block, ...]
    lines: tuple[_Line, ...]

    @property
    def band(self) -> float:
        """Height of the band that names the site and heads the columns."""
        return max(self.site.height, *(heading.height for heading in self.headings)) + 6

    @property
    def height(self) -> float:
        """Height of the panel with the space below it."""
        return self.band + sum(line.height for line in self.lines) + 8


def harvest(votes: tuple[FactorVotes, ...]) -> Figure:
    """Draw the harvest plot of prognostic factors by site.

    A panel for each site, a line for each factor with its favourable level, a column for each
    outcome and a bar for each statement: the taller the more patients, the darker the better
    adjusted, hatched where the document cites several studies jointly. Under a bar stands the
    number of its reference.

    Parameters
    ----------
    votes
        As counted by :func:`secondlook.synthesis.count_votes`.

    Returns
    -------
    matplotlib.figure.Figure
        7.2 inches wide; as high as the factors need.

    Notes
    -----
    After Ogilvie and others, BMC Med Res Methodol 2008;8:8. Many bars are not strong evidence: one
    data set may stand behind several, and what nobody examined has none.

    Examples
    --------
    >>> import secondlook as sl
    >>> votes = sl.synthesis.count_votes(sl.example("stage-iv-breast").evidence)
    >>> harvest(votes).get_label()
    'Prognostic factors, by site'
    """
    if not votes:
        return _nothing()
    grid = _grid(votes)
    panels = [_panel(list(group), grid) for _, group in groupby(votes, lambda one: one.site)]
    legend = key()
    note = block(
        "A bar is one statement about one study; under it the number of the study's reference. "
        "Bars count reports, they do not measure the size of an association.",
        face=SMALL,
        width=PAGE - 2 * MARGIN,
    )
    body = sum(panel.height for panel in panels)
    sheet = Sheet(PAGE, MARGIN + body + legend.height + 7 + note.height + MARGIN, _TITLE)
    top = MARGIN
    for number, panel in enumerate(panels):
        _draw_panel(sheet, panel, grid, top, str(number))
        top += panel.height
    legend.draw(sheet, top)
    sheet.text(note, MARGIN, top + legend.height + 7, colour=FAINT)
    return sheet.figure


def _nothing() -> Figure:
    words = block("Nothing to draw: the evidence holds no statement about a prognostic factor.")
    sheet = Sheet(PAGE, words.height + 2 * MARGIN, _TITLE)
    sheet.text(words, MARGIN, MARGIN)
    return sheet.figure


def _grid(votes: Sequence[FactorVotes]) -> _Grid:
    """Give each outcome a width by the most bars it has on a line; what is too many is folded."""
    outcomes = [o for o in _OUTCOMES if o != "opposite" or any(v.count("opposite") for v in votes)]
    references = [block(v.study.reference, face=TINY).width for f in votes for v in f.votes]
    pitch = min(max(_CLOSEST, *(width + 2.5 for width in references)), _WIDEST)
    most = [max(sum(v.outcome == o for v in f.votes) for f in votes) for o in outcomes]
    names = [_names(factor) for factor in votes]
    label = max(max(name.width, level.width) for name, level in names)
    space = PAGE - 2 * MARGIN - label - _GAP * len(outcomes)
    spare = space - _NARROWEST_COLUMN * len(outcomes)
    wanted = [max(count * pitch - _NARROWEST_COLUMN, 0.0) for count in most]
    share = spare / sum(wanted) if sum(wanted) else 0.0
    widths = [_NARROWEST_COLUMN + want * share for want in wanted]
    if not sum(wanted):
        widths = [space / len(outcomes)] * len(outcomes)
    lefts = [MARGIN + label + _GAP]
    for width in widths[:-1]:
        lefts.append(lefts[-1] + width + _GAP)
    return _Grid(tuple(outcomes), tuple(lefts), tuple(widths), pitch)


def _names(factor: FactorVotes) -> tuple[Block, Block]:
    level = f"longer with: {factor.favourable}" if factor.favourable else ""
    return block(factor.name, width=_LABEL), block(level, face=SMALL, width=_LABEL)


def _panel(factors: Sequence[FactorVotes], grid: _Grid) -> _Panel:
    headings = tuple(
        block(_OUTCOMES[outcome], face=SMALL, width=width)
        for outcome, width in zip(grid.outcomes, grid.widths, strict=True)
    )
    site = block(factors[0].site or "site not stated", face=BOLD, width=grid.lefts[0] - 2 * _GAP)
    return _Panel(site, headings, tuple(_line(factor, grid) for factor in factors))


def _line(factor: FactorVotes, grid: _Grid) -> _Line:
    cells = [[vote for vote in factor.votes if vote.outcome == o] for o in grid.outcomes]
    fits = [int(width / grid.pitch) for width in grid.widths]
    count = max(-(-len(cell) // fit) for cell, fit in zip(cells, fits, strict=True))
    shelves = tuple(
        tuple(tuple(c[n * fit : (n + 1) * fit]) for c, fit in zip(cells, fits, strict=True))
        for n in range(count)
    )
    return _Line(*_names(factor), shelves)


def _draw_panel(sheet: Sheet, panel: _Panel, grid: _Grid, top: float, name: str) -> None:
    right = PAGE - MARGIN
    sheet.rectangle(MARGIN, top, right - MARGIN, panel.band, fill="#eeeeee", thick=0)
    sheet.text(panel.site, MARGIN + 3, top + (panel.band - panel.site.height) / 2)
    for heading, left in zip(panel.headings, grid.lefts, strict=True):
        sheet.text(heading, left, top + (panel.band - heading.height) / 2)
    y = top + panel.band
    for number, line in enumerate(panel.lines):
        _draw_line(sheet, line, grid, y, f"{name}-{number}")
        y += line.height
        sheet.line([(MARGIN, y), (right, y)], colour=RULE, thick=0.5)


def _draw_line(sheet: Sheet, line: _Line, grid: _Grid, top: float, name: str) -> None:
    sheet.text(line.name, MARGIN, top + 3.5, name=f"factor-{name}")
    sheet.text(line.favourable, MARGIN, top + 5.5 + line.name.height, colour=FAINT)
    floor = top + 3.5
    for row, (shelf, height) in enumerate(zip(line.shelves, line.heights, strict=True)):
        floor += height
        for column, cell in enumerate(shelf):
            for place, vote in enumerate(cell):
                left = grid.lefts[column] + place * grid.pitch
                named = f"bar-{name}-{row}-{column}-{place}"
                draw_bar(sheet, vote, left, floor - _REFERENCE, name=named)
                reference = block(vote.study.reference, face=TINY)
                if reference.width <= grid.pitch - 1:
                    middle = left + BAR / 2
                    sheet.text(reference, middle, floor - _REFERENCE + 1.5, align="center")
            if cell:
                ends = (grid.lefts[column] - 1.5, grid.lefts[column] + len(cell) * grid.pitch - 2)
                sheet.line([(x, floor - _REFERENCE) for x in ends], colour=INK, thick=0.6)
