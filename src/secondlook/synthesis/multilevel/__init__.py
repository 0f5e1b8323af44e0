"""Effects that come in groups: nested in studies, on several outcomes, or clustered in some way."""

from secondlook.synthesis.multilevel.cluster_robust import (
    CORRECTIONS,
    ClusterRobust,
    cluster_robust,
)
from secondlook.synthesis.multilevel.coefficients import (
    Coefficient,
    JointTest,
    LikelihoodRatio,
    Prediction,
)
from secondlook.synthesis.multilevel.covariance import KnownCovariance, known_covariance
from secondlook.synthesis.multilevel.multivariate import pool_multivariate
from secondlook.synthesis.multilevel.multivariate_result import Component, Multivariate
from secondlook.synthesis.multilevel.outcome_structures import STRUCTURES
from secondlook.synthesis.multilevel.random_effects import (
    Deviation,
    RandomEffects,
    random_effects,
)
from secondlook.synthesis.multilevel.three_level import pool_three_level
from secondlook.synthesis.multilevel.three_level_result import ThreeLevel
from secondlook.synthesis.multilevel.working_model import WorkingModel, working_model

__all__ = [
    "CORRECTIONS",
    "STRUCTURES",
    "ClusterRobust",
    "Coefficient",
    "Component",
    "Deviation",
    "JointTest",
    "KnownCovariance",
    "LikelihoodRatio",
    "Multivariate",
    "Prediction",
    "RandomEffects",
    "ThreeLevel",
    "WorkingModel",
    "cluster_robust",
    "known_covariance",
    "pool_multivariate",
    "pool_three_level",
    "random_effects",
    "working_model",
]
