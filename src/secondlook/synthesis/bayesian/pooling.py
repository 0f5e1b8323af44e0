"""Pooling effects by the normal-normal model with priors, by quadrature and without sampling."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.bayesian.distributions import Distributions, distributions
from secondlook.synthesis.bayesian.heterogeneity_posterior import HeterogeneityPosterior
from secondlook.synthesis.bayesian.integrated_likelihood import IntegratedLikelihood
from secondlook.synthesis.bayesian.priors import (
    HETEROGENEITY_PRIORS,
    WEAKLY_INFORMATIVE,
    HeterogeneityPrior,
    Normal,
)
from secondlook.synthesis.bayesian.result import BayesianPooled, ShrunkenEffect
from secondlook.synthesis.pooling import pool
from secondlook.synthesis.printed_columns import raise_any, written
from secondlook.synthesis.result import Pooled
from secondlook.synthesis.study_outcomes import StudyOutcomes, Unit, read_outcomes, unit_of

__all__ = ["pool_bayesian"]

_FEW = 5


def pool_bayesian(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    tau_prior: HeterogeneityPrior = WEAKLY_INFORMATIVE,
    effect_prior: Normal | None = None,
    level: float = 0.95,
    names: Sequence[str] | None = None,
) -> BayesianPooled:
    """Pool effects of independent studies with priors of tau and of the mean effect.

    What is estimated is the distribution true effects come from: yi ~ N(theta_i, vi), theta_i ~
    N(mu, tau²). Given tau everything is normal; over tau it is integrated numerically until nothing
    changes, so that the answer is exact but for rounding and the same each time.

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances on a scale on which they are near normal, shape (k,).
        A study with a NaN is left out, and the result says so.
    tau_prior
        :class:`.HalfNormal`, :class:`.HalfCauchy`, :class:`.HalfT`, :class:`.Exponential` or
        :class:`.Uniform`, with scales in the units of the effects. The default, half-normal with
        scale 0.5, is weakly informative for log odds, risk and hazard ratios, and for nothing else.
    effect_prior
        :class:`.Normal`, or None for a flat prior.
    level
        Probability of every interval, between 0 and 1.
    names
        What the studies are called.

    Returns
    -------
    BayesianPooled
        With the distributions themselves, for plots and for probabilities of benefit.

    Raises
    ------
    EstimationError
        For a variance that is not positive, an infinite effect, unequal lengths, nothing to pool,
        something that is not one of the priors, or priors with which so few studies have no
        posterior distribution: the improper uniform prior needs three, or two with a normal prior
        of the mean.

    Notes
    -----
    Röver, J Stat Softw 2020;93(6):1-51. On the choice of priors: Röver, Bender, Dias, Schmid,
    Schmidli, Sturtz, Weber and Friede, Res Synth Methods 2021;12:448-474; Gelman, Bayesian Anal
    2006;1:515-534, who also shows why an inverse-gamma prior, which is not offered, does harm: near
    0 it decides the answer. With few studies the prior of tau matters: repeat the analysis with a
    wider one. A posterior probability of benefit holds for the studies as they are, biases
    included, and for the priors; it is not the probability that a patient benefits.

    Examples
    --------
    >>> pooled = pool_bayesian([-0.9, -1.6, -1.3, -0.2], [0.33, 0.19, 0.42, 0.05])
    >>> round(pooled.effect.median, 3), round(pooled.tau.median, 3)
    (-0.835, 0.49)
    >>> round(pooled.probability_below(0.0), 3)
    0.991
    """
    _check(tau_prior, effect_prior, level)
    outcomes = read_outcomes(yi, vi, names)
    unit = unit_of(outcomes)
    effects, variances = unit.measured(outcomes)
    prior = tau_prior.in_unit(unit.exponent)
    of_mean = None if effect_prior is None else effect_prior.in_unit(unit.exponent)
    likelihood = IntegratedLikelihood.of(effects, variances, of_mean)
    if likelihood.tail_power + prior.tail_power <= 1:
        _refuse(tau_prior, outcomes)
    posterior = HeterogeneityPosterior.of(likelihood, prior)
    found = distributions(posterior, effects, variances, unit)
    return BayesianPooled(
        effect=found.effect.summary(level),
        tau=found.tau.summary(level),
        prediction=found.prediction.summary(level),
        studies=_studies(outcomes, found, level),
        log_marginal_likelihood=_log_marginal(posterior, prior, of_mean, unit),
        log_bayes_factor_no_effect=_log_no_effect(posterior, prior, of_mean),
        log_bayes_factor_no_heterogeneity=_log_no_heterogeneity(posterior, prior),
        tau_prior=tau_prior,
        effect_prior=effect_prior,
        hartung_knapp=_beside(outcomes, level),
        names=outcomes.names,
        yi=tuple(outcomes.yi.tolist()),
        vi=tuple(outcomes.vi.tolist()),
        k=outcomes.yi.size,
        omitted=outcomes.omitted,
        level=float(level),
        conventions=_conventions(tau_prior, effect_prior),
        warnings=_warnings(outcomes, posterior, effect_prior),
        effect_distribution=found.effect,
        tau_distribution=found.tau,
        prediction_distribution=found.prediction,
        study_distributions=found.studies,
    )


def _check(tau_prior: object, effect_prior: object, level: object) -> None:
    problems = []
    if not isinstance(tau_prior, tuple(HETEROGENEITY_PRIORS.values())):
        rule = "is not a prior of tau"
        offered = ", ".join(prior.__name__ for prior in HETEROGENEITY_PRIORS.values())
        where = "pool_bayesian, tau_prior"
        problems.append(Problem(where, written(tau_prior), rule, f"use one of {offered}"))
    if effect_prior is not None and not isinstance(effect_prior, Normal):
        rule, remedy = "is not a prior of the mean effect", "use Normal, or None for a flat one"
        where = "pool_bayesian, effect_prior"
        problems.append(Problem(where, written(effect_prior), rule, remedy))
    if not (isinstance(level, float | np.floating) and bool(0 < level < 1)):
        rule, remedy = "is not a number between 0 and 1", "write 0.95 for 95 %"
        problems.append(Problem("pool_bayesian, level", written(level), rule, remedy))
    raise_any(problems)


def _refuse(tau_prior: HeterogeneityPrior, outcomes: StudyOutcomes) -> None:
    k = outcomes.yi.size
    rule = f"has no posterior distribution with {k} {'study' if k == 1 else 'studies'}"
    remedy = "give a proper prior of tau"
    raise EstimationError(Problem("pool_bayesian, tau_prior", str(tau_prior), rule, remedy))


def _log_marginal(
    posterior: HeterogeneityPosterior, prior: HeterogeneityPrior, of_mean: Normal | None, unit: Unit
) -> float | None:
    if of_mean is None or not _is_proper(prior):
        return None
    # a density of k effects, each of which was measured in that unit
    k = posterior.likelihood.vi.size
    return posterior.log_evidence - k * unit.exponent * math.log(2)


def _log_no_heterogeneity(
    posterior: HeterogeneityPosterior, prior: HeterogeneityPrior
) -> float | None:
    # a flat prior of the mean is the same on both sides and may stay
    if not _is_proper(prior):
        return None
    at_zero = float(posterior.likelihood.given(np.zeros(1)).log_likelihood[0])
    return at_zero - posterior.log_evidence


def _log_no_effect(
    posterior: HeterogeneityPosterior, prior: HeterogeneityPrior, of_mean: Normal | None
) -> float | None:
    if of_mean is None or not _is_proper(prior):
        return None
    # the density of the mean at 0, after against before (Dickey, Ann Math Stat 1971;42:204-223)
    given = posterior.panels.sample
    with np.errstate(divide="ignore", over="ignore"):  # nodes without a share add nothing
        away = (given.mean / given.width) ** 2
        logs = np.log(posterior.shares()) - np.log(given.width) - 0.5 * away
    highest = float(logs.max())
    if math.isinf(highest):
        return None
    error = of_mean.standard_deviation
    before = -0.5 * (of_mean.mean / error) ** 2 - math.log(error)
    return highest + math.log(float(np.sum(np.exp(logs - highest)))) - before


def _is_proper(prior: HeterogeneityPrior) -> bool:
    return prior.tail_power > 1


def _studies(
    outcomes: StudyOutcomes, found: Distributions, level: float
) -> tuple[ShrunkenEffect, ...]:
    shares = np.array([(1 - level) / 2, 0.5, (1 + level) / 2])
    studies = []
    for i, name in enumerate(outcomes.names):
        low, median, high = found.studies[i].quantile(shares).tolist()
        mean, error = found.moments_of_studies[i]
        yi, vi = float(outcomes.yi[i]), float(outcomes.vi[i])
        studies.append(ShrunkenEffect(name, yi, vi, median, mean, error, (low, high)))
    return tuple(studies)


def _beside(outcomes: StudyOutcomes, level: float) -> Pooled | None:
    if not 2 <= outcomes.yi.size < _FEW:
        return None
    return pool(
        outcomes.yi, outcomes.vi, method="REML", test="hksj", level=level, names=outcomes.names
    )


def _conventions(tau_prior: HeterogeneityPrior, effect_prior: Normal | None) -> tuple[str, ...]:
    of_mean = "flat" if effect_prior is None else str(effect_prior)
    sentences = [
        f"Prior of tau: {tau_prior}, in the units of the effects. Prior of the mean: {of_mean}.",
        "Intervals: equal-tailed, the same probability on both sides; beside them the shortest.",
        "New study: its true effect, without the sampling error of an estimate of it.",
    ]
    if tau_prior == WEAKLY_INFORMATIVE:
        sentences.append(
            "Half-normal with scale 0.5 is meant for log odds, risk and hazard ratios; for effects "
            "on another scale give a prior of your own."
        )
    return tuple(sentences)


def _warnings(
    outcomes: StudyOutcomes, posterior: HeterogeneityPosterior, effect_prior: Normal | None
) -> tuple[str, ...]:
    k = outcomes.yi.size
    found = []
    if outcomes.omitted:
        found.append(f"Left out, effect or variance missing: {', '.join(outcomes.omitted)}.")
    if k == 1 and effect_prior is None:
        found.append("One study says nothing of tau: its posterior distribution is its prior.")
    elif k < _FEW:
        studies = "one study says" if k == 1 else f"{k} studies say"
        found.append(
            f"{studies.capitalize()} little of tau, so that its prior decides much: repeat the "
            "analysis with a wider one, and see what the Hartung-Knapp interval says without it."
            if k > 1
            else "One study says little of tau: what is said of it is its prior."
        )
    if not posterior.has_moment(2):
        found.append(
            "The tails are so heavy that some means or standard deviations do not exist; medians "
            "and intervals do."
        )
    return tuple(found)
