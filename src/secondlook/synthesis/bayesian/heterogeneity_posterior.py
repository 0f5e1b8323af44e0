"""The posterior distribution of tau, by quadrature that refines itself until nothing changes.

Tau is written as c sinh(x) with c half of the smallest standard error or of the prior's scale,
whichever is smaller: near 0 the steps are equal in tau, further out in its logarithm, and the
density is smooth on the scale of one unit of x whether the studies are precise or not. Each panel
is integrated by Gauss's rule with 16 nodes and halved until the halves say the same as the whole.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from secondlook.synthesis.bayesian.integrated_likelihood import IntegratedLikelihood
from secondlook.synthesis.bayesian.normal_mixture import NormalMixture
from secondlook.synthesis.bayesian.panels import Panels, Sample, gauss, refined
from secondlook.synthesis.bayesian.priors import HeterogeneityPrior
from secondlook.synthesis.bayesian.shortest import shortest_interval
from secondlook.synthesis.heterogeneity import TIGHTEST
from secondlook.synthesis.printed_columns import Floats

__all__ = ["HeterogeneityPosterior"]

_FAR = 1e18
"""Where a density that falls like a power is cut off, as a multiple of the widest quantity."""

_FAR_ENOUGH = 1e3
"""The same for a density that falls exponentially."""

_TRIFLE = 1e-20
"""Share of the probability of a node below which it is left out of a mixture."""


@dataclass(frozen=True, slots=True, eq=False)
class HeterogeneityPosterior:
    """The posterior distribution of tau.

    Parameters
    ----------
    likelihood, prior
        Of tau.
    step
        The c of c sinh(x).
    panels
        The panels of x.
    before
        The share of the probability below each panel and, last, that of all of them.
    log_evidence
        The logarithm of the integral of likelihood times prior.
    """

    likelihood: IntegratedLikelihood
    prior: HeterogeneityPrior
    step: float
    panels: Panels
    before: Floats
    log_evidence: float

    @classmethod
    def of(
        cls, likelihood: IntegratedLikelihood, prior: HeterogeneityPrior
    ) -> HeterogeneityPosterior:
        """Integrate likelihood times prior; their tails must fall faster than 1/tau."""
        step = min(math.sqrt(float(likelihood.vi.min())), prior.scale) / 2
        widest = max(
            math.sqrt(float(likelihood.vi.max())),
            float(np.ptp(likelihood.away)),
            abs(likelihood.prior_away),
            prior.scale if math.isfinite(prior.scale) else 0.0,
        )
        far = _FAR if math.isfinite(prior.tail_power) else _FAR_ENOUGH
        last = math.asinh(min(prior.upper, far * widest) / step)
        edges = np.linspace(0.0, last, math.ceil(last) + 1)

        def draw(x: Floats) -> Sample:
            tau = step * np.sinh(x)
            given = likelihood.given(tau)
            # rounding may carry the last node over an upper limit
            heights = prior.log_density(np.minimum(tau, prior.upper)) + given.log_likelihood
            heights += np.log(step * np.cosh(x))
            return Sample(tau, heights, given.mean, given.standard_deviation)

        moments = sum(_falls_faster(likelihood, prior, power) for power in range(3))
        panels = refined(edges, draw, moments)
        peak = panels.peak()
        masses = panels.moments(peak, 1)[0]
        before = np.append(0.0, np.cumsum(masses))
        return cls(
            likelihood,
            prior,
            step,
            panels,
            before / before[-1],
            peak + math.log(before[-1]),
        )

    def has_moment(self, power: int) -> bool:
        """Say whether the mean of a power of tau is finite."""
        return _falls_faster(self.likelihood, self.prior, power)

    def mean(self) -> float:
        """Give the mean of tau, which must be finite."""
        return float(np.sum(self.shares() * self.panels.sample.tau)) + self.tail(1)

    def variance(self) -> float:
        """Give the variance of tau, which must be finite."""
        away = self.panels.sample.tau - self.mean()
        return float(np.sum(self.shares() * away**2)) + self.tail(2)

    def tail(self, power: int) -> float:
        """Give what lies beyond the last node of the integral of a power of tau."""
        if math.isinf(self._tail_power):
            return 0.0
        # the density is that power of 1/tau there, and the integral known
        end = self.step * math.sinh(float(self.panels.right[-1]))
        return float(self.density(end)) * end ** (power + 1) / (self._tail_power - power - 1)

    def shares(self) -> Floats:
        """Give the probability each node stands for, shape (panels, nodes)."""
        return self.panels.weights(self.log_evidence)

    def density(self, tau: ArrayLike) -> Floats:
        """Give the density at some values, in their shape; 0 where tau cannot be."""
        values = np.asarray(tau, dtype=np.float64)
        possible = (values >= 0) & (values <= self.prior.upper)
        inside = np.where(possible, values, 0.0)
        logs = self.prior.log_density(inside) + self.likelihood.given(inside).log_likelihood
        return np.where(possible, np.exp(logs - self.log_evidence), 0.0)

    def cdf(self, tau: ArrayLike) -> Floats:
        """Give the probability of lying below some values, in their shape."""
        values = np.asarray(tau, dtype=np.float64)
        x = np.arcsinh(np.maximum(values.reshape(-1), 0.0) / self.step)
        x = np.minimum(x, self.panels.right[-1])
        which = np.clip(np.searchsorted(self.panels.left, x, side="right") - 1, 0, None)
        part = self._within(self.panels.left[which], x)
        return np.asarray(np.minimum(self.before[which] + part, 1.0).reshape(values.shape))

    def above(self, tau: ArrayLike) -> Floats:
        """Give the probability of lying above some values, in their shape."""
        return np.asarray(1 - self.cdf(tau))

    def quantile(self, p: ArrayLike) -> Floats:
        """Give the values below which certain probabilities lie, in their shape."""
        shares = np.asarray(p, dtype=np.float64)
        found = [self._quantile(float(share)) for share in shares.reshape(-1)]
        return np.array(found).reshape(shares.shape)

    def _quantile(self, share: float) -> float:
        if share >= 1:
            return self.step * math.sinh(float(self.panels.right[-1]))
        last = self.panels.left.size - 1
        which = min(int(np.searchsorted(self.before, share, side="right")) - 1, last)
        left, right = float(self.panels.left[which]), float(self.panels.right[which])
        wanted = share - float(self.before[which])

        def excess(x: float) -> float:
            return float(self._within(np.array([left]), np.array([x]))[0]) - wanted

        if wanted <= 0 or excess(right) <= 0:
            x = left if wanted <= 0 else right
        else:
            x = float(brentq(excess, left, right, xtol=sys.float_info.min, rtol=TIGHTEST))
        return self.step * math.sinh(x)

    def interval(self, level: float) -> tuple[float, float]:
        """Give the interval that leaves the same probability on both sides."""
        low, high = self.quantile(np.array([(1 - level) / 2, (1 + level) / 2]))
        return float(low), float(high)

    def shortest_interval(self, level: float) -> tuple[float, float]:
        """Give the shortest interval of that probability."""
        bounded = (True, math.isfinite(self.prior.upper))
        return shortest_interval(self.quantile, self.density, level, bounded=bounded)

    def mode(self) -> float:
        """Give the value of highest density."""
        nodes = self.panels.sample.tau.reshape(-1)
        slope = self._slope(nodes)
        turns = np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0))
        found = [
            brentq(
                lambda tau: float(self._slope(np.array([tau]))[0]),
                nodes[i],
                nodes[i + 1],
                xtol=sys.float_info.min,
                rtol=TIGHTEST,
            )
            for i in turns
        ]
        ends = [0.0, self.prior.upper] if math.isfinite(self.prior.upper) else [0.0]
        candidates = np.array([*ends, *found])
        return float(candidates[int(self.density(candidates).argmax())])

    def mixture(self, means: Floats, standard_deviations: Floats) -> NormalMixture:
        """Mix normal distributions, one for each node, shapes (panels, nodes)."""
        shares = self.shares().reshape(-1)
        kept = shares > _TRIFLE
        shares = shares[kept] / shares[kept].sum()
        return NormalMixture(shares, means.reshape(-1)[kept], standard_deviations.reshape(-1)[kept])

    @property
    def _tail_power(self) -> float:
        return self.prior.tail_power + self.likelihood.tail_power

    def _slope(self, tau: Floats) -> Floats:
        return np.add(self.prior.slope(tau), self.likelihood.slope(tau))

    def _within(self, left: Floats, right: Floats) -> Floats:
        # the probability between two values of x of the same panel
        nodes, weights = gauss()
        x = left[:, None] + np.multiply.outer(right - left, nodes)
        tau = self.step * np.sinh(x)
        return (right - left) * ((self.density(tau) * self.step * np.cosh(x)) @ weights)


def _falls_faster(likelihood: IntegratedLikelihood, prior: HeterogeneityPrior, power: int) -> bool:
    return likelihood.tail_power + prior.tail_power - power > 1
