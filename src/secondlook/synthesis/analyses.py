"""A planned analysis carried out: from findings to a pooled answer, or why there is none.

Each study keeps its printed string, its cells and, where it is left out, the reason; the answer
keeps the assumptions it stands on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtri

from secondlook.errors import EvidenceError
from secondlook.evidence import ENTIRE, Evidence, Study
from secondlook.question import Analysis
from secondlook.synthesis.analysis_result import AnalysisResult, Row, Subgroup
from secondlook.synthesis.leave_one_out import LeaveOneOut, leave_one_out
from secondlook.synthesis.measures import MEASURES, Interval, Measure, Measured
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.result import Pooled
from secondlook.synthesis.routes import pool_by_route
from secondlook.synthesis.selection import Candidate, candidates, unknown_words
from secondlook.synthesis.survival_models import pool_by_model

__all__ = ["analyse"]


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
        outside=_outside(evidence, found, analysis),
        subgroups=(),
        left_out=None,
        without={},
        assumptions=() if measured is None else measured.assumptions,
        warnings=_overlaps(evidence, usable) + unknown_words(evidence, analysis),
    )
    if analysis.effect.startswith("hazard_ratio"):
        result = _with_routes(result, evidence)
    return result if measured is None else _pooled(result, measured, analysis)


def _with_routes(result: AnalysisResult, evidence: Evidence) -> AnalysisResult:
    try:
        return replace(result, routes=pool_by_route(evidence, result.analysis))
    except EvidenceError as error:
        # the plan's place decides between two numbers; routes look everywhere, and cannot
        said = f"not pooled by every route: {error.problems[0]}"
        return replace(result, warnings=(*result.warnings, said))


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
        measured=measured,
        pooled=pooled,
        shown=measured.interval(pooled.estimate, pooled.interval),
        prediction=_prediction(pooled, measured),
        subgroups=_subgroups(result.pooled_rows, measured, analysis),
        warnings=result.warnings + measured.warnings + pooled.warnings,
    )
    if analysis.effect == "survival":
        arms = [row.arms[0] for row in result.pooled_rows]
        known = [(arm.value / 100, arm.n) for arm in arms if arm.value is not None and arm.n]
        survival, sizes = zip(*known, strict=True)
        result = replace(result, models=pool_by_model(survival, sizes, names))
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
        notes += tuple(arm.against for arm in candidate.arms if arm.against)
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
        return "medians are shown as printed and not pooled"
    if not found:
        return "no study has a finding of this kind; look at endpoint, site, place and cohort"
    if all(candidate.reason for candidate in found):
        return f"none of the {len(found)} studies looked at can be used (see the reason of each)"
    return ""


def _printed_range(found: Sequence[Candidate]) -> tuple[float, float] | None:
    values = [c.arms[0].value for c in found if len(c.arms) == 1 and c.arms[0].value is not None]
    return (min(values), max(values)) if values else None


def _outside(
    evidence: Evidence, found: Sequence[Candidate], analysis: Analysis
) -> tuple[Study, ...]:
    looked_at = {candidate.study.key for candidate in found}
    same = [s for s in evidence.studies if analysis.site and s.site == analysis.site]
    return tuple(study for study in same if study.key not in looked_at)


def _overlaps(evidence: Evidence, usable: Sequence[Candidate]) -> tuple[str, ...]:
    labels = {c.study.key: c.study.label or c.study.key for c in usable}
    pooled = {(c.study.key, arm.cohort) for c in usable for arm in c.arms}
    parents = {(cohort.study, cohort.key): cohort.subset_of for cohort in evidence.cohorts}
    # a cohort shares its patients with every cohort that contains it
    within: dict[tuple[str, str], set[str]] = {}
    for study, name in pooled:
        above = name
        for _ in range(len(parents) + 1):
            within.setdefault((study, above), set()).add(study)
            above = parents.get((study, above), ENTIRE)
        within.setdefault((study, ENTIRE), set()).add(study)
    pairs = {
        tuple(sorted((cohort.study, study)))
        for cohort in evidence.cohorts
        for other in cohort.overlaps
        for study, _, name in [other.partition("/")]
        if (cohort.study, cohort.key) in within and (study, name or ENTIRE) in within
    }
    return tuple(
        f"{labels[first]} and {labels[second]} may share patients; both are pooled as if they "
        "did not"
        for first, second in sorted(pairs)
        if first != second
    )
