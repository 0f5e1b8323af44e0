"""The selection model of Vevea and Hedges: weights that are steps of the P value."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtrc, ndtr, ndtri

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.printed_columns import Floats, one_list, raise_any, written
from secondlook.synthesis.regression.coefficients import is_share
from secondlook.synthesis.small_studies.reading import (
    NOT_PROOF,
    about_few,
    about_omitted,
    refuse_unknown,
)
from secondlook.synthesis.small_studies.step_likelihood import ALTERNATIVES, StepLikelihood
from secondlook.synthesis.small_studies.step_maximum import (
    LARGEST,
    SMALLEST,
    StepMaximum,
    highest,
)
from secondlook.synthesis.small_studies.step_result import (
    LikelihoodRatio,
    SelectionWeight,
    StepSelection,
)
from secondlook.synthesis.study_outcomes import Unit, read_outcomes, unit_of

__all__ = ["SELECTION_METHODS", "step_selection"]

SELECTION_METHODS: dict[str, str] = {
    "ML": "random effects by maximum likelihood",
    "common": "a common effect",
}
"""What is supposed of the true effects before selection."""


_WIDEST = 1e15
"""Ratio of effects or standard errors to the smallest beyond which derivatives are lost."""


def step_selection(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    alternative: str,
    steps: Sequence[float] = (0.025,),
    weights: Sequence[float] | None = None,
    method: str = "ML",
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> StepSelection:
    """Pool effects that were selected by their P values.

    What is estimated is the mean of the true effects, their variance, and how likely a study is to
    be seen with P in each interval, relative to the first: with one step three parameters.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances, shape (k,); a study with a NaN is left out.
    alternative
        Which P values selection goes by: ``"greater"`` (small for effects above 0), ``"less"`` or
        ``"two-sided"``. For log hazard ratios below 1 where treatment helps it is ``"less"``.
    steps
        Where the weight changes, between 0 and 1: 0.025 is significance of a two-sided test in the
        favoured direction.
    weights
        How likely studies are to be seen, one for each of the intervals (one more than steps), if
        they are to be supposed and not estimated.
    method
        ``"ML"`` or ``"common"``.
    level
        Coverage of the intervals, between 0 and 1.
    names
        What the studies are called.

    Raises
    ------
    EstimationError
        For an interval in which no study lies (its weight has no estimate), fewer studies than
        parameters, unknown options, and what :func:`~secondlook.synthesis.pool` refuses.

    Notes
    -----
    Vevea and Hedges, Psychometrika 1995;60:419-435; Hedges and Vevea, J Educ Behav Stat
    1996;21:299-332. With weights supposed: Vevea and Woods, Psychol Methods 2005;10:428-443. The
    model hangs on normal effects before selection and on selection by P alone; with few studies
    per interval it tells next to nothing, and its answer is a sensitivity analysis.

    Examples
    --------
    >>> found = step_selection(
    ...     [0.5, 0.4, 0.6, 0.3, 0.2, 0.7, 0.1], [0.02, 0.03, 0.05, 0.02, 0.03, 0.1, 0.02],
    ...     alternative="greater",
    ... )
    >>> round(found.estimate, 3), round(found.weights[1].weight, 3)
    (0.194, 0.097)
    """
    refuse_unknown("step_selection, alternative", alternative, list(ALTERNATIVES))
    refuse_unknown("step_selection, method", method, list(SELECTION_METHODS))
    _refuse_level(level)
    ends = _ends(steps)
    given = _given(weights, ends.size)
    outcomes = read_outcomes(yi, vi, names)
    unit = unit_of(outcomes)
    likelihood = StepLikelihood.of(*unit.measured(outcomes), ends, alternative)
    _refuse_too_wide(likelihood)
    _refuse_too_few(likelihood, ends, given, method)
    found, without = highest(likelihood, given, random=method == "ML")
    pooled = pool(
        outcomes.yi, outcomes.vi, method=method, test="z", level=level, names=outcomes.names
    )
    errors = _standard_errors(found, given)
    reach = -float(ndtri((1 - level) / 2))
    estimate = unit.effect(found.mean)
    error = None if errors is None else unit.effect(errors[0])
    none = error is None
    statistic = None if error is None else estimate / error
    return StepSelection(
        estimate=estimate,
        standard_error=error,
        interval=None if error is None else (estimate - reach * error, estimate + reach * error),
        statistic=statistic,
        p_value=None if statistic is None else 2 * float(ndtr(-abs(statistic))),
        tau2=unit.variance(found.tau2),
        tau2_standard_error=(
            None if errors is None or found.tau2 == 0 else unit.variance(errors[1])
        ),
        weights=_weights(found, ends, likelihood, errors, reach),
        log_likelihood=_in_units(found.surface.value, outcomes.yi.size, unit),
        selection_test=_against_none(found, likelihood, given, pooled.estimate, pooled.tau2, unit),
        heterogeneity_test=_against(found, without, 1) if method == "ML" else None,
        unselected=pooled,
        alternative=alternative,
        method=method,
        k=outcomes.yi.size,
        names=outcomes.names,
        omitted=outcomes.omitted,
        level=float(level),
        conventions=_conventions(alternative, method, weights is not None),
        warnings=(
            *_about_maximum(found, none),
            NOT_PROOF,
            *about_few(outcomes.yi.size),
            *about_omitted(outcomes.omitted),
        ),
    )


def _ends(steps: Sequence[float]) -> Floats:
    found = one_list("step_selection, steps", steps)
    problems = [
        Problem("step_selection, steps", f"{step:g}", "is not between 0 and 1", "leave it out")
        for step in found
        if not 0 < step < 1
    ]
    if found.size == 0:
        problems.append(Problem("step_selection, steps", None, "are missing", "give at least one"))
    raise_any(problems)
    return np.append(np.unique(found), 1.0)


def _given(weights: Sequence[float] | None, count: int) -> Floats:
    if weights is None:
        return np.append(1.0, np.full(count - 1, math.nan))
    found = one_list("step_selection, weights", weights)
    if found.size != count:
        rule = f"are not one for each of {count} intervals"
        remedy = "give one more than there are steps"
        raise EstimationError(Problem("step_selection, weights", f"{found.size}", rule, remedy))
    problems = [
        Problem("step_selection, weights", f"{w:g}", "is not a positive number", "correct it")
        for w in found
        if not (w > 0 and math.isfinite(w))
    ]
    raise_any(problems)
    return np.asarray(found / found[0])


def _refuse_level(level: object) -> None:
    if not is_share(level):
        rule, remedy = "is not a number between 0 and 1", "write 0.95 for 95 %"
        raise EstimationError(Problem("step_selection, level", written(level), rule, remedy))


def _refuse_too_wide(likelihood: StepLikelihood) -> None:
    smallest = math.sqrt(float(likelihood.vi.min()))
    largest = max(math.sqrt(float(likelihood.vi.max())), float(np.abs(likelihood.yi).max()))
    if largest > _WIDEST * smallest:
        rule, remedy = "are too far apart for this model", "leave the extreme ones out"
        shown = "effects or standard errors"
        raise EstimationError(Problem("step_selection", shown, rule, remedy))


def _refuse_too_few(likelihood: StepLikelihood, ends: Floats, given: Floats, method: str) -> None:
    free = int(np.isnan(given).sum())
    counts = np.bincount(likelihood.interval, minlength=ends.size)
    starts = np.append(0.0, ends[:-1])
    rule, remedy = "holds no study, so that weights have no estimate", "move steps, or give weights"
    problems = [
        Problem("step_selection, interval of P", f"{low:g} to {high:g}", rule, remedy)
        for low, high, count in zip(starts, ends, counts, strict=True)
        if free and count == 0
    ]
    raise_any(problems)
    parameters, k = 1 + (method == "ML") + free, likelihood.yi.size
    if k < parameters:
        shown = f"{k} {'study' if k == 1 else 'studies'}"
        rule = f"is too few for {parameters} parameters"
        raise EstimationError(Problem("step_selection", shown, rule, "use fewer steps"))


def _standard_errors(found: StepMaximum, given: Floats) -> Floats | None:
    """Give standard errors of mean, tau² and each weight; NaN for those that were not estimated."""
    if found.at_bound.any():
        return None
    estimated = np.concatenate([[True, found.tau2 > 0], np.isnan(given)])
    information = -found.surface.hessian[np.ix_(estimated, estimated)]
    size = np.sqrt(np.abs(np.diagonal(information)))
    if not size.all():
        return None
    scaled = information / np.outer(size, size)
    if np.linalg.eigvalsh(scaled).min() < 1e-12:
        return None
    errors = np.full(estimated.size, math.nan)
    errors[estimated] = np.sqrt(np.diagonal(np.linalg.inv(scaled))) / size
    return errors


def _weights(
    found: StepMaximum,
    ends: Floats,
    likelihood: StepLikelihood,
    errors: Floats | None,
    reach: float,
) -> tuple[SelectionWeight, ...]:
    counts = np.bincount(likelihood.interval, minlength=ends.size)
    rows = []
    for i, weight in enumerate(found.weights.tolist()):
        error = None if errors is None or np.isnan(errors[2 + i]) else float(errors[2 + i])
        interval = None
        if error is not None:
            interval = (max(0.0, weight - reach * error), weight + reach * error)
        low, high = float(ends[i - 1]) if i else 0.0, float(ends[i])
        rows.append(SelectionWeight(low, high, int(counts[i]), weight, error, interval))
    return tuple(rows)


def _against_none(
    found: StepMaximum,
    likelihood: StepLikelihood,
    given: Floats,
    estimate: float,
    tau2: float | None,
    unit: Unit,
) -> LikelihoodRatio | None:
    free = int(np.isnan(given).sum())
    if free == 0:
        return None
    mean = math.ldexp(estimate, -unit.exponent)
    variance = math.ldexp(tau2 or 0.0, -2 * unit.exponent)
    none = likelihood.at(mean, variance, np.ones_like(given))
    statistic = max(0.0, 2 * (found.surface.value - none.value))
    return LikelihoodRatio(statistic, free, float(chdtrc(free, statistic)))


def _against(found: StepMaximum, simpler: StepMaximum, degrees: int) -> LikelihoodRatio:
    statistic = max(0.0, 2 * (found.surface.value - simpler.surface.value))
    return LikelihoodRatio(statistic, degrees, float(chdtrc(degrees, statistic)))


def _in_units(log_likelihood: float, k: int, unit: Unit) -> float:
    # a density of k effects, each of which was measured in that unit
    return log_likelihood - k * unit.exponent * math.log(2)


def _conventions(alternative: str, method: str, supposed: bool) -> tuple[str, ...]:
    origin = "as given" if supposed else f"estimated, between {SMALLEST:g} and {LARGEST:g}"
    return (
        f"P values: {ALTERNATIVES[alternative]}.",
        f"Before selection: {SELECTION_METHODS[method]}, at the highest maximum found.",
        f"Weights relative to the first interval: {origin}.",
        "Standard errors from the observed information; intervals normal.",
    )


def _about_maximum(found: StepMaximum, none: bool) -> list[str]:
    if found.at_bound.any():
        return [
            "A weight stopped at the end of its range: the likelihood has no maximum inside it, "
            "the data do not tell how strong selection was, and standard errors are not given."
        ]
    if none:
        return ["The likelihood is too flat at its maximum for standard errors."]
    if found.tau2 == 0:
        return ["tau² is 0 at the maximum; standard errors take it as known."]
    return []
