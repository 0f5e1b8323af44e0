"""Three-level models: effects nested in studies.

Konstantopoulos, Res Synth Methods 2011;2:61-76; Cheung, Psychol Methods 2014;19:211-229; van den
Noortgate and others, Behav Res Methods 2013;45:576-594.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.multilevel.coefficients import (
    Coefficient,
    JointTest,
    LikelihoodRatio,
    coefficients_from,
    critical_value,
    joint_test,
    likelihood_ratio,
)
from secondlook.synthesis.multilevel.covariance import KnownCovariance, known_covariance
from secondlook.synthesis.multilevel.criteria import criteria_of, in_given_unit
from secondlook.synthesis.multilevel.degrees import contained_degrees
from secondlook.synthesis.multilevel.groups import Labels
from secondlook.synthesis.multilevel.likelihood import Point, point_at
from secondlook.synthesis.multilevel.nested import NestedEffects, nested_effects
from secondlook.synthesis.multilevel.nested_search import NestedSearch, search
from secondlook.synthesis.multilevel.options import check_options
from secondlook.synthesis.multilevel.rows import Basis, Rows, orthonormal_basis, read_rows
from secondlook.synthesis.multilevel.three_level_result import ThreeLevel
from secondlook.synthesis.multilevel.three_level_words import (
    Asked,
    conventions_of,
    estimated_of,
    warnings_of,
)
from secondlook.synthesis.multilevel.working_model import WorkingModel
from secondlook.synthesis.printed_columns import Floats, raise_any
from secondlook.synthesis.result import Interval
from secondlook.synthesis.study_outcomes import Unit

__all__ = ["pool_three_level"]

_WHERE = "pool_three_level"
_WIDEST = 1e10


def pool_three_level(
    yi: ArrayLike,
    vi: ArrayLike | KnownCovariance,
    *,
    study: Labels,
    effect: Labels | None = None,
    moderators: Mapping[str, ArrayLike] | None = None,
    intercept: bool = True,
    sampling_correlation: float | None = None,
    method: str = "REML",
    test: str = "t",
    degrees_of_freedom: str = "contain",
    variance_intervals: bool = True,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> ThreeLevel:
    """Pool effects of which a study may give several.

    The true effect of a row is the pooled effect (or what the moderators make of it), plus the
    deviation of its study, plus its own deviation within the study. Both deviations are normal;
    their variances are estimated by (restricted) maximum likelihood at its global maximum.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,), or a
        :func:`~secondlook.synthesis.multilevel.known_covariance` in place of the variances. A row
        with a missing value is left out, and the result says so.
    study
        The study of each effect.
    effect
        What each effect is called; no two of one study the same. It only names the rows.
    moderators
        Columns of numbers by name, each of shape (k,).
    intercept
        Whether the design has an intercept.
    sampling_correlation
        Correlation of the sampling errors of effects of one study, if they are of the same
        patients; not given, they are taken as independent.
    method
        ``"REML"`` or ``"ML"``.
    test
        ``"t"`` or ``"z"``.
    degrees_of_freedom
        Of the t distribution: ``"contain"`` (studies less coefficients for a coefficient that says
        nothing within studies) or ``"residual"`` (effects less coefficients).
    variance_intervals
        Whether to find the profile-likelihood intervals of the variances and the tests of each,
        which takes most of the time.
    level
        Coverage of every interval, between 0 and 1.
    names
        What the rows are called, if not by study and effect.

    Returns
    -------
    ThreeLevel
        Never an exception for few studies, or for data that cannot tell one variance from the
        other: such things are in its ``warnings``.

    Raises
    ------
    EstimationError
        For what is no effect, variance, covariance or label, for moderators that determine each
        other, or an unknown option; every offending row is named.

    Notes
    -----
    I² by level: Cheung, Psychol Methods 2014;19:211-229, with the typical sampling variance of
    Higgins and Thompson in its general form (k - p)/tr(P). Intervals of the variances: profile
    likelihood. Effects of the same patients have correlated errors; taking them as independent
    mistakes sampling error for variance between studies. The standard error is no better than the
    assumed structure: :func:`.cluster_robust` does not lean on it.

    Examples
    --------
    >>> pooled = pool_three_level(
    ...     [-0.18, -0.22, 0.23, -0.30, 0.13, -0.26, 0.19, 0.32],
    ...     [0.118, 0.118, 0.144, 0.144, 0.014, 0.014, 0.015, 0.024],
    ...     study=[11, 11, 11, 11, 12, 12, 18, 18],
    ... )
    >>> round(pooled.estimate, 3), round(pooled.between_variance, 3)
    (0.034, 0.018)
    """
    check_options(_WHERE, method=method, test=test, degrees=degrees_of_freedom, level=level)
    known = _sampling(vi, study, sampling_correlation)
    labels = {"study": study} if effect is None else {"study": study, "effect": effect}
    rows = read_rows(_WHERE, yi, known, labels=labels, moderators=moderators, names=names)
    _refuse_repeats(rows)
    _refuse_wide_blocks(rows)
    design, columns = _design(rows, intercept=intercept)
    basis = orthonormal_basis(_WHERE, design, columns)
    reach = float(level) if variance_intervals else None
    fit = _fit(rows, basis, method=method, level=reach)
    asked = Asked(method, test, degrees_of_freedom, float(level), sampling_correlation)
    return _result(rows, design, columns, fit, asked)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The search with coefficients and covariance, in the unit of calculation."""

    unit: Unit
    effects: NestedEffects
    found: NestedSearch
    common: Point
    coefficients: Floats
    covariance: Floats


def _sampling(
    vi: ArrayLike | KnownCovariance, study: Labels, correlation: float | None
) -> ArrayLike | KnownCovariance:
    if correlation is None:
        return vi
    if isinstance(vi, KnownCovariance):
        rule = "is given beside a covariance that holds it already"
        where = f"{_WHERE}, sampling_correlation"
        raise EstimationError(Problem(where, str(correlation), rule, "give one of the two"))
    return known_covariance(vi, study, correlation=correlation)


def _refuse_repeats(rows: Rows) -> None:
    if "effect" not in rows.groups:
        return
    pairs = np.column_stack([rows.groups["study"].of, rows.groups["effect"].of])
    _, first, counts = np.unique(pairs, axis=0, return_index=True, return_counts=True)
    problems = [
        Problem(_WHERE, rows.names[i], "is there more than once", "call each effect its own name")
        for i in sorted(first[counts > 1].tolist())
    ]
    raise_any(problems)


def _refuse_wide_blocks(rows: Rows) -> None:
    # the eigenvectors of such a block hold nothing of its smallest variance
    study, problems = rows.groups["study"], []
    for block, where in zip(rows.known.blocks, rows.known.rows, strict=True):
        variances = np.diagonal(block)
        if variances.max() > _WIDEST * variances.min():
            rule = "has correlated errors whose variances are more than 1e10 apart"
            remedy = "correct the variances, or leave the imprecise effect out"
            label = study.labels[study.of[where[0]]]
            problems.append(Problem(f"{_WHERE}, study", label, rule, remedy))
    raise_any(problems)


def _design(rows: Rows, *, intercept: bool) -> tuple[Floats, tuple[str, ...]]:
    if not intercept:
        if not rows.columns:
            rule = "leaves nothing to estimate without moderators"
            raise EstimationError(Problem(f"{_WHERE}, intercept", "False", rule, "keep it"))
        return rows.moderators, rows.columns
    ones = np.ones((rows.yi.size, 1))
    return np.hstack([ones, rows.moderators]), ("intercept", *rows.columns)


def _fit(rows: Rows, basis: Basis, *, method: str, level: float | None) -> _Fit:
    unit, yi, known = rows.measured()
    first = basis.columns.T @ yi
    away = yi - basis.columns @ first
    effects = nested_effects(away, known, rows.groups["study"].of, basis.columns)
    restricted = method == "REML"
    found = search(effects, restricted=restricted, level=level)
    common = point_at(effects.moments(0.0, 0.0), yi.size, restricted=restricted)
    point = found.highest.point
    return _Fit(
        unit,
        effects,
        found,
        common,
        basis.coefficients(first + point.solution),
        basis.covariance(point.inverse),
    )


def _result(
    rows: Rows, design: Floats, columns: tuple[str, ...], fit: _Fit, asked: Asked
) -> ThreeLevel:
    unit, (k, p) = fit.unit, design.shape
    variances = [unit.variance(float(one)) for one in fit.found.highest.parameters]
    total = variances[0] + variances[1]
    estimated = estimated_of(fit.found)
    degrees = _degrees(rows, design, asked)
    estimates = np.array([unit.effect(float(one)) for one in fit.coefficients])
    covariance = np.array([[unit.variance(float(c)) for c in row] for row in fit.covariance])
    errors = np.sqrt(np.diagonal(covariance))
    coefficients = coefficients_from(columns, estimates, errors, degrees, asked.level)
    model = _working(rows, design, columns, variances)
    shares = _shares(fit, k - p)
    free = k - p if asked.method == "REML" else k
    height = in_given_unit(fit.found.highest.point.value, unit, free)
    criteria = criteria_of(height, p + sum(estimated), free)
    q, only = fit.common.residual, columns == ("intercept",)
    return ThreeLevel(
        coefficients=coefficients,
        covariance=tuple(map(tuple, covariance.tolist())),
        prediction_interval=_prediction(coefficients[0], total, asked.level) if only else None,
        omnibus=_omnibus(columns, estimates, covariance, degrees),
        between_variance=variances[0] if estimated[0] else None,
        between_interval=_taken_back(fit.found.intervals[0], unit),
        within_variance=variances[1] if estimated[1] else None,
        within_interval=_taken_back(fit.found.intervals[1], unit),
        intraclass_correlation=variances[0] / total if all(estimated) and total > 0 else None,
        i2_between=shares[0] if estimated[0] else None,
        i2_within=shares[1] if estimated[1] else None,
        i2=shares[2],
        test_of_between=_ratio(fit, 0, criteria.log_likelihood, free),
        test_of_within=_ratio(fit, 1, criteria.log_likelihood, free),
        q=q,
        q_degrees_of_freedom=k - p,
        q_p_value=float(gammaincc((k - p) / 2, q / 2)) if k > p else None,
        log_likelihood=criteria.log_likelihood,
        aic=criteria.aic,
        bic=criteria.bic,
        aicc=criteria.aicc,
        weights=_weights(fit) if only else None,
        names=rows.names,
        studies=tuple(rows.groups["study"].labels[i] for i in rows.groups["study"].of),
        yi=tuple(rows.yi.tolist()),
        vi=tuple(rows.known.variances.tolist()),
        k=k,
        study_count=len(rows.groups["study"].labels),
        omitted=rows.omitted,
        method=asked.method,
        test="z" if degrees[0] is None else "t",
        degrees_of_freedom=asked.degrees,
        level=asked.level,
        working_model=model,
        conventions=conventions_of(rows, asked),
        warnings=warnings_of(rows, fit.found, unit, k - p),
    )


def _degrees(rows: Rows, design: Floats, asked: Asked) -> list[float | None]:
    k, p = design.shape
    if asked.test == "z" or k == p:
        return [None] * p
    if asked.degrees == "residual":
        return [float(k - p)] * p
    # one study is no level to count
    study = rows.groups["study"]
    counted = contained_degrees(design, [study] if len(study.labels) > 1 else [])
    return [float(one) for one in counted]


def _working(
    rows: Rows, design: Floats, columns: tuple[str, ...], variances: Sequence[float]
) -> WorkingModel:
    return WorkingModel(
        yi=rows.yi,
        design=design,
        columns=columns,
        known=rows.known,
        within=variances[1],
        study=rows.groups["study"],
        loadings=np.ones((rows.yi.size, 1)),
        between=np.array([[variances[0]]]),
        weights=None,
        names=rows.names,
        positions=rows.positions,
        given=rows.given,
    )


def _prediction(pooled: Coefficient, added: float, level: float) -> Interval:
    reach = critical_value(level, pooled.degrees_of_freedom)
    reach *= float(np.hypot(pooled.standard_error, np.sqrt(added)))
    return pooled.estimate - reach, pooled.estimate + reach


def _omnibus(
    columns: tuple[str, ...],
    estimates: Floats,
    covariance: Floats,
    degrees: Sequence[float | None],
) -> JointTest | None:
    tested = [j for j, name in enumerate(columns) if j or name != "intercept"]
    known = [one for one in (degrees[j] for j in tested) if one is not None]
    return joint_test(
        [columns[j] for j in tested],
        estimates[tested],
        covariance[np.ix_(tested, tested)],
        min(known) if known else None,
    )


def _shares(fit: _Fit, free: int) -> tuple[float | None, float | None, float | None]:
    if free == 0:
        return None, None, None
    between, within = (float(one) for one in fit.found.highest.parameters)
    # with both variances at 0, tr(P dM/d within) is the trace of P itself
    typical = free / float(fit.common.traces[1])
    total = between + within + typical
    return 100 * between / total, 100 * within / total, 100 * (between + within) / total


def _ratio(fit: _Fit, axis: int, full: float, free: int) -> LikelihoodRatio | None:
    without = fit.found.without[axis]
    return (
        None if without is None else likelihood_ratio(full, in_given_unit(without, fit.unit, free))
    )


def _taken_back(interval: Interval | None, unit: Unit) -> Interval | None:
    if interval is None:
        return None
    high = interval[1]
    return unit.variance(interval[0]), unit.variance(high) if np.isfinite(high) else high


def _weights(fit: _Fit) -> tuple[float, ...]:
    between, within = (float(one) for one in fit.found.highest.parameters)
    sums = fit.effects.row_sums(between, within)
    return tuple((100 * sums / sums.sum()).tolist())
