"""Pooling counts themselves, by mixed models, instead of effects computed from them."""

from secondlook.synthesis.count_models.proportions import PROPORTION_MEASURES, pool_proportions
from secondlook.synthesis.count_models.rates import pool_rates
from secondlook.synthesis.count_models.result import PooledCounts
from secondlook.synthesis.count_models.two_arms import pool_two_arms, pool_two_rates

__all__ = [
    "PROPORTION_MEASURES",
    "PooledCounts",
    "pool_proportions",
    "pool_rates",
    "pool_two_arms",
    "pool_two_rates",
]
