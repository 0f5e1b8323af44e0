"""What contradictory numbers change in the pooled results: as printed, left out, and settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from secondlook.audit import AuditReport, Cause, Discrepancy, Severity
from secondlook.audit.block import blocks
from secondlook.audit.causes import changed
from secondlook.errors import InputError
from secondlook.evidence import Evidence
from secondlook.synthesis import AnalysisResult, Interval, Row, analyse

__all__ = ["Consequence", "consequences"]

_MOST_CAUSES = 5
"""Candidate causes whose consequence is worked out; more of them are still listed."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a discrepancy changes in a pooled result.

    Attributes
    ----------
    discrepancy
        The discrepancy.
    analysis, unit
        Title of an analysis that uses one of its cells, and the unit of its answer.
    as_printed, left_out
        The pooled result with the printed values, and without the study.
    under
        The pooled result under each candidate cause, by what would be.
    """

    discrepancy: Discrepancy
    analysis: str
    unit: str
    as_printed: Interval | None
    left_out: Interval | None
    under: tuple[tuple[str, Interval | None], ...]

    def __str__(self) -> str:
        text = f"{self.analysis}: as printed {_shown(self.as_printed, self.unit)}"
        text += f", without the study {_shown(self.left_out, self.unit)}"
        under = dict.fromkeys(_shown(interval, self.unit) for _, interval in self.under)
        return text + (f", under these changes {' or '.join(under)}" if under else "")

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON types."""
        return {
            "analysis": self.analysis,
            "sentence": str(self),
            "unit": self.unit,
            "as_printed": None if self.as_printed is None else asdict(self.as_printed),
            "left_out": None if self.left_out is None else asdict(self.left_out),
            "under": [
                {"would_be": cause, "pooled": None if shown is None else asdict(shown)}
                for cause, shown in self.under
            ],
        }


def _shown(interval: Interval | None, unit: str) -> str:
    if interval is None:
        return "not estimable"
    behind = {"%": "\u00a0%", "percentage points": " points"}.get(unit, "")
    digits = 1 if behind else 2
    ends = f"{interval.low:.{digits}f} to {interval.high:.{digits}f}"
    return f"{interval.estimate:.{digits}f}{behind} ({ends})"


def consequences(
    evidence: Evidence, audited: AuditReport, results: Sequence[AnalysisResult]
) -> tuple[Consequence, ...]:
    """Say what each error about which nobody has decided changes in the pooled results.

    Parameters
    ----------
    evidence
        What the results were computed from.
    audited, results
        The audit, and the results of the planned analyses.

    Returns
    -------
    tuple of Consequence
        One for each error and each analysis that uses a cell of it: the result as printed, without
        the study, and under each candidate cause.
    """
    found = []
    for error in audited.open(Severity.ERROR):
        indexes = {cell.index for cell in error.verdict.cells if cell.index is not None}
        cells = [evidence.findings[index] for index in indexes]
        for result in results:
            row = next(
                (
                    r
                    for r in result.pooled_rows
                    if any(f in cells for a in r.arms for f in a.findings)
                ),
                None,
            )
            if row is None:
                continue
            under = _under(evidence, error, result)
            without = _without(result, row)
            title, unit = result.analysis.title, result.unit
            found.append(Consequence(error, title, unit, result.shown, without, under))
    return tuple(found)


def _without(result: AnalysisResult, row: Row) -> Interval | None:
    if result.left_out is None:
        return None
    return result.without[result.left_out.rows[result.pooled_rows.index(row)].omitted]


def _under(
    evidence: Evidence, error: Discrepancy, result: AnalysisResult
) -> tuple[tuple[str, Interval | None], ...]:
    shown = []
    for cause in error.search.causes[:_MOST_CAUSES]:
        try:
            again = analyse(_changed(evidence, cause), result.analysis).shown
        except InputError:
            again = None  # the change leaves two numbers for one thing
        shown.append((str(cause), again))
    return tuple(shown)


def _changed(evidence: Evidence, cause: Cause) -> Evidence:
    findings = list(evidence.findings)
    key = findings[cause.edits[0].index].study
    block = next(block for block in blocks(evidence) if block.study.key == key)
    for item in changed(block, cause.edits).items:
        findings[item.index] = item.finding
    return replace(evidence, findings=tuple(findings))
