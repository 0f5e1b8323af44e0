"""I² and H² from Cochran's Q alone, with the test-based interval.

Higgins and Thompson, Stat Med 2002;21:1539-1558. The other definition, tau² against a typical
within-study variance, moves with the estimator of tau²; for the estimator of DerSimonian and Laird
the two are one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from secondlook.synthesis.result import Interval

__all__ = ["Inconsistency", "from_q"]


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """I² in percent and H², with intervals where there are any."""

    i2: float
    i2_interval: Interval | None
    h2: float
    h2_interval: Interval | None


def from_q(q: float, degrees: int, level: float) -> Inconsistency:
    """Give I² = (Q - df)/Q, not below 0, and H² = Q/df, not below 1, with test-based intervals.

    Parameters
    ----------
    q, degrees
        Cochran's Q and its degrees of freedom, at least 1.
    level
        Coverage, between 0 and 1.

    Returns
    -------
    Inconsistency
        Without intervals for two studies with Q up to 2, where the standard error of log H has no
        estimate.

    Examples
    --------
    >>> found = from_q(12.0, 4, 0.95)
    >>> round(found.i2, 1), found.h2
    (66.7, 3.0)
    """
    h2 = max(1.0, q / degrees)
    error = _error_of_log_h(q, degrees)
    if error is None:
        return Inconsistency(100 * (1 - 1 / h2), None, h2, None)
    reach = -float(ndtri((1 - level) / 2)) * error
    middle = math.log(h2) / 2
    low, high = (max(1.0, math.exp(2 * end)) for end in (middle - reach, middle + reach))
    shares = (100 * (1 - 1 / low), 100 * (1 - 1 / high))
    return Inconsistency(100 * (1 - 1 / h2), shares, h2, (low, high))


def _error_of_log_h(q: float, degrees: int) -> float | None:
    k = degrees + 1
    if q > k:
        return 0.5 * math.log(q / degrees) / (math.sqrt(2 * q) - math.sqrt(2 * k - 3))
    if k > 2:
        return math.sqrt((1 - 1 / (3 * (k - 2) ** 2)) / (2 * (k - 2)))
    return None
