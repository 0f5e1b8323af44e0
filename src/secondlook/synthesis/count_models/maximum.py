"""The highest maximum of a likelihood whose standard deviations may be zero.

For fixed standard deviations the log-likelihood is concave in everything else (the integrand is
log-concave, and so is what is left of it after integration), so that only in their direction can
there be several maxima. It is therefore scanned over a grid of them, and Newton's method climbs
from every peak of the grid, with more and more nodes until the answer no longer changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.count_models.integrals import Integral, Model, integrate
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Climb", "Maximum", "at", "climb", "moved", "newton_parts", "polish", "rising", "scan"]

_STABLE = 1e-10
_FAR = 60.0
_TOP = 1e-15
_ROUGH = 1e-6
_NEAR = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """Where g climbs have got to.

    Parameters
    ----------
    shared
        The parameters all studies share, shape (g, p).
    own
        Each study's own intercept, shape (g, k), or (g, 0) where there is none.
    height
        Log-likelihood without the constant of the family, shape (g,).
    integral
        At these parameters, g sets of k rows.
    """

    shared: Floats
    own: Floats
    height: Floats
    integral: Integral

    def one(self, index: int, k: int) -> tuple[Floats, Floats, Floats]:
        """Give the shared and own parameters of one climb, and the modes of its k studies."""
        mode = self.integral.mode[index * k : (index + 1) * k]
        return self.shared[index : index + 1], self.own[index : index + 1], mode


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """A maximum that no longer changes with the number of nodes.

    Parameters
    ----------
    at
        One climb at its top.
    information
        Minus the second derivatives by the shared parameters, own intercepts profiled out.
    order
        Nodes in each dimension.
    change
        Of any parameter or of the log-likelihood when nodes were last added.
    """

    at: Climb
    information: Floats
    order: int
    change: float


def newton_parts(
    found: Integral, model: Model, free: Sequence[int]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Give what Newton's method needs of each set of parameters, own intercepts profiled out.

    Returns
    -------
    tuple
        Gradient (g, m) and information (g, m, m) of the m free shared parameters; and the step of
        the own intercepts when the shared parameters stay (g, k), and how it answers when they
        move (g, k, m).
    """
    p = model.fixed.shape[1] - model.own
    gradient = found.gradient.reshape(-1, model.k, found.gradient.shape[1])
    hessian = found.hessian.reshape(-1, model.k, *found.hessian.shape[1:])
    kept = np.asarray(free)
    first = gradient[..., :p].sum(axis=1)[:, kept]
    second = -hessian[..., :p, :p].sum(axis=1)[:, kept[:, None], kept]
    if not model.own:
        sets = first.shape[0]
        return first, second, np.empty((sets, 0)), np.empty((sets, 0, kept.size))
    curvature = hessian[..., p, p]
    across = hessian[..., p, kept]
    alone = -gradient[..., p] / curvature
    answer = -across / curvature[..., None]
    first = first + (alone[:, None, :] @ across)[:, 0]
    second = second - answer.mT @ across
    return first, second, alone, answer


def climb(
    model: Model,
    shared: Floats,
    own: Floats,
    *,
    free: Sequence[int],
    order: int,
    mode: Floats | None = None,
    enough: float = _TOP,
) -> Climb:
    """Climb to the top from one set of parameters, with a fixed number of nodes.

    Parameters
    ----------
    model
        Of k studies.
    shared, own
        Where to start, shapes (1, p) and (1, k), or (1, 0) for a model without own intercepts.
    free
        Which of the shared parameters may move.
    order
        Number of nodes in each dimension.
    mode
        Where to begin looking for the modes.
    enough
        How much higher (twice, to first order) the top may still be. The step that is left is then
        taken without looking at the integrals again.
    """
    now = at(model, model.k, shared, own, order, mode)
    for _ in range(60):
        step, own_step, rise = _steps(now, model, free)
        if np.abs(now.shared).max() > _FAR:
            break
        if rise[0] < enough:
            shared = now.shared.copy()
            shared[:, free] += step
            return Climb(shared, now.own + own_step, now.height + rise / 2, now.integral)
        longest = max(np.abs(step).max(), np.abs(own_step).max(initial=0))
        length = min(1.0, 3 / longest)
        # too few nodes leave height and gradient at odds, so that no step may be short enough
        for _ in range(8):
            there = moved(now, model, model.k, free, length * step, length * own_step, order)
            if rise[0] < 1e-9 or there.height[0] >= now.height[0] + 1e-4 * length * rise[0]:
                break
            length /= 4
        now = there
    return now


def scan(
    model: Model,
    grid: Floats,
    own: Floats,
    *,
    free: Sequence[int],
    shape: tuple[int, ...],
    order: int,
) -> tuple[tuple[Floats, Floats, Floats], ...]:
    """Profile everything but the standard deviations out, over a grid of these.

    Parameters
    ----------
    model
        Of k studies.
    grid, own
        One set of parameters for each point of the grid, shapes (g, p) and (g, k) or (g, 0).
    free
        Which of the shared parameters are no standard deviations.
    shape
        Of the grid, one dimension for each standard deviation.
    order
        Number of nodes in each dimension.

    Returns
    -------
    tuple
        Shared and own parameters and modes at the points higher than their neighbours, the
        highest first.
    """
    wide = model.repeated(grid.shape[0])
    now = at(wide, model.k, grid, own, order, None)
    for _ in range(2):
        step, own_step, rise = _steps(now, model, free)
        if rise.max() < _NEAR:
            break
        # what is climbed here is concave, so that steps shortened like this cannot overshoot
        length = 1 / (1 + np.sqrt(np.maximum(rise, 0)))[:, None]
        now = moved(now, wide, model.k, free, length * step, length * own_step, order)
    peaks = sorted(_peaks(now.height.reshape(shape)), key=lambda i: -float(now.height[i]))
    return tuple(_between(now, peak, model.k, len(shape)) for peak in peaks)


def _between(now: Climb, peak: int, k: int, dimensions: int) -> tuple[Floats, Floats, Floats]:
    # where a parabola through the peak and its neighbours has its top, along a line of them
    shared, own, mode = now.one(peak, k)
    if dimensions > 1 or not 0 < peak < now.height.size - 1:
        return shared, own, mode
    before, top, after = now.height[peak - 1 : peak + 2]
    share = 0.5 * (before - after) / (before - 2 * top + after)
    beside = now.one(peak + (1 if share > 0 else -1), k)
    share = abs(share)
    return shared + share * (beside[0] - shared), own + share * (beside[1] - own), mode


def polish(
    model: Model,
    shared: Floats,
    own: Floats,
    *,
    free: Sequence[int],
    orders: Sequence[int],
    mode: Floats | None = None,
) -> Maximum:
    """Climb to the top with more and more nodes until neither place nor height changes.

    With one number of nodes there is nothing to wait for: where no standard deviation is free, a
    single node integrates exactly.

    Raises
    ------
    EstimationError
        Where the likelihood still rises at the edge of what can be meant.
    """
    enough = _ROUGH if len(orders) > 1 else _TOP
    now = climb(model, shared, own, free=free, order=orders[0], mode=mode, enough=enough)
    order, change = orders[0], 0.0
    for order in orders[1:]:
        was = _bounded(now)
        now = climb(model, was.shared, was.own, free=free, order=order, mode=was.integral.mode)
        away = max(np.abs(now.shared - was.shared).max(), np.abs(now.own - was.own).max(initial=0))
        change = float(max(away, np.abs(now.height - was.height).max()))
        if change < _STABLE:
            break
    information = newton_parts(_bounded(now).integral, model, free)[1][0]
    return Maximum(now, information, order, change)


def rising() -> EstimationError:
    """Give the error for a likelihood without a maximum."""
    rule = "leave a likelihood that rises without end: outcomes happened always or never"
    remedy = "pool them by a method for sparse counts, such as Mantel and Haenszel's"
    return EstimationError(Problem("count model", "these counts", rule, remedy))


def _bounded(now: Climb) -> Climb:
    if np.abs(now.shared).max() > _FAR:
        raise rising()
    return now


def _peaks(height: Floats) -> list[int]:
    is_peak = np.ones(height.shape, dtype=bool)
    for axis in range(height.ndim):
        rows = np.moveaxis(height, axis, 0)
        there = np.moveaxis(is_peak, axis, 0)
        there[1:] &= rows[1:] > rows[:-1]
        there[:-1] &= rows[:-1] >= rows[1:]
    return [int(index) for index in np.flatnonzero(is_peak)]


def _steps(now: Climb, model: Model, free: Sequence[int]) -> tuple[Floats, Floats, Floats]:
    # of the shared and the own parameters, and twice how much higher they lead to first order
    first, second, alone, answer = newton_parts(now.integral, model, free)
    step, rise = _ascent(first, second)
    if not model.own:
        return step, alone, rise
    pulls = now.integral.gradient[:, -1].reshape(alone.shape)
    return step, alone + (answer @ step[..., None])[..., 0], rise + (alone * pulls).sum(axis=1)


def moved(
    now: Climb, wide: Model, k: int, free: Sequence[int], step: Floats, own: Floats, order: int
) -> Climb:
    """Give the integrals after a step of the free shared parameters and of the own ones."""
    shared = now.shared.copy()
    shared[:, free] += step
    return at(wide, k, shared, now.own + own, order, now.integral.mode)


def at(wide: Model, k: int, shared: Floats, own: Floats, order: int, mode: Floats | None) -> Climb:
    """Give the integrals at several sets of parameters of k studies each."""
    rows = np.repeat(shared, k, axis=0)
    if wide.own:
        rows = np.concatenate([rows, own.reshape(-1, 1)], axis=1)
    found = integrate(wide, rows, order, start=mode)
    return Climb(shared, own, found.log_likelihood.reshape(-1, k).sum(axis=1), found)


def _ascent(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    # Newton's step where the information is positive; elsewhere its eigenvalues are made so
    values, vectors = np.linalg.eigh(second)
    along = (vectors.mT @ first[..., None])[..., 0]
    size = np.abs(values)
    size = np.maximum(size, 1e-12 * size.max(axis=1, keepdims=True) + 1e-300)
    step = (vectors @ (along / size)[..., None])[..., 0]
    return step, np.vecdot(along, along / size)
