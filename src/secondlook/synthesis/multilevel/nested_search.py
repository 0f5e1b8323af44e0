"""The highest likelihood of a three-level model, and how far each variance may be from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from secondlook.synthesis.multilevel.likelihood import Point, point_at
from secondlook.synthesis.multilevel.maximisation import Maximum, maximise
from secondlook.synthesis.multilevel.nested import NestedEffects
from secondlook.synthesis.multilevel.profile_likelihood import (
    Profile,
    ProfilePoint,
    profile_interval,
)
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Interval

__all__ = ["NestedSearch", "search"]

_STEP = 2.0
_TOLD_APART = 1e-8
_ALWAYS = 3
_DIP = 1e-3
_NEAR = 4.0
_PROFILED = 1e-16


@dataclass(frozen=True, slots=True, eq=False)
class NestedSearch:
    """What the likelihood says of the two variances, between studies first.

    Attributes
    ----------
    highest
        The global maximum.
    lesser
        Other maxima, as pairs of variances, parted from the highest by a dip of 0.001 or more.
    estimable
        Whether the data can say anything of each variance.
    told_apart
        Whether they can tell one from the other.
    intervals
        Profile-likelihood intervals; None where not estimable or not asked for.
    without
        The highest log-likelihood with each variance at 0.
    """

    highest: Maximum
    lesser: tuple[tuple[float, float], ...]
    estimable: tuple[bool, bool]
    told_apart: bool
    intervals: tuple[Interval | None, Interval | None]
    without: tuple[float | None, float | None]


def search(effects: NestedEffects, *, restricted: bool, level: float | None) -> NestedSearch:
    """Find the global maximum on a grid of both variances and polish every peak of it.

    Intervals and likelihoods without each variance are left out where `level` is None.

    Notes
    -----
    Each weight turns from the precision of the effect to that of the variances over a few doublings
    of a variance, so that a grid of doublings, from where no weight feels the variance to beyond
    the highest point, misses no peak.
    """
    k = effects.variances.size

    def objective(variances: Floats) -> Point:
        moments = effects.moments(float(variances[0]), float(variances[1]))
        return point_at(moments, k, restricted=restricted)

    estimable, told_apart = _identified(effects)
    fixed = np.array([not estimable[0], not estimable[1] or (not told_apart and estimable[0])])
    grids, surface = _surface(effects, fixed, restricted=restricted)
    lower = np.zeros(2)
    peaks = _peaks(surface)
    found = [
        maximise(objective, np.array([grids[0][i], grids[1][j]]), lower=lower, fixed=fixed)
        for i, j in peaks
    ]
    best = max(found, key=lambda one: one.point.value)
    intervals: list[Interval | None] = [None, None]
    without: list[float | None] = [None, None]
    for axis in (0, 1):
        if fixed[axis] or level is None:
            continue
        profile = _profile_of(axis, objective, grids, surface, fixed)
        estimate, top = float(best.parameters[axis]), best.point.value
        drop = float(gammaincinv(0.5, level))
        intervals[axis] = profile_interval(
            profile,
            estimate,
            highest=top,
            drop=drop,
            bounds=(0.0, float(np.inf)),
            guesses=_guesses(grids[axis], surface.max(axis=1 - axis), top - drop),
        )
        without[axis] = profile(0.0).value
    return NestedSearch(
        best,
        _others(peaks, found, surface),
        estimable,
        told_apart,
        (intervals[0], intervals[1]),
        (without[0], without[1]),
    )


def _identified(effects: NestedEffects) -> tuple[tuple[bool, bool], bool]:
    # precise and imprecise effects may tell them apart at different sizes of the variances
    between = within = False
    for size in (1 / (1 / effects.variances).mean(), *np.quantile(effects.variances, [0.5, 1])):
        # the information about each, against what it would be were the coefficients known
        moments = effects.moments(float(size), float(size))
        known = -np.diagonal(moments.log_determinant_curvatures) / 2
        information = point_at(moments, effects.variances.size, restricted=True).information
        share = np.diagonal(information) / known > _TOLD_APART
        between, within = between or bool(share[0]), within or bool(share[1])
        if share.all():
            overlap = information[0, 1] ** 2 / (information[0, 0] * information[1, 1])
            if 1 - overlap > _TOLD_APART:
                return (True, True), True
    return (between, within), False


def _surface(
    effects: NestedEffects, fixed: np.ndarray, *, restricted: bool
) -> tuple[tuple[Floats, Floats], Floats]:
    least = float(effects.variances.min()) / 1000
    residuals = effects.data[-1]
    spread = max(float(residuals @ residuals), float(effects.variances.max()))
    top = [spread, spread]
    while True:
        grids = tuple(
            np.zeros(1) if held else _doublings(least, end)
            for held, end in zip(fixed, top, strict=True)
        )
        surface = effects.surface(grids[0], grids[1], restricted=restricted)
        i, j = np.unravel_index(int(surface.argmax()), surface.shape)
        beyond = [not fixed[0] and i == grids[0].size - 1, not fixed[1] and j == grids[1].size - 1]
        if not any(beyond):
            return (grids[0], grids[1]), surface
        top = [64 * end if over else end for end, over in zip(top, beyond, strict=True)]


def _doublings(start: float, end: float) -> Floats:
    steps = int(np.ceil(np.log(end / start) / np.log(_STEP))) + 2
    return np.append(0.0, start * _STEP ** np.arange(steps))


def _peaks(surface: Floats) -> list[tuple[int, int]]:
    """Give the highest points of the grid, and all others that are hills of their own."""
    padded = np.pad(surface, 1, constant_values=-np.inf)
    rows, columns = surface.shape
    around = [
        padded[1 + i : 1 + i + rows, 1 + j : 1 + j + columns]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if i or j
    ]
    places = np.argwhere(np.all([surface >= one for one in around], axis=0))
    places = places[np.argsort(-surface[places[:, 0], places[:, 1]], kind="stable")]
    found: list[tuple[int, int]] = []
    for i, j in places.tolist():
        if len(found) < _ALWAYS or _own_hill(surface, (i, j), found):
            found.append((i, j))
    return found


def _own_hill(surface: Floats, place: tuple[int, int], higher: list[tuple[int, int]]) -> bool:
    # rarely needed, and slow to import
    from scipy.ndimage import label

    # rounding makes peaks on plains; a hill is what a dip parts from every higher one
    hills, _ = label(surface >= surface[place] - _DIP, structure=np.ones((3, 3)))
    return all(hills[one] != hills[place] for one in higher)


def _profile_of(
    axis: int,
    objective: Callable[[Floats], Point],
    grids: tuple[Floats, Floats],
    surface: Floats,
    fixed: np.ndarray,
) -> Profile:
    other = 1 - axis
    best = grids[other][surface.argmax(axis=other)]
    held = fixed.copy()
    held[axis] = True

    latest: list[Maximum] = []

    def profile(value: float) -> ProfilePoint:
        # from the best value of the other variance at the nearest point of the grid, or from where
        # the last profile leads unless that is another peak
        start = np.empty(2)
        start[axis], start[other] = value, best[int(np.abs(grids[axis] - value).argmin())]
        if latest and not fixed[other]:
            led = _led(latest[-1], axis, value)
            if start[other] / _NEAR <= led <= _NEAR * start[other]:
                start[other] = led
        top = maximise(objective, start, lower=np.zeros(2), fixed=held, settled=_PROFILED)
        latest.append(top)
        return ProfilePoint(top.point.value, float(top.point.gradient[axis]))

    return profile


def _led(last: Maximum, axis: int, value: float) -> float:
    other = 1 - axis
    bend = last.point.hessian[other, other]
    tilt = -last.point.hessian[other, axis] / bend if bend < 0 else 0.0
    led = last.parameters[other] + tilt * (value - last.parameters[axis])
    return max(0.0, float(led))


def _guesses(grid: Floats, profile: Floats, target: float) -> tuple[float, float]:
    # where straight lines between the points of the grid, on a log scale, meet the target
    kept = np.flatnonzero(profile >= target)
    if kept.size == 0:
        return 0.0, float(grid[1])
    first, last = int(kept[0]), int(kept[-1])
    low = 0.0 if first == 0 else _crossing(grid, profile, target, first, first - 1)
    if last == grid.size - 1:
        return low, 2 * float(grid[-1])
    return low, _crossing(grid, profile, target, last, last + 1)


def _crossing(grid: Floats, profile: Floats, target: float, kept: int, refused: int) -> float:
    share = float((profile[kept] - target) / (profile[kept] - profile[refused]))
    if grid[kept] == 0 or grid[refused] == 0:
        return float(grid[kept] + share * (grid[refused] - grid[kept]))
    return float(grid[kept] * (grid[refused] / grid[kept]) ** share)


def _others(
    peaks: list[tuple[int, int]], found: list[Maximum], surface: Floats
) -> tuple[tuple[float, float], ...]:
    """Give the maxima, in the order of their peaks, that are hills beside the highest."""
    best = max(range(len(found)), key=lambda i: found[i].point.value)
    others: list[tuple[float, float]] = []
    for i, one in enumerate(found):
        scale = np.maximum(np.abs(found[best].parameters), np.abs(one.parameters))
        moved = np.abs(found[best].parameters - one.parameters) > 1e-6 * scale
        pair = (float(one.parameters[0]), float(one.parameters[1]))
        alone = i != best and moved.any() and _own_hill(surface, peaks[i], [peaks[best]])
        if alone and one.settled and pair not in others:
            others.append(pair)
    return tuple(others)
