"""The maximum of a smooth likelihood in a few parameters, some of which may not fall below 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.synthesis.multilevel.likelihood import Point
from secondlook.synthesis.printed_columns import Floats

__all__ = ["Maximum", "maximise"]

Objective = Callable[[Floats], Point]

_STEPS = 200
_SETTLED = 1e-24
_VISIBLE = 1e-11
_FLOOR = 1e-9
_STALLED = 1e-12
_PATIENCE = 5
_HALVINGS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """Where the likelihood is highest, the likelihood there, and whether the search ended."""

    parameters: Floats
    point: Point
    settled: bool


def maximise(
    objective: Objective,
    start: Floats,
    *,
    lower: Floats,
    fixed: NDArray[np.bool_] | None = None,
    settled: float = _SETTLED,
) -> Maximum:
    """Climb to a maximum by Newton's method with steps that must climb.

    Parameters
    ----------
    objective
        Gives the likelihood with exact derivatives.
    start, lower
        Where to begin, and below what each parameter may not fall, shape (r,).
    fixed
        Parameters that stay where they are.
    settled
        The gain in log-likelihood promised by the next step at which the search may end.

    Notes
    -----
    A direction in which the likelihood curves upward is followed uphill by its absolute curvature;
    a parameter at its bound is released when the likelihood rises off it. Below what the likelihood
    itself can show, steps are taken on the gradient alone until they stop getting smaller: the
    maximum is then found to about the square of the digits of the likelihood.
    """
    held = np.zeros(start.size, dtype=bool) if fixed is None else fixed
    here = np.maximum(start, lower)
    point = objective(here)
    gain, stalled = np.inf, 0
    for _ in range(_STEPS):
        step, promised = _feasible_step(point, here, lower, held)
        blind = promised < _VISIBLE * max(1.0, abs(point.value))
        if promised <= settled or (blind and promised >= gain / 4):
            return Maximum(here, point, True)
        gain = promised if blind else np.inf
        moved = _climb(objective, here, point, step, lower, blind=blind)
        if moved is None:
            return Maximum(here, point, blind)
        risen = moved[1].value - point.value
        stalled = stalled + 1 if risen <= _STALLED * max(1.0, abs(point.value)) else 0
        here, point = moved
        if stalled > _PATIENCE:
            break
    return Maximum(here, point, False)


def _feasible_step(
    point: Point, here: Floats, lower: Floats, held: NDArray[np.bool_]
) -> tuple[Floats, float]:
    """Give a step that leaves no parameter below its bound, and the gain it promises."""
    bound = here <= lower
    free = ~held & ~(bound & (point.gradient <= 0))
    while free.any():
        step, promised = _newton_step(point, free)
        outward = bound & (step < 0)
        if not outward.any():
            return step, promised
        free &= ~outward
    return np.zeros(here.size), 0.0


def _newton_step(point: Point, free: NDArray[np.bool_]) -> tuple[Floats, float]:
    downward = -point.hessian[np.ix_(free, free)]
    gradient = point.gradient[free]
    if gradient.size == 1:
        return _step_of_one(float(gradient[0]), float(downward[0, 0]), free)
    size = np.abs(np.diagonal(downward))
    size = 1 / np.sqrt(np.where(size > 0, size, max(float(size.max()), 1e-300)))
    curvature, directions = np.linalg.eigh(downward * size[:, None] * size)
    bending = np.abs(curvature)
    step = np.zeros(free.size)
    if not bending.max() > 0:
        return step, 0.0
    bending = np.maximum(bending, _FLOOR * bending.max())
    along = directions.T @ (size * gradient)
    step[free] = size * (directions @ (along / bending))
    return step, float(along @ (along / bending))


def _step_of_one(gradient: float, downward: float, free: NDArray[np.bool_]) -> tuple[Floats, float]:
    step = np.zeros(free.size)
    if not downward:
        return step, 0.0
    step[free] = gradient / abs(downward)
    return step, gradient**2 / abs(downward)


def _climb(
    objective: Objective,
    here: Floats,
    point: Point,
    step: Floats,
    lower: Floats,
    *,
    blind: bool,
) -> tuple[Floats, Point] | None:
    # as far as the first bound at most, so that what is left of the step still climbs
    falling = step < 0
    share = min(1.0, float(((lower - here)[falling] / step[falling]).min(initial=np.inf)))
    for _ in range(_HALVINGS):
        there = np.maximum(here + share * step, lower)
        if np.array_equal(there, here):
            return None
        tried = objective(there)
        expected = 1e-4 * float(point.gradient @ (there - here))
        if blind or (np.isfinite(tried.value) and tried.value >= point.value + max(expected, 0.0)):
            return there, tried
        share /= 2
    return None
