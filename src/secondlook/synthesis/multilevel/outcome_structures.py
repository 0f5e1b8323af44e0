"""Covariance matrices of the random effects of q outcomes, as smooth functions of free parameters.

Each structure is written so that its bounds, a variance of 0 or a correlation of 1, are reached at
finite parameters at which the likelihood is smooth: as a product K K' of factors that are linear in
the parameters, or as standard deviations and a correlation that swings between its bounds like a
sine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from secondlook.synthesis.printed_columns import Floats

__all__ = [
    "STRUCTURES",
    "Factors",
    "ScaledCorrelation",
    "Structure",
    "lower_triangle",
    "structure_of",
]

STRUCTURES: dict[str, str] = {
    "unstructured": "a variance for each outcome and a correlation for each pair",
    "compound symmetry": "one variance and one correlation",
    "heterogeneous compound symmetry": "a variance for each outcome and one correlation",
    "diagonal": "a variance for each outcome and no correlation",
}
"""How the random effects of the outcomes of one study may covary."""


class Structure(Protocol):
    """A covariance matrix of shape (q, q) as a function of r parameters."""

    @property
    def lower(self) -> Floats:
        """Below what each parameter may not fall, shape (r,)."""

    def matrix(self, parameters: Floats) -> Floats:
        """Give the matrix."""

    def slopes(self, parameters: Floats) -> Floats:
        """Give its derivatives, shape (r, q, q)."""

    def curvatures(self, parameters: Floats) -> Floats:
        """Give its second derivatives, shape (r, r, q, q)."""

    def starts(self, scale: Floats) -> list[Floats]:
        """Give parameters to begin a search from, for variances near `scale`, shape (q,)."""

    def parameters_of(self, matrix: Floats) -> Floats:
        """Give parameters whose matrix is near a given one."""


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """K K' with K = base + sum of parameter times part.

    Parameters
    ----------
    base, parts
        Shapes (q, q) and (r, q, q).
    lower
        Below what each parameter may not fall, shape (r,).
    """

    base: Floats
    parts: Floats
    lower: Floats

    def _factor(self, parameters: Floats) -> Floats:
        added = parameters @ self.parts.reshape(len(self.parts), self.base.size)
        return np.asarray(self.base + added.reshape(self.base.shape))

    def matrix(self, parameters: Floats) -> Floats:
        """Give the matrix."""
        factor = self._factor(parameters)
        return np.asarray(factor @ factor.T)

    def slopes(self, parameters: Floats) -> Floats:
        """Give its derivatives."""
        half = self.parts @ self._factor(parameters).T
        return np.asarray(half + half.transpose(0, 2, 1))

    def curvatures(self, parameters: Floats) -> Floats:
        """Give its second derivatives, which are the same everywhere."""
        del parameters
        half = self.parts[:, None] @ self.parts.transpose(0, 2, 1)
        return np.asarray(half + half.transpose(0, 1, 3, 2))

    def starts(self, scale: Floats) -> list[Floats]:
        """Give parameters near independent and near correlated effects, small and large."""
        q = scale.size
        found = []
        for correlation in (0.1, 0.8, -0.8 / max(1, q - 1)):
            pattern = np.full((q, q), correlation)
            np.fill_diagonal(pattern, 1.0)
            root = np.sqrt(scale)
            found += [
                self.parameters_of(size * pattern * root[:, None] * root) for size in (0.1, 3.0)
            ]
        return found

    def parameters_of(self, matrix: Floats) -> Floats:
        """Give the least-squares fit of the factor to that of the matrix."""
        factor = _lower_root(matrix)
        design = self.parts.reshape(len(self.parts), -1).T
        if not design.size:
            return np.zeros(0)
        return np.asarray(np.linalg.lstsq(design, (factor - self.base).ravel(), rcond=None)[0])


def _lower_root(matrix: Floats) -> Floats:
    # the triangular root of a matrix that may be singular
    values, vectors = np.linalg.eigh(matrix)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    upper = np.asarray(np.linalg.qr(root.T, mode="r"))
    signs = np.where(np.diagonal(upper) < 0, -1.0, 1.0)
    return np.asarray((upper * signs[:, None]).T)


@dataclass(frozen=True, slots=True, eq=False)
class ScaledCorrelation:
    """Standard deviations, all the same or each its own, and one correlation for all pairs.

    Parameters
    ----------
    count
        How many outcomes there are, at least 2.
    common
        Whether there is one standard deviation for all.

    The parameters are the standard deviations and last an angle, whose sine carries the correlation
    from -1/(q - 1) to 1.
    """

    count: int
    common: bool

    @property
    def lower(self) -> Floats:
        """A standard deviation is not negative."""
        return np.append(np.zeros(1 if self.common else self.count), -np.inf)

    def correlation(self, angle: float) -> Floats:
        """Give the correlation and its two derivatives in the angle."""
        least = -1 / (self.count - 1)
        middle, half = (1 + least) / 2, (1 - least) / 2
        return np.array(
            [middle + half * np.sin(angle), half * np.cos(angle), -half * np.sin(angle)]
        )

    def angle(self, correlation: float) -> float:
        """Give the angle of a correlation."""
        least = -1 / (self.count - 1)
        sine = (correlation - (1 + least) / 2) / ((1 - least) / 2)
        return float(np.arcsin(np.clip(sine, -1.0, 1.0)))

    def _parts(self, parameters: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        # standard deviations of all outcomes, what each parameter does to them, the pattern of the
        # correlation, and the pairs
        deviations = parameters[:-1]
        moves = np.ones((1, self.count)) if self.common else np.eye(self.count)
        pairs = np.ones((self.count, self.count)) - np.eye(self.count)
        pattern = np.eye(self.count) + self.correlation(float(parameters[-1]))[0] * pairs
        return deviations @ moves, moves, pattern, pairs

    def matrix(self, parameters: Floats) -> Floats:
        """Give the matrix."""
        deviations, _, pattern, _ = self._parts(parameters)
        return np.asarray(pattern * deviations[:, None] * deviations)

    def slopes(self, parameters: Floats) -> Floats:
        """Give its derivatives."""
        deviations, moves, pattern, pairs = self._parts(parameters)
        half = moves[:, :, None] * deviations * pattern
        turn = self.correlation(float(parameters[-1]))[1]
        last = turn * pairs * deviations[:, None] * deviations
        return np.concatenate([half + half.transpose(0, 2, 1), last[None]])

    def curvatures(self, parameters: Floats) -> Floats:
        """Give its second derivatives."""
        deviations, moves, pattern, pairs = self._parts(parameters)
        _, turn, bend = self.correlation(float(parameters[-1]))
        r, q = parameters.size, self.count
        found = np.empty((r, r, q, q))
        outer = moves[:, None, :, None] * moves[None, :, None, :] * pattern
        found[:-1, :-1] = outer + outer.transpose(0, 1, 3, 2)
        half = moves[:, :, None] * deviations * pairs * turn
        found[:-1, -1] = found[-1, :-1] = half + half.transpose(0, 2, 1)
        found[-1, -1] = bend * pairs * deviations[:, None] * deviations
        return found

    def starts(self, scale: Floats) -> list[Floats]:
        """Give parameters near independent and near correlated effects, small and large."""
        root = np.sqrt(scale.mean(keepdims=True) if self.common else scale)
        least = -1 / (self.count - 1)
        return [
            np.append(np.sqrt(size) * root, self.angle(correlation))
            for correlation in (0.1, 0.8, 0.8 * least)
            for size in (0.1, 3.0)
        ]

    def parameters_of(self, matrix: Floats) -> Floats:
        """Give the deviations of the matrix and the mean of its correlations."""
        root = np.sqrt(np.diagonal(matrix))
        safe = np.where(root > 0, root, 1.0)
        pattern = matrix / (safe[:, None] * safe)
        above = pattern[np.triu_indices(self.count, 1)]
        deviations = np.array([np.sqrt(np.mean(root**2))]) if self.common else root
        return np.append(deviations, self.angle(float(above.mean())))


def structure_of(name: str, count: int) -> Structure:
    """Give a named structure for some number of outcomes."""
    if name == "diagonal" or count == 1:
        parts = np.zeros((count, count, count))
        parts[np.arange(count), np.arange(count), np.arange(count)] = 1.0
        return Factors(np.zeros((count, count)), parts, np.full(count, -np.inf))
    if name == "unstructured":
        return lower_triangle(count, np.zeros((count, count)), [])
    return ScaledCorrelation(count, name == "compound symmetry")


def lower_triangle(count: int, base: Floats, left_out: list[tuple[int, int]]) -> Factors:
    """Give factors with a parameter for each place on and below the diagonal but those left out."""
    places = [(i, j) for i in range(count) for j in range(i + 1) if (i, j) not in left_out]
    parts = np.zeros((len(places), count, count))
    for number, place in enumerate(places):
        parts[(number, *place)] = 1.0
    return Factors(base, parts, np.full(len(places), -np.inf))
