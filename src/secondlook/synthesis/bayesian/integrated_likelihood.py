"""The likelihood of tau when the mean effect, and with it every true effect, is integrated out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.bayesian.priors import Normal
from secondlook.synthesis.printed_columns import Floats

__all__ = ["GivenTau", "IntegratedLikelihood"]

_AT_ONCE = 1_000_000
"""Numbers held at once when many values of tau are gone through."""


@dataclass(frozen=True, slots=True, eq=False)
class GivenTau:
    """What is known at each of some values of tau, in their shape.

    ``log_likelihood`` of tau; ``mean`` and ``standard_deviation`` of the normal posterior of the
    mean effect at that tau.
    """

    log_likelihood: Floats
    mean: Floats
    standard_deviation: Floats


@dataclass(frozen=True, slots=True, eq=False)
class IntegratedLikelihood:
    """Effects with their variances, and the prior of their mean.

    A normal prior enters as one more study, whose variance is not added to by tau²; a flat prior as
    one without weight. Effects and the prior's mean are measured from the most precise study.
    """

    away: Floats
    vi: Floats
    origin: float
    prior_away: float
    prior_weight: float

    @classmethod
    def of(cls, yi: Floats, vi: Floats, prior: Normal | None) -> IntegratedLikelihood:
        """Measure the effects from the most precise study."""
        origin = float(yi[vi.argmin()])
        if prior is None:
            return cls(yi - origin, vi, origin, 0.0, 0.0)
        weight = prior.standard_deviation**-2
        return cls(yi - origin, vi, origin, prior.mean - origin, weight)

    @property
    def tail_power(self) -> float:
        """The power of 1/tau with which the likelihood falls."""
        return self.vi.size - (1 if self.prior_weight == 0 else 0)

    def given(self, tau: Floats) -> GivenTau:
        """Give the likelihood of tau and the posterior of the mean effect there.

        Parameters
        ----------
        tau
            Values of any shape.
        """
        flat = tau.reshape(-1)
        parts = math.ceil(flat.size * self.vi.size / _AT_ONCE)
        found = [self._given(part) for part in np.array_split(flat, max(1, parts))]
        columns = (np.concatenate(column).reshape(tau.shape) for column in zip(*found, strict=True))
        return GivenTau(*columns)

    def _given(self, tau: Floats) -> tuple[Floats, Floats, Floats]:
        weights = 1 / np.add.outer(tau**2, self.vi)
        total = weights.sum(axis=-1) + self.prior_weight
        mean = (weights @ self.away + self.prior_weight * self.prior_away) / total
        squares = np.vecdot(weights, (self.away - mean[:, None]) ** 2)
        squares += self.prior_weight * (self.prior_away - mean) ** 2
        logs = np.log(weights).sum(axis=-1) - np.log(total) - squares
        if self.prior_weight > 0:
            logs += math.log(self.prior_weight)
        constant = self.tail_power * math.log(2 * math.pi)
        return (logs - constant) / 2, self.origin + mean, np.sqrt(1 / total)

    def slope(self, tau: Floats) -> Floats:
        """Give the derivative of the log-likelihood at some values of tau, shape (n,)."""
        parts = math.ceil(tau.size * self.vi.size / _AT_ONCE)
        return np.concatenate([self._slope(part) for part in np.array_split(tau, max(1, parts))])

    def _slope(self, tau: Floats) -> Floats:
        weights = 1 / np.add.outer(tau**2, self.vi)
        total = weights.sum(axis=-1) + self.prior_weight
        mean = (weights @ self.away + self.prior_weight * self.prior_away) / total
        pulled = np.vecdot(weights, weights * (self.away - mean[:, None]) ** 2)
        shares = np.vecdot(weights, 1 - weights / total[:, None])
        return np.asarray(tau * (pulled - shares))
