"""What a review asks and how it plans to answer: ``review.toml``, which every stage answers to."""

from secondlook.question.plan import (
    DOMAINS,
    Analysis,
    Baseline,
    Certainty,
    CurvePlan,
    Eligibility,
    Judgement,
    Outcome,
    Question,
    Search,
)
from secondlook.question.reading import read_question

__all__ = [
    "DOMAINS",
    "Analysis",
    "Baseline",
    "Certainty",
    "CurvePlan",
    "Eligibility",
    "Judgement",
    "Outcome",
    "Question",
    "Search",
    "read_question",
]
