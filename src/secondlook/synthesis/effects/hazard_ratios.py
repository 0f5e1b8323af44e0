"""Log hazard ratios from what an analysis of survival prints of itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.effects.record import Effects, effects_by
from secondlook.synthesis.effects.rounding import (
    asymmetry_of,
    asymmetry_warnings,
    improper_rounding,
    rounding_column,
)
from secondlook.synthesis.printed_columns import (
    Floats,
    improper_intervals,
    improper_p_values,
    not_positive,
    offences,
    raise_any,
    read_columns,
    written,
)

__all__ = [
    "RATIO_TESTS",
    "log_hazard_ratio",
    "log_hazard_ratio_from_observed_and_expected",
    "log_hazard_ratio_from_observed_minus_expected",
    "log_hazard_ratio_from_p_value",
]

_MEASURE = "log hazard ratio"

RATIO_TESTS: dict[str, str] = {
    "Wald": "The P value is two-sided and from the Wald test of the ratio printed.",
    "log-rank": (
        "The P value is two-sided and from the log-rank (score) test, whose statistic is taken for "
        "that of a Wald test of the ratio printed; they are near each other unless events are few."
    ),
    "likelihood ratio": (
        "The P value is two-sided and from the likelihood ratio test, whose signed root is taken "
        "for the statistic of a Wald test; they are near each other unless events are few."
    ),
}
"""Which test a P value beside a hazard ratio may come from, and what is then supposed."""


def log_hazard_ratio(
    estimate: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    *,
    level: ArrayLike = 95.0,
    rounding: ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratios and their variances from printed confidence intervals.

    Parameters
    ----------
    estimate, low, high
        Hazard ratios as printed and the limits of their intervals, positive, shape (k,).
    level
        Coverage of the intervals in percent as printed, one number for all or shape (k,).
    rounding
        At most how far the printed numbers are from exact, one number for all or shape (k,): 0.005
        for two decimals. With it, rows whose asymmetry rounding cannot explain are named in
        ``warnings``: no ratio and limits within reach of those printed lie evenly on the log scale.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(estimate); vi = ((log high - log low)/(2 z))²; ``asymmetry`` is
        (log high - log estimate)/(log estimate - log low).

    Raises
    ------
    EstimationError
        Naming every row with a missing value, a limit that is not positive, limits in the wrong
        order or equal, an estimate outside its own interval, or a level that is not a percent
        (0.95 is refused, not read as 95).

    Notes
    -----
    Parmar, Torri and Stewart, Stat Med 1998;17:2815-2834. An asymmetry far from 1 means that the
    interval was not made this way, or that a number is misprinted: rounding alone explains a
    little. The variance is that of the interval; an interval that ignores confounding gives one
    that does so too.

    Examples
    --------
    >>> effects = log_hazard_ratio([0.70], [0.50], [0.98])
    >>> float(effects.yi[0].round(4)), float(np.sqrt(effects.vi[0]).round(4))
    (-0.3567, 0.1717)
    """
    given = {"estimate": estimate, "low": low, "high": high}
    one_for_all = {"level": level, **rounding_column(rounding)}
    columns, labels = read_columns(given, names, one_for_all=one_for_all)
    problems = [problem for name in given for problem in not_positive(name, columns[name], labels)]
    problems += improper_intervals(columns, labels)
    raise_any(problems + improper_rounding(columns, labels))
    middle, lower, upper = (np.log(columns[name]) for name in given)
    error = (upper - lower) / (2 * ndtri(0.5 + columns["level"] / 200))
    return effects_by(
        "ratio and interval",
        _MEASURE,
        (middle, error**2),
        labels,
        ("The interval is symmetric and normal on the log scale; it is drawn again from that.",),
        asymmetry=asymmetry_of(middle, lower, upper),
        warnings=asymmetry_warnings(
            columns, labels, of="estimate", forward=np.log, limits=(0.0, np.inf), scale="log"
        ),
    )


def log_hazard_ratio_from_p_value(
    estimate: ArrayLike,
    p_value: ArrayLike,
    *,
    test: str = "Wald",
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratios whose variances are those at which a test gives the printed P value.

    Parameters
    ----------
    estimate
        Hazard ratios as printed, positive and not 1, shape (k,).
    p_value
        Two-sided P values, above 0 and below 1, shape (k,); a one-sided one is doubled first.
    test
        Which test they are from: ``"Wald"`` (of a Cox model's coefficient), ``"log-rank"`` or
        ``"likelihood ratio"``. It changes what is supposed, not the numbers.
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log(estimate); vi = (yi/z)², z the normal quantile of 1 - P/2.

    Raises
    ------
    EstimationError
        Naming every row with a missing or impossible value, a ratio of exactly 1 or a P of exactly
        1, which leave no variance; or an unknown test.

    Notes
    -----
    Parmar, Torri and Stewart, Stat Med 1998;17:2815-2834. A bound such as P < 0.001 gives a
    variance that is too large when it is written as 0.001. For a ratio near 1 or a large P, the
    rounding of both is carried into the variance in full: 1.02 with P = 0.9 says next to nothing.

    Examples
    --------
    >>> effects = log_hazard_ratio_from_p_value([0.84], [0.037])
    >>> float(np.sqrt(effects.vi[0]).round(4))
    0.0836
    """
    if written(test) not in RATIO_TESTS:
        rule = "is not a known test of a ratio"
        where, known = "log_hazard_ratio_from_p_value, test", ", ".join(RATIO_TESTS)
        raise EstimationError(Problem(where, written(test), rule, f"use {known}"))
    columns, labels = read_columns({"estimate": estimate, "p_value": p_value}, names)
    ratio, p = columns.values()
    rule, remedy = "leaves no variance to be had from a P value", "use its interval or its events"
    problems = not_positive("estimate", ratio, labels) + improper_p_values("p_value", p, labels)
    problems += offences("estimate", ratio, ratio == 1, labels, rule, remedy)
    raise_any(problems + offences("p_value", p, p == 1, labels, rule, remedy))
    effect = np.log(ratio)
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        moments = (effect, (effect / ndtri(p / 2)) ** 2)
    return effects_by("ratio and P value", _MEASURE, moments, labels, (RATIO_TESTS[test],))


def log_hazard_ratio_from_observed_minus_expected(
    observed_minus_expected: ArrayLike,
    variance: ArrayLike,
    *,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratios from the two numbers of a log-rank test, O - E and V.

    Parameters
    ----------
    observed_minus_expected
        Observed minus expected events of the treated arm, shape (k,).
    variance
        Their (hypergeometric) log-rank variances, positive, shape (k,).
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = (O - E)/V; vi = 1/V.

    Raises
    ------
    EstimationError
        Naming every row with a missing value, an O - E that is not finite, or a V that is not
        positive.

    Notes
    -----
    Peto and others, Br J Cancer 1977;35:1-39; Yusuf and others, Prog Cardiovasc Dis
    1985;27:335-371. One step from a ratio of 1: for ratios far from it the answer is pulled towards
    1, the more so the less evenly patients are shared between the arms.

    Examples
    --------
    >>> effects = log_hazard_ratio_from_observed_minus_expected([-5.0], [20.0])
    >>> effects.yi.tolist(), effects.vi.tolist()
    ([-0.25], [0.05])
    """
    given = {"observed_minus_expected": observed_minus_expected, "variance": variance}
    columns, labels = read_columns(given, names)
    difference, v = columns.values()
    rule, remedy = "is not finite", "correct it"
    infinite = np.isinf(difference)
    problems = offences("observed_minus_expected", difference, infinite, labels, rule, remedy)
    raise_any(problems + not_positive("variance", v, labels))
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        moments = (difference / v, 1 / v)
    assumptions = (
        "Hazards are proportional, and their ratio is near enough to 1 for one step from there.",
    )
    return effects_by("O - E and V", _MEASURE, moments, labels, assumptions)


def log_hazard_ratio_from_observed_and_expected(
    treated_observed: ArrayLike,
    treated_expected: ArrayLike,
    control_observed: ArrayLike,
    control_expected: ArrayLike,
    *,
    names: Sequence[str] | None = None,
) -> Effects:
    """Log hazard ratios from the observed and the expected events of each arm.

    Parameters
    ----------
    treated_observed, control_observed
        Events observed in each arm, positive, shape (k,).
    treated_expected, control_expected
        Events the log-rank test expected in each arm, positive, shape (k,).
    names
        What the rows are called in results and errors.

    Returns
    -------
    Effects
        yi = log((O1/E1)/(O0/E0)); vi = 1/E1 + 1/E0. A row whose observed and expected events do not
        have the same total, within one event, is named in ``warnings``.

    Raises
    ------
    EstimationError
        Naming every row with a missing value or one that is not positive; with no event in an arm
        O - E and V still have an answer.

    Notes
    -----
    Pike's estimator; Berry, Kitchin and Mock, Stat Med 1991;10:749-755, found it less biased than
    exp((O - E)/V), and both biased for hazard ratios beyond 3. The variance is that of no
    difference. Rounding of small expected events matters.

    Examples
    --------
    >>> effects = log_hazard_ratio_from_observed_and_expected([20], [25], [30], [25])
    >>> float(effects.yi[0].round(4)), float(effects.vi[0])
    (-0.4055, 0.08)
    """
    given = {
        "treated_observed": treated_observed,
        "treated_expected": treated_expected,
        "control_observed": control_observed,
        "control_expected": control_expected,
    }
    columns, labels = read_columns(given, names)
    raise_any([p for name in given for p in not_positive(name, columns[name], labels)])
    o1, e1, o0, e0 = columns.values()
    with np.errstate(all="ignore"):  # what a double cannot hold is named by effects_by
        moments = (np.log(o1 / e1) - np.log(o0 / e0), 1 / e1 + 1 / e0)
        totals = (o1 + o0, e1 + e0)
    assumptions = ("The variance 1/E1 + 1/E0 is that under no difference between the arms.",)
    return effects_by(
        "observed and expected by arm",
        _MEASURE,
        moments,
        labels,
        assumptions,
        warnings=_totals_apart(*totals, labels),
    )


def _totals_apart(observed: Floats, expected: Floats, labels: tuple[str, ...]) -> tuple[str, ...]:
    with np.errstate(invalid="ignore"):  # totals no double can hold
        apart = np.abs(observed - expected) > 1
    return tuple(
        f"{label}: {o:g} events observed and {e:g} expected; a log-rank test has as many of both, "
        "so these are expected from something else or misprinted."
        for label, o, e, is_so in zip(labels, observed, expected, apart, strict=True)
        if is_so
    )
