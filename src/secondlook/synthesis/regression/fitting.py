"""Regression of effects on moderators by the normal-normal model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular
from scipy.special import chdtrc

from secondlook.errors import Problem
from secondlook.synthesis.between_study_variance import (
    BetweenStudyVariance,
    between_study_variance,
)
from secondlook.synthesis.between_study_variance.moderated_fit import (
    Moderated,
    ModeratedFit,
    heavy_basis,
)
from secondlook.synthesis.between_study_variance.weighted_fit import InterceptOnly
from secondlook.synthesis.heterogeneity import TIGHTEST, h2_at, i2_at, q_profile_of
from secondlook.synthesis.printed_columns import Floats, raise_any
from secondlook.synthesis.regression.coefficients import Interval, coefficients, omnibus_test
from secondlook.synthesis.regression.design import Columns
from secondlook.synthesis.regression.moderators import Moderators
from secondlook.synthesis.regression.preparation import Prepared, check_options, prepared
from secondlook.synthesis.regression.remarks import conventions, remarks
from secondlook.synthesis.regression.result import Regression
from secondlook.synthesis.study_outcomes import Unit, unit_of

__all__ = ["orthonormal", "regress", "regression_of"]


_ALIKE = 1e4


def regress(
    yi: ArrayLike,
    vi: ArrayLike,
    moderators: Moderators | None = None,
    *,
    formula: str | None = None,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
    names: Sequence[str] | None = None,
    intercept: bool = True,
    omnibus_of: str | Sequence[str] | None = None,
) -> Regression:
    """Regress effects of independent studies on moderators.

    What is estimated is how the mean of the true effects depends on the moderators, and how much
    true effects still differ: yi ~ N(x_i' beta, tau² + vi), weights 1/(tau² + vi).

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances on a scale on which they are near normal, shape (k,).
    moderators
        A polars or pandas frame, a mapping from names to columns, or an array with a row per study.
        A column of words stands for groups, of which the first (in alphabetical order, or that of a
        categorical column) is what the others are compared with. None for the mean alone. A study
        in which a moderator, its effect or its variance is missing is left out and named.
    formula
        Such as ``"~ year + C(design)"``, with interactions and transformations as formulaic writes
        them; by default every moderator as it is.
    method
        ``"REML"``, ``"ML"``, ``"DL"``, ``"PM"``, ``"EB"``, ``"SJ"``, ``"HE"``, ``"HS"`` or
        ``"common"``, which takes the residual between-study variance to be 0.
    test
        ``"z"``, ``"t"``, ``"hksj"`` (variances times max(1, s²), s² the weighted mean square of
        residuals) or ``"hksj-unguarded"`` (variances times s²).
    level
        Coverage of every interval, between 0 and 1.
    names
        What the studies are called.
    intercept
        Whether to fit a constant, where there is no formula.
    omnibus_of
        Which coefficients, or moderators with all their coefficients, the omnibus test is of; by
        default all but the intercept.

    Returns
    -------
    Regression
        Coefficients, tests, what heterogeneity is left, and predictions.

    Raises
    ------
    EstimationError
        For what :func:`~secondlook.synthesis.pool` refuses; a moderator that is the same in every
        study or a linear combination of others, which are named; too few studies for the
        coefficients; a formula that cannot be read or holds more than moderators and
        transformations of them.

    Notes
    -----
    Berkey, Hoaglin, Mosteller and Colditz, Stat Med 1995;14:395-411; Thompson and Higgins, Stat Med
    2002;21:1559-1573, on what can and cannot be concluded; Knapp and Hartung, Stat Med
    2003;22:2693-2710. Differences between studies are not randomised: a moderator that goes with
    the effect across studies need not do so within them, and with few studies it easily does by
    chance.

    Examples
    --------
    >>> found = regress(
    ...     [-0.9, -1.6, -1.3, -0.2, -0.8], [0.33, 0.19, 0.42, 0.05, 0.2],
    ...     {"latitude": [44, 55, 42, 13, 27]},
    ... )
    >>> round(found.coefficient("latitude").estimate, 4), round(found.tau2, 4)
    (-0.032, 0.0)
    """
    check_options("regress", method=method, test=test, level=level)
    ready = prepared(yi, vi, moderators, formula=formula, intercept=intercept, names=names)
    which = ready.design.which(omnibus_of)
    return regression_of(ready, method=method, test=test, level=float(level), which=which)


def orthonormal(matrix: Floats) -> tuple[Floats, Floats]:
    """Give orthonormal columns that span those of a matrix, and the matrix that leads back.

    Coefficients of the given columns are the second matrix times those of the orthonormal ones.

    Examples
    --------
    >>> columns, back = orthonormal(np.array([[3.0], [4.0]]))
    >>> np.abs(columns).ravel().round(12).tolist(), abs(round(back.item(), 12))
    ([0.6, 0.8], 0.2)
    """
    # columns of one size first, by a power of two: units do not matter
    size = np.ldexp(1.0, np.frexp(np.abs(matrix).max(axis=0))[1])
    columns, triangle = np.linalg.qr(matrix / size)
    back = solve_triangular(triangle, np.eye(matrix.shape[1]))
    return columns, np.asarray(back / size[:, None])


@dataclass(frozen=True, slots=True)
class _Left:
    """The heterogeneity the moderators leave."""

    between: BetweenStudyVariance | None
    without: float | None
    interval: Interval | None
    q: float
    i2: float
    i2_interval: Interval | None
    h2: float
    h2_interval: Interval | None
    r2: float | None


def regression_of(
    ready: Prepared, *, method: str, test: str, level: float, which: tuple[int, ...]
) -> Regression:
    """Regress studies already checked; see :func:`regress`."""
    outcomes, columns = ready.outcomes, ready.design.columns
    unit = unit_of(outcomes)
    yi, vi = unit.measured(outcomes)
    design, back = orthonormal(columns.matrix)
    # one basis for every tau² is quicker, and loses no more digits than variances are apart
    alike = float(vi.max()) <= _ALIKE * float(vi.min())
    model = Moderated(yi, vi, design, heavy_basis(1 / vi, design) if alike else None)
    left = _left(model, method, level, mean=columns.intercept)
    tau2 = 0.0 if left.between is None else left.between.tau2
    fit = model.at(tau2)
    k, p = columns.matrix.shape
    factor, unguarded = _factors(fit, yi, k - p, test)
    estimates, covariance = _coefficients(fit, yi, back * unit.effect(1.0), columns)
    covariance = factor * covariance
    degrees = None if test == "z" else k - p
    between = None if left.between is None else _in_unit(left.between, unit)
    interval = None if left.interval is None else _both(left.interval, unit)
    return Regression(
        coefficients=coefficients(columns.names, estimates, covariance, degrees, level),
        covariance=tuple(map(tuple, covariance.tolist())),
        omnibus=omnibus_test(columns.names, estimates, covariance, which, degrees),
        tau2=0.0 if between is None else between.tau2,
        tau2_standard_error=None if between is None else between.standard_error,
        tau2_interval=interval,
        tau2_without_moderators=None if left.without is None else unit.variance(left.without),
        r2=left.r2,
        i2=left.i2,
        i2_interval=left.i2_interval,
        h2=left.h2,
        h2_interval=left.h2_interval,
        residual_q=left.q,
        residual_degrees_of_freedom=k - p,
        residual_q_p_value=float(chdtrc(k - p, left.q)),
        variance_factor=factor,
        fitted=tuple((outcomes.yi - unit.effect(1.0) * fit.residuals).tolist()),
        residuals=tuple((unit.effect(1.0) * fit.residuals).tolist()),
        names=outcomes.names,
        yi=tuple(outcomes.yi.tolist()),
        vi=tuple(outcomes.vi.tolist()),
        k=k,
        design=ready.design,
        omitted=outcomes.omitted,
        method=method,
        test=test,
        level=level,
        conventions=conventions(columns, method, test, k - p, factor, unguarded),
        warnings=(
            *ready.warnings,
            *remarks(ready, design, test, unguarded, between, interval, left.r2),
        ),
    )


def _coefficients(
    fit: ModeratedFit, yi: Floats, back: Floats, columns: Columns
) -> tuple[Floats, Floats]:
    with np.errstate(over="ignore", invalid="ignore"):
        estimates = back @ fit.coefficients(yi)
        covariance = back @ fit.covariance() @ back.T
    variances = np.diagonal(covariance)
    held = np.isfinite(estimates) & np.isfinite(variances) & (variances > sys.float_info.min)
    rule, remedy = "leads to a coefficient that no double can hold", "give it in another unit"
    raise_any(
        [
            Problem("regress, moderator", name, rule, remedy)
            for name, good in zip(columns.names, held, strict=True)
            if not good
        ]
    )
    return estimates, covariance


def _left(model: Moderated, method: str, level: float, *, mean: bool) -> _Left:
    fit = model.at(0.0)
    q, degrees = float(fit.q()), model.yi.size - model.coefficients
    about_mean = InterceptOnly.of(model.yi, model.vi) if mean and model.coefficients > 1 else None
    if method == "common":
        i2 = 0.0 if q <= degrees else 100 * (q - degrees) / q
        r2 = None
        if about_mean is not None and (total := float(about_mean.at(0.0).q())) > 0:
            r2 = max(0.0, 100 * (1 - (q / degrees) / (total / (model.yi.size - 1))))
        return _Left(None, None, None, q, i2, None, q / degrees, None, r2)
    between = between_study_variance(model, method)
    typical = degrees / float(fit.trace())
    low, high = q_profile_of(model, level)
    without = r2 = None
    if about_mean is not None:
        without = between_study_variance(about_mean, method).tau2
        r2 = max(0.0, 100 * (1 - between.tau2 / without)) if without > 0 else None
    return _Left(
        between,
        without,
        (low, high),
        q,
        i2_at(between.tau2, typical),
        (i2_at(low, typical), i2_at(high, typical)),
        h2_at(between.tau2, typical),
        (h2_at(low, typical), h2_at(high, typical)),
        r2,
    )


def _factors(fit: ModeratedFit, yi: Floats, degrees: int, test: str) -> tuple[float, float]:
    """Give what variances are multiplied by, and what they would be without the safeguard."""
    squares = float(fit.q())
    # effects that differ from the fit only in their last bits are fitted exactly
    noise = TIGHTEST**2 * float(fit.weights @ yi**2)
    unguarded = 0.0 if squares <= noise else squares / degrees
    return {"hksj": max(1.0, unguarded), "hksj-unguarded": unguarded}.get(test, 1.0), unguarded


def _in_unit(between: BetweenStudyVariance, unit: Unit) -> BetweenStudyVariance:
    return BetweenStudyVariance(
        unit.variance(between.tau2),
        unit.variance(between.standard_error),
        tuple(map(unit.variance, between.lesser_maxima)),
    )


def _both(interval: Interval, unit: Unit) -> Interval:
    return unit.variance(interval[0]), unit.variance(interval[1])
