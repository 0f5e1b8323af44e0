"""How much studies differ: Cochran's Q at any tau², the Q-profile interval, I² and H².

Q(tau²) is the weighted sum of squares about the weighted mean with weights 1/(v + tau²). It falls
steadily as tau² grows and has k - 1 degrees of freedom at the true tau². Setting it equal to k - 1
is the estimator of Paule and Mandel; setting it equal to two quantiles of the chi-squared
distribution is the Q-profile interval (Viechtbauer, Stat Med 2007;26:37-52). I² and H² compare
tau² with a typical within-study variance (Higgins and Thompson, Stat Med 2002;21:1539-1558).
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.special import gammainccinv, gammaincinv

from secondlook.synthesis.printed_columns import Floats

__all__ = [
    "TIGHTEST",
    "generalised_q",
    "h2_at",
    "i2_at",
    "q_profile",
    "residual_trace",
    "tau2_where_q_is",
    "typical_variance",
    "weighted_mean",
]

TIGHTEST = 4 * sys.float_info.epsilon
"""Relative tolerance of every root: the tightest the root finder takes."""


def weighted_mean(yi: Floats, weights: Floats) -> float:
    """Give the weighted mean, exact for studies that agree exactly.

    Examples
    --------
    >>> weighted_mean(np.array([1.0, 4.0]), np.array([2.0, 1.0]))
    2.0
    """
    heaviest = float(yi[weights.argmax()])
    return heaviest + float(weights @ (yi - heaviest) / weights.sum())


def generalised_q(yi: Floats, vi: Floats, tau2: float) -> float:
    """Give Cochran's Q with weights 1/(vi + tau2); at tau2 = 0 the usual statistic.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,).
    tau2
        A between-study variance, not negative.

    Examples
    --------
    >>> generalised_q(np.array([0.0, 2.0]), np.array([1.0, 1.0]), 0.0)
    2.0
    """
    weights = 1 / (vi + tau2)
    return float(weights @ (yi - weighted_mean(yi, weights)) ** 2)


def tau2_where_q_is(target: float, yi: Floats, vi: Floats) -> float:
    """Give the tau² at which Q has fallen to a target, or 0 where it starts at or below it.

    Parameters
    ----------
    target
        A positive value for Q.
    yi, vi
        Effects and sampling variances, shape (k,).

    Notes
    -----
    Q(tau²) is a sum of terms a/(b + tau²), a and b not negative, so that 1/Q is a harmonic mean of
    linear functions: it rises and is concave. Newton's method on 1/Q therefore climbs from 0 to the
    root without passing it, whatever the data.

    Examples
    --------
    >>> round(tau2_where_q_is(1.0, np.array([0.0, 2.0]), np.array([1.0, 1.0])), 12)
    1.0
    """
    # as distances from the most precise study, whose residual may be far smaller than its effect
    away = yi - yi[vi.argmin()]
    tau2, step = 0.0, np.inf
    while step > TIGHTEST * tau2:
        weights = 1 / (vi + tau2)
        residuals = away - weights @ away / weights.sum()
        weighted = weights * residuals
        q = float(weighted @ residuals)
        if q <= target:
            break
        step = (q / target - 1) * (q / float(weighted @ weighted))
        tau2 += step
    return tau2


def q_profile(yi: Floats, vi: Floats, level: float) -> tuple[float, float]:
    """Give the Q-profile interval for tau².

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k at least 2.
    level
        Coverage, between 0 and 1.

    Returns
    -------
    tuple of float
        The limits. ``(0.0, 0.0)`` where even tau² = 0 is above the interval: the studies agree more
        than chance allows and no tau² is compatible with them at this level.

    Notes
    -----
    Exact when effects are normal with known variances. The interval need not hold the REML or
    DerSimonian-Laird estimate.

    Examples
    --------
    >>> low, high = q_profile(np.array([0.0, 3.0]), np.array([1.0, 1.0]), 0.95)
    >>> low, round(high, 1)
    (0.0, 4581.2)
    """
    degrees, tail = yi.size - 1, (1 - level) / 2
    low = tau2_where_q_is(2 * float(gammainccinv(degrees / 2, tail)), yi, vi)
    high = tau2_where_q_is(2 * float(gammaincinv(degrees / 2, tail)), yi, vi)
    return low, high


def residual_trace(weights: Floats) -> Floats:
    """Give sum(w) - sum(w²)/sum(w) along the last axis, without its cancellation.

    It is the trace of the matrix that takes effects to weighted residuals, and equals
    2 sum_{i<j} w_i w_j / sum(w): a sum of positive terms also when one study has nearly all weight.

    Examples
    --------
    >>> residual_trace(np.array([1.0, 2.0, 4.0])).item()
    4.0
    """
    before = weights.cumsum(axis=-1)
    pairs = np.vecdot(weights[..., 1:], before[..., :-1])
    return np.asarray(2 * pairs / before[..., -1])


def typical_variance(vi: Floats) -> float:
    """Give the typical within-study variance of Higgins and Thompson (their equation 9).

    Examples
    --------
    >>> typical_variance(np.array([0.5, 0.5, 0.5]))
    0.5
    """
    return (vi.size - 1) / float(residual_trace(1 / vi))


def i2_at(tau2: float, typical: float) -> float:
    """Give I² in percent: tau² as a share of tau² plus the typical within-study variance.

    It is not an absolute amount of heterogeneity: with larger studies it rises at the same tau².

    Examples
    --------
    >>> i2_at(1.5, 0.5)
    75.0
    """
    return 100 * tau2 / (tau2 + typical)


def h2_at(tau2: float, typical: float) -> float:
    """Give H²: tau² plus the typical within-study variance, over that variance.

    Examples
    --------
    >>> h2_at(1.5, 0.5)
    4.0
    """
    return 1 + tau2 / typical
