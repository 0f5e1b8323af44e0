"""Bayesian random-effects meta-analysis by quadrature: priors, posterior distributions, results."""

from secondlook.synthesis.bayesian.pooling import pool_bayesian
from secondlook.synthesis.bayesian.posterior_distribution import (
    PosteriorDistribution,
    PosteriorSummary,
)
from secondlook.synthesis.bayesian.priors import (
    HETEROGENEITY_PRIORS,
    WEAKLY_INFORMATIVE,
    Exponential,
    HalfCauchy,
    HalfNormal,
    HalfT,
    HeterogeneityPrior,
    Normal,
    Uniform,
)
from secondlook.synthesis.bayesian.result import BayesianPooled, ShrunkenEffect

__all__ = [
    "HETEROGENEITY_PRIORS",
    "WEAKLY_INFORMATIVE",
    "BayesianPooled",
    "Exponential",
    "HalfCauchy",
    "HalfNormal",
    "HalfT",
    "HeterogeneityPrior",
    "Normal",
    "PosteriorDistribution",
    "PosteriorSummary",
    "ShrunkenEffect",
    "Uniform",
    "pool_bayesian",
]
