"""Many data sets as columns, each seen from its most precise study, and sums over their studies.

Measured against the most precise study of a data set, whose weight is then 1 and whose effect 0,
sums such as sum(w) - sum(w²)/sum(w) lose no digits to cancellation, and numbers have no units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.printed_columns import Floats

__all__ = [
    "Columns",
    "Flags",
    "Indices",
    "Moments",
    "WeightedMean",
    "moments",
    "squares_about_the_mean",
    "weighted_mean_of",
]

Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Data sets as columns, each seen from its most precise study.

    Parameters
    ----------
    away, variances
        Effects less that of the most precise study, and variances, of the other studies; shape
        (studies - 1, data sets). An absent study has an infinite variance and is 0 away.
    smallest
        The variance of the most precise study, shape (data sets,).
    count
        How many studies are present, as floats.
    """

    away: Floats
    variances: Floats
    smallest: Floats
    count: Floats

    def take(self, which: Indices) -> Columns:
        """Give some of the data sets, in any order, also repeatedly."""
        if which.size == self.smallest.size and np.all(np.diff(which) == 1):
            return self
        return Columns(
            self.away.take(which, axis=1),
            self.variances.take(which, axis=1),
            self.smallest.take(which),
            self.count.take(which),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over the studies of each data set at one tau² each, shapes (data sets,).

    With t the smallest variance plus tau²: ``total`` is t sum(w), ``mean`` the weighted mean,
    ``pull`` t² y'PPy, ``bend`` t³ y'PPPy, ``trace`` t tr P (of W, if not restricted) and ``norm``
    t² tr PP (of WW).
    """

    scale: Floats
    total: Floats
    mean: Floats
    pull: Floats
    bend: Floats
    trace: Floats
    norm: Floats


def moments(columns: Columns, tau2: Floats, *, restricted: bool = True) -> Moments:
    """Give the sums from which the derivative of the likelihood and its bounds are made.

    Examples
    --------
    >>> one = Columns(np.array([[2.0]]), np.array([[1.0]]), np.array([1.0]), np.array([2.0]))
    >>> found = moments(one, np.array([0.0]))
    >>> found.mean.item(), found.pull.item(), found.trace.item()
    (1.0, 2.0, 1.0)
    """
    scale = columns.smallest + tau2
    weights = columns.variances + tau2
    np.divide(scale, weights, out=weights)
    squares = weights * weights
    first = weights.sum(axis=0)
    second = squares.sum(axis=0)
    total = 1 + first
    mean = np.einsum("kn,kn->n", weights, columns.away) / total
    weighted = columns.away - mean
    weighted *= weights
    pull = mean * mean + np.einsum("kn,kn->n", weighted, weighted)
    again = (np.einsum("kn,kn->n", weights, weighted) - mean) / total
    weighted -= again
    weighted *= weighted
    bend = (mean + again) ** 2 + np.einsum("kn,kn->n", weights, weighted)
    if not restricted:
        return Moments(scale, total, mean, pull, bend, total, 1 + second)
    third = np.einsum("kn,kn->n", squares, weights)
    trace = (2 * first + first * first - second) / total
    pairs = (first * first + 2 * second + second * second) / (total * total)
    norm = second - 2 * third / total + pairs
    return Moments(scale, total, mean, pull, bend, trace, norm)


@dataclass(frozen=True, slots=True, eq=False)
class WeightedMean:
    """The weighted mean of each data set at its tau², as a distance from its most precise study.

    ``variance`` is 1/sum(w), ``q`` the weighted sum of squares about the mean; shapes (data sets,).
    """

    mean: Floats
    variance: Floats
    q: Floats


def weighted_mean_of(columns: Columns, tau2: Floats) -> WeightedMean:
    """Pool each data set with weights 1/(v + tau²).

    Examples
    --------
    >>> two = Columns(np.array([[2.0]]), np.array([[1.0]]), np.array([1.0]), np.array([2.0]))
    >>> found = weighted_mean_of(two, np.array([0.0]))
    >>> found.mean.item(), found.variance.item(), found.q.item()
    (1.0, 0.5, 2.0)
    """
    scale = columns.smallest + tau2
    weights = columns.variances + tau2
    np.divide(scale, weights, out=weights)
    total = 1 + weights.sum(axis=0)
    mean = np.einsum("kn,kn->n", weights, columns.away) / total
    apart = columns.away - mean
    apart *= apart
    squares = mean * mean + np.einsum("kn,kn->n", weights, apart)
    return WeightedMean(mean, scale / total, squares / scale)


def squares_about_the_mean(columns: Columns) -> Floats:
    """Give the unweighted sum of squares about the unweighted mean of the studies present.

    Examples
    --------
    >>> two = Columns(np.array([[2.0]]), np.array([[1.0]]), np.array([1.0]), np.array([2.0]))
    >>> squares_about_the_mean(two).item()
    2.0
    """
    present = np.isfinite(columns.variances)
    mean = np.einsum("kn,kn->n", present, columns.away) / columns.count
    apart = (columns.away - mean) ** 2
    return np.asarray(mean * mean + np.einsum("kn,kn->n", present, apart))
