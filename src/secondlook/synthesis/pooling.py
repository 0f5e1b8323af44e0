"""Pooling effects of independent studies by the normal-normal model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaincc, ndtr, ndtri, stdtr, stdtrit

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.between_study_variance import ESTIMATORS, BetweenStudyVariance
from secondlook.synthesis.heterogeneity import (
    TIGHTEST,
    generalised_q,
    h2_at,
    i2_at,
    q_profile,
    typical_variance,
    weighted_mean,
)
from secondlook.synthesis.printed_columns import Floats, written
from secondlook.synthesis.result import Interval, Pooled, decimals, range_text
from secondlook.synthesis.study_outcomes import StudyOutcomes, Unit, read_outcomes, unit_of

__all__ = ["METHODS", "TESTS", "check_options", "pool", "pool_outcomes"]

METHODS: dict[str, str] = {
    "REML": "restricted maximum likelihood, at its highest maximum",
    "DL": "the moment estimator of DerSimonian and Laird",
    "PM": "the estimator of Paule and Mandel",
    "common": "a common effect: tau² is taken to be 0",
}
"""How the between-study variance is had."""

TESTS: dict[str, str] = {
    "z": "normal distribution",
    "t": "t distribution with k - 1 degrees of freedom",
    "hksj": "Hartung-Knapp-Sidik-Jonkman, never narrower than the t interval",
    "hksj-unguarded": "Hartung-Knapp-Sidik-Jonkman, which may be narrower",
}
"""How the pooled effect is tested and its interval made."""

_FEW = 5


def pool(
    yi: ArrayLike,
    vi: ArrayLike,
    *,
    method: str = "REML",
    test: str = "hksj",
    level: float = 0.95,
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
        ``"REML"``, ``"DL"``, ``"PM"`` or ``"common"``.
    test
        ``"z"``, ``"t"``, ``"hksj"`` (variance times max(1, q), q the weighted mean square of
        residuals) or ``"hksj-unguarded"`` (variance times q). The prediction interval uses the same
        reference distribution.
    level
        Coverage of every interval, between 0 and 1.
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
    2009;172:137-159, on prediction. A pooled effect of studies that share a bias is a precise
    estimate of the wrong thing: nothing here removes selection.

    Examples
    --------
    >>> pooled = pool([-0.9, -1.6, -1.3, -0.2], [0.33, 0.19, 0.42, 0.05])
    >>> round(pooled.estimate, 3), round(pooled.tau2, 3)
    (-0.906, 0.336)
    """
    check_options(method=method, test=test, level=level)
    outcomes = read_outcomes(yi, vi, names)
    return pool_outcomes(outcomes, method=method, test=test, level=float(level))


def check_options(*, method: str, test: str, level: float) -> None:
    """Refuse a method, test or level that does not exist, naming all that are wrong."""
    problems = []
    # as text, since a list in their place could not even be looked up
    if written(method) not in METHODS:
        rule = "is not a method of pooling"
        remedy = f"use {', '.join(METHODS)} (metafor's EE and FE are common here)"
        problems.append(Problem("pool, method", written(method), rule, remedy))
    if written(test) not in TESTS:
        rule = "is not a test of the pooled effect"
        remedy = f"use {', '.join(TESTS)} (metafor's adhoc is hksj, its knha hksj-unguarded)"
        problems.append(Problem("pool, test", written(test), rule, remedy))
    if not _is_share(level):
        rule = "is not a number between 0 and 1"
        problems.append(Problem("pool, level", written(level), rule, "write 0.95 for 95 %"))
    if problems:
        raise EstimationError(problems)


def _is_share(level: object) -> bool:
    return isinstance(level, float | np.floating) and bool(0 < level < 1)


def pool_outcomes(outcomes: StudyOutcomes, *, method: str, test: str, level: float) -> Pooled:
    """Pool outcomes already checked; see :func:`pool`."""
    if outcomes.yi.size == 1:
        return _one_study(outcomes, method=method, level=level)
    unit = unit_of(outcomes)
    yi, vi = unit.measured(outcomes)
    k = yi.size
    between = None if method == "common" else ESTIMATORS[method](yi, vi)
    tau2 = 0.0 if between is None else between.tau2
    weights = 1 / (vi + tau2)
    estimate = weighted_mean(yi, weights)
    centre = _centre(yi, weights, estimate, test=test, level=level)
    q = generalised_q(yi, vi, 0.0)
    heterogeneity = _spread(vi, q, between, yi, level=level, unit=unit)
    if between is not None:
        between = BetweenStudyVariance(
            unit.variance(between.tau2),
            unit.variance(between.standard_error),
            tuple(map(unit.variance, between.lesser_maxima)),
        )
    return Pooled(
        estimate=unit.effect(estimate),
        standard_error=unit.effect(centre.standard_error),
        interval=centre.around(estimate, 0.0, unit),
        prediction_interval=None if between is None else centre.around(estimate, tau2, unit),
        tau2=unit.variance(tau2),
        tau2_standard_error=None if between is None else between.standard_error,
        tau2_interval=heterogeneity.tau2_interval,
        i2=heterogeneity.i2,
        i2_interval=heterogeneity.i2_interval,
        h2=heterogeneity.h2,
        h2_interval=heterogeneity.h2_interval,
        q=q,
        q_degrees_of_freedom=k - 1,
        q_p_value=float(gammaincc((k - 1) / 2, q / 2)),
        statistic=centre.statistic,
        degrees_of_freedom=centre.degrees,
        p_value=centre.p_value,
        variance_factor=centre.factor,
        weights=tuple((100 * weights / weights.sum()).tolist()),
        names=outcomes.names,
        yi=tuple(outcomes.yi.tolist()),
        vi=tuple(outcomes.vi.tolist()),
        k=k,
        omitted=outcomes.omitted,
        method=method,
        test=test,
        level=level,
        conventions=_conventions(method, test, k, centre),
        warnings=_warnings(outcomes, test, centre, between, heterogeneity),
    )


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

    def around(self, estimate: float, tau2: float, unit: Unit) -> Interval:
        reach = self.critical * float(np.sqrt(self.standard_error**2 + tau2))
        return unit.effect(estimate - reach), unit.effect(estimate + reach)


def _centre(yi: Floats, weights: Floats, estimate: float, *, test: str, level: float) -> _Centre:
    degrees = yi.size - 1
    squares = float(weights @ (yi - estimate) ** 2)
    # effects that differ only in their last bits are equal effects
    noise = TIGHTEST**2 * float(weights @ yi**2)
    unguarded = 0.0 if squares <= noise else squares / degrees
    factor = {"hksj": max(1.0, unguarded), "hksj-unguarded": unguarded}.get(test, 1.0)
    error = float(np.sqrt(factor / weights.sum()))
    normal = test == "z"
    tail = (1 - level) / 2
    critical = -float(ndtri(tail) if normal else stdtrit(degrees, tail))
    statistic = estimate / error if error > 0 else None
    p_value = None
    if statistic is not None:
        away = -abs(statistic)
        p_value = 2 * float(ndtr(away) if normal else stdtr(degrees, away))
    return _Centre(
        error, factor, unguarded, None if normal else degrees, critical, statistic, p_value
    )


@dataclass(frozen=True, slots=True)
class _Spread:
    """Heterogeneity beside the estimate of tau² itself."""

    tau2_interval: Interval | None
    i2: float
    i2_interval: Interval | None
    h2: float
    h2_interval: Interval | None


def _spread(
    vi: Floats,
    q: float,
    between: BetweenStudyVariance | None,
    yi: Floats,
    *,
    level: float,
    unit: Unit,
) -> _Spread:
    degrees = yi.size - 1
    if between is None:
        i2 = 0.0 if q <= degrees else 100 * (q - degrees) / q
        return _Spread(None, i2, None, q / degrees, None)
    low, high = q_profile(yi, vi, level)
    typical = typical_variance(vi)
    return _Spread(
        (unit.variance(low), unit.variance(high)),
        i2_at(between.tau2, typical),
        (i2_at(low, typical), i2_at(high, typical)),
        h2_at(between.tau2, typical),
        (h2_at(low, typical), h2_at(high, typical)),
    )


def _conventions(method: str, test: str, k: int, centre: _Centre) -> tuple[str, ...]:
    sentences = [f"Between-study variance: {METHODS[method]}."]
    wording = TESTS[test]
    if test in ("hksj", "hksj-unguarded"):
        applied = f"variance multiplied by {centre.factor:.4f}"
        if test == "hksj" and centre.unguarded < 1:
            applied += f" in place of {centre.unguarded:.4f}: the safeguard acted"
        elif test == "hksj":
            applied += ": the safeguard had nothing to do"
        wording += f"; t distribution with {k - 1} degrees of freedom; {applied}"
    sentences.append(f"Test and interval: {wording}.")
    if method == "common":
        sentences.append("I² and H²: from Q, as (Q - df)/Q, not below 0, and Q/df.")
        sentences.append("No prediction interval: a common effect leaves nothing to predict.")
        return tuple(sentences)
    reference = "normal" if test == "z" else f"t with {k - 1} degrees of freedom"
    sentences.append(
        f"Prediction interval: {reference}, as for the test, with variance tau² plus the squared "
        "standard error."
    )
    sentences.append(
        "I² and H²: tau² against the typical within-study variance of Higgins and Thompson."
    )
    sentences.append("Intervals of tau², I² and H²: Q-profile.")
    return tuple(sentences)


def _warnings(
    outcomes: StudyOutcomes,
    test: str,
    centre: _Centre,
    between: BetweenStudyVariance | None,
    spread: _Spread,
) -> tuple[str, ...]:
    k = outcomes.yi.size
    found = _left_out(outcomes)
    if between is None:
        if test in ("hksj", "hksj-unguarded"):
            found.append("Hartung-Knapp is made for random effects, not for a common effect.")
    elif spread.tau2_interval is not None:
        if k < _FEW:
            found.append(f"tau² and the prediction interval rest on only {k} studies.")
        found += _about_tau2(between, spread.tau2_interval)
    if centre.factor == 0:
        found.append("The effects are equal, so the unguarded standard error is 0: use test hksj.")
    elif centre.factor < 1:
        found.append(
            f"The unguarded factor is {centre.factor:.4f}: the interval is narrower than without "
            "it, as chance agreement of few studies can bring about; test hksj guards against it."
        )
    return tuple(found)


def _left_out(outcomes: StudyOutcomes) -> list[str]:
    if not outcomes.omitted:
        return []
    return [f"Left out, effect or variance missing: {', '.join(outcomes.omitted)}."]


def _about_tau2(between: BetweenStudyVariance, interval: Interval) -> list[str]:
    found = []
    if between.lesser_maxima:
        others = ", ".join(decimals(tau2) for tau2 in between.lesser_maxima)
        found.append(
            f"The restricted likelihood has more than one maximum (also at tau² = {others}); the "
            "highest is reported, and a program that stops at the first may report another."
        )
    if interval[1] == 0:
        found.append(
            "The studies agree more than chance allows: no tau² lies in the Q-profile interval, "
            "which is given as 0 to 0."
        )
    elif not interval[0] <= between.tau2 <= interval[1]:
        found.append(f"tau² lies outside its Q-profile interval, {range_text(interval)}.")
    return found


def _one_study(outcomes: StudyOutcomes, *, method: str, level: float) -> Pooled:
    unit_of(outcomes)  # refuses what no double can hold
    yi, vi = float(outcomes.yi[0]), float(outcomes.vi[0])
    error = float(np.sqrt(vi))
    reach = -float(ndtri((1 - level) / 2)) * error
    return Pooled(
        estimate=yi,
        standard_error=error,
        interval=(yi - reach, yi + reach),
        prediction_interval=None,
        tau2=None,
        tau2_standard_error=None,
        tau2_interval=None,
        i2=None,
        i2_interval=None,
        h2=None,
        h2_interval=None,
        q=0.0,
        q_degrees_of_freedom=0,
        q_p_value=None,
        statistic=yi / error,
        degrees_of_freedom=None,
        p_value=2 * float(ndtr(-abs(yi / error))),
        variance_factor=1.0,
        weights=(100.0,),
        names=outcomes.names,
        yi=(yi,),
        vi=(vi,),
        k=1,
        omitted=outcomes.omitted,
        method=method,
        test="z",
        level=level,
        conventions=("One study: its own estimate with a normal interval, whatever was asked.",),
        warnings=(
            *_left_out(outcomes),
            "One study: between-study variance, heterogeneity and a prediction interval cannot be "
            "estimated.",
        ),
    )
