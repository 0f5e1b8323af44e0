"""Meta-regression: moderators, tests of them, predictions, permutation tests and subgroups."""

from secondlook.synthesis.regression.coefficients import Coefficient, OmnibusTest
from secondlook.synthesis.regression.fitting import regress
from secondlook.synthesis.regression.permutation import (
    PermutationTest,
    PermutedCoefficient,
    permutation_test,
)
from secondlook.synthesis.regression.predictions import Prediction, Predictions
from secondlook.synthesis.regression.result import Regression
from secondlook.synthesis.regression.subgroup_result import SubgroupEstimate, Subgroups
from secondlook.synthesis.regression.subgroups import compare_subgroups

__all__ = [
    "Coefficient",
    "OmnibusTest",
    "PermutationTest",
    "PermutedCoefficient",
    "Prediction",
    "Predictions",
    "Regression",
    "SubgroupEstimate",
    "Subgroups",
    "compare_subgroups",
    "permutation_test",
    "regress",
]
