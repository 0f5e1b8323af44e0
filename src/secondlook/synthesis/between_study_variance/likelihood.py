"""Maximum likelihood and restricted maximum likelihood estimates of tau², at the highest maximum.

The likelihood of tau² can have two maxima when precise and imprecise studies disagree about it;
iteration from one start finds the nearer one. Here every change of sign of the derivative, from 0
to the value beyond which it is negative, is found on a grid of log tau² and polished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from secondlook.synthesis.between_study_variance.moments import TIGHTEST
from secondlook.synthesis.between_study_variance.weighted_fit import Model
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Likelihood"]

_AT_ONCE = 250_000
"""Numbers held at once when a grid of tau² is gone through."""

_STEP = 0.1
"""Of log tau² on the grid of one data set."""

_WIDE_STEP = 0.25
"""Of log tau² on the grid of many."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The likelihood of tau², the coefficients at their best: restricted or not."""

    model: Model
    restricted: bool

    def slope(self, tau2: Floats | float) -> Floats:
        """Give twice the derivative of the log-likelihood."""
        fit = self.model.at(tau2)
        falls = fit.trace() if self.restricted else fit.weights.sum(axis=-1)
        return np.asarray(fit.pull() - falls)

    def log(self, tau2: Floats | float) -> Floats:
        """Give the log-likelihood, without its constant."""
        fit = self.model.at(tau2)
        terms = fit.q() - np.log(fit.weights).sum(axis=-1)
        return np.asarray(-0.5 * (terms + (fit.log_determinant() if self.restricted else 0.0)))

    def maxima(self) -> list[float]:
        """Give every tau² at which the likelihood of one data set has a maximum, rising."""
        grid = self._grid(_STEP)
        slope = self._through(grid, self.slope)
        at = np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0))
        inside = falling_roots(
            self.slope, grid[at], grid[at + 1], slope[at], slope[at + 1]
        ).tolist()
        return [0.0, *inside] if slope[0] <= 0 else inside

    def best(self) -> tuple[float, tuple[float, ...]]:
        """Give the highest maximum and the others."""
        maxima = self.maxima()
        if len(maxima) == 1:
            return maxima[0], ()
        heights = self.log(np.array(maxima))
        best = int(heights.argmax())
        return maxima[best], tuple(t for i, t in enumerate(maxima) if i != best)

    def highest(self) -> Floats:
        """Give the highest maximum for each of many data sets, shape (data sets,)."""
        grid = self._grid(_WIDE_STEP)
        each = self.model.vi.shape[-1] * self.model.coefficients * grid.size
        parts = int(np.ceil(self.model.yi.shape[0] * each / _AT_ONCE))
        slope = np.concatenate(
            [
                Likelihood(self.model.each((rows, None)), self.restricted).slope(grid)
                for rows in np.array_split(np.arange(self.model.yi.shape[0]), parts)
            ]
        )
        of, at = np.nonzero((slope[:, :-1] > 0) & (slope[:, 1:] <= 0))
        inside = falling_roots(
            Likelihood(self.model.each(of), self.restricted).slope,
            grid[at],
            grid[at + 1],
            slope[of, at],
            slope[of, at + 1],
        )
        at_zero = np.flatnonzero(slope[:, 0] <= 0)
        of, maxima = np.append(at_zero, of), np.append(np.zeros(at_zero.size), inside)
        heights = Likelihood(self.model.each(of), self.restricted).log(maxima)
        order = np.lexsort((heights, of))
        last = np.append(np.diff(of[order]) > 0, True)
        return np.asarray(maxima[order][last])

    def interval(self, level: float) -> tuple[float, float]:
        """Give the lowest and the highest tau² that a likelihood ratio test would not reject."""
        best = self.best()
        lowest = float(self.log(best[0])) - float(chdtri(1, 1 - level)) / 2
        inside = np.array([best[0], *best[1]])
        grid = np.unique(np.append(self._grid(_STEP), inside))
        while self.log(grid[-1]) >= lowest:
            grid = np.append(grid, 4 * grid[-1])
        above = self._through(grid, self.log) - lowest
        within = np.flatnonzero(above >= 0)
        first, last = slice(within[0] - 1, within[0] + 1), slice(within[-1], within[-1] + 2)
        low = 0.0
        if within[0] > 0:
            # a root of a falling function, as every other
            low = _root(lambda tau2: lowest - self.log(tau2), grid[first], -above[first])
        return low, _root(lambda tau2: self.log(tau2) - lowest, grid[last], above[last])

    def _grid(self, step: float) -> Floats:
        # Beyond `end` the derivative is negative: its positive part is at most S/tau⁴ and its
        # negative part at least df/(max v + tau²). Below a thousandth of the smallest variance
        # every weight, and so the derivative, is all but constant. Each weight turns from 1/v to
        # 1/tau² over about two units of log tau², so that steps of a tenth, or a quarter, miss
        # no turn.
        vi = self.model.vi
        k = self.model.yi.shape[-1]
        degrees = k - self.model.coefficients if self.restricted else k
        squares = self.model.weighted(np.ones_like(vi)).q()
        mean_square, largest = float(np.max(squares)) / degrees, float(vi.max())
        end = (mean_square + np.sqrt(mean_square**2 + 4 * mean_square * largest)) / 2
        start = float(vi.min()) / 1000
        if end <= start:
            return np.array([0.0, start])
        # a hair beyond the end, where rounding cannot leave the derivative positive
        steps = int(np.ceil(np.log(1.01 * end / start) / step)) + 1
        return np.append(0.0, start * np.exp(step * np.arange(steps)))

    def _through(self, grid: Floats, function: Callable[[Floats], Floats]) -> Floats:
        each = self.model.vi.size * self.model.coefficients
        parts = int(np.ceil(grid.size * each / _AT_ONCE))
        return np.concatenate([function(part) for part in np.array_split(grid, parts)])


def falling_roots(
    function: Callable[[Floats], Floats],
    low: Floats,
    high: Floats,
    at_low: Floats,
    at_high: Floats,
) -> Floats:
    """Give the roots of a function that is positive at each `low` and not at the `high` beside it.

    Notes
    -----
    The secant that keeps its bracket, as improved by Anderson and Björck, BIT 1973;13:253-264.
    """
    for _ in range(200):
        middle = high - at_high * ((high - low) / (at_high - at_low))
        value = function(middle)
        done = np.abs(middle - high) <= TIGHTEST * middle
        if np.all(done | (value == 0) | (np.abs(high - low) <= TIGHTEST * middle)):
            break
        stays = (value > 0) == (at_high > 0)
        shrunk = 1 - value / np.where(at_high == 0, np.inf, at_high)
        at_low = np.where(stays, at_low * np.where(shrunk > 0, shrunk, 0.5), at_high)
        low, high, at_high = np.where(stays, low, high), middle, value
    return middle


def _root(function: Callable[[Floats], Floats], bracket: Floats, values: Floats) -> float:
    low, high = bracket[:1], bracket[1:]
    return float(falling_roots(function, low, high, values[:1], values[1:])[0])
