"""Sums over strata: the estimators of Mantel and Haenszel, their variances and their tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincc

from secondlook.errors import EstimationError, Problem
from secondlook.synthesis.printed_columns import Floats

__all__ = [
    "ChiSquared",
    "Summed",
    "association",
    "association_of_rates",
    "homogeneity_of_odds",
    "summed_rates",
    "summed_tables",
]

Cells = tuple[Floats, ...]
"""Treated with and without an event, controls with and without one; or events and person-time."""


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """A common effect (the logarithm of a ratio, or a difference), its variance, the weights."""

    estimate: float
    variance: float
    weights: Floats


@dataclass(frozen=True, slots=True)
class ChiSquared:
    """A chi-squared test; None where it has no value."""

    statistic: float | None
    degrees: int
    p_value: float | None


def chi_squared(statistic: float, degrees: int) -> ChiSquared:
    """Give the P value of a chi-squared statistic, None without degrees of freedom."""
    if degrees < 1:
        return ChiSquared(statistic, degrees, None)
    return ChiSquared(statistic, degrees, float(gammaincc(degrees / 2, statistic / 2)))


def summed_tables(tables: Cells, measure: str, where: str) -> Summed:
    """Give the common odds ratio, risk ratio or risk difference of two-by-two tables.

    Notes
    -----
    Mantel and Haenszel, J Natl Cancer Inst 1959;22:719-748. Variances: Robins, Breslow and
    Greenland, Biometrics 1986;42:311-323 (odds ratio); Greenland and Robins, Biometrics
    1985;41:55-68 (risk ratio); Sato, Biometrics 1989;45:1323-1324 (risk difference).

    Examples
    --------
    >>> one = [np.array([float(x)]) for x in (10, 40, 20, 30)]
    >>> round(summed_tables(tuple(one), "odds ratio", "example").estimate, 4)
    -0.9808
    """
    a, b, c, d = tables
    n1, n2 = a + b, c + d
    n = n1 + n2
    if measure == "odds ratio":
        for_it, against = a * (d / n), b * (c / n)
        concordant, discordant = (a + d) / n, (b + c) / n
        r, s = _positive(for_it, against, measure, where)
        variance = 0.5 * float(
            (concordant @ for_it) / r**2
            + (concordant @ against + discordant @ for_it) / (r * s)
            + (discordant @ against) / s**2
        )
        return Summed(float(np.log(r) - np.log(s)), variance, against)
    if measure == "risk ratio":
        for_it, against = a * (n2 / n), c * (n1 / n)
        r, s = _positive(for_it, against, measure, where)
        spread = float(np.sum((n1 / n) * (n2 / n) * (a + c) - a * (c / n)))
        return Summed(float(np.log(r) - np.log(s)), spread / (r * s), against)
    weights = n1 * (n2 / n)
    total = float(weights.sum())
    estimate = float(np.sum(a * (n2 / n) - c * (n1 / n))) / total
    first = np.sum(c * (n1 / n) ** 2 - a * (n2 / n) ** 2 + (n1 / n) * (n2 / n) * (n2 - n1) / 2)
    second = np.sum(a * (n2 - c) / n + c * (n1 - a) / n) / 2
    return Summed(estimate, float(estimate * first + second) / total**2, weights)


def summed_rates(arms: Cells, measure: str, where: str) -> Summed:
    """Give the common ratio or difference of the rates of two arms.

    Notes
    -----
    Rothman, Greenland and Lash, Modern Epidemiology, 3rd edition, 2008, chapter 15; Greenland and
    Robins, Biometrics 1985;41:55-68.

    Examples
    --------
    >>> one = [np.array([float(x)]) for x in (10, 100, 20, 100)]
    >>> round(summed_rates(tuple(one), "rate ratio", "example").estimate, 4)
    -0.6931
    """
    x1, t1, x2, t2 = arms
    share1, share2 = t1 / (t1 + t2), t2 / (t1 + t2)
    if measure == "rate ratio":
        for_it, against = x1 * share2, x2 * share1
        r, s = _positive(for_it, against, measure, where)
        variance = float(np.sum(share1 * share2 * (x1 + x2))) / (r * s)
        return Summed(float(np.log(r) - np.log(s)), variance, against)
    weights = share1 * t2
    total = float(weights.sum())
    estimate = float(np.sum(x1 * share2 - x2 * share1)) / total
    variance = float(np.sum(weights**2 * (x1 / t1**2 + x2 / t2**2))) / total**2
    return Summed(estimate, variance, weights)


def _positive(for_it: Floats, against: Floats, measure: str, where: str) -> tuple[float, float]:
    r, s = float(for_it.sum()), float(against.sum())
    if r > 0 and s > 0:
        return r, s
    if r == s == 0:
        shown, rule = None, f"has no study that says anything about the {measure}"
    else:
        shown = "0" if r == 0 else "infinite"
        rule = f"is the {measure} of all studies together: it has no logarithm"
    remedy = "give an exact limit from the totals instead, or ask for a correction with add=0.5"
    raise EstimationError(Problem(where, shown, rule, remedy))


def association(tables: Cells, *, corrected: bool) -> tuple[ChiSquared, ChiSquared]:
    """Give the tests of no association of Mantel and Haenszel, and of Cochran.

    Parameters
    ----------
    tables
        Two-by-two tables, each of shape (k,).
    corrected
        Take 1/2 from the sum of differences.

    Notes
    -----
    Cochran, Biometrics 1954;10:417-451; Mantel and Haenszel, J Natl Cancer Inst 1959;22:719-748.
    They differ in n against n - 1 in the variance.
    """
    a, b, c, d = tables
    n1, n2, events, others = a + b, c + d, a + c, b + d
    n = n1 + n2
    away = abs(float(np.sum(a - n1 / n * events))) - (0.5 if corrected else 0)
    spread = (n1 / n) * (n2 / n) * events
    exact = float(np.sum(spread * (others / (n - 1)), where=n > 1))
    binomial = float(np.sum(spread * (others / n)))
    return _one_degree(away, exact), _one_degree(away, binomial)


def association_of_rates(arms: Cells, *, corrected: bool) -> ChiSquared:
    """Give the Mantel-Haenszel test of no association for events and person-time."""
    x1, t1, x2, t2 = arms
    share1, share2 = t1 / (t1 + t2), t2 / (t1 + t2)
    events = x1 + x2
    away = abs(float(np.sum(x1 - events * share1))) - (0.5 if corrected else 0)
    return _one_degree(away, float(np.sum(events * share1 * share2)))


def _one_degree(away: float, variance: float) -> ChiSquared:
    if variance <= 0:
        return ChiSquared(None, 1, None)
    return chi_squared(away**2 / variance, 1)


def homogeneity_of_odds(tables: Cells, odds_ratio: float) -> tuple[ChiSquared, ChiSquared]:
    """Give Breslow and Day's test that all odds ratios are the one given, and Tarone's.

    Notes
    -----
    Breslow and Day, Statistical Methods in Cancer Research I, IARC 1980, page 142; Tarone,
    Biometrika 1985;72:91-95, whose correction makes up for the odds ratio being estimated by
    Mantel and Haenszel's method. Tables in which nobody or everybody had the event do not count.
    """
    a, b, c, d = tables
    n1, n2, events = a + b, c + d, a + c
    informs = (events > 0) & (b + d > 0)
    a, n1, n2, events = a[informs], n1[informs], n2[informs], events[informs]
    # the root of the quadratic for the fitted count, in the form that does not cancel at 1
    middle = odds_ratio * (n1 + events) + (n2 - events)
    root = np.sqrt(middle**2 - 4 * n1 * events * odds_ratio * (odds_ratio - 1))
    fitted = 2 * odds_ratio * n1 * events / (middle + root)
    cells = (fitted, n1 - fitted, events - fitted, n2 - events + fitted)
    variance = 1 / sum(1 / cell for cell in cells)
    away = a - fitted
    breslow_day = float(np.sum(away**2 / variance))
    tarone = max(0.0, breslow_day - float(away.sum()) ** 2 / float(np.sum(variance)))
    degrees = a.size - 1
    return chi_squared(breslow_day, degrees), chi_squared(tarone, degrees)
