"""What the derivative of the likelihood of tau² can and cannot do between two values of tau².

Twice the derivative of the restricted log-likelihood is f - g with f = y'PPy and g = tr P, where
P = W - ww'/sum(w) and w = 1/(v + tau²); of the full log-likelihood it is f - g with g = sum(w). On
the complement of the constant vector P is the inverse of a matrix whose eigenvalues are linear in
tau², so that F = 1/sqrt(f) and G = 1/g are power means of linear functions: both rise, and both are
concave. Between two values of tau², then, chords lie below and tangents above them, and the sign of
F² - G, which is that of the derivative turned round, is often settled for a whole interval by what
its two ends say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.study_columns import (
    Columns,
    Flags,
    Indices,
    moments,
    squares_about_the_mean,
)

__all__ = ["Points", "Stretches", "no_maximum_beyond"]

_PARALLEL = 1e-9


def no_maximum_beyond(columns: Columns) -> Floats:
    """Give a tau² from which on the likelihood falls.

    Notes
    -----
    f is at most S/tau⁴, S the sum of squares about the mean, and g at least
    (k - 1)/(max v + tau²).
    """
    present = np.isfinite(columns.variances)
    mean_square = squares_about_the_mean(columns) / (columns.count - 1)
    largest = np.max(columns.variances, axis=0, where=present, initial=0.0)
    largest = np.maximum(largest, columns.smallest)
    root = np.sqrt(mean_square) * np.sqrt(mean_square + 4 * largest)
    # a hair further, where rounding cannot undo it
    return np.asarray(1.01 * (mean_square + root) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """tau², F and G and their slopes there, as the rows of one array (5, points)."""

    values: Floats

    @classmethod
    def at(cls, columns: Columns, tau2: Floats, *, restricted: bool) -> Points:
        """Compute them for one tau² per data set; the studies of each must differ."""
        found = moments(columns, tau2, restricted=restricted)
        spread = np.sqrt(found.pull)
        high, level = found.scale / spread, found.scale / found.trace
        slope = found.bend / found.pull / spread
        return cls(np.stack([tau2, high, slope, level, found.norm / found.trace**2]))

    def rising(self) -> Flags:
        """Say where the likelihood rises with tau²."""
        return np.asarray(self.values[1] ** 2 < self.values[3])

    def take(self, which: Indices | Flags) -> Points:
        """Give some of them."""
        return Points(self.values[:, which])

    def put(self, which: Indices, others: Points) -> None:
        """Write others over some of them."""
        self.values[:, which] = others.values

    def copy(self) -> Points:
        """Give the same ones, to be written over."""
        return Points(self.values.copy())


@dataclass(frozen=True, slots=True, eq=False)
class Stretches:
    """Intervals of tau² of some data sets, and whether the likelihood rises at either end.

    At an end that is a maximum already found it is said to do what it does inside.
    """

    column: Indices
    left: Points
    right: Points
    up_left: Flags
    up_right: Flags

    def joined(self, other: Stretches) -> Stretches:
        """Give these and others."""
        return Stretches(
            np.concatenate([self.column, other.column]),
            Points(np.hstack([self.left.values, other.left.values])),
            Points(np.hstack([self.right.values, other.right.values])),
            np.concatenate([self.up_left, other.up_left]),
            np.concatenate([self.up_right, other.up_right]),
        )

    def take(self, which: Flags) -> Stretches:
        """Give some of them."""
        return Stretches(
            self.column[which],
            self.left.take(which),
            self.right.take(which),
            self.up_left[which],
            self.up_right[which],
        )

    def settled(self) -> Flags:
        """Say which intervals provably hold no change of sign."""
        certain = np.where(self.up_left, self._rises_throughout(), self._falls_throughout())
        return np.asarray(certain & (self.up_left == self.up_right))

    def _rises_throughout(self) -> Flags:
        # F below its tangents, G above its chord; the difference is convex between the ends and
        # the point where the tangents meet, so that this point alone is to be looked at
        length, high, slope, level, _ = self._at_left()
        _, high_right, slope_right, level_right, _ = self.right.values
        meet = _meeting(length, high, slope, high_right, slope_right)
        above = np.maximum(high + slope * meet, high_right - slope_right * (length - meet))
        below = level + (level_right - level) * (meet / length)
        return np.asarray(above * above < below)

    def _falls_throughout(self) -> Flags:
        # F above its chord, G below its tangents; on either side of where these meet the
        # difference is a parabola
        length, high, _, level, incline = self._at_left()
        _, high_right, _, level_right, incline_right = self.right.values
        meet = _meeting(length, level, incline, level_right, incline_right)
        chord = (high_right - high) / length
        from_left = _stays_positive(high, chord, level, incline, meet)
        return from_left & _stays_positive(
            high_right, -chord, level_right, -incline_right, length - meet
        )

    def _at_left(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        start, high, slope, level, incline = self.left.values
        return self.right.values[0] - start, high, slope, level, incline


def _meeting(
    length: Floats, left: Floats, left_slope: Floats, right: Floats, right_slope: Floats
) -> Floats:
    # How far from the left end its tangent meets that of the right end. Any place in between will
    # do, only worse, so that the middle serves where the tangents are too nearly parallel to tell.
    turn = left_slope - right_slope
    parallel = turn <= _PARALLEL * left_slope
    meet = (right - left - right_slope * length) / np.where(parallel, 1.0, turn)
    return np.clip(np.where(parallel, length / 2, meet), 0, length)


def _stays_positive(
    high: Floats, chord: Floats, level: Floats, incline: Floats, reach: Floats
) -> Flags:
    # (high + chord x)² - level - incline x for x from 0 to reach; it is not negative at 0
    linear, square = 2 * high * chord - incline, chord * chord
    lowest = np.clip(-linear / (2 * square), 0, reach)
    there = (high + chord * lowest) ** 2 - level - incline * lowest
    return np.asarray((lowest == 0) | (there > 0))
