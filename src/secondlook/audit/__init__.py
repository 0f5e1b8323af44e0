"""The auditor: printed numbers that cannot all be right, what would settle them, what is unseen."""

from secondlook.audit.causes import Cause, Search
from secondlook.audit.decisions import State, decision_of, resolve
from secondlook.audit.edits import SLIPS, Edit
from secondlook.audit.report import (
    NOTHING_SETTLES,
    UNSEEN,
    AuditReport,
    Coverage,
    Discrepancy,
    audit,
)
from secondlook.audit.rule import Class, Rule
from secondlook.audit.rules import RULES
from secondlook.audit.verdict import Cell, Outcome, Severity, Verdict

__all__ = [
    "NOTHING_SETTLES",
    "RULES",
    "SLIPS",
    "UNSEEN",
    "AuditReport",
    "Cause",
    "Cell",
    "Class",
    "Coverage",
    "Discrepancy",
    "Edit",
    "Outcome",
    "Rule",
    "Search",
    "Severity",
    "State",
    "Verdict",
    "audit",
    "decision_of",
    "resolve",
]
