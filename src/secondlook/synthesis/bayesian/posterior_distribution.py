"""A posterior distribution in the units the effects were given in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, written
from secondlook.synthesis.study_outcomes import Unit

__all__ = ["PosteriorDistribution", "PosteriorSummary"]

Interval = tuple[float, float]


class _Shape(Protocol):
    def density(self, x: ArrayLike) -> Floats: ...

    def cdf(self, x: ArrayLike) -> Floats: ...

    def above(self, x: ArrayLike) -> Floats: ...

    def quantile(self, p: ArrayLike) -> Floats: ...

    def interval(self, level: float) -> Interval: ...

    def shortest_interval(self, level: float) -> Interval: ...

    def mode(self) -> float: ...


@dataclass(frozen=True, slots=True)
class PosteriorSummary:
    """A posterior distribution in six numbers.

    ``mean`` and ``standard_deviation`` are None where the tails are so heavy that there is none.
    ``interval`` leaves the same probability on both sides; ``shortest_interval`` is the shortest
    one that holds as much.
    """

    median: float
    mean: float | None
    mode: float
    standard_deviation: float | None
    interval: Interval
    shortest_interval: Interval


@dataclass(frozen=True, slots=True, eq=False)
class PosteriorDistribution:
    """A posterior distribution of one quantity.

    Parameters
    ----------
    shape
        The distribution in the unit it was computed in.
    unit
        That unit.
    mean, standard_deviation
        In the units of the effects; None where there is none.
    """

    shape: _Shape
    unit: Unit
    mean: float | None
    standard_deviation: float | None

    def density(self, x: ArrayLike) -> Floats:
        """Give the density at some values, in their shape."""
        return np.ldexp(self.shape.density(self._measured(x)), -self.unit.exponent)

    def cdf(self, x: ArrayLike) -> Floats:
        """Give the probability of lying below some values, in their shape."""
        return self.shape.cdf(self._measured(x))

    def probability_below(self, x: float) -> float:
        """Give the probability of lying below a value."""
        return float(self.cdf(x))

    def probability_above(self, x: float) -> float:
        """Give the probability of lying above a value, exact also where it is tiny."""
        return float(self.shape.above(self._measured(x)))

    def quantile(self, p: ArrayLike) -> Floats:
        """Give the values below which certain probabilities lie, in their shape.

        Raises
        ------
        EstimationError
            For a probability that is not between 0 and 1.
        """
        shares = np.asarray(p, dtype=np.float64)
        if not np.all((shares > 0) & (shares < 1)):
            rule, remedy = "is not between 0 and 1", "ask for a probability inside"
            raise EstimationError(Problem("quantile, p", written(p), rule, remedy))
        return np.ldexp(self.shape.quantile(shares), self.unit.exponent)

    def interval(self, level: float) -> Interval:
        """Give the interval that leaves the same probability on both sides."""
        return self._given(self.shape.interval(_share(level)))

    def shortest_interval(self, level: float) -> Interval:
        """Give the shortest interval of that probability."""
        return self._given(self.shape.shortest_interval(_share(level)))

    def mode(self) -> float:
        """Give the value of highest density."""
        return self.unit.effect(self.shape.mode())

    def summary(self, level: float) -> PosteriorSummary:
        """Give the distribution in six numbers, its intervals of a probability."""
        return PosteriorSummary(
            median=float(self.quantile(0.5)),
            mean=self.mean,
            mode=self.mode(),
            standard_deviation=self.standard_deviation,
            interval=self.interval(level),
            shortest_interval=self.shortest_interval(level),
        )

    def _measured(self, x: ArrayLike) -> Floats:
        values = np.asarray(x, dtype=np.float64)
        if np.isnan(values).any():
            raise EstimationError(Problem("posterior, x", "NaN", "is not a number", "give one"))
        # what is beyond a double in that unit is beyond the distribution
        with np.errstate(over="ignore"):
            return np.ldexp(values, -self.unit.exponent)

    def _given(self, interval: Interval) -> Interval:
        return self.unit.effect(interval[0]), self.unit.effect(interval[1])


def _share(level: object) -> float:
    if not (isinstance(level, float | np.floating) and bool(0 < level < 1)):
        rule, remedy = "is not a number between 0 and 1", "write 0.95 for 95 %"
        raise EstimationError(Problem("interval, level", written(level), rule, remedy))
    return float(level)
