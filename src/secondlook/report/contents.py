"""What a report is made of: put together by the review, read by everything that draws or writes."""

from __future__ import annotations

from dataclasses import dataclass

from secondlook.audit import AuditReport
from secondlook.consequences import Consequence
from secondlook.evidence import Evidence
from secondlook.question import Question
from secondlook.synthesis import (
    AnalysisResult,
    CertaintyOfEvidence,
    CurveResult,
    FactorEffect,
    FactorVotes,
    StudyCount,
)

__all__ = ["Contents"]


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything a report shows, computed and not yet drawn.

    Attributes
    ----------
    question, evidence
        The review's question and its evidence.
    results
        One result for each planned analysis, in the order of the plan.
    curves
        One result for each planned curve synthesis.
    votes
        Prognostic statements by site and factor.
    factor_effects
        Pooled hazard ratios of prognostic factors.
    certainty
        The certainty of the analyses for which the plan asks it.
    counts
        Studies and patients by site and design.
    audit, consequences
        What the audit found, and what its errors change in the results.
    """

    question: Question
    evidence: Evidence
    results: tuple[AnalysisResult, ...]
    curves: tuple[CurveResult, ...]
    votes: tuple[FactorVotes, ...]
    factor_effects: tuple[FactorEffect, ...]
    certainty: tuple[CertaintyOfEvidence, ...]
    counts: tuple[StudyCount, ...]
    audit: AuditReport
    consequences: tuple[Consequence, ...]
