"""The forest plot of an analysis: every study that was looked at, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from secondlook.report.figure_text import Block, block
from secondlook.report.forest_lines import (
    ForestLine,
    axis_label,
    directions,
    footnotes,
    forest_lines,
    statistics,
)
from secondlook.report.forest_marks import draw_mark
from secondlook.report.forest_table import (
    PADDING,
    Cells,
    Columns,
    Header,
    column_header,
    columns,
    measured,
)
from secondlook.report.scale import Scale, scale_of, tick_text
from secondlook.report.sheet import Align, Sheet
from secondlook.report.style import BOLD, FAINT, INK, MARGIN, PAGE, RULE, SMALL
from secondlook.synthesis import AnalysisResult

__all__ = ["forest"]

_TICK = 3.0


@dataclass(frozen=True, slots=True)
class _Foot:
    """What stands under the lines: directions and name of the axis, then sentences."""

    scale: Scale | None
    null: float | None
    directions: tuple[Block, Block] | None
    label: Block
    sentences: tuple[Block, ...]
    notes: tuple[Block, ...]

    @property
    def axis_height(self) -> float:
        if self.scale is None:
            return 0.0
        sides = max(side.height for side in self.directions) + 3 if self.directions else 0.0
        return _TICK + 2 + block("0", face=SMALL).height + 3 + sides + self.label.height + 2

    @property
    def height(self) -> float:
        texts = sum(text.height + 3 for text in (*self.sentences, *self.notes))
        return self.axis_height + 8 + texts


def forest(result: AnalysisResult) -> Figure:
    """Draw the forest plot of an analysis.

    Studies that were looked at and not pooled keep their line, with what they print and the
    reason. Medians are shown as printed and not pooled. Columns are as wide as the texts in them,
    measured; the figure grows with the number of studies.

    Parameters
    ----------
    result
        The answer of one analysis.

    Returns
    -------
    matplotlib.figure.Figure
        7.2 inches wide, or wider where the texts need it; its label is the analysis's title.

    Notes
    -----
    The prediction interval is drawn under the diamond because the diamond alone says nothing of
    how much studies differ (IntHout and others, BMJ Open 2016;6:e010247). A diamond away from the
    null line is not evidence that operating made the difference.

    Examples
    --------
    >>> import secondlook as sl
    >>> review = sl.example("stage-iv-breast")
    >>> plan = review.question.analysis("hepatic-5-year-survival")
    >>> figure = forest(sl.synthesis.analyse(review.evidence, plan))
    >>> float(figure.get_figwidth()) >= 7.0
    True
    """
    lines = forest_lines(result)
    if not lines:
        return _nothing(result)
    header = column_header(result, lines)
    places = columns(header, lines)
    cells = [measured(line, places) for line in lines]
    foot = _foot(result, lines, places)
    top = MARGIN + header.height + PADDING + 1
    end = top + sum(cell.height for cell in cells) + PADDING
    sheet = Sheet(places.width, end + foot.height + MARGIN, result.analysis.title)
    _write_header(sheet, header, places, top)
    if foot.scale is not None:
        _guides(sheet, foot.scale, result, top, end)
    _write_lines(sheet, lines, cells, places, foot.scale, top)
    _write_foot(sheet, foot, end)
    return sheet.figure


def _nothing(result: AnalysisResult) -> Figure:
    wide = PAGE - 2 * MARGIN
    title = block(result.analysis.title, face=BOLD, width=wide)
    why = block(f"Nothing to draw: {result.not_estimable}.", width=wide)
    height = MARGIN + title.height + 6 + why.height + MARGIN
    sheet = Sheet(PAGE, height, result.analysis.title)
    sheet.text(title, MARGIN, MARGIN, name="title")
    sheet.text(why, MARGIN, MARGIN + title.height + 6, name="reason")
    return sheet.figure


def _foot(result: AnalysisResult, lines: Sequence[ForestLine], places: Columns) -> _Foot:
    scale = None if places.plot is None else _scale(result, lines, places.plot)
    wide = places.width - 2 * MARGIN
    named = directions(result)
    sides = None
    if scale is not None and named is not None and result.null is not None:
        x = scale.at(result.null)
        sides = (
            block(f"← {named[0]}", face=SMALL, width=min(150.0, x - 6 - MARGIN)),
            block(f"{named[1]} →", face=SMALL, width=min(150.0, places.weight - x - 6)),
        )
    cut = scale is not None and any(scale.cuts(line.shown) for line in lines if line.shown)
    return _Foot(
        scale,
        result.null,
        sides,
        block("" if scale is None else axis_label(result), width=wide),
        tuple(block(text, width=wide) for text in statistics(result).split("\n")),
        tuple(block(text, face=SMALL, width=wide) for text in footnotes(result, lines, cut=cut)),
    )


def _scale(result: AnalysisResult, lines: Sequence[ForestLine], plot: tuple[float, float]) -> Scale:
    shown = [line.shown for line in lines if line.shown is not None]
    return scale_of(
        [
            line.shown.estimate
            for line in lines
            if line.shown is not None and line.kind != "prediction"
        ],
        [end for interval in shown for end in (interval.low, interval.high)],
        unit=result.unit,
        null=result.null,
        left=plot[0],
        right=plot[1],
    )


def _write_header(sheet: Sheet, header: Header, places: Columns, top: float) -> None:
    def write(text: Block, x: float, align: Align) -> None:
        sheet.text(text, x, top - PADDING - text.height, align=align)

    write(header.label, places.label, "left")
    write(header.n, places.n, "right")
    write(header.printed, places.printed, "left")
    if header.weight.lines:
        write(header.right, places.estimate, "right")
        write(header.weight, places.weight, "right")
    else:
        write(header.right, places.reason, "left")
    sheet.line([(MARGIN, top - 1), (places.weight, top - 1)], thick=0.9)


def _guides(sheet: Sheet, scale: Scale, result: AnalysisResult, top: float, end: float) -> None:
    """Draw the null line, the line of the pooled estimate, and the axis with its ticks."""
    if result.null is not None:
        x = scale.at(result.null)
        sheet.line([(x, top), (x, end)], colour=FAINT, thick=0.9, name="null")
    if result.shown is not None:
        x = scale.at(result.shown.estimate)
        sheet.line([(x, top), (x, end)], colour=RULE, thick=0.8, dashes=(2.5, 2.5))
    sheet.line([(scale.left, end), (scale.right, end)], thick=0.9)
    for tick in scale.ticks:
        x = scale.at(tick)
        sheet.line([(x, end), (x, end + _TICK)], thick=0.9)
        sheet.text(block(tick_text(tick), face=SMALL), x, end + _TICK + 2, align="center")


def _write_lines(
    sheet: Sheet,
    lines: Sequence[ForestLine],
    cells: Sequence[Cells],
    places: Columns,
    scale: Scale | None,
    top: float,
) -> None:
    largest = max(line.size for line in lines)
    for number, (line, cell) in enumerate(zip(lines, cells, strict=True)):
        middle = top + cell.height / 2
        if line.kind == "pooled":
            sheet.line([(MARGIN, top), (places.weight, top)], colour=RULE, thick=0.6)
        _write_cells(sheet, line, cell, places, middle, str(number))
        if scale is not None:
            draw_mark(sheet, scale, line, middle, largest=largest, name=str(number))
        top += cell.height


def _write_cells(
    sheet: Sheet, line: ForestLine, cell: Cells, places: Columns, middle: float, name: str
) -> None:
    colour = FAINT if line.kind == "study" and line.shown is None else INK

    def write(text: Block, x: float, align: Align, what: str) -> None:
        named = f"{what}-{name}"
        sheet.text(text, x, middle - text.height / 2, align=align, colour=colour, name=named)

    write(cell.label, places.label + cell.indent, "left", "label")
    write(cell.n, places.n, "right", "n")
    write(cell.printed, places.printed, "left", "printed")
    write(cell.estimate, places.estimate, "right", "estimate")
    write(cell.weight, places.weight, "right", "weight")
    write(cell.reason, places.reason, "left", "reason")


def _write_foot(sheet: Sheet, foot: _Foot, end: float) -> None:
    y = end
    if foot.scale is not None:
        y += _TICK + 2 + block("0", face=SMALL).height + 3
        if foot.directions is not None and foot.null is not None:
            x, (left, right) = foot.scale.at(foot.null), foot.directions
            sheet.text(left, x - 5, y, align="right", name="direction-left")
            sheet.text(right, x + 5, y, name="direction-right")
            y += max(left.height, right.height) + 3
        # a name longer than the plot is centred on the sheet, where it has room
        middle = (foot.scale.left + foot.scale.right) / 2
        half = foot.label.width / 2
        middle = min(max(middle, MARGIN + half), sheet.width - MARGIN - half)
        sheet.text(foot.label, middle, y, align="center", name="axis-label")
    y = end + foot.axis_height + 8
    for text in foot.sentences:
        sheet.text(text, MARGIN, y)
        y += text.height + 3
    for text in foot.notes:
        sheet.text(text, MARGIN, y, colour=FAINT)
        y += text.height + 3
