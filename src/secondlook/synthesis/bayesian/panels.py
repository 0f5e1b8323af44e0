"""Panels that are halved until an integral no longer changes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Panels", "Sample", "gauss", "refined"]

_NODES = 16
_STABLE = 1e-12
"""By how much, of the whole, halving a panel may change it; the halves are far more exact."""

_NOTHING = 1e-16
"""Of the whole: what a panel may hold and still be left as it is."""

_SHIFT = 1.0
"""By how many of its standard deviations a mixed distribution may move within a panel."""

_ROUNDING = 2.0**-44
"""Relative rounding that no halving removes: of a mean, and of a logarithm before it is raised."""

_FURTHEST = 1e8
"""The logarithm of a density beyond which the density has lost half of its digits."""

_MOST = 4096
"""Panels that no integral with digits left needs at once."""


@functools.cache
def gauss() -> tuple[Floats, Floats]:
    """Give nodes and weights of Gauss's rule with 16 nodes on the interval from 0 to 1.

    Examples
    --------
    >>> nodes, weights = gauss()
    >>> round(float(weights @ nodes**31), 15) == round(1 / 32, 15)
    True
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (nodes + 1) / 2, weights / 2


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What is known at the nodes of some panels, shapes (panels, nodes).

    ``tau``; ``log_height`` of the integrand; ``mean`` and ``width`` of the normal distribution that
    is mixed with that weight.
    """

    tau: Floats
    log_height: Floats
    mean: Floats
    width: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """Panels from ``left`` to ``right``, shapes (panels,), and what was found at their nodes."""

    left: Floats
    right: Floats
    sample: Sample

    @classmethod
    def of(cls, left: Floats, right: Floats, draw: Callable[[Floats], Sample]) -> Panels:
        """Go to the nodes of panels."""
        nodes = left[:, None] + np.multiply.outer(right - left, gauss()[0])
        return cls(left, right, draw(nodes))

    def weights(self, peak: float) -> Floats:
        """Give what the integrand, in units of its peak, contributes at each node."""
        steps = np.multiply.outer(self.right - self.left, gauss()[1])
        # a node left behind may have been far above the peak that is known now
        return np.asarray(steps * np.exp(np.minimum(self.sample.log_height - peak, 300.0)))

    def moments(self, peak: float, count: int) -> Floats:
        """Give the integrals of the first powers of tau, shape (powers, panels)."""
        weights = self.weights(peak)
        with np.errstate(over="ignore"):  # only of nodes above the peak, which are left behind
            return np.stack([np.sum(weights * self.sample.tau**p, axis=1) for p in range(count)])

    def peak(self) -> float:
        """Give the greatest logarithm met."""
        return float(self.sample.log_height.max(initial=-math.inf))

    def moves(self) -> NDArray[np.bool_]:
        """Say where the mixed distribution moves by more than its width, and than rounding."""
        moved = np.ptp(self.sample.mean, axis=1)
        rounding = _ROUNDING * np.abs(self.sample.mean).max(axis=1)
        narrow = _SHIFT * self.sample.width.min(axis=1)
        return np.asarray(moved > np.maximum(narrow, rounding))

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Panels:
        """Give some of the panels."""
        columns = (getattr(self.sample, field.name)[which] for field in fields(Sample))
        return Panels(self.left[which], self.right[which], Sample(*columns))

    def along(self, other: Panels) -> Panels:
        """Give these panels and then others."""
        columns = (
            np.concatenate([getattr(self.sample, field.name), getattr(other.sample, field.name)])
            for field in fields(Sample)
        )
        left = np.concatenate([self.left, other.left])
        return Panels(left, np.concatenate([self.right, other.right]), Sample(*columns))


def _refuse_without_digits(peak: float, panels: int) -> None:
    if abs(peak) > _FURTHEST or panels > _MOST:
        rule = "and the effects contradict each other beyond what a double can weigh"
        remedy = "look their units up, or give wider priors"
        raise EstimationError(Problem("pool_bayesian", "the priors", rule, remedy))


def refined(edges: Floats, draw: Callable[[Floats], Sample], moments: int) -> Panels:
    """Give panels between edges, halved until the integrals of powers of tau have settled.

    Parameters
    ----------
    edges
        Where the first panels meet, rising.
    draw
        What is known at some nodes, shape (panels, nodes).
    moments
        How many powers of tau, from the zeroth, have an integral.

    Returns
    -------
    Panels
        In rising order.

    Raises
    ------
    EstimationError
        Where priors and effects lie so far apart that rounding decides.
    """
    whole = Panels.of(edges[:-1], edges[1:], draw)
    settled = whole.take(np.zeros(0, dtype=np.intp))
    peak = -math.inf
    while whole.left.size:
        middle = (whole.left + whole.right) / 2
        first = Panels.of(whole.left, middle, draw)
        second = Panels.of(middle, whole.right, draw)
        halves = first.along(second)
        # of the nodes that are kept: around a narrow peak they are the highest, and halved again
        peak = max(settled.peak(), halves.peak())
        _refuse_without_digits(peak, whole.left.size)
        of_halves = first.moments(peak, moments) + second.moments(peak, moments)
        total = of_halves.sum(axis=1) + settled.moments(peak, moments).sum(axis=1)
        stable = max(_STABLE, _ROUNDING * abs(peak)) * total[:, None]
        changed = np.abs(of_halves - whole.moments(peak, moments)) > stable
        moving = whole.moves() & (of_halves[0] > _NOTHING * total[0])
        open_ones = np.tile(changed.any(axis=0) | moving, 2)
        settled = settled.along(halves.take(~open_ones))
        whole = halves.take(open_ones)
    return settled.take(np.argsort(settled.left))
