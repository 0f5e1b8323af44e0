"""A planned curve synthesis carried out: from findings to a pooled curve, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from secondlook.errors import EstimationError
from secondlook.evidence import Evidence
from secondlook.question import CurvePlan
from secondlook.synthesis.curve_synthesis import (
    CurveSummary,
    FamilyComparison,
    PooledCurves,
    compare_families,
    curve_summaries,
    pool_curves,
)

__all__ = ["CurveResult", "analyse_curves"]


@dataclass(frozen=True, slots=True)
class CurveResult:
    """The answer of one planned curve synthesis.

    Attributes
    ----------
    plan
        What it answers.
    summaries
        What each study prints of its curve.
    pooled
        The pooled curve; None when it cannot be estimated.
    families
        The same numbers under every family of curves; None when they cannot be compared.
    not_estimable
        Why there is no pooled curve; empty when there is one.
    """

    plan: CurvePlan
    summaries: tuple[CurveSummary, ...]
    pooled: PooledCurves | None
    families: FamilyComparison | None
    not_estimable: str

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "id": self.plan.id,
            "title": self.plan.title,
            "plan": self.plan.model_dump(mode="json"),
            "not_estimable": self.not_estimable,
            "pooled": None if self.pooled is None else self.pooled.to_dict(),
            "families": None if self.families is None else self.families.to_dict(),
        }

    def __str__(self) -> str:
        heading = f"{self.plan.title} [{self.plan.id}]"
        if self.pooled is None:
            return f"{heading}\n\nNot pooled: {self.not_estimable}."
        parts = [heading, str(self.pooled)]
        if self.families is not None:
            parts.append(str(self.families))
        return "\n\n".join(parts)


def analyse_curves(evidence: Evidence, plan: CurvePlan) -> CurveResult:
    """Carry out one planned curve synthesis.

    Parameters
    ----------
    evidence
        The review's evidence.
    plan
        The plan.

    Returns
    -------
    CurveResult
        With ``pooled`` None and the reason in ``not_estimable`` when there is nothing to pool.

    Raises
    ------
    EvidenceError
        When a study prints two numbers for one thing and the plan does not say which to take.

    Notes
    -----
    The pooled curve describes the patients these studies chose. It is not the survival the
    treatment would give to others.

    Examples
    --------
    >>> import secondlook as sl
    >>> from secondlook.question import CurvePlan
    >>> evidence = sl.example("stage-iv-breast").evidence
    >>> plan = CurvePlan(id="liver", title="After liver resection", site="liver", place="Table 1")
    >>> analyse_curves(evidence, plan).pooled.k
    15
    """
    summaries = curve_summaries(
        evidence, endpoint=plan.endpoint, site=plan.site, place=plan.place, cohort=plan.cohort
    )
    if not any(one.observations for one in summaries):
        reason = "no study prints a number of this curve; look at endpoint, site, place and cohort"
        return CurveResult(plan, summaries, None, None, reason)
    try:
        pooled = pool_curves(summaries, family=plan.family, horizon=plan.horizon)
    except EstimationError as error:
        return CurveResult(plan, summaries, None, None, str(error.problems[0]))
    try:
        families = compare_families(summaries)
    except EstimationError:
        families = None  # what one family can hold, another may not
    return CurveResult(plan, summaries, pooled, families, "")
