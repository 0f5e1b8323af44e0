"""Structures with one variance or one correlation held, for its profile likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.multilevel.outcome_structures import (
    Factors,
    ScaledCorrelation,
    Structure,
    lower_triangle,
)
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Held", "held_correlation", "held_variance"]


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """A structure of outcomes in another order, some of whose parameters stay where they are.

    Parameters
    ----------
    structure
        The structure of the outcomes in the order given.
    order
        Which outcome comes first, second, ... in it.
    fixed, values
        Which parameters are held, and at what.
    correlation
        Of the first two outcomes, where it is held without being a parameter.
    """

    structure: Structure
    order: NDArray[np.intp]
    fixed: NDArray[np.bool_]
    values: Floats
    correlation: float | None = None

    def start(self, matrix: Floats) -> Floats:
        """Give parameters near a matrix, the held ones where they are held."""
        ordered = matrix[np.ix_(self.order, self.order)]
        if self.correlation is not None:
            cross = self.correlation * float(np.sqrt(ordered[0, 0] * ordered[1, 1]))
            ordered[0, 1] = ordered[1, 0] = cross
        near = np.maximum(self.structure.parameters_of(ordered), self.structure.lower)
        return np.where(self.fixed, self.values, near)

    def matrix(self, parameters: Floats) -> Floats:
        """Give the matrix with the outcomes in their own order."""
        found = np.empty((self.order.size, self.order.size))
        found[np.ix_(self.order, self.order)] = self.structure.matrix(parameters)
        return found


def held_variance(structure: Structure, count: int, outcome: int, variance: float) -> Held:
    """Hold the variance of one outcome, or of all where they have one in common."""
    deviation = float(np.sqrt(variance))
    if isinstance(structure, ScaledCorrelation):
        at = 0 if structure.common else outcome
        return _held_parameter(structure, count, at, deviation, structure.lower.size)
    if isinstance(structure, Factors) and len(structure.parts) == count:
        return _held_parameter(structure, count, outcome, deviation, count)
    # first in the order, where the variance is the square of one factor alone
    base = np.zeros((count, count))
    base[0, 0] = deviation
    inner = lower_triangle(count, base, [(0, 0)])
    return _free(inner, [outcome])


def held_correlation(
    structure: Structure, count: int, pair: tuple[int, int], correlation: float
) -> Held:
    """Hold the correlation of one pair of outcomes, or of all where they have one in common."""
    if isinstance(structure, ScaledCorrelation):
        last = structure.lower.size - 1
        return _held_parameter(structure, count, last, structure.angle(correlation), last + 1)
    # the pair first, where its two standard deviations, not negative, are two of the parameters
    inner = lower_triangle(count, np.zeros((count, count)), [(0, 0), (1, 0), (1, 1)])
    pair_of = np.zeros((2, count, count))
    pair_of[0, 0, 0] = 1.0
    pair_of[1, 1, :2] = correlation, np.sqrt(max(0.0, 1 - correlation**2))
    inner = Factors(
        inner.base,
        np.concatenate([pair_of, inner.parts]),
        np.concatenate([np.zeros(2), inner.lower]),
    )
    return _free(inner, list(pair), correlation)


def _held_parameter(structure: Structure, count: int, at: int, value: float, size: int) -> Held:
    fixed, values = np.zeros(size, dtype=bool), np.zeros(size)
    fixed[at], values[at] = True, value
    return Held(structure, np.arange(count), fixed, values)


def _free(inner: Factors, first: list[int], correlation: float | None = None) -> Held:
    count = inner.base.shape[0]
    order = [*first, *(i for i in range(count) if i not in first)]
    size = len(inner.parts)
    fixed, values = np.zeros(size, dtype=bool), np.zeros(size)
    return Held(inner, np.array(order, dtype=np.intp), fixed, values, correlation)
