"""The shortest interval of a given probability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq

from secondlook.synthesis.heterogeneity import TIGHTEST
from secondlook.synthesis.printed_columns import Floats

__all__ = ["shortest_interval"]

_STEPS = 16
_EDGE = 1e-6
"""Share of the probability outside that is left on either side where nothing bounds it."""


def shortest_interval(
    quantile: Callable[[Floats], Floats],
    density: Callable[[Floats], Floats],
    level: float,
    *,
    bounded: tuple[bool, bool],
) -> tuple[float, float]:
    """Give the shortest interval that holds a probability.

    Parameters
    ----------
    quantile, density
        Of the distribution, for values of shape (n,).
    level
        The probability.
    bounded
        Whether the distribution starts at a value, and whether it ends at one: the interval may
        then start, or end, there.

    Notes
    -----
    Of all intervals from the quantile at p to that at p + level the shortest has the same density
    at both ends, or starts or ends where the distribution does. It is looked for among a few values
    of p and then polished, so that it is the shortest also where there is more than one mode.
    """
    outside = 1 - level
    shares = outside * np.linspace(0, 1, _STEPS + 1)
    shares[0] = 0.0 if bounded[0] else _EDGE * outside
    shares[-1] = outside if bounded[1] else (1 - _EDGE) * outside

    def between(share: Floats) -> Floats:
        return quantile(np.concatenate([share, np.minimum(share + level, 1.0)]))

    ends = between(shares)
    best = int((ends[_STEPS + 1 :] - ends[: _STEPS + 1]).argmin())
    low, high = shares[max(0, best - 1)], shares[min(_STEPS, best + 1)]

    def rise(share: float) -> float:
        # how fast the interval grows with p, apart from a positive factor
        at_low, at_high = density(between(np.array([share])))
        return float(at_low - at_high)

    chosen = float(shares[best])
    if rise(low) < 0 < rise(high):
        chosen = float(brentq(rise, low, high, xtol=1e-15, rtol=TIGHTEST))
    first, last = between(np.array([chosen]))
    return float(first), float(last)
