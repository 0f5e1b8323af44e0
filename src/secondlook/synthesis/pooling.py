"""Pooling effects of independent studies by the normal-normal model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc, ndtr, ndtri, stdtr, stdtrit

from secondlook.synthesis.between_study_variance import ESTIMATORS, BetweenStudyVariance
from secondlook.synthesis.conventions import METHODS, TESTS, Choices, choose
from secondlook.synthesis.heterogeneity import (
    TIGHTEST,
    generalised_q,
    h2_at,
    i2_at,
    profile_likelihood_interval,
    typical_variance,
    weighted_mean,
)
from secondlook.synthesis.inconsistency import Inconsistency, from_q
from secondlook.synthesis.pooling_sentences import (
    ONE_STUDY,
    conventions_of,
    left_out,
    program_sentences,
    warnings_of,
)
from secondlook.synthesis.printed_columns import Floats
from secondlook.synthesis.q_profile_limits import q_profile_limits
from secondlook.synthesis.result import Interval, Pooled
from secondlook.synthesis.study_outcomes import StudyOutcomes, Unit, read_outcomes, unit_of

__all__ = ["METHODS", "TESTS", "check_options", "pool", "pool_outcomes"]


def pool(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: str | None = None,
    test: str | None = None,
    level: float = 0.95,
    prediction: str | None = None,
    tau2_interval: str | None = None,
    i2_definition: str | None = None,
    conventions: str | None = None,
    names: Sequence[str] | None = None,
) -> Pooled:
    """Pool effects of independent studies.

    What is estimated is the mean of the distribution true effects come from (under
    ``method="common"``, the one effect all studies share): yi ~ N(mu, tau² + vi), weights
    1/(tau² + vi).

    Parameters
    ----------
    yi, vi
        Effects and their sampling variances on a scale on which they are near normal, shape (k,).
        A study with a NaN is left out, and the result says so.
    method
        ``"REML"`` (default), ``"DL"``, ``"PM"``, ``"ML"``, ``"EB"``, ``"SJ"``, ``"HE"``, ``"HS"``
        or ``"common"``.
    test
        ``"hksj"`` (default: variance times max(1, q), q the weighted mean square of residuals),
        ``"hksj-unguarded"`` (variance times q), ``"t"`` or ``"z"``.
    level
        Coverage of every interval, between 0 and 1.
    prediction
        Distribution of the prediction interval: ``"t"`` (k - 1 degrees of freedom), ``"hts"``
        (k - 2, as Higgins, Thompson and Spiegelhalter proposed) or ``"z"``. Not given, it is that
        of the test: t with k - 1 by default.
    tau2_interval
        ``"q-profile"`` (default) or ``"profile-likelihood"``, restricted unless the method is ML.
    i2_definition
        What ``i2`` and ``h2`` are: ``"tau2"`` (default), tau² against a typical within-study
        variance, or ``"q"``, from Cochran's Q. Both are given in any case.
    conventions
        ``"metafor"``, ``"meta"``, ``"revman"`` or ``"stata"``: whatever is not given is chosen as
        that program does (:data:`~secondlook.synthesis.conventions.CONVENTIONS`).
    names
        What the studies are called.

    Returns
    -------
    Pooled
        Never an exception for few, equal or strange studies: such things are in its ``warnings``.

    Raises
    ------
    EstimationError
        For a variance that is not positive, an infinite effect, unequal lengths, nothing to pool,
        or an unknown option; every offending study is named. Also where double precision cannot
        hold the calculation: a standard error or an effect 1e100 times the smallest standard error.

    Notes
    -----
    DerSimonian and Laird, Control Clin Trials 1986;7:177-188. Hartung and Knapp, Stat Med
    2001;20:3875-3889; Sidik and Jonkman, Stat Med 2002;21:3153-3159; the safeguard: Knapp and
    Hartung, Stat Med 2003;22:2693-2710. Higgins, Thompson and Spiegelhalter, J R Stat Soc A
    2009;172:137-159, on prediction; with k - 1 degrees of freedom: Veroniki and others, Res Synth
    Methods 2019;10:23-43. A pooled effect of studies that share a bias is a precise estimate of
    the wrong thing: nothing here removes selection.

    Examples
    --------
    >>> pooled = pool([-0.9, -1.6, -1.3, -0.2], [0.33, 0.19, 0.42, 0.05])
    >>> round(pooled.estimate, 3), round(pooled.tau2, 3)
    (-0.906, 0.336)
    """
    chosen = choose(
        method=method,
        test=test,
        level=level,
        prediction=prediction,
        tau2_interval=tau2_interval,
        i2_definition=i2_definition,
        conventions=conventions,
    )
    return pool_outcomes(read_outcomes(yi, vi, names), chosen)


def check_options(*, method: object, test: object, level: object) -> None:
    """Refuse a method, test or level that does not exist, naming all that are wrong."""
    # here nothing is left open: a missing word is as unknown as a wrong one
    choose(
        method="None" if method is None else method,
        test="None" if test is None else test,
        level=level,
    )


def pool_outcomes(outcomes: StudyOutcomes, chosen: Choices) -> Pooled:
    """Pool outcomes already checked; see :func:`pool`."""
    if outcomes.yi.size == 1:
        return _one_study(outcomes, chosen)
    unit = unit_of(outcomes)
    yi, vi = unit.measured(outcomes)
    between = None if chosen.method == "common" else ESTIMATORS[chosen.method](yi, vi)
    tau2 = 0.0 if between is None else between.tau2
    weights = 1 / (vi + tau2)
    total = float(weights.sum())
    estimate = weighted_mean(yi, weights)
    centre = _centre(yi, weights, total, estimate, chosen)
    spread = _heterogeneity(yi, vi, tau2, chosen, unit)
    if between is not None:
        between = BetweenStudyVariance(
            unit.variance(between.tau2),
            unit.variance(between.standard_error),
            tuple(map(unit.variance, between.lesser_maxima)),
        )
    return Pooled(
        estimate=unit.effect(estimate),
        standard_error=unit.effect(centre.standard_error),
        interval=centre.interval(estimate, unit),
        prediction_interval=_prediction(estimate, tau2, total, centre, chosen, yi.size, unit),
        tau2=unit.variance(tau2),
        tau2_standard_error=None if between is None else between.standard_error,
        **spread,
        statistic=centre.statistic,
        degrees_of_freedom=centre.degrees,
        p_value=centre.p_value,
        variance_factor=centre.factor,
        weights=tuple((100 / total * weights).tolist()),
        **_asked(outcomes, chosen),
        test=chosen.test,
        conventions=conventions_of(
            chosen, yi.size, factor=centre.factor, unguarded=centre.unguarded
        ),
        warnings=warnings_of(
            outcomes, chosen, between, spread["tau2_interval"], factor=centre.factor
        ),
    )


def _asked(outcomes: StudyOutcomes, chosen: Choices) -> dict[str, Any]:
    return {
        "names": outcomes.names,
        "yi": tuple(outcomes.yi.tolist()),
        "vi": tuple(outcomes.vi.tolist()),
        "k": outcomes.yi.size,
        "omitted": outcomes.omitted,
        "method": chosen.method,
        "level": chosen.level,
    }


@dataclass(frozen=True, slots=True)
class _Centre:
    """The pooled effect's error, reference distribution and test."""

    standard_error: float
    factor: float
    unguarded: float
    degrees: int | None
    critical: float
    statistic: float | None
    p_value: float | None

    def interval(self, estimate: float, unit: Unit) -> Interval:
        reach = self.critical * self.standard_error
        return unit.effect(estimate - reach), unit.effect(estimate + reach)


def _centre(yi: Floats, weights: Floats, total: float, estimate: float, chosen: Choices) -> _Centre:
    degrees, test = yi.size - 1, chosen.test
    squares = float(weights @ (yi - estimate) ** 2)
    # effects that differ only in their last bits are equal effects
    noise = TIGHTEST**2 * float(weights @ yi**2)
    unguarded = 0.0 if squares <= noise else squares / degrees
    factor = {"hksj": max(1.0, unguarded), "hksj-unguarded": unguarded}.get(test, 1.0)
    error = float(np.sqrt(factor / total))
    normal = test == "z"
    critical = _critical(None if normal else degrees, chosen.level)
    statistic = estimate / error if error > 0 else None
    p_value = None
    if statistic is not None:
        away = -abs(statistic)
        p_value = 2 * float(ndtr(away) if normal else stdtr(degrees, away))
    return _Centre(
        error, factor, unguarded, None if normal else degrees, critical, statistic, p_value
    )


def _critical(degrees: int | None, level: float) -> float:
    tail = (1 - level) / 2
    return -float(ndtri(tail) if degrees is None else stdtrit(degrees, tail))


def _prediction(
    estimate: float,
    tau2: float,
    total: float,
    centre: _Centre,
    chosen: Choices,
    k: int,
    unit: Unit,
) -> Interval | None:
    degrees = {"z": None, "t": k - 1, "hts": k - 2}[chosen.prediction]
    if chosen.method == "common" or degrees == 0:
        return None
    error2 = 1 / total if chosen.classic_prediction_error else centre.standard_error**2
    reach = _critical(degrees, chosen.level) * float(np.sqrt(error2 + tau2))
    return unit.effect(estimate - reach), unit.effect(estimate + reach)


def _heterogeneity(
    yi: Floats, vi: Floats, tau2: float, chosen: Choices, unit: Unit
) -> dict[str, Any]:
    degrees = yi.size - 1
    q = generalised_q(yi, vi, 0.0)
    by_q = from_q(q, degrees, chosen.level)
    by_tau2 = tau2_interval = None
    if chosen.method != "common":
        low, high = _tau2_interval(yi, vi, chosen)
        tau2_interval = (unit.variance(low), unit.variance(high))
        typical = typical_variance(vi)
        by_tau2 = Inconsistency(
            i2_at(tau2, typical),
            (i2_at(low, typical), i2_at(high, typical)),
            h2_at(tau2, typical),
            (h2_at(low, typical), h2_at(high, typical)),
        )
    shown = by_q if chosen.i2_definition == "q" else by_tau2
    if shown is None:  # a common effect leaves only Q to go by
        shown = Inconsistency(by_q.i2, None, q / degrees, None)
    return {
        "tau2_interval": tau2_interval,
        "i2": shown.i2,
        "i2_interval": shown.i2_interval,
        "h2": shown.h2,
        "h2_interval": shown.h2_interval,
        "i2_from_tau2": None if by_tau2 is None else by_tau2.i2,
        "h2_from_tau2": None if by_tau2 is None else by_tau2.h2,
        "i2_from_q": by_q.i2,
        "h2_from_q": q / degrees,
        "q": q,
        "q_degrees_of_freedom": degrees,
        "q_p_value": float(gammaincc(degrees / 2, q / 2)),
    }


def _tau2_interval(yi: Floats, vi: Floats, chosen: Choices) -> Interval:
    if chosen.tau2_interval == "q-profile":
        return q_profile_limits(yi, vi, chosen.level)
    return profile_likelihood_interval(yi, vi, chosen.level, chosen.method != "ML")


_UNKNOWN_OF_ONE = (
    "prediction_interval",
    "tau2",
    "tau2_standard_error",
    "tau2_interval",
    "i2",
    "i2_interval",
    "h2",
    "h2_interval",
    "i2_from_tau2",
    "h2_from_tau2",
    "i2_from_q",
    "h2_from_q",
    "q_p_value",
    "degrees_of_freedom",
)


def _one_study(outcomes: StudyOutcomes, chosen: Choices) -> Pooled:
    unit_of(outcomes)  # refuses what no double can hold
    yi, error = float(outcomes.yi[0]), float(np.sqrt(outcomes.vi[0]))
    reach = _critical(None, chosen.level) * error
    unknown: dict[str, Any] = dict.fromkeys(_UNKNOWN_OF_ONE)
    return Pooled(
        estimate=yi,
        standard_error=error,
        interval=(yi - reach, yi + reach),
        **unknown,
        q=0.0,
        q_degrees_of_freedom=0,
        statistic=yi / error,
        p_value=2 * float(ndtr(-abs(yi / error))),
        variance_factor=1.0,
        weights=(100.0,),
        **_asked(outcomes, chosen),
        test="z",
        conventions=(*program_sentences(chosen), ONE_STUDY),
        warnings=(
            *left_out(outcomes),
            "One study: between-study variance, heterogeneity and a prediction interval cannot be "
            "estimated.",
        ),
    )
