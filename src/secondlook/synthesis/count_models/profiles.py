"""The profile-likelihood interval of a standard deviation among the parameters of a count model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from secondlook.synthesis.count_models.integrals import Model
from secondlook.synthesis.count_models.maximum import Climb, Maximum, at, moved, newton_parts
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Interval

__all__ = ["profile_limits"]

_CLOSE = 1e-5  # squared, this is what the last step leaves
_FAR = 30.0
_LONGEST = 2.0


def profile_limits(
    model: Model,
    best: Maximum,
    common: Maximum,
    *,
    others: Sequence[int],
    tau: int,
    level: float,
) -> Interval | None:
    """Give the tau² between which the profile log-likelihood is within half a chi-squared quantile.

    Parameters
    ----------
    model
        Of k studies.
    best, common
        At the highest maximum, and at tau² = 0.
    others
        Indices of the other shared parameters.
    tau
        Index of the standard deviation.
    level
        Coverage, between 0 and 1.

    Returns
    -------
    tuple of float or None
        None where no upper limit was found, since the likelihood does not fall far enough.

    Notes
    -----
    Venzon and Moolgavkar, J R Stat Soc C 1988;37:87-94: every step solves a quadratic for the
    standard deviation and moves the other parameters along with it.
    """
    target = float(best.at.height[0]) - float(ndtri((1 + level) / 2)) ** 2 / 2
    sides = (-1, 1) if common.at.height[0] < target else (1,)
    try:
        found = _limits(model, best, (*others, tau), target, sides)
    except np.linalg.LinAlgError:
        return None
    if found is None:
        return None
    return (found[0] ** 2 if len(sides) > 1 else 0.0, found[-1] ** 2)


def _limits(
    model: Model, best: Maximum, free: Sequence[int], target: float, sides: Sequence[int]
) -> list[float] | None:
    # both limits at once, with few nodes until they are near, and with many at the end
    two, tau = model.random.shape[0] > 1, free[-1]
    few, many = (12, 26) if two else (20, max(best.order, 20))
    wide, order = model.repeated(len(sides)), few
    shared = np.repeat(best.at.shared, len(sides), axis=0)
    shared[:, tau] = np.abs(shared[:, tau])
    own = np.repeat(best.at.own, len(sides), axis=0)
    now = at(wide, model.k, shared, own, few, np.tile(best.at.integral.mode, (len(sides), 1)))
    for _ in range(60):
        first, second, alone, answer = newton_parts(now.integral, model, free)
        gains = _own_gains(model, now, alone)
        steps, near = np.zeros_like(first), []
        for i, side in enumerate(sides):
            rest = _rest(first[i], second[i])
            gap = target - float(now.height[i]) - rest.gain - gains[i]
            here = float(now.shared[i, tau])
            change = min(max(_towards(gap, rest, side, here), -0.9 * here), max(here, 0.3))
            near.append(max(abs(change) / max(here, 1e-3), abs(gap)) < _CLOSE)
            step = np.append(rest.alone + rest.answer * change, change)
            steps[i] = step * (_LONGEST / max(_LONGEST, float(np.abs(step).max())))
        largest = float(now.shared[:, tau].max())
        if all(near) and order >= many:
            limits: list[float] = (now.shared[:, tau] + steps[:, -1]).tolist()
            return limits
        if largest > _FAR:
            return None
        many = max(many, (38 if two else 104) if largest > 2 else 0)
        order = many if all(near) else order
        own_steps = alone + (answer @ steps[..., None])[..., 0] if model.own else alone
        now = moved(now, wide, model.k, free, steps, own_steps, order)
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Rest:
    """How the other parameters gain by themselves, and go along with the standard deviation."""

    alone: Floats
    answer: Floats
    gain: float
    slope: float
    curvature: float


def _rest(first: Floats, second: Floats) -> _Rest:
    across = second[:-1, -1]
    solved = np.linalg.solve(second[:-1, :-1], np.stack([first[:-1], across], axis=1))
    return _Rest(
        alone=np.asarray(solved[:, 0], dtype=np.float64),
        answer=np.asarray(-solved[:, 1], dtype=np.float64),
        gain=float(first[:-1] @ solved[:, 0]) / 2,
        slope=float(first[-1] - across @ solved[:, 0]),
        curvature=float(second[-1, -1] - across @ solved[:, 1]),
    )


def _own_gains(model: Model, now: Climb, alone: Floats) -> list[float]:
    if not model.own:
        return [0.0] * alone.shape[0]
    pulls = now.integral.gradient[:, -1].reshape(alone.shape)
    gains: list[float] = (np.vecdot(alone, pulls) / 2).tolist()
    return gains


def _towards(gap: float, rest: _Rest, side: int, here: float) -> float:
    # the change of the standard deviation that a quadratic asks for to rise by the gap; upwards a
    # quadratic of its logarithm, which falls more slowly
    slope, curvature = rest.slope, rest.curvature
    logarithm = side > 0 and here > 0
    if logarithm:
        slope, curvature = slope * here, curvature * here**2 - slope * here
    discriminant = slope**2 - 2 * curvature * gap
    if curvature > 0 and discriminant >= 0:
        change = (slope + side * math.sqrt(discriminant)) / curvature
    elif slope * side < 0:
        change = gap / slope
    else:
        return 0.3 * side
    return here * math.expm1(min(change, 3.0)) if logarithm else change
