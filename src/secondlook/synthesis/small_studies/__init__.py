"""Small-study effects: tests of asymmetry, and what selection could have done to a result."""

from secondlook.synthesis.small_studies.asymmetry_result import AsymmetryTest
from secondlook.synthesis.small_studies.egger import egger_test
from secondlook.synthesis.small_studies.fail_safe import (
    FAIL_SAFE_METHODS,
    FailSafeNumber,
    fail_safe_n,
)
from secondlook.synthesis.small_studies.henmi_copas import HenmiCopas, henmi_copas
from secondlook.synthesis.small_studies.precision_effect import PrecisionEffect, pet_peese
from secondlook.synthesis.small_studies.rank_correlation import RankCorrelationTest, begg_test
from secondlook.synthesis.small_studies.step_result import (
    LikelihoodRatio,
    SelectionWeight,
    StepSelection,
)
from secondlook.synthesis.small_studies.step_selection import step_selection
from secondlook.synthesis.small_studies.trim_and_fill import TrimAndFill, trim_and_fill
from secondlook.synthesis.small_studies.two_by_two import harbord_test, peters_test

__all__ = [
    "FAIL_SAFE_METHODS",
    "AsymmetryTest",
    "FailSafeNumber",
    "HenmiCopas",
    "LikelihoodRatio",
    "PrecisionEffect",
    "RankCorrelationTest",
    "SelectionWeight",
    "StepSelection",
    "TrimAndFill",
    "begg_test",
    "egger_test",
    "fail_safe_n",
    "harbord_test",
    "henmi_copas",
    "pet_peese",
    "peters_test",
    "step_selection",
    "trim_and_fill",
]
