"""Pooling: effect sizes, between-study variance, heterogeneity, and what one study changes."""

from secondlook.synthesis.analyses import analyse
from secondlook.synthesis.analysis_result import AnalysisResult, Row, Subgroup
from secondlook.synthesis.back_transform import BackTransformed, back_transform, inverse
from secondlook.synthesis.description import StudyCount, count_studies
from secondlook.synthesis.effects import (
    Effects,
    implied_log_hazard_ratio,
    log_hazard_ratio,
    survival_difference,
    survival_proportion,
)
from secondlook.synthesis.leave_one_out import LeaveOneOut, Omission, leave_one_out
from secondlook.synthesis.measures import MEASURES, Interval
from secondlook.synthesis.pooling import METHODS, TESTS, pool
from secondlook.synthesis.prognosis import FactorVotes, Vote, count_votes
from secondlook.synthesis.result import Pooled
from secondlook.synthesis.selection import Arm

__all__ = [
    "MEASURES",
    "METHODS",
    "TESTS",
    "AnalysisResult",
    "Arm",
    "BackTransformed",
    "Effects",
    "FactorVotes",
    "Interval",
    "LeaveOneOut",
    "Omission",
    "Pooled",
    "Row",
    "StudyCount",
    "Subgroup",
    "Vote",
    "analyse",
    "back_transform",
    "count_studies",
    "count_votes",
    "implied_log_hazard_ratio",
    "inverse",
    "leave_one_out",
    "log_hazard_ratio",
    "pool",
    "survival_difference",
    "survival_proportion",
]
