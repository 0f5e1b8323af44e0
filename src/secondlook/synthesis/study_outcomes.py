"""Effects and variances as they are handed to pooling: checked once, missing rows set aside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats, named, one_list, raise_any

__all__ = ["StudyOutcomes", "Unit", "read_outcomes", "unit_of"]

_WIDEST = 1e100


@dataclass(frozen=True, slots=True, eq=False)
class StudyOutcomes:
    """Effects that can be pooled, what the studies are called, and who had to be left out."""

    yi: Floats
    vi: Floats
    names: tuple[str, ...]
    omitted: tuple[str, ...]

    def without(self, index: int) -> StudyOutcomes:
        """Give the same outcomes without one study."""
        kept = np.arange(self.yi.size) != index
        names = self.names[:index] + self.names[index + 1 :]
        return StudyOutcomes(self.yi[kept], self.vi[kept], names, ())


@dataclass(frozen=True, slots=True)
class Unit:
    """A power of two to measure effects in, so that no square of one leaves the range of a double.

    Multiplying by it changes no digit, and what cannot be taken back without loss is refused.
    """

    exponent: int

    def measured(self, outcomes: StudyOutcomes) -> tuple[Floats, Floats]:
        """Give effects and variances in this unit."""
        yi = np.ldexp(outcomes.yi, -self.exponent)
        vi = np.ldexp(outcomes.vi, -2 * self.exponent)
        if np.any(np.ldexp(yi, self.exponent) != outcomes.yi):
            rule = "has effects too small beside their standard errors for a double"
            raise EstimationError(Problem("pool", None, rule, "check their units"))
        return yi, vi

    def effect(self, value: float) -> float:
        """Take an effect, a standard error or a limit back to the unit it was given in."""
        return _scaled(value, self.exponent)

    def variance(self, value: float) -> float:
        """Take a variance back to the unit it was given in."""
        return _scaled(value, 2 * self.exponent)


def _scaled(value: float, exponent: int) -> float:
    try:
        result = math.ldexp(value, exponent)
    except OverflowError:
        result = math.inf
    if math.ldexp(result, -exponent) != value:
        rule = "leads to a result that no double can hold"
        raise EstimationError(Problem("pool", None, rule, "give the effects in another unit"))
    return result


def unit_of(outcomes: StudyOutcomes) -> Unit:
    """Give a unit midway between the largest and the smallest quantity of some outcomes.

    Raises
    ------
    EstimationError
        Where an effect or standard error is more than 1e100 times the smallest standard error: the
        squares and cubes of such ratios are beyond a double in any unit.

    Examples
    --------
    >>> unit_of(read_outcomes([0.0, 3.0], [16.0, 16.0])).exponent
    2
    """
    precise = int(outcomes.vi.argmin())
    smallest = math.sqrt(outcomes.vi[precise])
    largest = max(math.sqrt(outcomes.vi.max()), float(np.abs(outcomes.yi).max()))
    if largest / smallest > _WIDEST:
        where, value = f"{outcomes.names[precise]}, vi", f"{outcomes.vi[precise]:g}"
        rule = "is too small beside the other numbers: nothing can be computed"
        raise EstimationError(Problem(where, value, rule, "correct it or leave the study out"))
    return Unit(round((math.log2(largest) + math.log2(smallest)) / 2))


def read_outcomes(
    yi: ArrayLike, vi: ArrayLike, names: Sequence[str] | None = None
) -> StudyOutcomes:
    """Check effects and variances and set rows with a missing value aside.

    Parameters
    ----------
    yi, vi
        Effects and sampling variances, shape (k,); NaN where unknown.
    names
        What the studies are called; ``study 1``, ``study 2``, ... if not given.

    Raises
    ------
    EstimationError
        Naming every study whose effect is infinite or whose variance is not positive and finite,
        or saying that nothing is left to pool.

    Examples
    --------
    >>> read_outcomes([0.1, float("nan")], [0.2, 0.3], ["Adam", "Raab"]).omitted
    ('Raab',)
    """
    effects, variances = one_list("pool, yi", yi), one_list("pool, vi", vi)
    labels = named("pool", {"yi": effects.size, "vi": variances.size}, names)
    missing = np.isnan(effects) | np.isnan(variances)
    usable = np.isfinite(effects) & (variances > 0) & np.isfinite(variances)
    if usable.all() and usable.size:
        return StudyOutcomes(yi=effects, vi=variances, names=labels, omitted=())
    raise_any(_unusable(effects, variances, labels, usable | missing))
    if missing.all():
        found = "no studies" if not labels else "no study with both an effect and a variance"
        raise EstimationError(Problem("pool", found, "is too few to pool", "give at least one"))
    return StudyOutcomes(
        yi=effects[~missing],
        vi=variances[~missing],
        names=tuple(n for n, gone in zip(labels, missing, strict=True) if not gone),
        omitted=tuple(n for n, gone in zip(labels, missing, strict=True) if gone),
    )


def _unusable(
    effects: Floats, variances: Floats, labels: tuple[str, ...], passed: NDArray[np.bool_]
) -> list[Problem]:
    problems = []
    for i in np.flatnonzero(~passed):
        if np.isinf(effects[i]):
            effect = f"{effects[i]:g}"
            problems.append(Problem(f"{labels[i]}, yi", effect, "is not finite", "leave it out"))
        if not (variances[i] > 0 and np.isfinite(variances[i])):
            variance, rule = f"{variances[i]:g}", "is not a positive, finite variance"
            problems.append(Problem(f"{labels[i]}, vi", variance, rule, "correct or omit it"))
    return problems
