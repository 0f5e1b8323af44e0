"""A planned analysis carried out: from findings to a pooled answer, or why there is none.

Each study keeps its printed string, its cells and, where it is left out, the reason; the answer
keeps the assumptions it stands on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from secondlook.evidence import Cohort, Evidence, Study
from secondlook.question import Analysis
from secondlook.synthesis.leave_one_out import LeaveOneOut, leave_one_out
from secondlook.synthesis.measures import MEASURES, Interval, Measure, Measured
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.result import Pooled
from secondlook.synthesis.selection import Arm, Candidate, candidates

__all__ = ["AnalysisResult", "Interval", "Row", "Subgroup", "analyse"]


@dataclass(frozen=True, slots=True)
class Row:
    """One study of an analysis.

    Attributes
    ----------
    study, arms
        The study, and one arm or treated and comparator.
    reason
        Why it is not pooled; empty when it is.
    yi, vi
        Effect and sampling variance on the scale of pooling; None when it is not pooled.
    weight
        Percent of the pooled estimate; None when it is not pooled.
    shown
        The effect and its 95 % interval on the reader's scale; None when there is none.
    notes
        What to know of this row, such as how a number was derived.
    """

    study: Study
    arms: tuple[Arm, ...]
    reason: str
    yi: float | None = None
    vi: float | None = None
    weight: float | None = None
    shown: Interval | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subgroup:
    """The studies of one value of a study column, pooled by themselves."""

    name: str
    k: int
    pooled: Pooled
    shown: Interval


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """The answer of one analysis.

    Attributes
    ----------
    analysis
        The plan it answers.
    rows
        Every study that was looked at, in the order of the evidence.
    pooled
        The pooled effect on the scale of pooling; None when it cannot be estimated.
    shown, prediction
        The pooled effect with its interval, and its prediction interval, on the reader's scale.
    not_estimable
        Why there is no pooled effect; empty when there is one.
    unit
        Unit of the reader's scale: ``%``, ``percentage points``, ``hazard ratio``, ``months``.
    null
        The value of no difference on the reader's scale; None where there is no comparison.
    printed_range
        Smallest and largest printed value among the rows with one, whether pooled or not.
    subgroups
        Pools by subgroup.
    left_out, without
        The pool with each study left out (three studies or more), and the same by the study's
        label on the reader's scale.
    assumptions, warnings
        Sentences the reader must have beside the number.
    """

    analysis: Analysis
    rows: tuple[Row, ...]
    pooled: Pooled | None
    shown: Interval | None
    prediction: tuple[float, float] | None
    not_estimable: str
    unit: str
    null: float | None
    printed_range: tuple[float, float] | None
    subgroups: tuple[Subgroup, ...]
    left_out: LeaveOneOut | None
    without: dict[str, Interval] = field(repr=False)
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def pooled_rows(self) -> tuple[Row, ...]:
        """The rows that went into the pooled effect."""
        return tuple(row for row in self.rows if row.yi is not None)

    def __str__(self) -> str:
        lines = [f"{self.analysis.title} [{self.analysis.id}]"]
        if self.pooled is None:
            lines.append(f"Not pooled: {self.not_estimable}.")
        else:
            lines.append(str(self.pooled))
        if self.shown is not None:
            level = 100 * self.pooled.level if self.pooled is not None else 95
            text = f"As {self.unit}: {_three(self.shown)} ({level:g} % interval)"
            if self.prediction is not None:
                text += (
                    f"; prediction interval {self.prediction[0]:.3g} to {self.prediction[1]:.3g}"
                )
            lines.append(text)
        out = [row for row in self.rows if row.reason]
        if out:
            lines.append("Looked at and not pooled:")
            lines.extend(f"  {row.study.label}: {row.reason}" for row in out)
        lines.extend(f"Assumed: {sentence}" for sentence in self.assumptions)
        lines.extend(f"Note: {sentence}" for sentence in self.warnings)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types, numbers unrounded."""
        return {
            "id": self.analysis.id,
            "title": self.analysis.title,
            "plan": self.analysis.model_dump(mode="json"),
            "unit": self.unit,
            "null": self.null,
            "shown": None if self.shown is None else asdict(self.shown),
            "prediction": None if self.prediction is None else list(self.prediction),
            "not_estimable": self.not_estimable,
            "printed_range": None if self.printed_range is None else list(self.printed_range),
            "pooled": None if self.pooled is None else self.pooled.to_dict(),
            "rows": [_row_to_dict(row) for row in self.rows],
            "subgroups": [
                {
                    "name": group.name,
                    "k": group.k,
                    "shown": asdict(group.shown),
                    "pooled": group.pooled.to_dict(),
                }
                for group in self.subgroups
            ],
            "leave_one_out": None if self.left_out is None else self.left_out.to_dict(),
            "assumptions": list(self.assumptions),
            "warnings": list(self.warnings),
        }


def analyse(evidence: Evidence, analysis: Analysis) -> AnalysisResult:
    """Carry out one planned analysis.

    Parameters
    ----------
    evidence
        The review's evidence.
    analysis
        The plan.

    Returns
    -------
    AnalysisResult
        With ``pooled`` None and the reason in ``not_estimable`` when no study can be used.

    Raises
    ------
    EvidenceError
        When a study prints two numbers for one thing and the plan does not say which to take.

    Notes
    -----
    What is pooled describes the patients these studies selected. A pooled survival after an
    operation is not the survival the operation would give to other patients, and a pooled
    difference between operated and not operated patients is not the effect of operating.

    Examples
    --------
    >>> import secondlook as sl
    >>> review = sl.example("stage-iv-breast")
    >>> plan = review.question.analysis("hepatic-5-year-survival")
    >>> result = sl.synthesis.analyse(review.evidence, plan)
    >>> len(result.rows), len(result.pooled_rows)
    (15, 13)
    """
    kind = MEASURES[analysis.effect]
    found = [kind.screen(candidate, analysis) for candidate in candidates(evidence, analysis)]
    usable = [candidate for candidate in found if not candidate.reason]
    measured = kind.measure(usable, analysis) if usable and kind.measure else None
    rows = _rows(found, measured)
    result = AnalysisResult(
        analysis=analysis,
        rows=rows,
        pooled=None,
        shown=None,
        prediction=None,
        not_estimable=_why_not(found, kind),
        unit=kind.unit,
        null=kind.null,
        printed_range=_printed_range(found),
        subgroups=(),
        left_out=None,
        without={},
        assumptions=() if measured is None else measured.assumptions,
        warnings=_overlaps(evidence, usable),
    )
    return result if measured is None else _pooled(result, measured, analysis)


def _pooled(result: AnalysisResult, measured: Measured, analysis: Analysis) -> AnalysisResult:
    yi, vi, names = measured.effects.yi, measured.effects.vi, measured.effects.names
    pooled = pool(yi, vi, method=analysis.method, test=analysis.test, names=names)
    weights = iter(pooled.weights)
    rows = tuple(
        row if row.yi is None else replace(row, weight=float(next(weights))) for row in result.rows
    )
    result = replace(
        result,
        rows=rows,
        pooled=pooled,
        shown=measured.interval(pooled.estimate, pooled.interval),
        prediction=_prediction(pooled, measured),
        subgroups=_subgroups(result.pooled_rows, measured, analysis),
        warnings=result.warnings + pooled.warnings,
    )
    if len(names) < 3:
        return result
    left_out = leave_one_out(yi, vi, method=analysis.method, test=analysis.test, names=names)
    return replace(result, left_out=left_out, without=_without_each(left_out, measured))


def _prediction(pooled: Pooled, measured: Measured) -> tuple[float, float] | None:
    if pooled.prediction_interval is None:
        return None
    shown = measured.interval(pooled.estimate, pooled.prediction_interval)
    return shown.low, shown.high


def _without_each(left_out: LeaveOneOut, measured: Measured) -> dict[str, Interval]:
    everyone = range(len(left_out.rows))
    return {
        row.omitted: measured.interval(
            row.estimate, row.interval, [other for other in everyone if other != index]
        )
        for index, row in enumerate(left_out.rows)
    }


def _subgroups(
    rows: tuple[Row, ...], measured: Measured, analysis: Analysis
) -> tuple[Subgroup, ...]:
    if not analysis.subgroup:
        return ()
    values = [getattr(row.study, analysis.subgroup) or "not stated" for row in rows]
    groups = []
    for name in dict.fromkeys(values):
        inside = [index for index, value in enumerate(values) if value == name]
        pooled = pool(
            measured.effects.yi[inside],
            measured.effects.vi[inside],
            method=analysis.method,
            test=analysis.test,
            names=[measured.effects.names[index] for index in inside],
        )
        shown = measured.interval(pooled.estimate, pooled.interval, inside)
        groups.append(Subgroup(name, len(inside), pooled, shown))
    return tuple(groups)


def _rows(found: Sequence[Candidate], measured: Measured | None) -> tuple[Row, ...]:
    rows = []
    index = 0
    for candidate in found:
        notes = tuple(arm.derived for arm in candidate.arms if arm.derived)
        if any(arm.from_figure for arm in candidate.arms):
            notes += ("estimated by the review from the data of the study",)
        row = Row(candidate.study, candidate.arms, candidate.reason, notes=notes)
        if not candidate.reason and measured is not None:
            row = replace(row, **_effect(measured, index))
            index += 1
        rows.append(row)
    return tuple(rows)


def _effect(measured: Measured, index: int) -> dict[str, Any]:
    yi, vi = float(measured.effects.yi[index]), float(measured.effects.vi[index])
    half = float(ndtri(0.975) * np.sqrt(vi))
    shown = measured.interval(yi, (yi - half, yi + half), [index])
    return {"yi": yi, "vi": vi, "shown": shown}


def _why_not(found: Sequence[Candidate], kind: Measure) -> str:
    if kind.measure is None:
        return "medians are printed without a measure of their precision, so they are only shown"
    if not found:
        return "no study has a finding of this kind; look at endpoint, site, place and cohort"
    if all(candidate.reason for candidate in found):
        return f"none of the {len(found)} studies looked at can be used (see the reason of each)"
    return ""


def _printed_range(found: Sequence[Candidate]) -> tuple[float, float] | None:
    values = [c.arms[0].value for c in found if len(c.arms) == 1 and c.arms[0].value is not None]
    return (min(values), max(values)) if values else None


def _overlaps(evidence: Evidence, usable: Sequence[Candidate]) -> tuple[str, ...]:
    pooled = {f"{c.study.key}/{arm.cohort}": c.study for c in usable for arm in c.arms}

    def shared(cohort: Cohort) -> list[str]:
        mine = f"{cohort.study}/{cohort.key}"
        return [other for other in cohort.overlaps if mine in pooled and other in pooled]

    return tuple(
        f"{pooled[f'{cohort.study}/{cohort.key}'].label} and {pooled[other].label} may share "
        "patients; both are pooled as if they did not"
        for cohort in evidence.cohorts
        for other in shared(cohort)
    )


def _three(interval: Interval) -> str:
    return f"{interval.estimate:.3g} ({interval.low:.3g} to {interval.high:.3g})"


def _row_to_dict(row: Row) -> dict[str, Any]:
    return {
        "study": row.study.key,
        "label": row.study.label,
        "arms": [
            {
                "cohort": arm.cohort,
                "n": arm.n,
                "printed": arm.printed,
                "value": arm.value,
                "derived": arm.derived,
                "from_figure": arm.from_figure,
                "sources": [str(finding.source) for finding in arm.findings],
            }
            for arm in row.arms
        ],
        "reason": row.reason,
        "yi": row.yi,
        "vi": row.vi,
        "weight": row.weight,
        "shown": None if row.shown is None else asdict(row.shown),
        "notes": list(row.notes),
    }
