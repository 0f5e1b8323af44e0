"""The report's tables as frames: of text for the page, of numbers for whoever computes on.

Everything a document printed stays a string here; only what was computed is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from secondlook.evidence import Evidence, Finding, Table
from secondlook.report.contents import Contents
from secondlook.report.numerals import number, unit_of
from secondlook.report.prose import what
from secondlook.synthesis import (
    AnalysisResult,
    Arm,
    Interval,
    Row,
)

__all__ = [
    "analysis_frame",
    "answers_frame",
    "counts_frame",
    "left_out_frame",
    "models_frame",
    "numeric_answers",
    "numeric_rows",
    "printed_frame",
    "printed_heading",
    "ranges_frame",
    "routes_frame",
    "stated_ranges_frame",
    "text_frame",
    "text_rows",
]


def answers_frame(contents: Contents) -> pl.DataFrame:
    """One row for each analysis: what is asked, how many studies, the answer."""
    return text_rows(
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


def numeric_answers(contents: Contents) -> pl.DataFrame:
    """One row for each analysis, in full precision, for whoever computes on."""
    return pl.DataFrame(
        [
            {
                "id": result.analysis.id,
                "unit": result.unit,
                "looked_at": len(result.rows),
                "pooled": len(result.pooled_rows),
                **_numbers(result.shown),
                "prediction_low": result.prediction[0] if result.prediction else None,
                "prediction_high": result.prediction[1] if result.prediction else None,
                "tau2": result.pooled.tau2 if result.pooled else None,
                "i2": result.pooled.i2 if result.pooled else None,
            }
            for result in contents.results
        ],
        infer_schema_length=None,
    )


def numeric_rows(result: AnalysisResult) -> pl.DataFrame:
    """One row for each study an analysis looked at, in full precision."""
    return pl.DataFrame(
        [
            {
                "study": row.study.key,
                "label": row.study.label,
                **{
                    f"{name}_{place}": value
                    for place, arm in enumerate(row.arms, 1)
                    for name, value in (("n", arm.n), ("printed", arm.printed))
                },
                **_numbers(row.shown),
                "yi": row.yi,
                "vi": row.vi,
                "weight": row.weight,
                "reason": row.reason,
                "notes": "; ".join(row.notes),
            }
            for row in result.rows
        ],
        infer_schema_length=None,
    )


def _numbers(shown: Interval | None) -> dict[str, float | None]:
    names = ("estimate", "low", "high")
    return {name: None if shown is None else getattr(shown, name) for name in names}


def _studies(result: AnalysisResult) -> str:
    shown = result.analysis.effect == "median"
    usable = sum(not row.reason for row in result.rows) if shown else len(result.pooled_rows)
    return f"{usable} of {len(result.rows)} {'shown' if shown else 'pooled'}"


def _shown(result: AnalysisResult) -> str:
    return "–" if result.shown is None else number(result.shown.estimate, unit_of(result))


def _interval(result: AnalysisResult) -> str:
    return "–" if result.shown is None else _ends((result.shown.low, result.shown.high), result)


def _prediction(result: AnalysisResult) -> str:
    return "–" if result.prediction is None else _ends(result.prediction, result)


def _ends(ends: tuple[float, float], result: AnalysisResult) -> str:
    unit = unit_of(result)
    low, high = (number(end, unit) for end in ends)
    return f"{low.removesuffix(unit)} to {high}"


def counts_frame(contents: Contents) -> pl.DataFrame:
    """Studies and patients by site and design."""
    return text_rows(
        {
            "Site": count.site,
            "Design": count.design or "not stated",
            "Studies": f"{count.studies:,}",
            "Patients": f"{count.patients:,}" if count.without_size < count.studies else "–",
            "No total printed": f"{count.without_size:,}",
        }
        for count in contents.counts
    )


def analysis_frame(result: AnalysisResult) -> pl.DataFrame:
    """One row for each study an analysis looked at."""
    return text_rows(_analysis_row(row, result) for row in result.rows)


def _analysis_row(row: Row, result: AnalysisResult) -> dict[str, str]:
    cells = {"Study": row.study.label or row.study.key}
    for arm in row.arms:
        suffix = f", {arm.cohort}" if len(row.arms) > 1 else ""
        cells[f"n{suffix}"] = "–" if arm.n is None else f"{arm.n:,.0f}"
        cells[printed_heading(row, arm)] = arm.printed or "(blank)"
    unit = unit_of(result)
    if result.analysis.effect != "median":
        cells["Estimate"] = "–" if row.shown is None else number(row.shown.estimate, unit)
        ends = None if row.shown is None else (row.shown.low, row.shown.high)
        cells["95 % interval"] = "–" if ends is None else _ends(ends, result)
        cells["Weight (%)"] = "–" if row.weight is None else f"{row.weight:.1f}"
    left_out = "" if result.pooled is None else "not pooled: "
    cells["Remarks"] = "; ".join([f"{left_out}{row.reason}"] * bool(row.reason) + [*row.notes])
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
    return text_rows(
        {
            "Left out": row.omitted,
            "Pooled": number(result.without[row.omitted].estimate, unit_of(result)),
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
        if result.printed_range is None or len(result.rows) < 2:
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
    return text_rows(rows)


def stated_ranges_frame(evidence: Evidence) -> pl.DataFrame:
    """Ranges that documents state in their text."""
    return text_rows(
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


def printed_frame(table: Table) -> pl.DataFrame:
    """A table of a document, cell by cell as printed."""
    return text_rows(
        {"": row} | {column: cell or "" for column, cell in zip(table.columns, cells, strict=True)}
        for row, cells in table.rows
    )


def text_frame(evidence: Evidence) -> pl.DataFrame:
    """Numbers that were read from running text, with where each stands."""
    return text_rows(
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
        if not (finding.source.row and finding.source.column)
    )


def _printed(finding: Finding) -> str:
    parts = [finding.value.printed]
    if finding.low.printed or finding.high.printed:
        ends = f"{finding.low} to {finding.high}"
        parts.append(f"({ends})" if finding.value.printed else ends)
    if finding.events.printed and finding.n.printed:
        parts.append(f"[{finding.events} of {finding.n}]")
    elif finding.events.printed or finding.n.printed:
        parts.append(f"[n = {finding.events}]" if finding.events.printed else f"of {finding.n}")
    if finding.p.printed and finding.p != finding.value:
        parts.append(f"P {finding.p}" if finding.p.relation != "=" else f"P = {finding.p}")
    return " ".join(part for part in parts if part)


def text_rows(rows: Iterable[dict[str, str]]) -> pl.DataFrame:
    """Make a frame of text whose columns are those of all rows, in their order."""
    listed = list(rows)
    columns = dict.fromkeys(column for row in listed for column in row)
    return pl.DataFrame(
        {column: [row.get(column, "") for row in listed] for column in columns},
        schema=dict.fromkeys(columns, pl.String),
    )


def models_frame(result: AnalysisResult) -> pl.DataFrame:
    """One row for each model of the same survival percents; empty for other effects."""
    return text_rows(
        {
            "Model": one.model,
            "Studies": str(one.k),
            "Pooled": number(one.shown.estimate, unit_of(result)),
            "95 % interval": f"{one.shown.low:.1f} to {one.shown.high:.1f}",
            "Prediction interval": "–"
            if one.prediction is None
            else f"{one.prediction[0]:.1f} to {one.prediction[1]:.1f}",
            "Within studies": one.note,
        }
        for one in result.models
    )


def routes_frame(result: AnalysisResult) -> pl.DataFrame:
    """One row for each route from print to hazard ratio, pooled; empty where there are none."""
    pools = () if result.routes is None else result.routes.pools
    return text_rows(
        {
            "Route": one.route,
            "Studies": ", ".join(one.pooled.names),
            "Pooled": number(one.shown.estimate),
            "95 % interval": f"{number(one.shown.low)} to {number(one.shown.high)}",
            "Prediction interval": "–"
            if one.prediction is None
            else f"{number(one.prediction[0])} to {number(one.prediction[1])}",
        }
        for one in pools
    )
