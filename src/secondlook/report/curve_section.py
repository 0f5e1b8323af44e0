"""A pooled survival curve for the page: its answer in words, its tables, its figure."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from secondlook.report.analysis_section import figure, table
from secondlook.report.numerals import plural
from secondlook.report.tables import text_rows
from secondlook.synthesis import CurveResult, PooledCurves, TimeEstimate

__all__ = ["CurveSection", "curve_frame", "curve_section", "printed_numbers_frame"]

_TIMES = (12.0, 24.0, 36.0, 48.0, 60.0, 84.0, 120.0)


@dataclass(frozen=True, slots=True)
class CurveSection:
    """One curve synthesis as the page shows it."""

    id: str
    title: str
    answer: str
    figure: Markup
    table: Markup
    families: Markup
    families_notes: tuple[str, ...]
    studies: Markup
    warnings: tuple[str, ...]
    conventions: tuple[str, ...]


def curve_section(result: CurveResult, drawn: dict[str, bytes]) -> CurveSection:
    """Gather what the page shows of one curve synthesis."""
    plan, pooled = result.plan, result.pooled
    answer = _answer(result)
    compared = _families(result)
    shown = _curve(pooled)
    studies = pl.DataFrame() if pooled is None else _numbers(pooled)
    return CurveSection(
        id=plan.id,
        title=plan.title,
        answer=answer,
        figure=figure(drawn, plan.id, plan.title, answer),
        table=table(shown, f"curve-{plan.id}-table", tuple(shown.columns[1:])),
        families=table(compared, f"curve-{plan.id}-families", tuple(compared.columns[1:])),
        families_notes=() if result.families is None else result.families.warnings,
        studies=table(studies, f"curve-{plan.id}-studies"),
        warnings=() if pooled is None else pooled.warnings,
        conventions=() if pooled is None else pooled.conventions,
    )


def curve_frame(pooled: PooledCurves) -> pl.DataFrame:
    """Give the pooled curve at round times, in percent, with its two kinds of interval."""
    curve = pooled.curve
    if curve is None:
        return pl.DataFrame()
    last = curve.times[-1]
    times = [months for months in _TIMES if months <= last + 1e-9] or [last]
    # where nothing is known of the shape, only the times that were printed can be asked for
    band = curve if pooled.restricted_mean is None else pooled.at(*times)
    times = list(band.times)
    columns = {"months": times}
    for name in ("survival", "low", "high", "prediction_low", "prediction_high"):
        values = getattr(band, name)
        columns[name] = [float("nan")] * len(times) if values is None else [100 * v for v in values]
    return pl.DataFrame(columns).fill_nan(None)


def printed_numbers_frame(pooled: PooledCurves) -> pl.DataFrame:
    """Give one row for each printed number, beside what its study's own curve says."""
    rows = []
    for study in pooled.studies:
        for number in study.numbers:
            percent = number.statistic == "rate"
            rows.append(
                {
                    "study": study.study,
                    "printed": number.description,
                    "own curve": f"{100 * number.expected:.1f} %"
                    if percent
                    else f"{number.expected:.1f} months",
                    "standardised residual": number.standardised_residual,
                }
            )
    return pl.DataFrame(rows)


def _curve(pooled: PooledCurves | None) -> pl.DataFrame:
    frame = pl.DataFrame() if pooled is None else curve_frame(pooled)
    return text_rows(
        {
            "Months": f"{row['months']:g}",
            "Survival, average study": f"{row['survival']:.1f}\u00a0%",
            "95 % interval": _range(row["low"], row["high"]),
            "Prediction interval": _range(row["prediction_low"], row["prediction_high"]),
        }
        for row in frame.iter_rows(named=True)
    )


def _range(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.1f} to {high:.1f}"


def _families(result: CurveResult) -> pl.DataFrame:
    compared = result.families
    if compared is None:
        return pl.DataFrame()
    return text_rows(
        {
            "Family": row.family,
            "AIC": f"{row.aic:.1f}",
            "BIC": f"{row.bic:.1f}",
            "AIC weight": f"{row.aic_weight:.2f}",
            "Median": "–" if row.median is None else f"{row.median:.1f} months",
            **{
                f"Alive at {months:g} months": "–" if alive is None else f"{100 * alive:.1f}\u00a0%"
                for months, alive in zip(compared.times, row.survival, strict=True)
            },
        }
        for row in compared.rows
    )


def _numbers(pooled: PooledCurves) -> pl.DataFrame:
    return text_rows(
        {
            "Study": row["study"],
            "Printed": row["printed"],
            "Its own curve": row["own curve"],
            "Standardised residual": f"{row['standardised residual']:+.1f}".replace("-", "−"),
        }
        for row in printed_numbers_frame(pooled).iter_rows(named=True)
    )


def _answer(result: CurveResult) -> str:
    pooled = result.pooled
    if pooled is None:
        return f"Nothing could be pooled: {result.not_estimable}."
    numbers = plural(pooled.n_numbers, "printed number", "printed numbers")
    text = f"{plural(pooled.k, 'study', 'studies')} with {numbers} are pooled."
    if pooled.median is not None:
        text += f" Median of the average study: {_time(pooled.median)}."
    if pooled.restricted_mean is not None and pooled.horizon is not None:
        mean = _time(pooled.restricted_mean)
        text += f" Mean time alive within {pooled.horizon:g} months: {mean}."
    return text


def _time(estimate: TimeEstimate) -> str:
    low, high = (("not reached" if e is None else f"{e:.1f}") for e in estimate.interval)
    return f"{estimate.estimate:.1f} months (95 % interval {low} to {high})"
