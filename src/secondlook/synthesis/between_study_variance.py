"""Estimators of the between-study variance tau².

===========  ====================================================================================
``"DL"``     DerSimonian and Laird, Control Clin Trials 1986;7:177-188
``"PM"``     Paule and Mandel, J Res Natl Bur Stand 1982;87:377-385
``"REML"``   restricted maximum likelihood; Viechtbauer, J Educ Behav Stat 2005;30:261-293
===========  ====================================================================================
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from secondlook.synthesis.heterogeneity import (
    TIGHTEST,
    generalised_q,
    residual_trace,
    tau2_where_q_is,
)
from secondlook.synthesis.printed_columns import Floats

__all__ = [
    "ESTIMATORS",
    "BetweenStudyVariance",
    "dersimonian_laird",
    "paule_mandel",
    "restricted_maximum_likelihood",
]


@dataclass(frozen=True, slots=True)
class BetweenStudyVariance:
    """An estimate of tau², its asymptotic standard error, and the other maxima that lost to it."""

    tau2: float
    standard_error: float
    lesser_maxima: tuple[float, ...] = ()


def dersimonian_laird(yi: Floats, vi: Floats) -> BetweenStudyVariance:
    """Estimate tau² by the moments of Cochran's Q, not below 0.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k at least 2.

    Examples
    --------
    >>> dersimonian_laird(np.array([0.0, 2.0]), np.array([1.0, 1.0])).tau2
    1.0
    """
    degrees, weights = yi.size - 1, 1 / vi
    trace = float(residual_trace(weights))
    tau2 = max(0.0, (generalised_q(yi, vi, 0.0) - degrees) / trace)
    # the square root of 2 df + 4 tau² trace + 2 tau⁴ norm, whose last term could be beyond a double
    error = np.hypot(
        np.sqrt(2 * degrees + 4 * tau2 * trace), tau2 * np.sqrt(2 * _squared_norm(weights))
    )
    return BetweenStudyVariance(tau2, float(error) / trace)


def paule_mandel(yi: Floats, vi: Floats) -> BetweenStudyVariance:
    """Estimate tau² as the value at which Q equals its degrees of freedom, not below 0.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k at least 2.

    Examples
    --------
    >>> round(paule_mandel(np.array([0.0, 2.0]), np.array([1.0, 1.0])).tau2, 12)
    1.0
    """
    k = yi.size
    tau2 = tau2_where_q_is(k - 1.0, yi, vi)
    error = np.sqrt(2 * k**2 / (k - 1)) / np.sum(1 / (vi + tau2))
    return BetweenStudyVariance(tau2, float(error))


def restricted_maximum_likelihood(yi: Floats, vi: Floats) -> BetweenStudyVariance:
    """Estimate tau² at the highest of all maxima of the restricted log-likelihood.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k at least 2.

    Returns
    -------
    BetweenStudyVariance
        With the standard error from the expected information, and any lower maxima.

    Notes
    -----
    The restricted likelihood can have two maxima when precise and imprecise studies disagree about
    tau²; iteration from one start finds the nearer one. Here every change of sign of the
    derivative from 0 to the value beyond which it is negative is found on a grid of log tau² and
    polished.

    Examples
    --------
    >>> round(restricted_maximum_likelihood(np.array([0.0, 2.0]), np.array([1.0, 1.0])).tau2, 12)
    1.0
    """
    maxima = _restricted_maxima(yi, vi)
    best = max(maxima, key=lambda tau2: _restricted_log_likelihood(tau2, yi, vi))
    error = float(np.sqrt(2 / _squared_norm(1 / (vi + best))))
    return BetweenStudyVariance(best, error, tuple(t for t in maxima if t != best))


ESTIMATORS: dict[str, Callable[[Floats, Floats], BetweenStudyVariance]] = {
    "REML": restricted_maximum_likelihood,
    "DL": dersimonian_laird,
    "PM": paule_mandel,
}


def _squared_norm(weights: Floats) -> float:
    # The sum of squares of the elements of P = W - w w'/sum(w), as positive terms: subtracting
    # would lose every digit where one study has nearly all the weight.
    total = np.sum(weights)
    others = np.zeros_like(weights)
    others[1:] += np.cumsum(weights[:-1])
    others[:-1] += np.cumsum(weights[:0:-1])[::-1]
    diagonal = np.sum((weights * others / total) ** 2)
    squares = weights**2 / total
    pairs = np.sum(squares[1:] * np.cumsum(squares)[:-1])
    return float(diagonal + 2 * pairs)


def _restricted_maxima(yi: Floats, vi: Floats) -> list[float]:
    grid = _grid(yi, vi)
    # as distances from the most precise study, whose residual may be far smaller than its effect
    away = yi - yi[vi.argmin()]
    slope = _slope(grid, away, vi)
    maxima = [0.0] if slope[0] <= 0 else []
    for i in np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0)):
        maxima.append(
            float(
                brentq(
                    lambda tau2: float(_slope(tau2, away, vi)),
                    grid[i],
                    grid[i + 1],
                    xtol=sys.float_info.min,  # none to speak of: units do not matter
                    rtol=TIGHTEST,
                    maxiter=1000,
                )
            )
        )
    return maxima


def _grid(yi: Floats, vi: Floats) -> Floats:
    # Beyond `end` the derivative is negative: its positive part is at most S/tau⁴ and its negative
    # part at least (k - 1)/(max v + tau²). Below a thousandth of the smallest variance every
    # weight, and so the derivative, is all but constant. Each weight turns from 1/v to 1/tau² over
    # about two units of log tau², so that steps of a tenth miss no turn.
    away = yi - yi.mean()
    mean_square = float(away @ away) / (yi.size - 1)
    largest = float(vi.max())
    end = (mean_square + np.sqrt(mean_square**2 + 4 * mean_square * largest)) / 2
    start = float(vi.min()) / 1000
    if end <= start:
        return np.array([0.0, start])
    # a hair beyond the end, where rounding cannot leave the derivative positive
    steps = int(np.ceil(np.log(1.01 * end / start) / 0.1)) + 1
    return np.append(0.0, start * np.exp(0.1 * np.arange(steps)))


def _slope(tau2: Floats | float, away: Floats, vi: Floats) -> Floats:
    # twice the derivative of the restricted log-likelihood, in the shape of tau2
    weights = 1 / np.add.outer(tau2, vi)
    means = np.vecdot(weights, away) / weights.sum(axis=-1)
    weighted = weights * np.subtract(away, means[..., None])
    return np.asarray(np.vecdot(weighted, weighted) - residual_trace(weights))


def _restricted_log_likelihood(tau2: float, yi: Floats, vi: Floats) -> float:
    weights = 1 / (vi + tau2)
    log_determinants = -float(np.sum(np.log(weights))) + float(np.log(np.sum(weights)))
    return -0.5 * (log_determinants + generalised_q(yi, vi, tau2))
