"""A line through a funnel plot: effects regressed on one measure of imprecision."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, stdtr

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.between_study_variance import between_study_variance
from secondlook.synthesis.between_study_variance.moderated_fit import Moderated
from secondlook.synthesis.heterogeneity import TIGHTEST, weighted_mean
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.regression import Coefficient
from secondlook.synthesis.regression.coefficients import critical
from secondlook.synthesis.regression.fitting import orthonormal
from secondlook.synthesis.study_outcomes import StudyOutcomes, Unit, unit_of

__all__ = ["FunnelLine", "funnel_line"]

_ALIKE = 1e-10
"""Relative range of a predictor below which studies are of one size."""


_WIDEST = 1e14
"""Ratio of variances beyond which tau² about a line is lost in rounding."""


@dataclass(frozen=True, slots=True)
class FunnelLine:
    """A line, in the units of the effects.

    ``limit`` is its value where the predictor is 0. ``tau2`` is None and ``dispersion`` what
    sampling variances were multiplied by in a linear regression, and the other way round in a mixed
    one.
    """

    slope: Coefficient
    limit: Coefficient
    tau2: float | None
    dispersion: float | None


def funnel_line(
    where: str,
    outcomes: StudyOutcomes,
    predictor: Floats,
    words: str,
    *,
    method: str | None,
    test: str,
    level: float,
) -> FunnelLine:
    """Fit a line by weighted least squares.

    Parameters
    ----------
    where
        The function that asks, for errors.
    outcomes, predictor, words
        Effects and variances of at least three studies, what they are regressed on, shape (k,), and
        what that is called.
    method
        Estimator of tau², or None for a linear regression: sampling variances are then multiplied
        by the weighted mean square of the residuals.
    test, level
        As for :func:`~secondlook.synthesis.regress`; a linear regression is tested by t.

    Raises
    ------
    EstimationError
        Where the predictor is the same in every study, or more than a double can hold.
    """
    largest = float(np.abs(predictor).max())
    if not (math.isfinite(largest) and largest > 0):
        rule, remedy = "is more than a double can hold", "give effects and sizes in other units"
        raise EstimationError(Problem(where, words, rule, remedy))
    if float(np.ptp(predictor)) <= _ALIKE * largest:
        rule = "is the same in every study, so that asymmetry cannot be seen"
        raise EstimationError(Problem(where, words, rule, "this test does not apply"))
    unit, exponent = unit_of(outcomes), math.frexp(largest)[1]
    yi, vi = unit.measured(outcomes)
    x = np.ldexp(predictor, -exponent)
    tau2 = 0.0
    if method is not None:
        _refuse_too_wide(where, vi)
        design, _ = orthonormal(np.column_stack([np.ones_like(x), x]))
        tau2 = between_study_variance(Moderated(yi, vi, design), method).tau2
    estimates, errors, mean_square = _least_squares(yi, x, 1 / (vi + tau2))
    factor = mean_square
    if method is not None:
        factor = {"hksj": max(1.0, mean_square), "hksj-unguarded": mean_square}.get(test, 1.0)
    degrees, error = None if test == "z" else yi.size - 2, math.sqrt(factor)
    limit = _coefficient("limit", estimates[0], error * errors[0], unit, degrees, level)
    of_slope = Unit(unit.exponent - exponent)
    slope = _coefficient(words, estimates[1], error * errors[1], of_slope, degrees, level)
    mixed = method is not None
    return FunnelLine(
        slope, limit, unit.variance(tau2) if mixed else None, None if mixed else factor
    )


def _refuse_too_wide(where: str, vi: Floats) -> None:
    if float(vi.max() / vi.min()) > _WIDEST:
        rule, remedy = "are too far apart for a mixed regression", "use a linear one"
        raise EstimationError(Problem(f"{where}, vi", "the variances", rule, remedy))


def _coefficient(
    name: str, estimate: float, error: float, unit: Unit, degrees: int | None, level: float
) -> Coefficient:
    statistic = p_value = None
    if error > 0:
        statistic = estimate / error
        away = -abs(statistic)
        p_value = 2 * float(ndtr(away) if degrees is None else stdtr(degrees, away))
    reach = critical(level, degrees) * error
    interval = (unit.effect(estimate - reach), unit.effect(estimate + reach))
    return Coefficient(
        name, unit.effect(estimate), unit.effect(error), statistic, degrees, p_value, interval
    )


def _least_squares(
    yi: Floats, x: Floats, weights: Floats
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Give intercept and slope, their standard errors, and the mean square of the residuals."""
    total = float(weights.sum())
    centre, mean = weighted_mean(x, weights), weighted_mean(yi, weights)
    away = x - centre
    spread = float(weights @ away**2)
    slope = float(weights @ (away * (yi - mean))) / spread
    residuals = yi - mean - slope * away
    squares = float(weights @ residuals**2)
    # effects that differ from the line only in their last bits are fitted exactly
    noise = TIGHTEST**2 * float(weights @ yi**2)
    mean_square = 0.0 if squares <= noise else squares / (x.size - 2)
    errors = (math.sqrt(1 / total + centre**2 / spread), math.sqrt(1 / spread))
    return (mean - slope * centre, slope), errors, mean_square
