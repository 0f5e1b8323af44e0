"""The maximum of the likelihood of tau² of one data set, where it soon proves to be the only one.

The same bounds as in :mod:`.likelihood_bounds`, for one data set: about seven passes over its
studies in place of a grid of tau².
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from secondlook.synthesis.printed_columns import Floats

__all__ = ["only_maximum"]

_NARROW = 0.1
_CLOSE = 1e-10
_ROUNDING = 2.3e-16
_PARALLEL = 1e-9
_EQUAL = 1e-200
_STEPS = 50


def only_maximum(yi: Floats, vi: Floats, *, restricted: bool = True) -> float | None:
    """Give the tau² at which the likelihood has its only maximum, or None where that is not clear.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,), k at least 2.
    restricted
        Whether the likelihood is the restricted one.

    Returns
    -------
    float or None
        None where there are several maxima, or where the search does not take its usual course:
        look everywhere then.

    Examples
    --------
    >>> only_maximum(np.array([0.0, 2.0]), np.array([1.0, 1.0]))
    1.0
    """
    likelihood = _likelihood(yi, vi, restricted)
    zero = likelihood.at(0.0)
    if zero.pull <= _EQUAL * likelihood.smallest:
        return 0.0
    falls = _Bound.of(zero)
    if zero.excess <= 0:
        tau2, here = 0.0, falls
    else:
        found = _newton(likelihood, zero)
        if found is None:
            return None
        tau2, here = found
        if not _settled(likelihood, falls, here, rises=True):
            return None
    end = _Bound.of(likelihood.at(likelihood.end()))
    return tau2 if _settled(likelihood, here, end, rises=False) else None


class _Moments(NamedTuple):
    """Sums over the studies at one tau², as in :class:`.Moments`; where excess > 0 it rises."""

    tau2: float
    scale: float
    pull: float
    bend: float
    trace: float
    norm: float
    excess: float


class _Bound(NamedTuple):
    """tau², F and G and their slopes there."""

    tau2: float
    high: float
    slope: float
    level: float
    incline: float

    @classmethod
    def of(cls, found: _Moments) -> _Bound:
        spread = math.sqrt(found.pull)
        return cls(
            found.tau2,
            found.scale / spread,
            found.bend / found.pull / spread,
            found.scale / found.trace,
            found.norm / found.trace / found.trace,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Likelihood:
    """One data set seen from its most precise study."""

    away: Floats
    variances: Floats
    smallest: float
    restricted: bool

    def at(self, tau2: float) -> _Moments:
        scale = self.smallest + tau2
        weights = scale / (self.variances + tau2)
        first = float(np.add.reduce(weights))
        total = 1 + first
        mean = float(weights @ self.away) / total
        weighted = weights * (self.away - mean)
        again = (float(weights @ weighted) - mean) / total
        apart = weighted - again
        pull = mean * mean + float(weighted @ weighted)
        bend = (mean + again) ** 2 + float((weights * apart) @ apart)
        squares = weights * weights
        second = float(np.add.reduce(squares))
        if self.restricted:
            trace = (2 * first + first * first - second) / total
            pairs = (first * first + 2 * second + second * second) / (total * total)
            norm = second - 2 * float(squares @ weights) / total + pairs
        else:
            trace, norm = total, 1 + second
        return _Moments(tau2, scale, pull, bend, trace, norm, pull - trace * scale)

    def end(self) -> float:
        k = self.away.size + 1
        mean = float(np.add.reduce(self.away)) / k
        apart = self.away - mean
        mean_square = (mean * mean + float(apart @ apart)) / (k - 1)
        largest = float(self.variances.max())
        return 1.01 * (mean_square + math.sqrt(mean_square * (mean_square + 4 * largest))) / 2


def _likelihood(yi: Floats, vi: Floats, restricted: bool) -> _Likelihood:
    precise = int(vi.argmin())
    away, variances = yi - yi[precise], vi.copy()
    # the most precise study gives its place to the first
    away[precise], variances[precise] = away[0], vi[0]
    return _Likelihood(away[1:], variances[1:], float(vi[precise]), restricted)


def _newton(likelihood: _Likelihood, zero: _Moments) -> tuple[float, _Bound] | None:
    # on g/f, which is linear where all variances are equal
    found = zero
    for _ in range(_STEPS):
        incline = 2 * found.bend * found.trace - found.norm * found.pull
        if incline <= 0:
            return None
        step = found.pull * found.excess / incline
        tau2 = found.tau2 + step
        if abs(step) <= max(_CLOSE * found.tau2, _ROUNDING * found.scale):
            return tau2, _Bound.of(found)
        if tau2 <= 0:
            return None
        found = likelihood.at(tau2)
    return None


def _settled(likelihood: _Likelihood, left: _Bound, right: _Bound, *, rises: bool) -> bool:
    waiting = [(left, right)]
    offset = likelihood.smallest
    while waiting:
        left, right = waiting.pop()
        if (_rises_throughout if rises else _falls_throughout)(left, right):
            continue
        low, high = left.tau2 + offset, right.tau2 + offset
        if high <= math.exp(_NARROW) * low:
            continue
        found = likelihood.at(math.sqrt(low) * math.sqrt(high) - offset)
        if (found.excess > 0) != rises:
            return False
        middle = _Bound.of(found)
        waiting += [(left, middle), (middle, right)]
    return True


def _rises_throughout(left: _Bound, right: _Bound) -> bool:
    length = right.tau2 - left.tau2
    meet = _meeting(length, left.high, left.slope, right.high, right.slope)
    above = max(left.high + left.slope * meet, right.high - right.slope * (length - meet))
    return above * above < left.level + (right.level - left.level) * (meet / length)


def _falls_throughout(left: _Bound, right: _Bound) -> bool:
    length = right.tau2 - left.tau2
    meet = _meeting(length, left.level, left.incline, right.level, right.incline)
    chord = (right.high - left.high) / length
    return _stays_positive(left.high, chord, left.level, left.incline, meet) and _stays_positive(
        right.high, -chord, right.level, -right.incline, length - meet
    )


def _meeting(
    length: float, left: float, left_slope: float, right: float, right_slope: float
) -> float:
    turn = left_slope - right_slope
    if turn <= _PARALLEL * left_slope:
        return length / 2
    return min(max((right - left - right_slope * length) / turn, 0.0), length)


def _stays_positive(high: float, chord: float, level: float, incline: float, reach: float) -> bool:
    linear = 2 * high * chord - incline
    if linear >= 0:
        return True
    bend = 2 * chord * chord
    # a chord that is level, as between effects equal to the last bit, has its lowest at the end
    lowest = reach if bend * reach <= -linear else -linear / bend
    return (high + chord * lowest) ** 2 > level + incline * lowest
