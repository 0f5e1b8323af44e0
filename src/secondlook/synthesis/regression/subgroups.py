"""Subgroups of studies: pooled each by itself or with one tau², and tested for a difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.heterogeneity import generalised_q
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.printed_columns import named, one_list
from secondlook.synthesis.regression.coefficients import OmnibusTest
from secondlook.synthesis.regression.fitting import regress
from secondlook.synthesis.regression.moderators import read_moderators
from secondlook.synthesis.regression.preparation import check_options
from secondlook.synthesis.regression.result import Regression
from secondlook.synthesis.regression.subgroup_result import SubgroupEstimate, Subgroups
from secondlook.synthesis.study_outcomes import StudyOutcomes, read_outcomes

__all__ = ["compare_subgroups"]


def compare_subgroups(
    yi: ArrayLike,
    vi: ArrayLike,
    groups: Sequence[object] | ArrayLike,
    *,
    common_tau2: bool = False,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> Subgroups:
    """Pool each subgroup of studies and test whether their effects differ.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,).
    groups
        The subgroup of each study, shape (k,): words, or numbers that stand for them. A study whose
        subgroup, effect or variance is missing is left out and named.
    common_tau2
        Whether all subgroups share one tau², estimated by a regression on the subgroup. By default
        each has its own, and is pooled by itself.
    method, test, level, names
        As for :func:`~secondlook.synthesis.pool`.

    Returns
    -------
    Subgroups
        A subgroup of one study is answered by its own estimate, with a warning.

    Raises
    ------
    EstimationError
        For what :func:`~secondlook.synthesis.pool` refuses, fewer than two subgroups, or a shared
        tau² asked for where every subgroup is a single study.

    Notes
    -----
    Borenstein and Higgins, Prev Sci 2013;14:134-143, on the two ways. That one subgroup's interval
    excludes no effect and another's does not is no sign that they differ: look at the test between
    them. Studies were not randomised to subgroups.

    Examples
    --------
    >>> found = compare_subgroups(
    ...     [0.1, 0.3, 0.9, 1.1], [0.04, 0.05, 0.06, 0.04], ["old", "old", "new", "new"], test="z"
    ... )
    >>> [(row.name, round(row.estimate, 3)) for row in found.rows]
    [('new', 1.02), ('old', 0.189)]
    >>> round(found.between.statistic, 2), found.between.degrees_of_freedom
    (14.94, 1)
    """
    check_options("compare_subgroups", method=method, test=test, level=level)
    outcomes, of, order, remarks = _read(yi, vi, groups, names)
    overall = pool(
        outcomes.yi, outcomes.vi, method=method, test=test, level=level, names=outcomes.names
    )
    options = {"method": method, "test": test, "level": level}
    regression = None
    if common_tau2:
        rows, regression = _sharing(outcomes, of, order, options)
        between, remarks = regression.omnibus, [*remarks, *regression.warnings]
        how = "all coefficients of the subgroup in a regression, whose tau² all subgroups share"
    else:
        rows = _apart(outcomes, of, order, options)
        between = _between(rows)
        remarks += [f"{r.name}: {s}" for r in rows if r.pooled for s in r.pooled.warnings]
        how = "Q of the subgroups' estimates, with weights 1/standard error²"
    return Subgroups(
        rows=rows,
        between=between,
        overall=overall,
        regression=regression,
        common_tau2=bool(common_tau2),
        method=method,
        test=test,
        level=float(level),
        omitted=outcomes.omitted,
        conventions=(
            f"Between-study variance: {method}, "
            + ("one for all subgroups." if common_tau2 else "of each subgroup by itself."),
            f"Tests and intervals: {test}.",
            f"Test for subgroup differences: {how}.",
        ),
        warnings=tuple(remarks),
    )


def _read(
    yi: ArrayLike, vi: ArrayLike, groups: object, names: Sequence[str] | None
) -> tuple[StudyOutcomes, NDArray[np.str_], list[str], list[str]]:
    """Give the studies, the subgroup of each, the order of subgroups, and who was left out."""
    where = "compare_subgroups"
    effects, variances = one_list(f"{where}, yi", yi), one_list(f"{where}, vi", vi)
    found = read_moderators(where, {"groups": groups})["groups"]
    lengths = {"yi": effects.size, "vi": variances.size, "groups": found.missing.size}
    labels = named(where, lengths, names)
    rows = ~(found.missing | np.isnan(effects) | np.isnan(variances))
    if not rows.any():
        value = "no study with an effect, a variance and a subgroup"
        raise EstimationError(Problem(where, value, "is too few", "fill in what is missing"))
    outcomes = read_outcomes(np.where(found.missing, np.nan, effects), variances, labels)
    kept = found.kept(rows)
    if kept.levels is None:
        order = [f"{value:g}" for value in np.unique(kept.values.astype(np.float64))]
        of = np.array([f"{value:g}" for value in kept.values])
    else:
        order, of = list(kept.levels), np.array(kept.values.tolist())
    if len(order) < 2:
        rule, remedy = "is the only subgroup", "pool the studies instead"
        raise EstimationError(Problem(f"{where}, groups", order[0], rule, remedy))
    gone = [label for label, absent in zip(labels, found.missing, strict=True) if absent]
    left_out = [f"Left out, subgroup missing: {', '.join(gone)}."] if gone else []
    gone = [name for name in outcomes.omitted if name not in gone]
    if gone:
        left_out.append(f"Left out, effect or variance missing: {', '.join(gone)}.")
    return outcomes, of, order, left_out


def _apart(
    outcomes: StudyOutcomes, of: NDArray[np.str_], order: list[str], options: dict[str, Any]
) -> tuple[SubgroupEstimate, ...]:
    rows = []
    for name in order:
        inside = np.flatnonzero(of == name)
        studies = tuple(outcomes.names[i] for i in inside)
        pooled = pool(outcomes.yi[inside], outcomes.vi[inside], names=studies, **options)
        rows.append(
            SubgroupEstimate(
                name=name,
                studies=studies,
                k=pooled.k,
                estimate=pooled.estimate,
                standard_error=pooled.standard_error,
                interval=pooled.interval,
                prediction_interval=pooled.prediction_interval,
                statistic=pooled.statistic,
                degrees_of_freedom=pooled.degrees_of_freedom,
                p_value=pooled.p_value,
                tau2=pooled.tau2,
                pooled=pooled,
            )
        )
    return tuple(rows)


def _between(rows: tuple[SubgroupEstimate, ...]) -> OmnibusTest:
    names, degrees = tuple(row.name for row in rows), len(rows) - 1
    errors = np.array([row.standard_error for row in rows])
    if not errors.all():
        return OmnibusTest(names, None, degrees, None, None)
    q = generalised_q(np.array([row.estimate for row in rows]), errors**2, 0.0)
    return OmnibusTest(names, q, degrees, None, float(chdtrc(degrees, q)))


def _sharing(
    outcomes: StudyOutcomes, of: NDArray[np.str_], order: list[str], options: dict[str, Any]
) -> tuple[tuple[SubgroupEstimate, ...], Regression]:
    if outcomes.yi.size <= len(order):
        rule = "has a single study in every subgroup, which leaves nothing for a shared tau²"
        remedy = "leave common_tau2 out"
        raise EstimationError(Problem("compare_subgroups", None, rule, remedy))
    moderator = {"subgroup": of.tolist()}
    means = regress(
        outcomes.yi, outcomes.vi, moderator, intercept=False, names=outcomes.names, **options
    )
    predicted = means.predict({"subgroup": order})
    found = [means.coefficient(f"subgroup[{name}]") for name in order]
    rows = tuple(
        SubgroupEstimate(
            name=name,
            studies=tuple(n for n, group in zip(outcomes.names, of, strict=True) if group == name),
            k=int((of == name).sum()),
            estimate=one.estimate,
            standard_error=one.standard_error,
            interval=one.interval,
            prediction_interval=expected.prediction_interval,
            statistic=one.statistic,
            degrees_of_freedom=one.degrees_of_freedom,
            p_value=one.p_value,
            tau2=means.tau2,
            pooled=None,
        )
        for name, one, expected in zip(order, found, predicted.rows, strict=True)
    )
    return rows, regress(outcomes.yi, outcomes.vi, moderator, names=outcomes.names, **options)
