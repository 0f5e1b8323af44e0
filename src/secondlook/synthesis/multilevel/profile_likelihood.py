"""Profile-likelihood intervals: the values of one parameter a likelihood-ratio test would keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from secondlook.synthesis.result import Interval

__all__ = ["Profile", "ProfilePoint", "profile_interval"]

_ROOT = 1e-12
_STEPS = 200
_HIGHER = 1e-7


@dataclass(frozen=True, slots=True)
class ProfilePoint:
    """The highest log-likelihood with one parameter held, and its slope in that parameter."""

    value: float
    slope: float


Profile = Callable[[float], ProfilePoint]


def profile_interval(
    profile: Profile,
    estimate: float,
    *,
    highest: float,
    drop: float,
    bounds: Interval,
    guesses: Interval,
    thorough: Profile | None = None,
) -> Interval:
    """Give the lowest and highest value at which the profile is within `drop` of its maximum.

    Parameters
    ----------
    profile
        The profile log-likelihood.
    estimate, highest
        Where it is highest, and how high.
    drop
        Half the quantile of the chi-squared distribution with one degree of freedom.
    bounds
        Between what the parameter must lie; the upper may be infinite.
    guesses
        Where the limits are first looked for.
    thorough
        The same profile from more starts, by which bounds and limits are checked.
    """
    check = thorough or profile
    limits = []
    for bound, guess in zip(bounds, guesses, strict=True):
        target = highest - drop
        if np.isfinite(bound) and (estimate == bound or check(bound).value >= target):
            limits.append(bound)
            continue
        limit = _root(profile, estimate, target, bound, guess)
        if thorough is not None and thorough(limit).value > target + _HIGHER:
            limit = _root(thorough, limit, target, bound, limit)
        limits.append(limit)
    return limits[0], limits[1]


def _root(profile: Profile, inside: float, target: float, outside: float, guess: float) -> float:
    # `inside` is kept, `outside` is refused; the limit lies between the two
    value = guess if _between(guess, inside, outside) else _halfway(inside, outside, guess)
    for _ in range(_STEPS):
        here = profile(value)
        above = here.value - target
        if above >= 0:
            inside = value
        else:
            outside = value
        width = _ROOT * max(abs(inside), abs(outside))
        if above == 0 or (np.isfinite(outside) and abs(outside - inside) <= width):
            break
        following = value - above / here.slope if here.slope else np.inf
        if abs(following - value) <= _ROOT * abs(value):
            return float(following)
        if not _between(following, inside, outside):
            following = _halfway(inside, outside, guess)
        value = following
    return float(value)


def _between(value: float, inside: float, outside: float) -> bool:
    return min(inside, outside) < value < max(inside, outside)


def _halfway(inside: float, outside: float, guess: float) -> float:
    if np.isfinite(outside):
        return (inside + outside) / 2
    return 2 * max(abs(inside), abs(guess))
