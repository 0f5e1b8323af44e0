"""From a fitted count model to what is reported: tests, intervals, and the way back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaincc, ndtr, ndtri, stdtr, stdtrit

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.count_models.families import Saturated
from secondlook.synthesis.count_models.fitting import Fitted, Plan
from secondlook.synthesis.heterogeneity import generalised_q, typical_variance
from secondlook.synthesis.printed_columns import Floats, written
from secondlook.synthesis.result import Interval

__all__ = [
    "Back",
    "Heterogeneity",
    "Marginal",
    "Mean",
    "check_reference",
    "heterogeneity_of",
    "marginal_interval",
    "marginal_proportion",
    "marginal_rate",
    "mean_of",
    "shrunken",
]

Back = Callable[[float], float]
"""From the scale of a model to proportions, rates or ratios."""

Marginal = Callable[[float, float], tuple[float, float, float]]
"""From mean and standard deviation to the mean taken back, and its derivatives by both."""

_REFERENCES = ("t", "z")
_PREDICTIONS = ("t", "hts", "z")


def check_reference(where: str, *, test: object, prediction: object, level: object) -> str:
    """Refuse options that do not exist, all of them named; give the prediction settled."""
    problems = []
    if written(test) not in _REFERENCES:
        rule = "is not a test of a count model"
        remedy = "use t (k - 1 degrees of freedom) or z"
        problems.append(Problem(f"{where}, test", written(test), rule, remedy))
    if prediction is not None and written(prediction) not in _PREDICTIONS:
        rule = "is not a distribution for prediction"
        remedy = "use t (k - 1 degrees of freedom), hts (k - 2) or z, or none for that of the test"
        problems.append(Problem(f"{where}, prediction", written(prediction), rule, remedy))
    share = float(level) if isinstance(level, float | np.floating) else math.nan
    if not 0 < share < 1:
        rule = "is not a number between 0 and 1"
        problems.append(Problem(f"{where}, level", written(level), rule, "write 0.95 for 95 %"))
    if problems:
        raise EstimationError(problems)
    return str(test) if prediction is None else str(prediction)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of the studies, its test and its intervals; fields as in :class:`.PooledCounts`."""

    estimate: float
    standard_error: float
    interval: Interval
    prediction_interval: Interval | None
    degrees_of_freedom: int | None
    statistic: float
    p_value: float


def mean_of(fitted: Fitted, k: int, *, test: str, prediction: str, level: float) -> Mean:
    """Test the mean and make its intervals."""
    estimate = float(fitted.shared[0])
    error = math.sqrt(float(fitted.covariance[0, 0]))
    degrees = k - 1 if test == "t" and k > 1 else None
    reach = _critical(degrees, level) * error
    statistic = estimate / error
    away = -abs(statistic)
    p_value = 2 * float(ndtr(away) if degrees is None else stdtr(degrees, away))
    predicted = None
    predicting = {"z": None, "t": k - 1, "hts": k - 2}[prediction]
    if fitted.tau2 is not None and predicting != 0:
        wide = _critical(predicting, level) * math.sqrt(error**2 + fitted.tau2)
        predicted = (estimate - wide, estimate + wide)
    interval = (estimate - reach, estimate + reach)
    return Mean(estimate, error, interval, predicted, degrees, statistic, p_value)


def _critical(degrees: int | None, level: float) -> float:
    tail = (1 - level) / 2
    return -float(ndtri(tail) if degrees is None else stdtrit(degrees, tail))


def marginal_proportion(mean: float, deviation: float) -> tuple[float, float, float]:
    """Give the mean of proportions whose logits are normal, and its derivatives by both.

    By the trapezoidal rule, which for such a smooth function on so wide a range leaves no error.

    Examples
    --------
    >>> round(marginal_proportion(-3.0, 1.0)[0], 4)
    0.0693
    """
    z = np.linspace(-9, 9, 1201)
    density = np.exp(-(z**2) / 2)
    density /= density.sum()
    share = expit(mean + deviation * z)
    slope = density * share * (1 - share)
    return float(density @ share), float(slope.sum()), float(slope @ z)


def marginal_rate(mean: float, deviation: float) -> tuple[float, float, float]:
    """Give the mean of rates whose logarithms are normal, and its derivatives by both.

    Examples
    --------
    >>> round(marginal_rate(0.0, 1.0)[0], 4)
    1.6487
    """
    rate = math.exp(mean + deviation**2 / 2)
    return rate, rate, rate * deviation


def marginal_interval(
    fitted: Fitted, marginal: Marginal, degrees: int | None, level: float, *, proportion: bool
) -> tuple[float, Interval]:
    """Give the marginal mean with an interval by the delta method on the scale of the model.

    `degrees` are those of the test of the mean, None for the normal distribution.
    """
    critical = _critical(degrees, level)
    deviation = math.sqrt(fitted.tau2 or 0.0)
    value, by_mean, by_deviation = marginal(float(fitted.shared[0]), deviation)
    slope = np.array([{0: by_mean, 1: by_deviation}.get(i, 0.0) for i in fitted.free])
    error = math.sqrt(float(slope @ fitted.covariance @ slope))
    if not proportion:
        reach = critical * error / value
        return value, (value * math.exp(-reach), value * math.exp(reach))
    reach = critical * error / (value * (1 - value))
    middle = math.log(value / (1 - value))
    return value, (float(expit(middle - reach)), float(expit(middle + reach)))


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """How much the studies differ; fields as in :class:`.PooledCounts`."""

    tau2_standard_error: float | None
    tau2_statistic: float | None
    tau2_p_value: float | None
    likelihood_ratio_statistic: float | None
    likelihood_ratio_p_value: float | None
    wald_statistic: float | None
    wald_p_value: float | None
    i2: float | None
    h2: float | None


_ALONE = Heterogeneity(None, None, None, None, None, None, None, None, None)


def heterogeneity_of(
    fitted: Fitted, plan: Plan, saturated: Saturated | None, empirical_variance: Floats
) -> Heterogeneity:
    """Test homogeneity and tau² = 0, and give I² and H².

    Parameters
    ----------
    fitted, plan
        Of k studies.
    saturated
        Every study its own value; None where study intercepts are random, since they then remain.
    empirical_variance
        Of the studies' own values, where these have one.
    """
    if fitted.tau2 is None:
        return _ALONE
    model, degrees = plan.model, plan.model.k - 1
    rise = max(0.0, 2 * (fitted.height - fitted.common_height))
    p_value = 1.0 if fitted.tau2 == 0 else float(gammaincc(0.5, rise / 2)) / 2
    ratio = wald = None
    if saturated is not None:
        constant = model.family.constant(model.counts)
        ratio = max(0.0, 2 * (saturated.height + constant - fitted.common_height))
        wald = _wald(saturated, model.offset)
    typical = typical_variance(empirical_variance) if empirical_variance.size > 1 else None
    return Heterogeneity(
        tau2_standard_error=_tau2_error(fitted, plan),
        tau2_statistic=rise,
        tau2_p_value=p_value,
        likelihood_ratio_statistic=ratio,
        likelihood_ratio_p_value=None if ratio is None else _chi2(ratio, degrees),
        wald_statistic=wald,
        wald_p_value=None if wald is None else _chi2(wald, degrees),
        i2=None if typical is None else 100 * fitted.tau2 / (fitted.tau2 + typical),
        h2=None if typical is None else 1 + fitted.tau2 / typical,
    )


def _chi2(statistic: float, degrees: int) -> float:
    return float(gammaincc(degrees / 2, statistic / 2))


def _wald(saturated: Saturated, offset: Floats) -> float | None:
    if not np.all(saturated.variance > 0):
        return None
    own = saturated.eta - offset
    effects = own[:, 0] - (own[:, 1] if own.shape[1] > 1 else 0.0)
    return generalised_q(effects, (1 / saturated.variance).sum(axis=1), 0.0)


def _tau2_error(fitted: Fitted, plan: Plan) -> float | None:
    slope = np.array([2 * fitted.shared[i] if i in plan.tau else 0.0 for i in fitted.free])
    if not slope.any():
        return None
    return math.sqrt(float(slope @ fitted.covariance @ slope))


def shrunken(fitted: Fitted, plan: Plan) -> tuple[float, ...]:
    """Give each study's own value as expected from its counts and from the other studies."""
    shared, random = fitted.climb.shared[0], plan.model.random
    apart = random[:, 0] - (random[:, 1] if random.shape[1] > 1 else 0.0)
    along = apart[:, list(plan.tau)] @ shared[list(plan.tau)]
    return tuple((float(shared[0]) + fitted.climb.integral.mean @ along).tolist())
