"""The answer of a planned analysis: what was looked at, what was pooled, and why not the rest."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from secondlook.evidence import Study
from secondlook.question import Analysis
from secondlook.synthesis.leave_one_out import LeaveOneOut
from secondlook.synthesis.measures import Interval, Measured
from secondlook.synthesis.result import Pooled
from secondlook.synthesis.routes import Routes
from secondlook.synthesis.selection import Arm
from secondlook.synthesis.survival_models import ModelPool

__all__ = ["AnalysisResult", "Row", "Subgroup"]


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
    outside
        Studies of the planned site that have no finding the analysis takes.
    subgroups
        Pools by subgroup.
    left_out, without
        The pool with each study left out (three studies or more), and the same by the study's
        label on the reader's scale.
    models
        Survival percents by several models side by side; empty for other effects.
    routes
        A comparison by every route from print to hazard ratio; None for other effects.
    assumptions, warnings
        Sentences the reader must have beside the number.
    measured
        The effects that were pooled, and the way back to the reader's scale; None when none were.
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
    outside: tuple[Study, ...]
    subgroups: tuple[Subgroup, ...]
    left_out: LeaveOneOut | None
    without: dict[str, Interval] = field(repr=False)
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    models: tuple[ModelPool, ...] = ()
    routes: Routes | None = None
    measured: Measured | None = field(default=None, repr=False, compare=False)

    @property
    def pooled_rows(self) -> tuple[Row, ...]:
        """The rows that went into the pooled effect."""
        return tuple(row for row in self.rows if row.yi is not None)

    def __str__(self) -> str:
        parts = [f"{self.analysis.title} [{self.analysis.id}]"]
        if self.shown is not None:
            answer = f"{self.unit}: {_three(self.shown)} (95 % interval)"
            if self.prediction is not None:
                low, high = self.prediction
                answer += f"; prediction interval {low:.3g} to {high:.3g}"
            parts.append(answer)
        parts.append("\n".join(_study_lines(self)))
        if self.subgroups:
            parts.append(
                "\n".join(
                    f"{group.name} alone (k = {group.k}): {_three(group.shown)}"
                    for group in self.subgroups
                )
            )
        if self.pooled is None:
            parts.append(f"Not pooled: {self.not_estimable}.")
        else:
            # for a single group "no effect" would be a survival of one half
            parts.append(self.pooled.text(test=self.null is not None, warnings=False))
        if self.models:
            parts.append(
                "By model:\n"
                + "\n".join(
                    f"  {one.model} (k = {one.k}): {_three(one.shown)}" for one in self.models
                )
            )
        if self.routes is not None:
            parts.append(
                "By route:\n"
                + "\n".join(
                    f"  {one.route} (k = {one.pooled.k}): {_three(one.shown)}"
                    for one in self.routes.pools
                )
            )
        if self.outside:
            names = ", ".join(study.label or study.key for study in self.outside)
            parts.append(f"At this site, without a finding this analysis takes: {names}")
        sentences = [f"Assumed: {sentence}" for sentence in self.assumptions]
        sentences += [f"Note: {sentence}" for sentence in self.warnings]
        return "\n\n".join([*parts, "\n".join(sentences)]).rstrip()

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
            "outside": [study.key for study in self.outside],
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
            "models": [one.to_dict() for one in self.models],
            "routes": None if self.routes is None else self.routes.to_dict(),
            "leave_one_out": None if self.left_out is None else self.left_out.to_dict(),
            "assumptions": list(self.assumptions),
            "warnings": list(self.warnings),
        }


def _study_lines(result: AnalysisResult) -> list[str]:
    names = [row.study.label or row.study.key for row in result.rows]
    width = max((len(name) for name in names), default=0)
    printed = [" vs ".join(arm.printed or "–" for arm in row.arms) for row in result.rows]
    wide = max((len(text) for text in printed), default=0)
    lines = []
    for row, name, text in zip(result.rows, names, printed, strict=True):
        n = " / ".join("–" if arm.n is None else f"{arm.n:,}" for arm in row.arms)
        says = row.reason
        if row.shown is not None and row.weight is not None:
            says = f"{_three(row.shown)}   weight {row.weight:.1f} %"
        lines.append(f"  {name:<{width}}  {n:>15}  {text:<{wide}}  {says}".rstrip())
    return lines


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
