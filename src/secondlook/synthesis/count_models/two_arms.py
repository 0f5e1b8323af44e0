"""Odds ratios and rate ratios of two arms, pooled from their counts by mixed models."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.synthesis.count_models.families import Binomial, Family, Hypergeometric, Poisson
from secondlook.synthesis.count_models.fitting import Plan, fit
from secondlook.synthesis.count_models.inference import check_reference
from secondlook.synthesis.count_models.reporting import Asked, Described, reported
from secondlook.synthesis.count_models.result import PooledCounts
from secondlook.synthesis.count_models.two_arm_plans import (
    CODINGS,
    MODELS,
    Arms,
    check_model,
    odds_of,
    plan_of_both,
    plan_of_treated,
    rates_of,
)

__all__ = ["pool_two_arms", "pool_two_rates"]


def pool_two_arms(
    treated_events: ArrayLike,
    treated_n: ArrayLike,
    control_events: ArrayLike,
    control_n: ArrayLike,
    *,
    model: str = "fixed studies",
    coding: str = "both",
    correlated: bool = False,
    test: str = "t",
    level: float = 0.95,
    prediction: str | None = None,
    names: Sequence[str] | None = None,
) -> PooledCounts:
    """Pool odds ratios of two arms, treated against control, from their counts.

    What is estimated is the distribution the studies' own log odds ratios come from, normal with
    mean mu and variance tau². No count is corrected; studies in which nobody or everybody had the
    event say nothing about the ratio, are left out, and are named.

    Parameters
    ----------
    treated_events, control_events
        Patients with the event in each arm, shape (k,). A study with a NaN is left out.
    treated_n, control_n
        Patients in each arm, positive, shape (k,).
    model
        ``"fixed studies"`` (metafor's UM.FS): each study has an intercept of its own.
        ``"random studies"`` (UM.RS): the intercepts are normal. ``"conditional"`` (CM.EL): the
        non-central hypergeometric distribution of the treated arm's events given the total of
        both. ``"approximate"`` (CM.AL): that as binomial, for rare events.
    coding
        For the first two: which arm carries a study's departure from the mean, ``"both"`` (half
        each), ``"treated"`` or ``"control"``.
    correlated
        For ``"random studies"``: estimate the correlation of intercepts and departures.
    test
        ``"t"`` (k - 1 degrees of freedom) or ``"z"``, for the interval too.
    level
        Coverage of every interval, between 0 and 1.
    prediction
        ``"t"`` (k - 1), ``"hts"`` (k - 2) or ``"z"``; not given, that of the test.
    names
        What the studies are called.

    Returns
    -------
    PooledCounts
        On the log odds ratio scale, with ``typical`` the odds ratio.

    Raises
    ------
    EstimationError
        For impossible counts, every study named; where the odds ratio is 0 or infinite in every
        study; for unknown options.

    Notes
    -----
    Stijnen, Hamza and Özdemir, Stat Med 2010;29:3046-3067; Jackson, Law, Stijnen, Viechtbauer and
    White, Stat Med 2018;37:1059-1085, who compare these models and codings. With intercepts of
    their own, tau² is underestimated when studies are many and small.

    Examples
    --------
    >>> pooled = pool_two_arms([4, 6, 3], [123, 306, 231], [11, 29, 11], [139, 303, 220])
    >>> round(pooled.estimate, 3), pooled.tau2
    (-1.419, 0.0)
    """
    where = "pool_two_arms"
    predicting = check_reference(where, test=test, prediction=prediction, level=level)
    check_model(where, model, coding, correlated, tuple(MODELS))
    arms = odds_of(
        where,
        {
            "treated_events": treated_events,
            "treated_n": treated_n,
            "control_events": control_events,
            "control_n": control_n,
        },
        names,
        model=model,
    )
    treated_n, control_n = arms.treated_size, arms.control_size
    total = arms.treated + arms.control
    if model == "conditional":
        family: Family = Hypergeometric.of_tables(treated_n, control_n, total)
        plan = plan_of_treated(family, arms, np.zeros_like(total))
    elif model == "approximate":
        plan = plan_of_treated(Binomial(total[:, None]), arms, np.log(treated_n / control_n))
    else:
        family = Binomial(np.stack([treated_n, control_n], axis=1))
        plan = plan_of_both(family, arms, np.zeros((total.size, 2)), model, coding, correlated)
    return _finish(plan, arms, "odds ratio", model, coding, Asked(test, predicting, float(level)))


def pool_two_rates(
    treated_events: ArrayLike,
    treated_time: ArrayLike,
    control_events: ArrayLike,
    control_time: ArrayLike,
    *,
    model: str = "fixed studies",
    coding: str = "both",
    correlated: bool = False,
    test: str = "t",
    level: float = 0.95,
    prediction: str | None = None,
    names: Sequence[str] | None = None,
) -> PooledCounts:
    """Pool ratios of the rates of two arms, treated against control, from their counts.

    What is estimated is the distribution the studies' own log rate ratios come from, normal with
    mean mu and variance tau². Studies without an event in either arm say nothing about the ratio,
    are left out, and are named.

    Parameters
    ----------
    treated_events, control_events
        Events in each arm, shape (k,). A study with a NaN is left out.
    treated_time, control_time
        Person-time at risk in each arm, positive, in one unit per study.
    model
        ``"fixed studies"``, ``"random studies"`` or ``"conditional"``, which is exact here: given
        their total, the treated arm's events are binomial.
    coding, correlated, test, level, prediction, names
        As for :func:`pool_two_arms`.

    Returns
    -------
    PooledCounts
        On the log rate ratio scale, with ``typical`` the rate ratio; metafor's
        ``rma.glmm(measure="IRR")``.

    Raises
    ------
    EstimationError
        For impossible counts, every study named; where one arm never has an event; for unknown
        options.

    Notes
    -----
    Stijnen, Hamza and Özdemir, Stat Med 2010;29:3046-3067.

    Examples
    --------
    >>> pooled = pool_two_rates([2, 5, 4], [100.0, 210.0, 90.0], [6, 9, 11], [98.0, 200.0, 95.0])
    >>> round(pooled.typical, 3), pooled.tau2
    (0.423, 0.0)
    """
    where = "pool_two_rates"
    predicting = check_reference(where, test=test, prediction=prediction, level=level)
    check_model(where, model, coding, correlated, tuple(MODELS)[:3])
    arms = rates_of(
        where,
        {
            "treated_events": treated_events,
            "treated_time": treated_time,
            "control_events": control_events,
            "control_time": control_time,
        },
        names,
    )
    if model == "conditional":
        total = (arms.treated + arms.control)[:, None]
        plan = plan_of_treated(Binomial(total), arms, np.log(arms.treated_size / arms.control_size))
    else:
        offset = np.log(np.stack([arms.treated_size, arms.control_size], axis=1))
        plan = plan_of_both(Poisson(), arms, offset, model, coding, correlated)
    return _finish(plan, arms, "rate ratio", model, coding, Asked(test, predicting, float(level)))


def _finish(
    plan: Plan, arms: Arms, measure: str, model: str, coding: str, asked: Asked
) -> PooledCounts:
    fitted = fit(plan, asked.level)
    random = model == "random studies"
    saturated = None if random else plan.model.family.saturated(plan.model.counts)
    sentences = [f"Model: {MODELS[model]}; the studies' log {measure}s are normal."]
    if plan.model.counts.shape[1] > 1:
        sentences.append(f"A study's departure from the mean is carried by {CODINGS[coding][0]}.")
    if random:
        tied = "correlated with" if len(plan.tau) > 1 else "independent of"
        sentences.append(f"The studies' intercepts are {tied} their departures.")
    described = Described(
        measure=measure,
        model=f"{model} model",
        scale=f"log {measure}",
        back=math.exp,
        marginal=None,
        conventions=tuple(sentences),
        warnings=arms.warnings,
    )
    return reported(fitted, plan, described, arms.counts, asked, saturated, arms.variances)
