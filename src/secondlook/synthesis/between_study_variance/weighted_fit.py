"""Weighted least squares about a mean or a line, and the sums over studies that tau² is made of.

With weights w in a diagonal matrix W and moderators X, the matrix P = W - W X (X' W X)⁻¹ X' W takes
effects to weighted residuals. Every estimator of tau² is made of y' P y, y' P P y, the trace of P
and sums of its squared elements. P itself, studies by studies, is never formed.

Where one study, or one per coefficient, has nearly all the weight, its residual is far smaller than
its effect and its element of P far smaller than its weight; subtracting would lose every digit.
Here such studies are what the others are measured from, and what is small comes out as a product.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from secondlook.synthesis.printed_columns import Floats

__all__ = ["InterceptOnly", "Model", "WeightedFit", "residual_trace"]


def residual_trace(weights: Floats) -> Floats:
    """Give sum(w) - sum(w²)/sum(w) along the last axis, without its cancellation.

    It is the trace of the matrix that takes effects to weighted residuals, and equals
    2 sum_{i<j} w_i w_j / sum(w): a sum of positive terms also when one study has nearly all weight.

    Examples
    --------
    >>> residual_trace(np.array([1.0, 2.0, 4.0])).item()
    4.0
    """
    before = weights.cumsum(axis=-1)
    pairs = np.vecdot(weights[..., 1:], before[..., :-1])
    return np.asarray(2 * pairs / before[..., -1])


class WeightedFit(ABC):
    """Studies fitted with certain weights; sums run along the last axis."""

    __slots__ = ()

    weights: Floats
    residuals: Floats

    def q(self) -> Floats:
        """Give y' P y, the weighted sum of squared residuals."""
        return np.asarray(np.vecdot(self.weights, self.residuals**2))

    def pull(self) -> Floats:
        """Give y' P P y, the sum of squared weighted residuals: how fast Q falls with tau²."""
        weighted = self.weights * self.residuals
        return np.asarray(np.vecdot(weighted, weighted))

    @abstractmethod
    def trace(self) -> Floats:
        """Give the trace of P."""

    @abstractmethod
    def diagonal(self) -> Floats:
        """Give the diagonal of P, one element per study."""

    @abstractmethod
    def squares(self, left: Floats | float = 1.0, right: Floats | float = 1.0) -> Floats:
        """Give the sum over i and j of left_i P_ij² right_j."""

    @abstractmethod
    def log_determinant(self) -> Floats:
        """Give the logarithm of the determinant of X' W X."""


class Model(Protocol):
    """Effects, their variances and what their expectation depends on.

    Leading axes of `yi` and `vi` are data sets; tau² and weights have one value, or one row, for
    each of them.
    """

    @property
    def yi(self) -> Floats:
        """Effects."""

    @property
    def vi(self) -> Floats:
        """Sampling variances."""

    @property
    def coefficients(self) -> int:
        """How many coefficients are fitted."""

    def weighted(self, weights: Floats) -> WeightedFit:
        """Fit with given weights."""

    def at(self, tau2: Floats | float) -> WeightedFit:
        """Fit with weights 1/(vi + tau2)."""

    def each(self, index: Any) -> Self:
        """Give some of the data sets, or all of them with further axes."""


@dataclass(frozen=True, slots=True, eq=False)
class InterceptOnly:
    """Effects scattered about one mean."""

    yi: Floats
    vi: Floats
    away: Floats
    """Distances from the most precise study, whose residual may be far smaller than its effect."""

    @classmethod
    def of(cls, yi: Floats, vi: Floats) -> InterceptOnly:
        """Measure the effects from the most precise study."""
        if yi.ndim == 1:
            return cls(yi, vi, yi - yi[vi.argmin()])
        precise = np.broadcast_to(vi, yi.shape).argmin(axis=-1)[..., None]
        return cls(yi, vi, yi - np.take_along_axis(yi, precise, axis=-1))

    @property
    def coefficients(self) -> int:
        """One: the mean."""
        return 1

    def each(self, index: Any) -> InterceptOnly:
        """Give some of the data sets, or all of them with further axes."""
        return InterceptOnly(self.yi[index], self.vi[index], self.away[index])

    def weighted(self, weights: Floats) -> MeanFit:
        """Fit the weighted mean."""
        means = np.vecdot(weights, self.away) / weights.sum(axis=-1)
        return MeanFit(weights, self.away - means[..., None])

    def at(self, tau2: Floats | float) -> MeanFit:
        """Fit the mean with weights 1/(vi + tau2)."""
        return self.weighted(1 / (self.vi + np.asarray(tau2)[..., None]))


@dataclass(frozen=True, slots=True, eq=False)
class MeanFit(WeightedFit):
    """The weighted mean, for which P_ij is -w_i w_j / sum(w) off its diagonal."""

    weights: Floats
    residuals: Floats

    def trace(self) -> Floats:
        """Give the trace of P as a sum of positive terms."""
        return residual_trace(self.weights)

    def diagonal(self) -> Floats:
        """Give each weight times the share of the others."""
        others = np.zeros_like(self.weights)
        others[..., 1:] += np.cumsum(self.weights[..., :-1], axis=-1)
        others[..., :-1] += np.cumsum(self.weights[..., :0:-1], axis=-1)[..., ::-1]
        return np.asarray(self.weights * (others / self.weights.sum(axis=-1, keepdims=True)))

    def squares(self, left: Floats | float = 1.0, right: Floats | float = 1.0) -> Floats:
        """Give the sum of squared elements as positive terms."""
        own = np.vecdot(self.diagonal() * left, self.diagonal() * right)
        shares = self.weights**2 / self.weights.sum(axis=-1, keepdims=True)
        first, second = shares * left, shares * right
        before = np.vecdot(first[..., 1:], np.cumsum(second[..., :-1], axis=-1))
        after = np.vecdot(second[..., 1:], np.cumsum(first[..., :-1], axis=-1))
        return np.asarray(own + before + after)

    def log_determinant(self) -> Floats:
        """Give the logarithm of the total weight."""
        return np.asarray(np.log(self.weights.sum(axis=-1)))
