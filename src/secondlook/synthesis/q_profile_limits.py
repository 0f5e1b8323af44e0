"""The Q-profile interval of one mean, both limits in one climb.

The same limits as :func:`~secondlook.synthesis.heterogeneity.q_profile`, which serves regressions
too, in half the time: every pooled result has them.
"""

from __future__ import annotations

from functools import lru_cache

from scipy.special import gammainccinv, gammaincinv

from secondlook.synthesis.heterogeneity import TIGHTEST
from secondlook.synthesis.printed_columns import Floats

__all__ = ["q_profile_limits"]


def q_profile_limits(yi: Floats, vi: Floats, level: float) -> tuple[float, float]:
    """Give the tau² at which Q has fallen to the upper and the lower quantile of its distribution.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k at least 2.
    level
        Coverage, between 0 and 1.

    Notes
    -----
    Viechtbauer, Stat Med 2007;26:37-52. 1/Q rises with tau² and is concave, so that Newton's method
    on it never passes the root: what has climbed to the first limit goes on to the second.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = q_profile_limits(np.array([0.0, 3.0]), np.array([1.0, 1.0]), 0.95)
    >>> low, round(high, 1)
    (0.0, 4581.2)
    """
    # as distances from the most precise study, whose residual may be far smaller than its effect
    away = yi - yi[vi.argmin()]
    limits, tau2 = [], 0.0
    for target in _targets(yi.size - 1, level):
        step = float("inf")
        while step > TIGHTEST * tau2:
            weights = 1 / (vi + tau2)
            residuals = away - weights @ away / weights.sum()
            weighted = weights * residuals
            q = float(weighted @ residuals)
            if q <= target:
                break
            step = (q / target - 1) * (q / float(weighted @ weighted))
            tau2 += step
        limits.append(tau2)
    return limits[0], limits[1]


@lru_cache(maxsize=256)
def _targets(degrees: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    return 2 * float(gammainccinv(degrees / 2, tail)), 2 * float(gammaincinv(degrees / 2, tail))
