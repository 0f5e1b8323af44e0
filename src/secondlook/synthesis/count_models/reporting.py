"""The record of a fitted count model, and the sentences on what was chosen and what is odd."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from secondlook.synthesis.count_models.families import Saturated
from secondlook.synthesis.count_models.fitting import Fitted, Plan
from secondlook.synthesis.count_models.inference import (
    Back,
    Marginal,
    Mean,
    heterogeneity_of,
    marginal_interval,
    mean_of,
    shrunken,
)
from secondlook.synthesis.count_models.result import PooledCounts
from secondlook.synthesis.event_counts import EventCounts
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.result import Interval, decimals

__all__ = ["Asked", "Described", "reported"]

_FEW = 5
_REFERENCES = {
    "t": "t with {} degrees of freedom",
    "hts": "t with {} degrees of freedom (Higgins, Thompson and Spiegelhalter)",
    "z": "normal",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a door, all settled."""

    test: str
    prediction: str
    level: float


@dataclass(frozen=True, slots=True)
class Described:
    """What a model is called and how its numbers are taken back.

    Parameters
    ----------
    measure, model, scale
        As in :class:`~secondlook.synthesis.count_models.PooledCounts`.
    back
        From the scale of the model to that of the measure.
    marginal
        The mean of the distribution taken back; None for ratios.
    conventions, warnings
        What the door has to say.
    """

    measure: str
    model: str
    scale: str
    back: Back
    marginal: Marginal | None
    conventions: tuple[str, ...]
    warnings: tuple[str, ...]


def reported(
    fitted: Fitted,
    plan: Plan,
    described: Described,
    counts: EventCounts,
    asked: Asked,
    saturated: Saturated | None,
    empirical_variance: Floats,
) -> PooledCounts:
    """Put the record together; arguments as their types say."""
    k = plan.model.k
    mean = mean_of(fitted, k, test=asked.test, prediction=asked.prediction, level=asked.level)
    spread = heterogeneity_of(fitted, plan, saturated, empirical_variance)
    back, predicted = described.back, mean.prediction_interval
    return PooledCounts(
        measure=described.measure,
        model=described.model,
        scale=described.scale,
        **{one.name: getattr(mean, one.name) for one in fields(mean)},
        typical=back(mean.estimate),
        typical_interval=_both(mean.interval, back),
        typical_prediction_interval=None if predicted is None else _both(predicted, back),
        **_marginal(fitted, described, mean, asked.level),
        tau2=fitted.tau2,
        tau2_interval=fitted.tau2_interval,
        study_variance=_study_variance(fitted, plan),
        correlation=_correlation(fitted, plan),
        **{one.name: getattr(spread, one.name) for one in fields(spread)},
        heterogeneity_degrees_of_freedom=k - 1,
        log_likelihood=fitted.height,
        parameters=len(plan.free) + (k if plan.model.own else 0),
        nodes=fitted.nodes,
        shrunken=shrunken(fitted, plan),
        counts={name: tuple(values.tolist()) for name, values in counts.columns.items()},
        names=counts.names,
        k=k,
        omitted=counts.omitted,
        test=asked.test if k > 1 else "z",
        prediction=asked.prediction,
        level=asked.level,
        conventions=_conventions(fitted, plan, described, mean, asked),
        warnings=_warnings(fitted, plan, described, counts),
    )


def _both(interval: Interval, back: Back) -> Interval:
    return back(interval[0]), back(interval[1])


def _marginal(fitted: Fitted, described: Described, mean: Mean, level: float) -> dict[str, Any]:
    if described.marginal is None:
        return {"marginal_mean": None, "marginal_mean_interval": None}
    value, around = marginal_interval(
        fitted,
        described.marginal,
        mean.degrees_of_freedom,
        level,
        proportion=described.measure == "proportion",
    )
    return {"marginal_mean": value, "marginal_mean_interval": around}


def _study_variance(fitted: Fitted, plan: Plan) -> float | None:
    return None if plan.spread is None else float(fitted.shared[plan.spread] ** 2)


def _correlation(fitted: Fitted, plan: Plan) -> float | None:
    if len(plan.tau) == 1 or not fitted.tau2:
        return None
    return float(fitted.shared[plan.tau[1]] / fitted.tau2**0.5)


def _conventions(
    fitted: Fitted, plan: Plan, described: Described, mean: Mean, asked: Asked
) -> tuple[str, ...]:
    k = plan.model.k
    sentences = list(described.conventions)
    if k == 1:
        sentences.append("One study: its own estimate with a normal interval, whatever was asked.")
        return tuple(sentences)
    sentences.append(
        f"Maximum likelihood, random effects integrated out by adaptive Gauss-Hermite quadrature "
        f"with {fitted.nodes} nodes, at which the answer no longer changed."
    )
    reference = _REFERENCES[asked.test].format(k - 1)
    sentences.append(
        f"Test and interval: {reference}; standard errors from the observed information of all "
        "parameters."
    )
    if mean.prediction_interval is not None:
        degrees = k - 2 if asked.prediction == "hts" else k - 1
        reference = _REFERENCES[asked.prediction].format(degrees)
        sentences.append(
            f"Prediction interval: {reference}, with variance tau² plus the squared standard error."
        )
    sentences.append("Interval of tau²: profile likelihood; its test: likelihood ratio.")
    sentences.append(
        "I² and H²: tau² against the typical within-study variance of empirical values, 1/2 added "
        "where these are infinite; no correction was made elsewhere."
    )
    return tuple(sentences)


def _warnings(
    fitted: Fitted, plan: Plan, described: Described, counts: EventCounts
) -> tuple[str, ...]:
    found = list(described.warnings)
    if counts.omitted:
        found.insert(0, f"Left out, a number missing: {', '.join(counts.omitted)}.")
    k = counts.k
    if k == 1:
        found.append(
            "One study: between-study variance, heterogeneity and a prediction interval cannot be "
            "estimated."
        )
        return tuple(found)
    if k < _FEW:
        found.append(f"tau² and the prediction interval rest on only {k} studies.")
    if fitted.tau2 == 0:
        found.append("tau² is 0: the studies differ no more than chance alone would make them.")
    if fitted.tau2_interval is None and len(plan.tau) == 1:
        found.append("tau² has no upper limit: the likelihood falls too slowly to be of use.")
    if fitted.lesser_maxima:
        others = ", ".join(decimals(tau2) for tau2 in fitted.lesser_maxima)
        found.append(
            f"The likelihood has more than one maximum (also at tau² = {others}); the highest is "
            "reported."
        )
    if fitted.change > 1e-7:
        found.append(
            f"More quadrature nodes still changed the answer by {fitted.change:.0e}: tau² is very "
            "large beside what the studies can tell."
        )
    return tuple(found)
