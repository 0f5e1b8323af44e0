"""Evidence: numbers as they were printed, whose they are, and where they were seen."""

from secondlook.evidence.body import Evidence, Rate, Table
from secondlook.evidence.records import (
    BIAS_DOMAINS,
    BIAS_JUDGEMENTS,
    ENTIRE,
    STATISTICS,
    Cohort,
    Decision,
    Factor,
    Finding,
    Reference,
    Source,
    Study,
)
from secondlook.evidence.reported import Kind, Reported
from secondlook.evidence.store import read, write
from secondlook.evidence.validation import check

__all__ = [
    "BIAS_DOMAINS",
    "BIAS_JUDGEMENTS",
    "ENTIRE",
    "STATISTICS",
    "Cohort",
    "Decision",
    "Evidence",
    "Factor",
    "Finding",
    "Kind",
    "Rate",
    "Reference",
    "Reported",
    "Source",
    "Study",
    "Table",
    "check",
    "read",
    "write",
]
