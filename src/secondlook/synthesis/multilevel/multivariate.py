"""Multivariate models: effects on several outcomes of the same studies, pooled together.

Berkey and others, Stat Med 1998;17:2537-2550; van Houwelingen, Arends and Stijnen, Stat Med
2002;21:589-624; Jackson, Riley and White, Stat Med 2011;30:2481-2498.
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
    coefficients_from,
    critical_value,
    joint_test,
)
from secondlook.synthesis.multilevel.covariance import KnownCovariance
from secondlook.synthesis.multilevel.criteria import criteria_of, in_given_unit
from secondlook.synthesis.multilevel.degrees import contained_degrees
from secondlook.synthesis.multilevel.groups import Groups, Labels
from secondlook.synthesis.multilevel.multivariate_result import Component, Multivariate
from secondlook.synthesis.multilevel.multivariate_words import (
    Asked,
    conventions_of,
    warnings_of,
)
from secondlook.synthesis.multilevel.options import check_options, unknown
from secondlook.synthesis.multilevel.outcome_effects import OutcomeEffects, outcome_effects
from secondlook.synthesis.multilevel.outcome_search import (
    OutcomeSearch,
    correlation_profile,
    identified,
    search,
    variance_profile,
)
from secondlook.synthesis.multilevel.outcome_structures import (
    STRUCTURES,
    Factors,
    Structure,
    structure_of,
)
from secondlook.synthesis.multilevel.rows import Basis, Rows, orthonormal_basis, read_rows
from secondlook.synthesis.multilevel.working_model import WorkingModel
from secondlook.synthesis.printed_columns import Floats, raise_any
from secondlook.synthesis.result import Interval
from secondlook.synthesis.study_outcomes import Unit

__all__ = ["pool_multivariate"]

_WHERE = "pool_multivariate"


def pool_multivariate(
    yi: ArrayLike,
    covariances: ArrayLike | KnownCovariance | Sequence[ArrayLike],
    *,
    study: Labels,
    outcome: Labels,
    structure: str = "unstructured",
    moderators: Mapping[str, ArrayLike] | None = None,
    method: str = "REML",
    test: str = "t",
    degrees_of_freedom: str = "contain",
    variance_intervals: bool = True,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> Multivariate:
    """Pool effects on several outcomes together, with the covariance of their sampling errors.

    The true effect on an outcome in a study is the pooled effect on that outcome, plus the study's
    deviation; deviations on different outcomes are normal and correlated. A study need not report
    every outcome: it lends strength to the others by way of the correlations.

    Parameters
    ----------
    yi
        Effects, shape (k,), one row per study and outcome. A row with a missing value is left out.
    covariances
        Sampling covariance: one block per study in the order in which the studies appear, a matrix
        of shape (k, k), :func:`~secondlook.synthesis.multilevel.known_covariance`, or variances
        alone where errors are independent.
    study, outcome
        The study and outcome of each effect.
    structure
        Of the covariance of the random effects: ``"unstructured"``, ``"compound symmetry"``,
        ``"heterogeneous compound symmetry"`` or ``"diagonal"``.
    moderators
        Columns of numbers by name, each of shape (k,), beside one column for each outcome. A column
        that is 0 for all outcomes but one belongs to that outcome alone.
    method
        ``"REML"`` or ``"ML"``.
    test, degrees_of_freedom
        As for :func:`.pool_three_level`.
    variance_intervals
        Whether to find the profile-likelihood intervals of variances and correlations, which takes
        most of the time.
    level
        Coverage of every interval, between 0 and 1.
    names
        What the rows are called, if not by study and outcome.

    Returns
    -------
    Multivariate

    Raises
    ------
    EstimationError
        For what is no effect, covariance or label, for a structure the data have no information
        about (outcomes that no study reports together have no correlation), or an unknown option.

    Notes
    -----
    With few studies the correlation is often estimated at 1 or -1, and its interval says how little
    is known of it. Correlations of sampling errors are seldom printed; a guess is to be varied, and
    :func:`.cluster_robust` does not lean on it.

    Examples
    --------
    >>> pooled = pool_multivariate(
    ...     [0.47, -0.32, 0.20, -0.60, 0.40, -0.12, 0.26, -0.31, 0.56, -0.39],
    ...     [
    ...         [[0.0075, 0.0030], [0.0030, 0.0077]],
    ...         [[0.0057, 0.0009], [0.0009, 0.0008]],
    ...         [[0.0021, 0.0007], [0.0007, 0.0014]],
    ...         [[0.0029, 0.0009], [0.0009, 0.0015]],
    ...         [[0.0148, 0.0072], [0.0072, 0.0304]],
    ...     ],
    ...     study=[1, 1, 2, 2, 3, 3, 4, 4, 5, 5],
    ...     outcome=["PD", "AL"] * 5,
    ... )
    >>> [(one.name, round(one.estimate, 3)) for one in pooled.coefficients]
    [('PD', 0.353), ('AL', -0.339)]
    """
    check_options(_WHERE, method=method, test=test, degrees=degrees_of_freedom, level=level)
    raise_any(unknown(f"{_WHERE}, structure", structure, STRUCTURES))
    labels = {"study": study, "outcome": outcome}
    rows = read_rows(_WHERE, yi, covariances, labels=labels, moderators=moderators, names=names)
    outcomes = rows.groups["outcome"]
    shape = structure_of(structure, len(outcomes.labels))
    _refuse_unknowable(rows, structure)
    design = np.hstack([np.eye(len(outcomes.labels))[outcomes.of], rows.moderators])
    columns = (*outcomes.labels, *rows.columns)
    basis = orthonormal_basis(_WHERE, design, columns)
    asked = Asked(
        structure, method, test, degrees_of_freedom, bool(variance_intervals), float(level)
    )
    return _result(rows, design, columns, _fit(rows, basis, shape, asked), asked)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The search with coefficients and covariance, in the unit of calculation."""

    unit: Unit
    structure: Structure
    effects: OutcomeEffects
    found: OutcomeSearch
    q: float
    coefficients: Floats
    covariance: Floats


def _refuse_unknowable(rows: Rows, structure: str) -> None:
    study, outcomes = rows.groups["study"], rows.groups["outcome"]
    count = len(outcomes.labels)
    table = np.zeros((len(study.labels), count))
    np.add.at(table, (study.of, outcomes.of), 1.0)
    together = (table > 0).astype(float).T @ (table > 0)
    problems = []
    for i, name in enumerate(outcomes.labels):
        if structure != "compound symmetry" and together[i, i] < 2:
            rule = "is reported by one study alone, which leaves its variance unknown"
            remedy = "leave it out, or use compound symmetry"
            problems.append(Problem(f"{_WHERE}, outcome", name, rule, remedy))
    apart = [
        f"{outcomes.labels[i]} and {outcomes.labels[j]}"
        for i in range(count)
        for j in range(i)
        if together[i, j] == 0
    ]
    everywhere = len(apart) == count * (count - 1) // 2
    if apart and (structure == "unstructured" or (everywhere and structure != "diagonal")):
        rule = "are not reported by one study together, which leaves their correlation unknown"
        remedy = "use structure diagonal" if everywhere else "use another structure"
        problems += [Problem(f"{_WHERE}, outcome", pair, rule, remedy) for pair in apart]
    raise_any(problems)


def _fit(rows: Rows, basis: Basis, structure: Structure, asked: Asked) -> _Fit:
    unit, yi, known = rows.measured()
    first = basis.columns.T @ yi
    away = yi - basis.columns @ first
    outcomes = rows.groups["outcome"]
    count = len(outcomes.labels)
    model = _working(rows, basis.columns, (), np.zeros((count, count)), known=known)
    effects = outcome_effects(model, np.column_stack([basis.columns, away]))
    scale = _scale(away, known.variances, outcomes)
    if yi.size <= basis.columns.shape[1] or not identified(effects, structure, scale):
        rule = "has parameters these data say nothing about"
        remedy = "use a simpler structure or fewer moderators"
        raise EstimationError(Problem(f"{_WHERE}, structure", asked.structure, rule, remedy))
    found = search(effects, structure, scale, restricted=asked.method == "REML")
    point = found.highest.point
    zero = Factors(np.zeros((count, count)), np.zeros((0, count, count)), np.zeros(0))
    return _Fit(
        unit,
        structure,
        effects,
        found,
        effects.point(zero, np.zeros(0), restricted=False).residual,
        basis.coefficients(first + point.solution),
        basis.covariance(point.inverse),
    )


def _scale(away: Floats, variances: Floats, outcomes: Groups) -> Floats:
    # what variances would be large: the mean square of the residuals, and the sampling variances
    counts = outcomes.sizes()
    squares = np.bincount(outcomes.of, weights=away**2, minlength=counts.size) / counts
    sampling = np.bincount(outcomes.of, weights=variances, minlength=counts.size) / counts
    return np.asarray(np.maximum(squares, 0.1 * sampling))


def _working(
    rows: Rows,
    design: Floats,
    columns: tuple[str, ...],
    between: Floats,
    *,
    known: KnownCovariance,
) -> WorkingModel:
    outcomes = rows.groups["outcome"]
    return WorkingModel(
        yi=rows.yi,
        design=design,
        columns=columns,
        known=known,
        within=0.0,
        study=rows.groups["study"],
        loadings=np.eye(len(outcomes.labels))[outcomes.of],
        between=between,
        weights=None,
        names=rows.names,
        positions=rows.positions,
        given=rows.given,
    )


def _result(
    rows: Rows, design: Floats, columns: tuple[str, ...], fit: _Fit, asked: Asked
) -> Multivariate:
    unit, (k, p) = fit.unit, design.shape
    between = np.array([[unit.variance(float(c)) for c in row] for row in fit.found.between])
    degrees = _degrees(rows, design, asked)
    estimates = np.array([unit.effect(float(one)) for one in fit.coefficients])
    covariance = np.array([[unit.variance(float(c)) for c in row] for row in fit.covariance])
    errors = np.sqrt(np.diagonal(covariance))
    coefficients = coefficients_from(columns, estimates, errors, degrees, asked.level)
    known = [one for one in degrees if one is not None]
    free = k - p if asked.method == "REML" else k
    height = in_given_unit(fit.found.highest.point.value, unit, free)
    criteria = criteria_of(height, p + fit.structure.lower.size, free)
    study, outcomes = rows.groups["study"], rows.groups["outcome"]
    return Multivariate(
        coefficients=coefficients,
        covariance=tuple(map(tuple, covariance.tolist())),
        prediction_intervals=None if rows.columns else _predictions(coefficients, between, asked),
        omnibus=joint_test(columns, estimates, covariance, min(known) if known else None),
        outcomes=outcomes.labels,
        between_covariance=tuple(map(tuple, between.tolist())),
        variances=_variances(fit, outcomes.labels, asked),
        correlations=_correlations(fit, outcomes.labels, asked),
        q=fit.q,
        q_degrees_of_freedom=k - p,
        q_p_value=float(gammaincc((k - p) / 2, fit.q / 2)),
        log_likelihood=criteria.log_likelihood,
        aic=criteria.aic,
        bic=criteria.bic,
        aicc=criteria.aicc,
        names=rows.names,
        studies=tuple(study.labels[i] for i in study.of),
        effect_outcomes=tuple(outcomes.labels[i] for i in outcomes.of),
        yi=tuple(rows.yi.tolist()),
        vi=tuple(rows.known.variances.tolist()),
        k=k,
        study_count=len(study.labels),
        omitted=rows.omitted,
        structure=asked.structure,
        method=asked.method,
        test=asked.test,
        degrees_of_freedom=asked.degrees,
        level=asked.level,
        working_model=_working(rows, design, columns, between, known=rows.known),
        conventions=conventions_of(rows, asked),
        warnings=warnings_of(rows, fit.found),
    )


def _degrees(rows: Rows, design: Floats, asked: Asked) -> list[float | None]:
    k, p = design.shape
    if asked.test == "z":
        return [None] * p
    if asked.degrees == "residual":
        return [float(k - p)] * p
    study, outcomes = rows.groups["study"], rows.groups["outcome"]
    pairs = np.column_stack([study.of, outcomes.of])
    distinct, of = np.unique(pairs, axis=0, return_inverse=True)
    cells = Groups(of.ravel().astype(np.intp), tuple(map(str, range(len(distinct)))))
    return [float(one) for one in contained_degrees(design, [cells, study])]


def _predictions(
    coefficients: Sequence[Coefficient], between: Floats, asked: Asked
) -> tuple[Interval, ...]:
    found = []
    for one, variance in zip(coefficients, np.diagonal(between), strict=True):
        reach = critical_value(asked.level, one.degrees_of_freedom)
        reach *= float(np.hypot(one.standard_error, np.sqrt(variance)))
        found.append((one.estimate - reach, one.estimate + reach))
    return tuple(found)


def _variances(fit: _Fit, labels: tuple[str, ...], asked: Asked) -> tuple[Component, ...]:
    common = asked.structure == "compound symmetry" and len(labels) > 1
    found = []
    for i, name in enumerate(("every outcome",) if common else labels):
        interval = None
        if asked.intervals:
            low, high = variance_profile(
                fit.effects, fit.structure, fit.found, i, level=asked.level
            )
            interval = (fit.unit.variance(low), fit.unit.variance(high))
        estimate = fit.unit.variance(float(fit.found.between[i, i]))
        found.append(Component(name, estimate, interval))
    return tuple(found)


def _correlations(fit: _Fit, labels: tuple[str, ...], asked: Asked) -> tuple[Component, ...]:
    count = len(labels)
    if asked.structure == "diagonal" or count == 1:
        return ()
    pairs = [(i, j) for j in range(1, count) for i in range(j)]
    names = [f"{labels[i]} and {labels[j]}" for i, j in pairs]
    if asked.structure != "unstructured" and count > 2:
        pairs, names = [_visible_pair(fit.found.between, pairs)], ["every pair"]
    found = []
    for name, (i, j) in zip(names, pairs, strict=True):
        deviations = float(np.sqrt(fit.found.between[i, i] * fit.found.between[j, j]))
        if deviations == 0:
            found.append(Component(name, None, None))
            continue
        interval = None
        if asked.intervals:
            interval = correlation_profile(
                fit.effects, fit.structure, fit.found, (i, j), level=asked.level
            )
        estimate = min(1.0, max(-1.0, float(fit.found.between[i, j]) / deviations))
        found.append(Component(name, estimate, interval))
    return tuple(found)


def _visible_pair(between: Floats, pairs: list[tuple[int, int]]) -> tuple[int, int]:
    # a pair that shows the common correlation: one whose variances are not 0, if there is any
    return max(pairs, key=lambda pair: float(between[pair[0], pair[0]] * between[pair[1], pair[1]]))
