"""Proportions of single arms, pooled by a mixed model of their counts or as effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.back_transform import back_transform
from secondlook.synthesis.count_models.families import Binomial
from secondlook.synthesis.count_models.inference import check_reference, marginal_proportion
from secondlook.synthesis.count_models.reporting import Asked, Described
from secondlook.synthesis.count_models.result import PooledCounts
from secondlook.synthesis.count_models.single_arms import (
    fitted_arms,
    fractions,
    plan_of_one_arm,
    refuse_uniform,
)
from secondlook.synthesis.effects.proportions import proportion
from secondlook.synthesis.event_counts import EventCounts, read_event_counts
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.printed_columns import written

__all__ = ["PROPORTION_MEASURES", "pool_proportions"]

_WHERE = "pool_proportions"

PROPORTION_MEASURES: dict[str, str] = {
    "glmm": "logit",
    "PLO": "logit",
    "PLN": "log",
    "PR": "identity",
    "PAS": "arcsine",
    "PFT": "freeman-tukey",
    "cloglog": "cloglog",
}
"""The scale of each way to pool proportions; those in capitals are metafor's."""


def pool_proportions(
    events: ArrayLike,
    n: ArrayLike,
    *,
    measure: str = "glmm",
    method: str | None = None,
    test: str | None = None,
    level: float = 0.95,
    prediction: str | None = None,
    add: float = 0.0,
    to: str = "only0",
    names: Sequence[str] | None = None,
) -> PooledCounts:
    """Pool proportions of single arms, by default by the binomial-normal model.

    What is estimated is the distribution the studies' own proportions come from. By default their
    logits are normal with mean mu and variance tau², and the counts are binomial: studies without
    an event, or with nothing else, need no correction.

    Parameters
    ----------
    events
        Patients with the event, from 0 to ``n``, shape (k,). A study with a NaN is left out.
    n
        Patients, positive, shape (k,).
    measure
        ``"glmm"``, the binomial-normal model; or each study's own proportion on some scale, pooled
        as an effect: ``"PLO"`` (logit), ``"PLN"`` (log), ``"PR"`` (as it is), ``"PAS"`` (arcsine),
        ``"PFT"`` (double arcsine) or ``"cloglog"``.
    method
        Estimator of tau² for effects, as for :func:`~secondlook.synthesis.pool`; the mixed model
        has none but maximum likelihood.
    test
        ``"t"`` (k - 1 degrees of freedom; default of the mixed model) or ``"z"``; for effects also
        ``"hksj"`` (their default) and ``"hksj-unguarded"``. For the interval too.
    level
        Coverage of every interval, between 0 and 1.
    prediction
        ``"t"`` (k - 1), ``"hts"`` (k - 2) or ``"z"``; not given, that of the test.
    add, to
        For effects: a continuity correction, made only on request, as for
        :func:`~secondlook.synthesis.effects.proportion`.
    names
        What the studies are called.

    Returns
    -------
    PooledCounts
        ``typical`` is the median of the studies' proportions. The mixed model also gives their
        mean; the two differ where tau² is large. Metafor's ``rma.glmm(measure="PLO")`` and meta's
        ``metaprop`` give the median.

    Raises
    ------
    EstimationError
        For impossible counts, every study named; where no study has an event, or all have nothing
        but events, so that the likelihood has no maximum; for unknown options.

    Notes
    -----
    Hamza, van Houwelingen and Stijnen, J Clin Epidemiol 2008;61:41-51; Stijnen, Hamza and Özdemir,
    Stat Med 2010;29:3046-3067. On the double arcsine, whose way back can mislead: Schwarzer and
    others, Res Synth Methods 2019;10:476-483. A count of survivors stands for a proportion only
    where everybody was followed for long enough: censored patients are not among those who died.

    Examples
    --------
    >>> pooled = pool_proportions([3, 0, 9], [20, 12, 31])
    >>> round(pooled.typical, 3), round(pooled.marginal_mean, 3)
    (0.155, 0.171)
    """
    mixed = measure == "glmm"
    if written(measure) not in PROPORTION_MEASURES:
        rule, known = "is not a way to pool proportions", ", ".join(PROPORTION_MEASURES)
        shown = written(measure)
        raise EstimationError(Problem(f"{_WHERE}, measure", shown, rule, f"use {known}"))
    counts = read_event_counts(
        _WHERE, {"events": events, "n": n}, names, of_patients={"events": "n"}
    )
    if not mixed:
        options = {"method": method, "test": test, "prediction": prediction}
        return _as_effects(counts, measure, options, level, add=add, to=to)
    _refuse_for_the_model(method, add)
    test = "t" if test is None else test
    predicting = check_reference(_WHERE, test=test, prediction=prediction, level=level)
    return _by_model(counts, Asked(test, predicting, float(level)))


def _refuse_for_the_model(method: object, add: object) -> None:
    problems = []
    if method not in (None, "ML"):
        rule = "does not go with the mixed model, which is fitted by maximum likelihood"
        problems.append(Problem(f"{_WHERE}, method", written(method), rule, "leave it out"))
    if add != 0:
        rule = "is a correction that the mixed model has no need of"
        problems.append(Problem(f"{_WHERE}, add", written(add), rule, "leave it out"))
    if problems:
        raise EstimationError(problems)


def _by_model(counts: EventCounts, asked: Asked) -> PooledCounts:
    x, patients = counts.columns["events"], counts.columns["n"]
    refuse_uniform(_WHERE, x, patients)
    half = 0.5 * ((x == 0) | (x == patients))
    logits = np.log((x + half) / (patients - x + half))
    variance = 1 / (x + half) + 1 / (patients - x + half)
    alike = float(np.log(x.sum() / (patients - x).sum()))
    plan = plan_of_one_arm(
        Binomial(patients[:, None]), x, np.zeros_like(x), logits, variance, alike=alike
    )
    described = Described(
        measure="proportion",
        model="binomial-normal model",
        scale="logit",
        back=lambda value: float(expit(value)),
        marginal=marginal_proportion,
        conventions=(
            "Model: binomial counts; the logits of the studies' proportions are normal.",
            "The typical proportion is the median of the studies' proportions; their mean is "
            "averaged over the distribution.",
        ),
        warnings=fractions(counts),
    )
    return fitted_arms(plan, described, counts, asked, variance)


_AS_POOLED = (
    "estimate",
    "standard_error",
    "interval",
    "prediction_interval",
    "tau2",
    "tau2_standard_error",
    "tau2_interval",
    "i2",
    "h2",
    "statistic",
    "degrees_of_freedom",
    "p_value",
    "k",
    "test",
    "level",
)
_UNKNOWN_OF_EFFECTS = (
    "marginal_mean",
    "marginal_mean_interval",
    "tau2_statistic",
    "tau2_p_value",
    "study_variance",
    "correlation",
    "likelihood_ratio_statistic",
    "likelihood_ratio_p_value",
    "log_likelihood",
    "parameters",
    "nodes",
)


def _as_effects(
    counts: EventCounts,
    measure: str,
    options: dict[str, str | None],
    level: float,
    *,
    add: float,
    to: str,
) -> PooledCounts:
    scale = PROPORTION_MEASURES[measure]
    x, patients = counts.columns["events"], counts.columns["n"]
    effects = proportion(x, patients, scale=scale, add=add, to=to, names=counts.names)
    pooled = pool(effects.yi, effects.vi, level=level, names=counts.names, **options)
    way = back_transform(pooled, scale, sample_sizes=effects.sample_sizes)
    omitted = f"Left out, a number missing: {', '.join(counts.omitted)}."
    tau2 = pooled.tau2 or 0.0
    kept = tau2 / (tau2 + effects.vi)
    unknown: dict[str, Any] = dict.fromkeys(_UNKNOWN_OF_EFFECTS)
    return PooledCounts(
        measure="proportion",
        model="normal-normal model",
        scale=scale,
        **{name: getattr(pooled, name) for name in _AS_POOLED},
        **unknown,
        typical=way.estimate,
        typical_interval=way.interval,
        typical_prediction_interval=way.prediction_interval,
        wald_statistic=pooled.q if pooled.k > 1 else None,
        wald_p_value=pooled.q_p_value,
        heterogeneity_degrees_of_freedom=pooled.q_degrees_of_freedom,
        shrunken=tuple((pooled.estimate + kept * (effects.yi - pooled.estimate)).tolist()),
        counts={name: tuple(values.tolist()) for name, values in counts.columns.items()},
        names=counts.names,
        omitted=counts.omitted,
        prediction=options["prediction"] or ("z" if pooled.test == "z" else "t"),
        conventions=(
            f"Model: the studies' own proportions on the {scale} scale are effects with known "
            "variances.",
            *effects.assumptions,
            *pooled.conventions,
        ),
        warnings=((omitted,) if counts.omitted else ()) + effects.warnings + pooled.warnings,
    )
