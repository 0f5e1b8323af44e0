"""Weighted least squares about what moderators explain, without losing what is small.

Of the studies, as many as there are coefficients are taken as a basis: heavy ones that differ in
their moderators. The others are expressed in them, X = L X_B with L the identity on the basis, and
effects are measured from what the basis alone would predict. With S = L' W L, which is the basis
weights plus the G that the others bring, every element of P is a product or a mild difference: on
the basis W_B S⁻¹ G, and elsewhere weights times 1 less a leverage bounded away from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.between_study_variance.weighted_fit import WeightedFit
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Moderated", "ModeratedFit"]

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Moderated:
    """Effects scattered about a linear function of moderators.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (..., k): leading axes are data sets.
    design
        Moderators with orthonormal columns, shape (k, p), the same for every data set.
    basis
        The studies all others are expressed in; by default the best for each set of weights.
    """

    yi: Floats
    vi: Floats
    design: Floats
    basis: Indices | None = None

    @property
    def coefficients(self) -> int:
        """How many columns the design has."""
        return int(self.design.shape[1])

    def each(self, index: Any) -> Moderated:
        """Give some of the data sets, or all of them with further axes."""
        return Moderated(self.yi[index], self.vi[index], self.design, self.basis)

    def at(self, tau2: Floats | float) -> ModeratedFit:
        """Fit with weights 1/(vi + tau2)."""
        return self.weighted(1 / (self.vi + np.asarray(tau2)[..., None]))

    def weighted(self, weights: Floats) -> ModeratedFit:
        """Fit with given weights."""
        basis = heavy_basis(weights, self.design) if self.basis is None else self.basis
        square = self.design[basis]
        if self.basis is None:
            lean = np.linalg.solve(square.mT, self.design.T[(None,) * (square.ndim - 2)]).mT
        else:
            lean = np.linalg.solve(square.T, self.design.T).T
        return ModeratedFit.of(self.yi, weights, square, np.asarray(lean), basis)


def heavy_basis(weights: Floats, design: Floats) -> Indices:
    """Choose, for each row of weights, studies that are heavy and differ in their moderators.

    One after the other the study whose weighted moderators are longest, as far as they are not
    explained by those of the studies already chosen.

    Examples
    --------
    >>> heavy_basis(np.array([1.0, 9.0, 4.0]), np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 1.0]]))
    array([1, 2])
    """
    rows = np.sqrt(weights)[..., None] * design
    rounding = 1e-24 * np.vecdot(rows, rows)
    free = np.ones(weights.shape, dtype=bool)
    chosen = []
    for _ in range(design.shape[1]):
        lengths = np.vecdot(rows, rows)
        lengths = np.where(free & (lengths > rounding), lengths, -1.0)
        pick = lengths.argmax(axis=-1)[..., None]
        np.put_along_axis(free, pick, False, axis=-1)
        along = np.take_along_axis(rows, pick[..., None], axis=-2)
        along = along / np.sqrt(np.take_along_axis(lengths, pick, axis=-1))[..., None]
        rows = rows - np.vecdot(rows, along)[..., None] * along
        chosen.append(pick[..., 0])
    return np.stack(chosen, axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class ModeratedFit(WeightedFit):
    """A weighted regression; studies along the axis after those of the data sets."""

    weights: Floats
    residuals: Floats
    basis: Indices
    square: Floats
    """Designs of the basis, shape (..., p, p)."""
    lean: Floats
    others: Floats
    """Weights, 0 on the basis."""
    inverse: Floats
    """The inverse of S."""
    gram: Floats
    """G, what the others bring to S."""
    shift: Floats
    """By how much the fit departs from the effects on the basis, shape (..., p)."""

    @classmethod
    def of(
        cls, yi: Floats, weights: Floats, square: Floats, lean: Floats, basis: Indices
    ) -> ModeratedFit:
        """Fit effects to designs expressed in a basis."""
        p = square.shape[-1]
        basis = np.broadcast_to(basis, (*weights.shape[:-1], p))
        heavy = np.take_along_axis(weights, basis, axis=-1)
        others = weights.copy()
        np.put_along_axis(others, basis, 0.0, axis=-1)
        effects = np.broadcast_to(yi, weights.shape)
        start = np.take_along_axis(effects, basis, axis=-1)
        away = effects - _times(lean, start)
        gram, pulled = _moments(others, lean, others * away)
        inverse = _inverse(gram + heavy[..., None] * np.eye(p))
        shift = _times(inverse, pulled)
        residuals = away - _times(lean, shift)
        np.put_along_axis(residuals, basis, -shift, axis=-1)
        return cls(weights, residuals, basis, square, lean, others, inverse, gram, shift)

    def coefficients(self, yi: Floats) -> Floats:
        """Give the coefficients of the design's columns."""
        start = np.take_along_axis(np.broadcast_to(yi, self.weights.shape), self.basis, axis=-1)
        return np.asarray(np.linalg.solve(self.square, (start + self.shift)[..., None])[..., 0])

    def covariance(self) -> Floats:
        """Give the inverse of X' W X."""
        half = np.linalg.solve(self.square, self.inverse)
        return np.asarray(np.linalg.solve(self.square, half.mT).mT)

    def trace(self) -> Floats:
        """Give the trace of P."""
        return np.asarray(self.diagonal().sum(axis=-1))

    def diagonal(self) -> Floats:
        """Give weights times the share of each study's residual that is its own."""
        leverage = self.others * np.vecdot(self.lean @ self.inverse, self.lean)
        spare = 1 - leverage
        np.put_along_axis(
            spare, self.basis, np.einsum("...ij,...ji->...i", self.inverse, self.gram), axis=-1
        )
        return np.asarray(self.weights * spare)

    def squares(self, left: Floats | float = 1.0, right: Floats | float = 1.0) -> Floats:
        """Give the sum of squared elements: among the others, between, and on the basis."""
        left, right = (np.broadcast_to(side, self.weights.shape) for side in (left, right))
        near, far = (np.take_along_axis(side, self.basis, axis=-1) for side in (left, right))
        heavy = np.take_along_axis(self.weights, self.basis, axis=-1)
        squared = self.others**2
        leaned = self.lean @ self.inverse
        leverage = self.others * np.vecdot(leaned, self.lean)
        among = np.vecdot(squared * left, right * (1 - 2 * leverage)) + np.einsum(
            "...ij,...ji->...",
            self.inverse @ _gram(squared * left, self.lean),
            self.inverse @ _gram(squared * right, self.lean),
        )
        reach = (heavy[..., None, :] * leaned) ** 2
        between = np.vecdot(squared * right, _times(reach, near))
        between = between + np.vecdot(squared * left, _times(reach, far))
        own = (heavy[..., None] * (self.inverse @ self.gram)) ** 2
        return np.asarray(among + between + np.vecdot(near, _times(own, far)))

    def log_determinant(self) -> Floats:
        """Give the logarithm of the determinant of X' W X."""
        volume = np.linalg.slogdet(self.square)[1]
        return np.asarray(2 * volume - np.linalg.slogdet(self.inverse)[1])


def _times(matrix: Floats, vector: Floats) -> Floats:
    return np.asarray((matrix @ vector[..., None])[..., 0])


def _gram(weights: Floats, lean: Floats) -> Floats:
    return np.asarray((weights[..., None] * lean).mT @ lean)


def _moments(weights: Floats, lean: Floats, weighted: Floats) -> tuple[Floats, Floats]:
    # one product of two large matrices where every data set has the same design
    if lean.ndim == 2:
        k, p = lean.shape
        pairs = (lean[:, :, None] * lean[:, None, :]).reshape(k, p * p)
        return (weights @ pairs).reshape(*weights.shape[:-1], p, p), weighted @ lean
    return _gram(weights, lean), _times(lean.mT, weighted)


def _inverse(matrix: Floats) -> Floats:
    # with a diagonal of ones, since weights may be twelve orders of magnitude apart
    scale = 1 / np.sqrt(np.einsum("...ii->...i", matrix))
    pairs = scale[..., :, None] * scale[..., None, :]
    return np.asarray(pairs * np.linalg.inv(pairs * matrix))
