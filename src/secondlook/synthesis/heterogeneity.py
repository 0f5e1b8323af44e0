"""How much studies differ: Cochran's Q at any tau², intervals for tau², I² and H².

Q(tau²) is the weighted sum of squares about the weighted mean with weights 1/(v + tau²). It falls
steadily as tau² grows and has k - 1 degrees of freedom at the true tau². Setting it equal to k - 1
is the estimator of Paule and Mandel; setting it equal to two quantiles of the chi-squared
distribution is the Q-profile interval (Viechtbauer, Stat Med 2007;26:37-52). I² and H² compare
tau² with a typical within-study variance (Higgins and Thompson, Stat Med 2002;21:1539-1558).
"""

from __future__ import annotations

from scipy.special import gammainccinv, gammaincinv

from secondlook.synthesis.between_study_variance.likelihood import Likelihood
from secondlook.synthesis.between_study_variance.moments import TIGHTEST, where_q_is
from secondlook.synthesis.between_study_variance.weighted_fit import (
    InterceptOnly,
    Model,
    residual_trace,
)
from secondlook.synthesis.printed_columns import Floats

__all__ = [
    "TIGHTEST",
    "generalised_q",
    "h2_at",
    "i2_at",
    "profile_likelihood_interval",
    "q_profile",
    "q_profile_of",
    "residual_trace",
    "tau2_where_q_is",
    "typical_variance",
    "weighted_mean",
]


def weighted_mean(yi: Floats, weights: Floats) -> float:
    """Give the weighted mean, exact for studies that agree exactly.

    Examples
    --------
    >>> import numpy as np
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
    >>> import numpy as np
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

    Examples
    --------
    >>> import numpy as np
    >>> round(tau2_where_q_is(1.0, np.array([0.0, 2.0]), np.array([1.0, 1.0])), 12)
    1.0
    """
    return float(where_q_is(target, InterceptOnly.of(yi, vi)))


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
    >>> import numpy as np
    >>> low, high = q_profile(np.array([0.0, 3.0]), np.array([1.0, 1.0]), 0.95)
    >>> low, round(high, 1)
    (0.0, 4581.2)
    """
    return q_profile_of(InterceptOnly.of(yi, vi), level)


def q_profile_of(model: Model, level: float) -> tuple[float, float]:
    """Give the Q-profile interval for the tau² left over by a model; see :func:`q_profile`."""
    degrees, tail = model.yi.size - model.coefficients, (1 - level) / 2
    low = where_q_is(2 * float(gammainccinv(degrees / 2, tail)), model)
    high = where_q_is(2 * float(gammaincinv(degrees / 2, tail)), model)
    return float(low), float(high)


def profile_likelihood_interval(
    yi: Floats, vi: Floats, level: float, restricted: bool = True
) -> tuple[float, float]:
    """Give the profile-likelihood interval for tau².

    Its limits are the lowest and the highest tau² whose log-likelihood, the mean at its best, lies
    within half a quantile of the chi-squared distribution with 1 degree of freedom of the highest.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k at least 2.
    level
        Coverage, between 0 and 1.
    restricted
        Whether the likelihood is the restricted one, as belongs to REML, or not, as belongs to ML.

    Returns
    -------
    tuple of float
        The limits, which always hold the estimate. Where the likelihood has two maxima, values
        between them may be less likely than the limits.

    Notes
    -----
    Hardy and Thompson, Stat Med 1996;15:619-629; Viechtbauer, Stat Med 2007;26:37-52, for the
    restricted likelihood. The coverage is that of large numbers of studies.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = profile_likelihood_interval(np.array([0.0, 3.0]), np.array([1.0, 1.0]), 0.95)
    >>> low, round(high, 1)
    (0.0, 564.4)
    """
    return Likelihood(InterceptOnly.of(yi, vi), restricted).interval(level)


def typical_variance(vi: Floats) -> float:
    """Give the typical within-study variance of Higgins and Thompson (their equation 9).

    Examples
    --------
    >>> import numpy as np
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
