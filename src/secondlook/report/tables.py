"""The report's tables: as frames for the CSV files, and as HTML for the page.

Everything a document printed stays a string here; only what was computed is rounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import polars as pl
from great_tables import GT
from great_tables import html as as_html

from secondlook.evidence import Evidence, Finding, Table
from secondlook.report.contents import Contents
from secondlook.report.numerals import number
from secondlook.report.prose import factor_sentence, what
from secondlook.synthesis import AnalysisResult, Arm, Row

__all__ = [
    "analysis_frame",
    "answers_frame",
    "cell_anchor",
    "counts_frame",
    "factors_frame",
    "html",
    "left_out_frame",
    "printed_frame",
    "printed_heading",
    "ranges_frame",
    "stated_ranges_frame",
    "text_frame",
]


def html(
    frame: pl.DataFrame,
    *,
    name: str,
    numeric: Sequence[str] = (),
    links: Mapping[tuple[int, str], str] | None = None,
    muted: Sequence[int] = (),
    anchors: bool = False,
) -> str:
    """Render a frame of text as an HTML table that the page's own stylesheet dresses.

    Parameters
    ----------
    frame
        Strings; they are escaped here.
    name
        The table's id in the page.
    numeric
        Columns set flush right.
    links
        Row and column of a cell to the page address it points to.
    muted
        Rows shown as not used.
    anchors
        Whether cells can be pointed at, as :func:`cell_anchor` names them.
    """
    targets = links or {}

    def cell(text: str, row: int, column: str) -> str:
        plain = _MARK.sub(r"\1<sup>\2</sup>", escape(text, quote=False))
        if anchors:
            here = cell_anchor(name, row, frame.columns.index(column))
            return f'<span id="{here}">{plain}</span>'
        target = targets.get((row, column))
        return f'<a href="{escape(target)}">{plain}</a>' if target else plain

    # columns are numbered inside: headings may hold anything, and may be empty
    shown = pl.DataFrame(
        {
            f"{name}-{index}": [
                cell(text, row, column) for row, text in enumerate(frame[column].to_list())
            ]
            for index, column in enumerate(frame.columns)
        },
        schema={f"{name}-{index}": pl.String for index in range(frame.width)},
    )
    labels: dict[str, Any] = {
        inside: as_html(escape(heading, quote=False))
        for inside, heading in zip(shown.columns, frame.columns, strict=True)
    }
    # cells are escaped above, and a formatter's text is taken as it is
    table = GT(shown, id=name).cols_label(cases=labels).cols_align("left").fmt(_as_it_is)
    right = [f"{name}-{frame.columns.index(column)}" for column in numeric if column in frame]
    if right:
        table = table.cols_align("right", columns=right)
    page = table.as_raw_html()
    # every table would bring the same eight kilobytes of style; the page has one stylesheet
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    page = re.sub(r'(<div id="[^"]*") style="[^"]*"', r'\1 class="table"', page, count=1)
    return _mute(page, muted)


def cell_anchor(name: str, row: int, column: int) -> str:
    """Name a cell of a table for pointing at it.

    Examples
    --------
    >>> cell_anchor("t", 3, 2)
    't-row-3-cell-2'
    """
    return f"{name}-row-{row}-cell-{column}"


def _as_it_is(text: str) -> str:
    return text


# a footnote mark behind a number or NR
_MARK = re.compile(r"^((?:.*\d|NR)) ([a-z*†‡§])$")


def _mute(page: str, rows: Sequence[int]) -> str:
    if not rows:
        return page
    head, body, tail = re.split(r"(<tbody.*?</tbody>)", page, maxsplit=1, flags=re.DOTALL)
    pieces = body.split("<tr>")
    for row in rows:
        pieces[row + 1] = f"\x00{pieces[row + 1]}"
    return head + "<tr>".join(pieces).replace("<tr>\x00", '<tr class="muted">') + tail


def answers_frame(contents: Contents) -> pl.DataFrame:
    """One row for each analysis: what is asked, how many studies, the answer."""
    return _frame(
        {
            "Question": result.analysis.title,
            "Quantity": what(result),
            "Studies": _studies(result),
            "Pooled": _shown(result),
            "95 % interval": _interval(result),
            "Prediction interval": _prediction(result),
        }
        for result in contents.results
    )


def _studies(result: AnalysisResult) -> str:
    shown = result.analysis.effect == "median"
    usable = sum(not row.reason for row in result.rows) if shown else len(result.pooled_rows)
    return f"{usable} of {len(result.rows)} {'shown' if shown else 'pooled'}"


def _unit(result: AnalysisResult) -> str:
    return " %" if result.unit in ("%", "percentage points") else ""


def _shown(result: AnalysisResult) -> str:
    return "–" if result.shown is None else number(result.shown.estimate, _unit(result))


def _interval(result: AnalysisResult) -> str:
    return "–" if result.shown is None else _ends((result.shown.low, result.shown.high), result)


def _prediction(result: AnalysisResult) -> str:
    return "–" if result.prediction is None else _ends(result.prediction, result)


def _ends(ends: tuple[float, float], result: AnalysisResult) -> str:
    low, high = (number(end, _unit(result)) for end in ends)
    return f"{low.removesuffix(' %')} to {high}"


def counts_frame(contents: Contents) -> pl.DataFrame:
    """Studies and patients by site and design."""
    return _frame(
        {
            "Site": count.site,
            "Design": count.design or "not stated",
            "Studies": f"{count.studies:,}",
            "Patients": f"{count.patients:,}" if count.without_size < count.studies else "–",
            "No size printed": f"{count.without_size:,}",
        }
        for count in contents.counts
    )


def analysis_frame(result: AnalysisResult) -> pl.DataFrame:
    """One row for each study an analysis looked at."""
    return _frame(_analysis_row(row, result) for row in result.rows)


def _analysis_row(row: Row, result: AnalysisResult) -> dict[str, str]:
    cells = {"Study": row.study.label or row.study.key}
    for arm in row.arms:
        suffix = f", {arm.cohort}" if len(row.arms) > 1 else ""
        cells[f"n{suffix}"] = "–" if arm.n is None else f"{arm.n:,.0f}"
        cells[printed_heading(row, arm)] = arm.printed or "(blank)"
    unit = _unit(result)
    if result.analysis.effect != "median":
        cells["Estimate"] = "–" if row.shown is None else number(row.shown.estimate, unit)
        ends = None if row.shown is None else (row.shown.low, row.shown.high)
        cells["95 % interval"] = "–" if ends is None else _ends(ends, result)
        cells["Weight (%)"] = "–" if row.weight is None else f"{row.weight:.1f}"
    cells["Remarks"] = "; ".join([f"not pooled: {row.reason}"] * bool(row.reason) + [*row.notes])
    finding = next((arm.findings[0] for arm in row.arms if arm.findings), None)
    cells["Seen in"] = "" if finding is None else finding.source.place
    return cells


def printed_heading(row: Row, arm: Arm) -> str:
    """The heading of the column that shows an arm's number as printed."""
    return f"As printed, {arm.cohort}" if len(row.arms) > 1 else "As printed"


def left_out_frame(result: AnalysisResult) -> pl.DataFrame:
    """One row for each study left out of the pool."""
    if result.left_out is None:
        return pl.DataFrame()
    return _frame(
        {
            "Left out": row.omitted,
            "Pooled": number(result.without[row.omitted].estimate, _unit(result)),
            "95 % interval": _ends(
                (result.without[row.omitted].low, result.without[row.omitted].high), result
            ),
            "τ²": "–" if row.tau2 is None else f"{row.tau2:.4g}",
            "I² (%)": "–" if row.i2 is None else f"{row.i2:.0f}",
        }
        for row in result.left_out.rows
    )


def ranges_frame(contents: Contents) -> pl.DataFrame:
    """Ranges computed from the printed values of each single-group analysis."""
    rows = []
    for result in contents.results:
        if result.printed_range is None:
            continue
        low, high = result.printed_range
        values = [row.arms[0] for row in result.rows if row.arms[0].value is not None]
        rows.append(
            {
                "Column": result.analysis.title,
                "Rows with a value": f"{len(values)} of {len(result.rows)}",
                "Smallest": f"{low:g}",
                "Largest": f"{high:g}",
                "Rows to know of": "; ".join(
                    f"{row.study.label}: {row.arms[0].printed} {row.reason}"
                    for row in result.rows
                    if row.reason and row.arms[0].value is not None
                ),
            }
        )
    return _frame(rows)


def stated_ranges_frame(evidence: Evidence) -> pl.DataFrame:
    """Ranges that documents state in their text."""
    return _frame(
        {
            "About": f"{_cohort_label(evidence, finding)}: {finding.endpoint}"
            + (f" at {finding.months:f} months" if finding.months is not None else ""),
            "Stated": f"{finding.low} to {finding.high}",
            "Remarks": finding.note,
            "Seen in": str(finding.source.place),
        }
        for finding in evidence.findings
        if finding.statistic.endswith("_range")
    )


def _cohort_label(evidence: Evidence, finding: Finding) -> str:
    label = evidence.study(finding.study).label
    return label if finding.cohort == "all" else f"{label}, {finding.cohort}"


def factors_frame(contents: Contents) -> pl.DataFrame:
    """One row for each prognostic factor at each site."""
    return _frame(
        {
            "Site": group.site,
            "Factor": group.factor,
            "Lives longer": group.favourable or "not stated",
            "Statements": f"{len(group.votes)}",
            "Of which": factor_sentence(group),
            "Studies": ", ".join(dict.fromkeys(vote.study.label for vote in group.votes)),
        }
        for group in contents.votes
    )


def printed_frame(table: Table) -> pl.DataFrame:
    """A table of a document, cell by cell as printed."""
    return _frame(
        {"": row} | {column: cell or "" for column, cell in zip(table.columns, cells, strict=True)}
        for row, cells in table.rows
    )


def text_frame(evidence: Evidence) -> pl.DataFrame:
    """Numbers that were read from running text, with where each stands."""
    return _frame(
        {
            "About": f"{_cohort_label(evidence, finding)}"
            + (f" against {finding.comparator}" if finding.comparator else ""),
            "What": f"{finding.endpoint}, {finding.statistic.replace('_', ' ')}"
            + (f" at {finding.months:f} months" if finding.months is not None else ""),
            "Printed": _printed(finding),
            "Remarks": finding.note,
            "Seen in": ", ".join(p for p in (finding.source.place, finding.source.row) if p),
        }
        for finding in evidence.findings
        if not finding.source.column
    )


def _printed(finding: Finding) -> str:
    parts = [finding.value.printed]
    if finding.low.printed or finding.high.printed:
        ends = f"{finding.low} to {finding.high}"
        parts.append(f"({ends})" if finding.value.printed else ends)
    if finding.events.printed or finding.n.printed:
        parts.append(f"[{finding.events.printed or '?'} of {finding.n.printed or '?'}]")
    if finding.p.printed:
        parts.append(f"P {finding.p}" if finding.p.relation != "=" else f"P = {finding.p}")
    return " ".join(part for part in parts if part)


def _frame(rows: Iterable[dict[str, str]]) -> pl.DataFrame:
    listed = list(rows)
    columns = dict.fromkeys(column for row in listed for column in row)
    return pl.DataFrame(
        {column: [row.get(column, "") for row in listed] for column in columns},
        schema=dict.fromkeys(columns, pl.String),
    )
