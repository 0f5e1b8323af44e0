"""The columns of a forest plot: texts measured, wrapped, and given their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondlook.report.figure_text import Block, block
from secondlook.report.forest_lines import ForestLine
from secondlook.report.style import BOLD, ITALIC, MARGIN, PAGE, REGULAR, Face
from secondlook.synthesis import AnalysisResult

__all__ = ["PADDING", "Cells", "Columns", "Header", "column_header", "columns", "measured"]

PADDING = 4.0
"""Height of a line beyond its text, in points."""

_ROW = 14.5
_GAP = 10.0
_NARROWEST_PLOT = 142.0
_LABEL, _N, _PRINTED, _REASON = 120.0, 84.0, 80.0, 130.0
_INDENT = 8.0
_ESTIMATES = {
    "%": "Survival (%)",
    "percentage points": "Difference (points)",
    "hazard ratio": "Hazard ratio",
}


@dataclass(frozen=True, slots=True)
class Header:
    """The headings of the columns; `right` heads the estimates, or the reasons."""

    label: Block
    n: Block
    printed: Block
    right: Block
    weight: Block

    @property
    def height(self) -> float:
        """Height of the tallest heading."""
        return max(b.height for b in (self.label, self.n, self.printed, self.right, self.weight))


@dataclass(frozen=True, slots=True)
class Cells:
    """The texts of one line, as they are written; `indent` is that of the label."""

    label: Block
    n: Block
    printed: Block
    estimate: Block
    weight: Block
    reason: Block
    indent: float

    @property
    def height(self) -> float:
        """Height of the line: never less than that of an ordinary one."""
        texts = (self.label, self.n, self.printed, self.estimate, self.weight, self.reason)
        return max(_ROW, max(text.height for text in texts) + PADDING)


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns stand, in points.

    Attributes
    ----------
    label, printed, reason
        Left edges.
    n, estimate, weight
        Right edges.
    plot
        Both edges of the plot; None where there is nothing to draw.
    width
        Of the whole sheet.
    """

    label: float
    n: float
    printed: float
    plot: tuple[float, float] | None
    reason: float
    estimate: float
    weight: float
    width: float

    @property
    def span(self) -> float:
        """Width for a text that may run from the first column to the plot."""
        return (self.plot[0] if self.plot else self.reason) - _GAP - self.label


def column_header(result: AnalysisResult, lines: Sequence[ForestLine]) -> Header:
    """Head the columns; what no line has is not headed."""
    plan = result.analysis
    both = any(len(row.arms) > 1 for row in result.rows)
    order = f"\n{plan.cohort} /\n{plan.comparator}" if both else ""
    unit = (
        "" if result.null == 1 and not both else " (months)" if plan.effect == "median" else " (%)"
    )
    if any(line.estimate for line in lines):
        right, weight = f"{_ESTIMATES[result.unit]}\n[95 % interval]", "Weight\n(%)"
    else:
        remark = "Remark" if plan.effect == "median" else "Why it is not pooled"
        right, weight = remark if any(line.reason for line in lines) else "", ""
    return Header(
        block("Study", face=BOLD),
        block(f"Patients{order}", face=BOLD, width=_N),
        block(f"Printed{unit}", face=BOLD, width=_PRINTED),
        block(right, face=BOLD),
        block(weight, face=BOLD),
    )


def measured(line: ForestLine, columns: Columns | None = None) -> Cells:
    """Measure a line's texts; without columns, as wide as a column may make them."""
    face = _face(line)
    indent = _INDENT if line.indented else 0.0
    spans = line.kind in ("heading", "prediction")
    label = _LABEL
    if spans:
        label = 0.0 if columns is None else columns.span
    reason = _REASON if columns is None else columns.weight - columns.reason
    return Cells(
        block(line.label if label else "", face=face, width=label - indent),
        block(line.n, face=face, width=_N),
        block(line.printed, face=face, width=_PRINTED),
        block(line.estimate, face=face),
        block(line.weight, face=face),
        block(line.reason, face=ITALIC, width=reason),
        indent,
    )


def columns(header: Header, lines: Sequence[ForestLine]) -> Columns:
    """Place the columns side by side, each as wide as its widest text.

    The plot has what is left of the page; where that is too little the sheet is made wider.
    """
    cells = [measured(line) for line in lines]
    label = max(header.label.width, *(cell.label.width + cell.indent for cell in cells))
    n = max(header.n.width, *(cell.n.width for cell in cells))
    printed = max(header.printed.width, *(cell.printed.width for cell in cells))
    estimate = max(header.right.width, *(cell.estimate.width for cell in cells))
    weight = max(header.weight.width, *(cell.weight.width for cell in cells))
    both = estimate + _GAP + weight if weight else estimate
    right = max(both, *(cell.reason.width for cell in cells))
    n_edge = MARGIN + label + _GAP + n
    left = n_edge + _GAP + printed + _GAP
    drawn = any(line.shown is not None for line in lines)
    space = _NARROWEST_PLOT + 1.5 * _GAP if drawn else 0.0
    width = max(PAGE, left + space + right + MARGIN)
    edge = width - MARGIN
    return Columns(
        label=MARGIN,
        n=n_edge,
        printed=n_edge + _GAP,
        plot=(left + _GAP / 2, edge - right - _GAP) if drawn else None,
        reason=edge - right if drawn else left,
        estimate=edge - (_GAP + weight if weight else 0.0),
        weight=edge,
        width=width,
    )


def _face(line: ForestLine) -> Face:
    if line.kind in ("heading", "pooled"):
        return BOLD
    return ITALIC if line.kind == "study" and line.shown is None else REGULAR
