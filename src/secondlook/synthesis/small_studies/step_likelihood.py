"""The likelihood of effects that were selected by their P values, with two derivatives.

Selection multiplies the density of an effect by the weight of the interval its P value lies in and
divides it by A, the weighted probability of being seen at all. That is a sum of normal
probabilities P of intervals of the effect. The normal density solves the heat equation, so that a
derivative by tau² is half of two derivatives by the mean, and all that are needed follow from those
of P by the mean: the n-th is a difference of Hermite polynomials times densities at the two ends.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from secondlook.synthesis.printed_columns import Floats

__all__ = ["ALTERNATIVES", "StepLikelihood", "Surface", "p_values"]

ALTERNATIVES: dict[str, str] = {
    "greater": "one-sided, small for effects above 0",
    "less": "one-sided, small for effects below 0",
    "two-sided": "two-sided",
}
"""Which P values selection goes by."""


def p_values(yi: Floats, vi: Floats, alternative: str) -> Floats:
    """Give the P values of effects.

    Examples
    --------
    >>> p_values(np.array([0.0]), np.array([1.0]), "greater").item()
    0.5
    """
    z = yi / np.sqrt(vi)
    if alternative == "two-sided":
        return np.asarray(2 * ndtr(-np.abs(z)))
    return np.asarray(ndtr(-z if alternative == "greater" else z))


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """The log-likelihood at one point, its gradient and its Hessian.

    Derivatives are by the mean, tau² and each weight in turn, in that order.
    """

    value: float
    gradient: Floats
    hessian: Floats


@dataclass(frozen=True, slots=True, eq=False)
class StepLikelihood:
    """Effects, the interval of P each lies in, and the intervals as intervals of the effect.

    Parameters
    ----------
    yi, vi
        Effects and variances, shape (k,).
    interval
        Which interval of P each effect lies in, shape (k,).
    low, high, belongs
        Ends of the pieces the intervals are made of on the scale of the effects, shape (k, pieces),
        and which interval each piece belongs to, shape (pieces,).
    """

    yi: Floats
    vi: Floats
    interval: NDArray[np.intp]
    low: Floats
    high: Floats
    belongs: Floats

    @classmethod
    def of(cls, yi: Floats, vi: Floats, steps: Floats, alternative: str) -> StepLikelihood:
        """Cut the effects by their P values; `steps` are the upper ends, of which the last is 1."""
        interval = np.searchsorted(steps, p_values(yi, vi, alternative))
        count, error = steps.size, np.sqrt(vi)[:, None]
        if alternative == "two-sided":
            ends = np.append(np.append(math.inf, -ndtri(steps[:-1] / 2)), 0.0)
            # the pieces above and below 0; those of the last interval meet at 0
            low = np.concatenate([ends[1:], -ends[:-1]])
            high = np.concatenate([ends[:-1], -ends[1:]])
            which = np.tile(np.arange(count), 2)
        else:
            sign = 1.0 if alternative == "greater" else -1.0
            ends = np.append(np.append(math.inf, -ndtri(steps[:-1])), -math.inf)
            pair = np.sort(sign * np.stack([ends[1:], ends[:-1]]), axis=0)
            low, high, which = pair[0], pair[1], np.arange(count)
        belongs = (which[:, None] == np.arange(count)).astype(np.float64)
        return cls(yi, vi, interval, low * error, high * error, belongs)

    def at(self, mean: float, tau2: float, weights: Floats) -> Surface:
        """Give the log-likelihood at one mean, tau² and weights, shape (intervals,)."""
        variance = self.vi + tau2
        away = (self.yi - mean) / variance
        orders = self._probabilities(mean, variance)
        seen = [order @ weights for order in orders]
        share = [each / seen[0] for each in seen]
        counts = np.bincount(self.interval, minlength=weights.size)
        squares = away * (self.yi - mean)
        value = float(counts @ np.log(weights)) - float(np.sum(np.log(seen[0])))
        value -= 0.5 * float(np.sum(squares + np.log(2 * math.pi * variance)))
        by_mean = away - share[1]
        by_tau2 = 0.5 * (away**2 - 1 / variance) - 0.5 * share[2]
        ratio = [order / seen[0][:, None] for order in orders[:3]]
        by_weight = counts / weights - ratio[0].sum(axis=0)
        gradient = np.array([by_mean.sum(), by_tau2.sum(), *by_weight])
        return Surface(
            value, gradient, self._hessian(variance, away, share, ratio, counts, weights)
        )

    def _probabilities(self, mean: float, variance: Floats) -> list[Floats]:
        """Give the probability of each interval and four derivatives by the mean."""
        error = np.sqrt(variance)[:, None]
        low, high = (self.low - mean) / error, (self.high - mean) / error
        # from the side on which both ends have small probabilities, which keep their digits
        upper = low > 0
        found = ndtr(np.where(upper, -low, high)) - ndtr(np.where(upper, -high, low))
        orders = [found @ self.belongs]
        at_low, at_high = _hermite(low), _hermite(high)
        for n in range(4):
            orders.append(((at_low[n] - at_high[n]) / error ** (n + 1)) @ self.belongs)
        return orders

    def _hessian(
        self,
        variance: Floats,
        away: Floats,
        share: list[Floats],
        ratio: list[Floats],
        counts: NDArray[np.intp],
        weights: Floats,
    ) -> Floats:
        size = 2 + weights.size
        found = np.empty((size, size))
        found[0, 0] = np.sum(-1 / variance - share[2] + share[1] ** 2)
        found[0, 1] = np.sum(-away / variance - share[3] / 2 + share[1] * share[2] / 2)
        found[1, 1] = np.sum(
            0.5 / variance**2 - away**2 / variance - share[4] / 4 + (share[2] / 2) ** 2
        )
        found[0, 2:] = -ratio[1].sum(axis=0) + share[1] @ ratio[0]
        found[1, 2:] = (-ratio[2].sum(axis=0) + share[2] @ ratio[0]) / 2
        found[2:, 2:] = ratio[0].T @ ratio[0] - np.diag(counts / weights**2)
        lower = np.tril_indices(size, -1)
        found[lower] = found.T[lower]
        return found


def _hermite(z: Floats) -> list[Floats]:
    """Give the normal density times the Hermite polynomials of degree 0 to 3."""
    inside = np.clip(z, -40.0, 40.0)  # where the density is 0 in any case
    density = np.exp(-0.5 * inside**2) / math.sqrt(2 * math.pi)
    degrees = [np.ones_like(z), inside, inside**2 - 1, inside * (inside**2 - 3)]
    return [density * degree for degree in degrees]
