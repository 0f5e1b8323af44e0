"""Mixtures of normal distributions: what remains of a mean effect when tau is not known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from secondlook.synthesis.bayesian.shortest import shortest_interval
from secondlook.synthesis.heterogeneity import TIGHTEST
from secondlook.synthesis.printed_columns import Floats

__all__ = ["NormalMixture"]

_AT_ONCE = 1_000_000
"""Numbers held at once when a mixture is evaluated at many points."""

_CLOSE = 1e-14
"""A step of Newton's method, relative to value or width, after which the next is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalMixture:
    """A distribution made of normal ones.

    Parameters
    ----------
    shares
        The share of each, shape (n,); their sum is 1.
    means, standard_deviations
        Theirs, shape (n,).

    Examples
    --------
    >>> mixture = NormalMixture(np.array([0.5, 0.5]), np.array([-1.0, 1.0]), np.array([1.0, 1.0]))
    >>> mixture.cdf(0.0).item(), round(float(mixture.quantile(0.975)), 6)
    (0.5, 2.646146)
    """

    shares: Floats
    means: Floats
    standard_deviations: Floats

    def density(self, x: ArrayLike) -> Floats:
        """Give the density at some values, in their shape."""
        scaled = self.shares / (self.standard_deviations * math.sqrt(2 * math.pi))
        return self._at(x, lambda z: np.exp(-0.5 * z**2) @ scaled)

    def cdf(self, x: ArrayLike) -> Floats:
        """Give the probability of lying below some values, in their shape."""
        return self._at(x, lambda z: ndtr(z) @ self.shares)

    def above(self, x: ArrayLike) -> Floats:
        """Give the probability of lying above some values: exact also where it is tiny."""
        return self._at(x, lambda z: ndtr(-z) @ self.shares)

    def quantile(self, p: ArrayLike) -> Floats:
        """Give the values below which certain probabilities lie, in their shape.

        Notes
        -----
        Newton's method on the logarithm of the smaller tail; a step that would leave the bracket is
        replaced by halving it.
        """
        shares = np.asarray(p, dtype=np.float64)
        return self._in_parts(shares, self._quantile)

    def _quantile(self, target: Floats) -> Floats:
        upper = target > 0.5
        sign, wanted = np.where(upper, -1.0, 1.0), np.where(upper, 1 - target, target)
        centre, reach = self._typical()
        low, high = self._brackets(target, centre, reach)
        x = np.clip(centre + reach * ndtri(target), low, high)
        scaled = self.shares / (self.standard_deviations * math.sqrt(2 * math.pi))
        for _ in range(200):
            z = self._standardised(x)
            tail, density = ndtr(sign[:, None] * z) @ self.shares, np.exp(-0.5 * z**2) @ scaled
            beyond = np.asarray(sign * (tail - wanted))
            low, high = np.where(beyond < 0, x, low), np.where(beyond > 0, x, high)
            with np.errstate(all="ignore"):  # a step that is no number is not taken
                step = sign * np.log(tail / wanted) * tail / density
                inside = (x - step >= low) & (x - step <= high)
                following = np.where(inside, x - step, (low + high) / 2)
            following = np.where(beyond == 0, x, following)
            moved, x = np.abs(following - x), following
            if np.all(moved <= _CLOSE * np.maximum(np.abs(x), reach)):
                break
        return np.asarray(x)

    def interval(self, level: float) -> tuple[float, float]:
        """Give the interval that leaves the same probability on both sides."""
        low, high = self.quantile(np.array([(1 - level) / 2, (1 + level) / 2]))
        return float(low), float(high)

    def shortest_interval(self, level: float) -> tuple[float, float]:
        """Give the shortest interval of that probability."""
        return shortest_interval(self.quantile, self.density, level, bounded=(False, False))

    def mode(self) -> float:
        """Give the value of highest density."""
        # every mode of a normal mixture lies between the lowest and the highest mean
        relevant = self.shares > 1e-14
        low = float(self.means[relevant].min())
        high = float(self.means[relevant].max())
        narrow = float(self.standard_deviations[relevant].min())
        if high - low <= TIGHTEST * max(abs(low), abs(high), narrow):
            return low
        grid = np.linspace(low, high, int(np.clip(8 * (high - low) / narrow, 16, 4000)))
        slope = self._slope(grid)
        turns = np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0))
        modes = [self._polished(grid[i], grid[i + 1]) for i in turns] or [low, high]
        return modes[int(self.density(modes).argmax())]

    def _polished(self, low: float, high: float) -> float:
        tight = TIGHTEST * self._typical()[1]
        return float(brentq(lambda x: float(self._slope(x)), low, high, xtol=tight, rtol=TIGHTEST))

    def _slope(self, x: ArrayLike) -> Floats:
        scaled = self.shares / self.standard_deviations**2
        return self._at(x, lambda z: (-z * np.exp(-0.5 * z**2)) @ scaled)

    def _typical(self) -> tuple[float, float]:
        # of the component in the middle of the shares, as they are ordered by tau
        middle = int(np.searchsorted(np.cumsum(self.shares), 0.5))
        component = min(middle, self.shares.size - 1)
        return float(self.means[component]), float(self.standard_deviations[component])

    def _brackets(self, target: Floats, centre: float, reach: float) -> tuple[Floats, Floats]:
        # a width that rounding hides would get no further
        reach = max(reach, 8 * TIGHTEST * abs(centre))
        low = high = centre
        while self.cdf(low) > target.min(initial=1.0):
            low -= reach + 2 * (centre - low)
        while self.above(high) > 1 - target.max(initial=0.0):
            high += reach + 2 * (high - centre)
        return np.full_like(target, low), np.full_like(target, high)

    def _at(self, x: ArrayLike, function: Callable[[Floats], Floats]) -> Floats:
        return self._in_parts(
            np.asarray(x, dtype=np.float64),
            lambda part: function(self._standardised(part)),
        )

    def _standardised(self, x: Floats) -> Floats:
        with np.errstate(over="ignore"):  # infinitely far is far enough
            return np.asarray(np.subtract.outer(x, self.means) / self.standard_deviations)

    def _in_parts(self, values: Floats, function: Callable[[Floats], Floats]) -> Floats:
        flat = values.reshape(-1)
        parts = math.ceil(flat.size * self.means.size / _AT_ONCE)
        if parts <= 1:
            return function(flat).reshape(values.shape)
        found = [function(part) for part in np.array_split(flat, parts)]
        return np.concatenate(found).reshape(values.shape)
