"""The highest point of the likelihood of a step-function selection model.

The likelihood can have several maxima and long ridges. It is climbed from many starts, with tau²
free and with tau² = 0, by Newton's method on a surface that is turned concave where it is not.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.between_study_variance import ESTIMATORS
from secondlook.synthesis.heterogeneity import weighted_mean
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.small_studies.step_likelihood import StepLikelihood, Surface

__all__ = ["LARGEST", "SMALLEST", "StepMaximum", "highest"]

SMALLEST, LARGEST = 1e-5, 100.0
"""Between which a weight is looked for; a maximum beyond cannot be told from one at infinity."""

_CLIMBS = 8
_STEPS = 300
_CLOSE, _FLAT = 1e-8, 1e-26
"""What a step must promise the log-likelihood to be checked by it, and to be made at all."""


@dataclass(frozen=True, slots=True, eq=False)
class StepMaximum:
    """The highest point found, and what the likelihood looks like there.

    ``at_bound`` says of each weight whether it stopped at the smallest or largest allowed.
    """

    mean: float
    tau2: float
    weights: Floats
    surface: Surface
    at_bound: NDArray[np.bool_]


def highest(
    likelihood: StepLikelihood, fixed: Floats, *, random: bool
) -> tuple[StepMaximum, StepMaximum]:
    """Find the highest point, and the highest with tau² = 0.

    Parameters
    ----------
    likelihood
        Of mean, tau² and weights.
    fixed
        Each weight that is given, NaN for those to be estimated, shape (intervals,).
    random
        Whether tau² may be above 0.
    """
    without = _Climb(likelihood, fixed, random=False).top()
    if not random:
        return without, without
    found = _Climb(likelihood, fixed, random=True).top()
    # where tau² = 0 does as well as rounding can tell, it is the answer
    least = without.surface.value + 1e-12 * max(1.0, abs(without.surface.value))
    return (found if found.surface.value > least else without), without


@dataclass(frozen=True, slots=True, eq=False)
class _Climb:
    """The likelihood as a function of mean, log tau² and the logarithms of the free weights."""

    likelihood: StepLikelihood
    fixed: Floats
    random: bool

    def top(self) -> StepMaximum:
        starts = sorted(self._starts(), key=self._height, reverse=True)[:_CLIMBS]
        best = max((self._climbed(start) for start in starts), key=self._height)
        mean, tau2, weights = self._apart(best)
        logs = np.log(weights)
        beyond = np.isclose(logs, math.log(SMALLEST)) | np.isclose(logs, math.log(LARGEST))
        surface = self.likelihood.at(mean, tau2, weights)
        return StepMaximum(mean, tau2, weights, surface, beyond & np.isnan(self.fixed))

    def _free(self) -> int:
        return int(np.isnan(self.fixed).sum())

    def _apart(self, x: Floats) -> tuple[float, float, Floats]:
        weights = self.fixed.copy()
        weights[np.isnan(self.fixed)] = np.exp(x[1 + self.random :])
        return float(x[0]), math.exp(x[1]) if self.random else 0.0, weights

    def _height(self, x: Floats) -> float:
        return self.likelihood.at(*self._apart(x)).value

    def _bounds(self) -> tuple[Floats, Floats]:
        yi, vi = self.likelihood.yi, self.likelihood.vi
        reach = 20 * (float(np.ptp(yi)) + math.sqrt(float(vi.max())))
        pairs = [(float(yi.min()) - reach, float(yi.max()) + reach)]
        if self.random:
            pairs.append((math.log(float(vi.min())) - 30, 2 * math.log(reach)))
        pairs += [(math.log(SMALLEST), math.log(LARGEST))] * self._free()
        low, high = np.array(pairs).T
        return low, high

    def _starts(self) -> list[Floats]:
        yi, vi = self.likelihood.yi, self.likelihood.vi
        tau2 = ESTIMATORS["ML"](yi, vi).tau2 if yi.size > 1 else 0.0
        mean, middle = weighted_mean(yi, 1 / (vi + tau2)), float(np.median(vi))
        precise = float(yi[vi.argmin()])
        means = (mean, weighted_mean(yi, 1 / vi), precise, mean / 2, 0.0, -mean)
        spreads: list[list[float]] = [[]]
        if self.random:
            spreads = [[math.log(t)] for t in (max(tau2, middle / 10), middle, 4 * tau2 + middle)]
        levels = (1.0, 0.3, 0.05, 3.0) if self._free() else (1.0,)
        return [
            np.array([start, *spread, *[math.log(level)] * self._free()])
            for start, spread, level in itertools.product(means, spreads, levels)
        ]

    def _slopes(self, x: Floats) -> tuple[float, Floats, Floats]:
        """Give the value, gradient and Hessian of the log-likelihood in these coordinates."""
        mean, tau2, weights = self._apart(x)
        surface = self.likelihood.at(mean, tau2, weights)
        kept = np.concatenate([[True, self.random], np.isnan(self.fixed)])
        # by the logarithm of something: multiplied by it, with the gradient added to the diagonal
        scale = np.concatenate([[1.0, tau2], weights])
        gradient = surface.gradient * scale
        hessian = surface.hessian * np.outer(scale, scale)
        hessian[np.diag_indices_from(hessian)] += np.append(0.0, gradient[1:])
        return surface.value, gradient[kept], hessian[np.ix_(kept, kept)]

    def _climbed(self, start: Floats) -> Floats:
        low, high = self._bounds()
        x, promised = np.clip(start, low, high), math.inf
        for _ in range(_STEPS):
            value, gradient, hessian = self._slopes(x)
            free = ~(((x <= low) & (gradient < 0)) | ((x >= high) & (gradient > 0)))
            step = np.zeros_like(x)
            step[free] = _uphill(gradient[free], hessian[np.ix_(free, free)])
            before, promised = promised, float(gradient @ step)
            if promised <= _FLAT or (promised < _CLOSE**2 and promised >= before):
                break
            following = np.clip(x + step, low, high)
            # close to the top rounding hides what a step does to the value, and the step is sure
            while promised > _CLOSE and self._height(following) < value:
                step = step / 2
                following = np.clip(x + step, low, high)
                if np.array_equal(following, x):
                    return x
            x = following
        return x


def _uphill(gradient: Floats, hessian: Floats) -> Floats:
    """Give Newton's step, on a surface turned concave where it is not."""
    if gradient.size == 0:
        return gradient
    # in units in which the diagonal is 1, so that units do not matter
    size = np.sqrt(np.abs(np.diagonal(hessian)))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(hessian / np.outer(size, size))
    floor = 1e-10 * float(np.abs(values).max())
    along = (vectors.T @ (gradient / size)) / np.maximum(np.abs(values), floor)
    return np.asarray((vectors @ along) / size)
