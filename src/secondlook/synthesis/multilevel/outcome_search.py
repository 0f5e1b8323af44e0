"""The highest likelihood of a multivariate model, and the profiles of its variances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv

from secondlook.synthesis.multilevel.held_structures import Held, held_correlation, held_variance
from secondlook.synthesis.multilevel.likelihood import Point
from secondlook.synthesis.multilevel.maximisation import Maximum, maximise
from secondlook.synthesis.multilevel.outcome_effects import OutcomeEffects
from secondlook.synthesis.multilevel.outcome_structures import (
    ScaledCorrelation,
    Structure,
)
from secondlook.synthesis.multilevel.profile_likelihood import (
    ProfilePoint,
    profile_interval,
)
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Interval

__all__ = ["OutcomeSearch", "correlation_profile", "identified", "search", "variance_profile"]

_NOTHING = 1e-15
_SAME = 1e-6
_PROFILED = 1e-16
_STEP = 1e-6
_OFF = 1e-3
_INFORMED = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeSearch:
    """The global maximum, its covariance matrix of random effects, and other maxima.

    ``scale`` has the size of variances that would be large, one per outcome.
    """

    highest: Maximum
    between: Floats
    lesser: tuple[Floats, ...]
    scale: Floats
    restricted: bool


def identified(effects: OutcomeEffects, structure: Structure, scale: Floats) -> bool:
    """Say whether the data have information about every parameter of a structure."""
    start = structure.starts(scale)[0]
    information = effects.point(structure, start, restricted=True, linear=True).information
    size = np.sqrt(np.maximum(np.diagonal(information), 0.0))
    if not np.all(size > 0):
        return False
    return bool(np.linalg.eigvalsh(information / (size[:, None] * size))[0] > _INFORMED)


def search(
    effects: OutcomeEffects, structure: Structure, scale: Floats, *, restricted: bool
) -> OutcomeSearch:
    """Climb from several places, small and large, correlated and not, and keep the highest."""

    def objective(parameters: Floats) -> Point:
        return effects.point(structure, parameters, restricted=restricted)

    found = [maximise(objective, start, lower=structure.lower) for start in structure.starts(scale)]
    for i, one in enumerate(found):
        # from a bound where the likelihood is level in another parameter, once more
        matrix = structure.matrix(one.parameters)
        if _loose(matrix, scale) is not matrix:
            start = structure.parameters_of(_loose(matrix, scale))
            again = maximise(objective, start, lower=structure.lower)
            found[i] = max(one, again, key=lambda each: each.point.value)
    found.sort(key=lambda one: -one.point.value)
    matrices = [_clean(structure.matrix(one.parameters), scale) for one in found]
    lesser: list[Floats] = []
    for one, matrix in zip(found[1:], matrices[1:], strict=True):
        others = [matrices[0], *lesser]
        if one.settled and not any(_alike(matrix, other, scale) for other in others):
            lesser.append(matrix)
    return OutcomeSearch(found[0], matrices[0], tuple(lesser), scale, restricted)


def _clean(matrix: Floats, scale: Floats) -> Floats:
    # a variance at its bound is found to the square of the digits of its factor, not as 0
    gone = np.diagonal(matrix) <= _NOTHING * scale
    return np.where(gone[:, None] | gone, 0.0, matrix)


def _alike(one: Floats, other: Floats, scale: Floats) -> bool:
    size = np.maximum(np.maximum(np.diagonal(one), np.diagonal(other)), 1e-6 * scale)
    return bool(np.all(np.abs(one - other) <= _SAME * np.sqrt(size[:, None] * size)))


def variance_profile(
    effects: OutcomeEffects,
    structure: Structure,
    found: OutcomeSearch,
    outcome: int,
    *,
    level: float,
) -> Interval:
    """Give the profile-likelihood interval of the variance of one outcome."""
    count = found.between.shape[0]

    def holding(variance: float) -> Held:
        return held_variance(structure, count, outcome, variance)

    estimate = float(found.between[outcome, outcome])
    starts = [found.between, np.diag(0.1 * found.scale)]
    known = [(estimate, found.between)]
    profile = _Profile(effects, holding, found, lambda variance: _STEP * variance, known)
    guess = max(2 * estimate, 0.1 * float(found.scale[outcome]))
    return _interval(profile, starts, level, (0.0, float(np.inf)), (estimate, guess))


def correlation_profile(
    effects: OutcomeEffects,
    structure: Structure,
    found: OutcomeSearch,
    pair: tuple[int, int],
    *,
    level: float,
) -> Interval | None:
    """Give the profile-likelihood interval of a correlation; None where a variance is 0."""
    count = found.between.shape[0]
    least = -1 / (count - 1) if isinstance(structure, ScaledCorrelation) else -1.0
    deviations = np.sqrt(np.diagonal(found.between))[list(pair)]
    if not np.all(deviations > 0):
        return None

    def holding(correlation: float) -> Held:
        return held_correlation(structure, count, pair, correlation)

    estimate = min(1.0, max(least, float(found.between[pair] / np.prod(deviations))))
    starts = [found.between, np.diag(0.1 * found.scale)]
    for one in pair:
        # a correlation that does not fit is best borne by a variance near 0
        vanishing = np.maximum(np.diagonal(found.between), 0.1 * found.scale)
        vanishing[one] = 0.0
        starts.append(np.diag(vanishing))

    def step(correlation: float) -> float:
        return _STEP * min(1 - correlation, correlation - least)

    profile = _Profile(effects, holding, found, step, [(estimate, found.between)])
    return _interval(profile, starts, level, (least, 1.0), (estimate, estimate))


@dataclass(frozen=True, slots=True, eq=False)
class _Profile:
    """The profile of a parameter, and the matrices at which it was found to be highest."""

    effects: OutcomeEffects
    holding: Callable[[float], Held]
    found: OutcomeSearch
    step: Callable[[float], float]
    known: list[tuple[float, Floats]]

    def near(self, value: float) -> ProfilePoint:
        """Give the profile from the nearest matrix known."""
        nearest = min(self.known, key=lambda one: abs(one[0] - value))
        return self.best(value, [nearest[1]])

    def best(self, value: float, starts: list[Floats]) -> ProfilePoint:
        """Give the highest point from several starts."""
        held = self.holding(value)
        tops = [
            maximise(
                lambda parameters: self._at(held, parameters),
                held.start(_loose(matrix, self.found.scale)),
                lower=held.structure.lower,
                fixed=held.fixed,
                settled=_PROFILED,
            )
            for matrix in starts
        ]
        top = max(tops, key=lambda one: one.point.value)
        self.known.append((value, held.matrix(top.parameters)))
        return ProfilePoint(top.point.value, self._slope(value, top.parameters))

    def _at(self, held: Held, parameters: Floats) -> Point:
        there = self.effects.taken(held.order)
        return there.point(held.structure, parameters, restricted=self.found.restricted)

    def _slope(self, value: float, parameters: Floats) -> float:
        # the other parameters being at their best, their moving adds nothing to the slope, which
        # only steers the search for the limit
        heights = []
        moved = self.step(value)
        if moved <= 0:
            return 0.0
        for there in (self.holding(value - moved), self.holding(value + moved)):
            at = np.where(there.fixed, there.values, parameters)
            heights.append(self._at(there, at).value)
        return (heights[1] - heights[0]) / (2 * moved)


def _interval(
    profile: _Profile, starts: list[Floats], level: float, bounds: Interval, guesses: Interval
) -> Interval:
    return profile_interval(
        profile.near,
        profile.known[0][0],
        highest=profile.found.highest.point.value,
        drop=float(gammaincinv(0.5, level)),
        bounds=bounds,
        guesses=guesses,
        thorough=lambda value: profile.best(value, starts),
    )


def _loose(matrix: Floats, scale: Floats) -> Floats:
    # off the bounds, at which the likelihood is level and a search would not leave
    own = np.maximum(np.diagonal(matrix), _OFF * scale)
    root = np.sqrt(own)
    lifted = matrix + np.diag(own - np.diagonal(matrix))
    if np.linalg.eigvalsh(lifted / (root[:, None] * root))[0] > _OFF and np.all(lifted == matrix):
        return matrix
    return (1 - _OFF) * lifted + _OFF * np.diag(own)
